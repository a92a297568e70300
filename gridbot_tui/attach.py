"""A screen on an instance that runs in another process. Leaving it, or losing it, changes nothing in trading."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING

from core.runtime.plan import ExitCode
from core.runtime.remote_core import RemoteCore
from core.runtime.statedir import StateDir, lock_holder
from gridbot_tui.departure import Departure
from gridbot_tui.flags import fail
from gridbot_tui.screen_options import ScreenOptions
from gridbot_tui.terminal import Terminal, missing_terminal, settle_textual
from gridbot_tui.who import operator

if TYPE_CHECKING:
    from gridbot_tui.app import GridBotApp
    from gridbot_tui.driver import Output

LEAVES_WITHIN_S = 2.0
"""A screen told to go has so long; then its terminal is given back without it."""


def attach(state: StateDir, look: ScreenOptions = ScreenOptions()) -> int:  # noqa: B008  (frozen)
    """Draw until the operator leaves; the exit code."""
    if missing := missing_terminal():
        return fail(ExitCode.USAGE, f"attach needs a terminal ({missing}); `gridbot status` says it in lines")
    settle_textual(os.environ)
    terminal = Terminal()
    core = RemoteCore(state, operator("gridbot attach"), look.hz)
    core.start()
    left = _draw(core, terminal, look)
    trouble = core.link_trouble()
    core.close()
    terminal.say(f"\r\n{_sentence(state, left, trouble)}\r\n" if left else "")
    return int(ExitCode.CLEAN)


def _draw(core: RemoteCore, terminal: Terminal, look: ScreenOptions) -> Departure | None:
    from gridbot_tui.app import GridBotApp
    from gridbot_tui.driver import Output, driver_on

    output = Output(terminal.fd)
    app = GridBotApp(core, options=look, driver_class=driver_on(terminal, output), attached=True)
    _install_signals(app, output, terminal)
    app.run(mouse=look.mouse)
    terminal.give_back(is_drawn=output.is_abandoned)
    if app.failure is not None:
        text = f"{type(app.failure).__name__}: {app.failure}".splitlines()[0][:200]
        terminal.say(f"\r\ngridbot: the screen failed ({text}); attach again, the bot trades on\r\n")
    return app.departure


def _sentence(state: StateDir, left: Departure, trouble: str) -> str:
    pid = lock_holder(state)
    if pid is None:
        return trouble or "detached: the instance has ended"
    goes_on = (
        "halted and detached: the bot watches on" if left is Departure.HALTED else "detached: the bot runs on"
    )
    return (
        f"{goes_on} as pid {pid}; `gridbot attach` brings the screen back, `gridbot halt` stops its quoting"
    )


def _install_signals(app: GridBotApp, output: Output, terminal: Terminal) -> None:
    """A signal ends the screen alone, and soon, though its terminal may have stalled."""

    def go(number: int, frame: FrameType | None) -> None:
        app.depart_soon(Departure.DETACHED)
        threading.Thread(target=force, daemon=True).start()

    def force() -> None:
        threading.Event().wait(LEAVES_WITHIN_S)
        output.abandon()
        threading.Event().wait(LEAVES_WITHIN_S)
        terminal.give_back(is_drawn=True)
        os._exit(int(ExitCode.CLEAN))

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, go)
