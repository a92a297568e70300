"""The screen's life beside a core that needs none: drawn, drawn again after a fault, left, or lost. Trading never notices."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from gridbot_tui.core_host import CoreHost
from gridbot_tui.departure import Departure, goes_on_text
from gridbot_tui.keeper import Lifeline
from gridbot_tui.screen_faults import write_down
from gridbot_tui.screen_options import ScreenOptions

if TYPE_CHECKING:
    from core.view import Snapshot
    from gridbot_tui.app import GridBotApp
    from gridbot_tui.driver import Output

RESTARTS = 2
RESTARTS_WITHIN_S = 600.0
"""A screen that fails more often than this is not drawn again: the core trades on without."""

LEAVES_WITHIN_S = 2.0
"""A screen told to go has so long to say goodbye to its terminal; then what it still draws goes nowhere."""
FORCED_WITHIN_S = 3.0
"""And so long more until the terminal is given up without it."""

TURN_S = 0.001
"""How long one thread computes before another may: a key's way to its answer goes through three threads beside the core's."""


class ScreenLife:
    """``run`` draws on the main thread; ``detach`` may come from a signal handler or any thread."""

    def __init__(self, core: CoreHost, lifeline: Lifeline, look: ScreenOptions) -> None:
        self._look = look
        self._core, self._lifeline = core, lifeline
        self._app: GridBotApp | None = None
        self._output: Output | None = None
        self._goes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._reason = ""
        self.left = threading.Event()
        self.is_detached = False
        threading.Thread(target=self._guard, name="screen guard", daemon=True).start()
        lifeline.when_keeper_dies(lambda: self.detach("the process that held the terminal is gone"))

    def run(self) -> None:
        """Draw until the operator leaves, the core ends or the terminal is gone; then be gone from it."""
        sys.setswitchinterval(TURN_S)
        notice = ""
        failed_s: list[float] = []
        try:
            while not self._reason:
                if not self._lifeline.terminal.is_ours:
                    self._reason = "started in the background"
                    break
                how, error = self._draw(notice)
                if how is not None or error is None:
                    self._reason = self._reason or _why(how)
                    break
                now_s = time.monotonic()
                failed_s = [at for at in failed_s if now_s - at < RESTARTS_WITHIN_S] + [now_s]
                notice = self._failed(error, len(failed_s))
                if len(failed_s) > RESTARTS:
                    self._reason = f"the screen failed {len(failed_s)} times"
        except Exception as error:  # a fault of this loop itself may not keep the terminal from the shell
            self._reason = self._reason or f"the screen failed: {type(error).__name__}"
            self._core.tell("screen_failed", "crit", reason=f"{type(error).__name__}: {error}"[:200])
        finally:
            if self._reason:
                self._let_go()
            self.left.set()

    def detach(self, reason: str) -> None:
        """Leave the terminal soon, whatever state it is in. Takes no lock: a signal handler may call it."""
        if self.left.is_set() or self._reason:
            return
        self._reason = reason
        self._goes.put(reason)
        app = self._app
        if app is not None:
            app.depart_soon(Departure.DETACHED)

    def end(self) -> None:
        """The core has ended as it was told to, well or not: there is nothing left to look at."""
        app = self._app
        if app is not None:
            app.depart_soon(None)

    def abandon(self) -> None:
        """Draw no more: the terminal takes nothing and the process wants to end."""
        if self._output is not None:
            self._output.abandon()

    def _draw(self, notice: str) -> tuple[Departure | None, BaseException | None]:
        """One application, from its first frame to its last; how it was left, or what it died of."""
        try:
            from gridbot_tui.app import GridBotApp
            from gridbot_tui.driver import Output, driver_on

            terminal = self._lifeline.terminal
            self._output = Output(terminal.fd)
            driver = driver_on(terminal, self._output)
            self._app = app = GridBotApp(
                self._core,
                options=self._look,
                driver_class=driver,
                notice=notice,
                drawn=self._core.drawn,
                network=self._core.network,
            )
            if self._reason:
                return Departure.DETACHED, None
            self._lifeline.drawn(True)
            app.run(mouse=self._look.mouse)
            self._lifeline.drawn(self._output.is_abandoned)
            failure: BaseException | None = app.failure
            if failure is None and app.departure is None and not self._core.wait_ended(0):
                failure = RuntimeError("the screen ended, and nobody had asked it to")
            return app.departure, failure
        except Exception as error:  # whatever a screen dies of, the core doesn't
            return None, error
        finally:
            self._app = None

    def _failed(self, error: BaseException, times: int) -> str:
        """Write down what the screen died of; the sentence for the next one."""
        self._lifeline.terminal.give_back(is_drawn=False)
        logs = self._core.logs
        where = write_down(logs, error, times, time.time()) if logs is not None else ""
        what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        self._core.tell("screen_failed", "warn", reason=what, times=times, traceback=where)
        return f"The screen failed and was drawn again ({what}); trading went on"

    def _let_go(self) -> None:
        """The terminal is the shell's again, and no signal of it reaches us."""
        with self._lock:
            if self.is_detached:
                return
            self.is_detached = True
            output = self._output
            self._lifeline.terminal.give_back(is_drawn=output is not None and output.is_abandoned)
            try:
                os.setsid()
            except OSError:
                pass  # leads a session already
            null = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(null, number)
            os.close(null)
            self._core.screen_left(f"detached ({self._reason})")
            self._core.tell("screen_detached", "info", reason=self._reason)
            self._lifeline.detached(last_words(self._reason, self._core.latest()))

    def _guard(self) -> None:
        """See to it that a screen told to go is gone, even if its terminal takes nothing."""
        self._goes.get()
        if self.left.wait(LEAVES_WITHIN_S):
            return
        self.abandon()
        if not self.left.wait(FORCED_WITHIN_S):
            self._let_go()


_LEFT, _HALTED = "left by its key", "halted by its key"


def _why(how: Departure | None) -> str:
    """The reason to let go of the terminal; empty if the core has ended, which then ends the process."""
    match how:
        case Departure.DETACHED:
            return _LEFT
        case Departure.HALTED:
            return _HALTED
        case Departure.TERMINAL_LOST:
            return "the terminal is gone"
        case None:
            return ""


def last_words(reason: str, last: Snapshot | None) -> str:
    """For the shell, once it has its terminal back. ``last``: what the core said last."""
    pid, is_halted = os.getpid(), reason == _HALTED
    why = "" if reason in (_LEFT, _HALTED) else f" ({reason})"
    goes_on = goes_on_text(pid, Departure.HALTED if is_halted else Departure.DETACHED, last)
    return f"{'halted and ' if is_halted else ''}detached{why}: {goes_on}, `kill {pid}` ends it in order"


def refuse_job_control() -> None:
    """ctrl+z stops a process with all its threads, the engine's too: it is not taken."""
    for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
