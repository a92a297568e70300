"""A screen on an instance that runs in another process. Leaving it, or losing it, changes nothing in trading.

It has a keeper, as a run has: the terminal is given back whatever kills the screen.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING

from core.runtime.exit_code import ExitCode
from core.runtime.remote_core import RemoteCore
from core.runtime.statedir import StateDir, lock_holder
from gridbot_tui.departure import Departure, goes_on_text
from gridbot_tui.flags import fail
from gridbot_tui.keeper import Lifeline, part
from gridbot_tui.screen_faults import write_down
from gridbot_tui.screen_options import ScreenOptions
from gridbot_tui.terminal import missing_terminal, settle_textual
from gridbot_tui.who import operator

if TYPE_CHECKING:
    from core.view import Snapshot
    from gridbot_tui.app import GridBotApp
    from gridbot_tui.driver import Output

LEAVES_WITHIN_S = 2.0
"""A screen told to go has so long; then its terminal is given back without it."""


def attach(state: StateDir, look: ScreenOptions = ScreenOptions()) -> int:  # noqa: B008  (frozen)
    """Draw until the operator leaves; the exit code."""
    if missing := missing_terminal():
        return fail(ExitCode.USAGE, f"attach needs a terminal ({missing}); `gridbot status` says it in lines")
    parted = part(
        lambda name, child: f"{name} killed the screen (pid {child}) and nothing else: {_fate(state)}"
    )
    if isinstance(parted, int):
        return parted
    if not parted.terminal.is_ours:
        return fail(
            ExitCode.USAGE, "attach draws a screen, and this is a job in the background; leave out the &"
        )
    settle_textual(os.environ)
    return int(AttachedScreen(state, parted, look).run())


class AttachedScreen:
    """``run`` draws on the main thread, which a signal tells to go."""

    def __init__(self, state: StateDir, lifeline: Lifeline, look: ScreenOptions) -> None:
        self._state, self._lifeline, self._look = state, lifeline, look
        self._core = RemoteCore(state, operator("gridbot attach"), look.hz)
        self._app: GridBotApp | None = None
        self._output: Output | None = None
        self._is_leaving = False
        self._goes: queue.SimpleQueue[None] = queue.SimpleQueue()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._told_to_go)
        threading.Thread(target=self._guard, name="screen guard", daemon=True).start()
        lifeline.when_keeper_dies(self._go)

    def run(self) -> ExitCode:
        """Until it is left, lost or dead; its terminal is the shell's again, and reads what became of the bot."""
        self._core.start()
        left, error = self._draw()
        self._core.close()
        terminal = self._lifeline.terminal
        terminal.give_back(is_drawn=self._output is not None and self._output.is_abandoned)
        if terminal.is_ours:
            terminal.say(f"gridbot: {self._ending(left, error)}\n")
        return ExitCode.INTERNAL if error is not None else ExitCode.CLEAN

    def _draw(self) -> tuple[Departure, Exception | None]:
        """From the first frame to the last; how it was left, and what it died of."""
        try:
            from gridbot_tui.app import GridBotApp
            from gridbot_tui.driver import Output, driver_on

            terminal = self._lifeline.terminal
            self._output = output = Output(terminal.fd)
            self._app = app = GridBotApp(
                self._core, options=self._look, driver_class=driver_on(terminal, output), attached=True
            )
            if self._is_leaving:
                return Departure.DETACHED, None
            self._lifeline.drawn(True)
            app.run(mouse=self._look.mouse)
            self._lifeline.drawn(output.is_abandoned)
            if app.failure is None and app.departure is None:
                return Departure.DETACHED, RuntimeError("it ended, and nobody had asked it to")
            return app.departure or Departure.DETACHED, app.failure
        except Exception as error:  # whatever a screen dies of is told in a sentence
            return Departure.DETACHED, error

    def _ending(self, left: Departure, error: Exception | None) -> str:
        if error is not None:
            what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            where = write_down(self._state.logs, error, 1, time.time())
            told = f"; the traceback is in {where}" if where else ""
            return f"the screen failed ({what}){told}: {_fate(self._state, left, self._core.latest())}"
        if lock_holder(self._state) is None:
            return f"detached: {self._core.epitaph()}"
        return f"{'halted and ' if left is Departure.HALTED else ''}detached: {_fate(self._state, left, self._core.latest())}"

    # -- told to go ---------------------------------------------------------------------------------------------

    def _told_to_go(self, number: int, frame: FrameType | None) -> None:
        self._go()

    def _go(self) -> None:
        """Soon, whatever state the terminal is in. Takes no lock: it may interrupt itself."""
        if self._is_leaving:
            return
        self._is_leaving = True
        self._goes.put(None)
        app = self._app
        if app is not None:
            app.depart_soon(Departure.DETACHED)

    def _guard(self) -> None:
        """See to it that a screen told to go is gone, even if its terminal takes nothing."""
        self._goes.get()
        time.sleep(LEAVES_WITHIN_S)
        if self._output is not None:
            self._output.abandon()
        time.sleep(LEAVES_WITHIN_S)
        self._lifeline.terminal.give_back(is_drawn=True)
        os._exit(int(ExitCode.CLEAN))


def _fate(state: StateDir, left: Departure = Departure.DETACHED, last: Snapshot | None = None) -> str:
    """What has become of the bot, and how to look at it again."""
    pid = lock_holder(state)
    if pid is None:
        return (
            f"no gridbot runs in {state.path} any more; start it again with `gridbot run --state-dir {state.path}` "
            "and its other flags"
        )
    return goes_on_text(pid, left, last)
