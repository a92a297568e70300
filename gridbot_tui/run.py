"""One run: lock, core thread, screen or stdout, signals, report. The screen may die; the core may not."""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from gridbot_tui.core_host import CoreHost
from gridbot_tui.keeper import Lifeline, part
from gridbot_tui.run_flags import RunFlags
from gridbot_tui.screen_life import ScreenLife, refuse_job_control
from gridbot_tui.screen_options import ScreenOptions
from gridbot_tui.terminal import missing_terminal, settle_textual
from gridbot_tui.who import operator

if TYPE_CHECKING:
    from core.runtime.plan import RunReport
    from core.view import Snapshot
    from gridbot_tui.core_start import Started

SCREEN_LEAVES_WITHIN_S = 5.0
"""After the core's end the screen may take this long to go; a terminal that has stalled is left behind."""

AGAIN = "gridbot: stopping in order; once more, and it waits for nothing\n"

WAIT_S = 0.2
"""Waits are short, so that signal handlers run."""


SAME_PRESS_S = 1.0
"""The terminal's whole job gets a ctrl+c, and the keeper passes its own on: what comes so soon after the first is the first."""


class _Core(Protocol):
    def request_stop(self, reason: str = "quit") -> None: ...

    def stop_at_once(self, reason: str) -> None: ...

    def wait_ended(self, timeout_s: float) -> bool: ...


class _Seen(Protocol):
    def request_stop(self, reason: str = "quit") -> None: ...

    def latest(self) -> Snapshot | None: ...


def run(
    flags: RunFlags,
    no_ui: bool,
    for_s: float | None,
    with_summary: bool,
    look: ScreenOptions = ScreenOptions(),  # noqa: B008  (frozen)
) -> int:
    """Trade until stopped; the exit code. Raises ``UsageError`` for what keeps it from starting."""
    missing = "" if no_ui else missing_terminal()
    if no_ui or missing:
        notice = (
            f"gridbot: {missing}, so it runs headless (as with --no-ui); ctrl+c stops it\n" if missing else ""
        )
        return _run_headless(flags, for_s, with_summary, notice)
    parted = part()
    if isinstance(parted, int):
        return parted
    return _run_with_screen(flags, parted, for_s, with_summary, look)


def _run_headless(flags: RunFlags, for_s: float | None, with_summary: bool, notice: str) -> int:
    gc.enable()  # a start with a screen goes without until its core is loaded
    from core.runtime.event_bus import Observer
    from gridbot_tui.core_start import judged, start
    from gridbot_tui.headless import print_event

    settled = judged(flags)
    if notice:  # what is refused doesn't run at all
        sys.stderr.write(notice)
    started = start(*settled, None, Observer("stdout", print_event))
    core = started.core
    _install_signals(core, None)
    has_ended = stop_after(core, for_s)
    _wait_for_end(core)
    has_ended.set()
    return _finish(core.join(), started.close, with_summary)


def _run_with_screen(
    flags: RunFlags, lifeline: Lifeline, for_s: float | None, with_summary: bool, look: ScreenOptions
) -> int:
    host = CoreHost(flags.network, _starter(flags, lifeline))
    screen = _make_screen(host, lifeline, look)
    _install_signals(host, screen)
    host.start()
    has_ended = stop_after(host, for_s)

    def finish(report: RunReport) -> int:
        return _finish(report, host.close, with_summary)

    _guard_exit(host, screen, finish)
    try:
        screen.run()
    finally:  # whatever the screen died of, the state dir stays locked while the core trades
        _wait_for_end(host)
    has_ended.set()
    return finish(host.join())


def _starter(flags: RunFlags, lifeline: Lifeline) -> Callable[[], Started]:
    """What starts the core behind a screen.

    What may ask for something is judged before there is one: for real money, or the passphrase of a key. So is a start in the
    background, whose screen nobody will see.
    """
    ready = None
    if _may_ask(flags) or not lifeline.terminal.is_ours:
        from gridbot_tui.core_start import judged

        ready = judged(flags)

    def make() -> Started:
        from gridbot_tui.core_start import judged, start

        return start(*(ready or judged(flags)), operator("gridbot run"))

    return make


def _may_ask(flags: RunFlags) -> bool:
    """Whether this start may have a question at the terminal; told by next to nothing, for a first picture waits for it."""
    from core.runtime.statedir import state_root

    if flags.network != "paper" or not os.environ.keys().isdisjoint(("HL_KEY_FILE", "CREDENTIALS_DIRECTORY")):
        return True
    if (
        os.environ.get("HL_AGENT_KEY", "").lstrip().startswith("{")
        or (state_root() / "keys" / "paper").exists()
    ):
        return True
    try:
        return "key_file" in (flags.config or Path("gridbot.toml")).read_text(errors="replace")
    except OSError:
        return False


def _finish(report: RunReport, close: Callable[[], None], with_summary: bool) -> int:
    """All is over: the log is closed, the state dir free, and what there is to say is said."""
    from core.telemetry.event_log import json_line
    from gridbot_tui.lines import print_line, tell

    _ignore_signals()
    close()
    if with_summary and report.summary:
        print_line(json_line(report.summary))
    if report.message:
        with suppress(OSError):  # a terminal that is gone doesn't change how it ended
            tell(report.message)
    return int(report.exit_code)


def _wait_for_end(core: _Core) -> None:
    while not core.wait_ended(WAIT_S):
        pass


def _make_screen(core: CoreHost, lifeline: Lifeline, look: ScreenOptions) -> ScreenLife:
    settle_textual(os.environ)
    return ScreenLife(core, lifeline, look)


def _install_signals(core: _Core, screen: ScreenLife | None) -> None:
    """SIGTERM and SIGINT stop in order, the second one at once; a hang-up detaches, everywhere and always; nothing suspends the
    process.
    """
    stop = StopSignals(core, has_nobody_told=screen is None and sys.stderr.isatty())

    def hang_up(number: int, frame: FrameType | None) -> None:
        if screen is not None:
            screen.detach("the terminal hung up")

    signal.signal(signal.SIGTERM, stop.come)
    signal.signal(signal.SIGINT, stop.come)
    signal.signal(signal.SIGHUP, hang_up)
    refuse_job_control()


class StopSignals:
    """What SIGTERM and SIGINT do. ``has_nobody_told``: no screen says what a second one would do."""

    def __init__(
        self, core: _Core, has_nobody_told: bool = False, mono_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._core, self._has_nobody_told, self._mono_s = core, has_nobody_told, mono_s
        self._first_s: float | None = None

    def come(self, number: int, frame: FrameType | None = None) -> None:
        """Takes no lock: it may have interrupted whoever holds one."""
        name, now_s = signal.Signals(number).name, self._mono_s()
        if self._first_s is None:
            self._first_s = now_s
            self._core.request_stop(name)
            if self._has_nobody_told:
                _say_if_heard(AGAIN)
        elif now_s - self._first_s > SAME_PRESS_S:
            self._core.stop_at_once(f"{name} again")


def _say_if_heard(text: str) -> None:
    """To a terminal that takes it: one that has hung up refuses, and one that is stalled would hold up the stop."""
    with suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, text.encode())


def _ignore_signals() -> None:
    """All is done but to say so: an interpreter that shuts down would die of a second SIGTERM, and its exit code be lost."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def stop_after(core: _Seen, for_s: float | None, look_s: float = WAIT_S) -> threading.Event:
    """Stop it after so long, counted from when it trades: a start that takes its time is no part of it.

    Set what is returned once the run is over.
    """
    has_ended = threading.Event()

    def wait() -> None:
        while (seen := core.latest()) is None or seen.state == "starting":
            if has_ended.wait(look_s):
                return
        if not has_ended.wait(for_s):
            core.request_stop("--for")

    if for_s is not None:
        threading.Thread(target=wait, name="--for", daemon=True).start()
    return has_ended


def _guard_exit(core: CoreHost, screen: ScreenLife, finish: Callable[[RunReport], int]) -> None:
    """When the core has ended as asked, so must the process, even if the screen is stuck in a terminal that reads nothing.

    A core that ended by itself leaves the screen up: it says what happened until the operator leaves.
    """

    def watch() -> None:
        while not core.wait_ended(1.0):
            pass
        while not (core.was_asked_to_stop or screen.is_detached):
            if screen.left.wait(1.0):
                return
        screen.end()
        if screen.left.wait(SCREEN_LEAVES_WITHIN_S):
            return
        screen.abandon()
        if not screen.left.wait(SCREEN_LEAVES_WITHIN_S):
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # the application would keep what is said
            os._exit(finish(core.join()))

    threading.Thread(target=watch, name="exit guard", daemon=True).start()
