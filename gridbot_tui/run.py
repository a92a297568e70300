"""One run: lock, core thread, screen or stdout, signals, report. The screen may die; the core may not."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from core.runtime.core_thread import CoreThread
from core.runtime.event_bus import EventBus, Observer
from core.runtime.plan import RunPlan, RunReport
from core.runtime.statedir import StateLock, unwritable
from core.telemetry.event_log import EventLogFile, json_line
from gridbot_tui.headless import print_event, print_line, wait_for_end
from gridbot_tui.plans import RunFlags, load, make_plan
from gridbot_tui.screen_options import ScreenOptions

SCREEN_LEAVES_WITHIN_S = 5.0
"""After the core's end the screen may take this long to go; a terminal that has stalled is left behind."""


def run(
    flags: RunFlags,
    no_ui: bool,
    for_s: float | None,
    with_summary: bool,
    look: ScreenOptions = ScreenOptions(),  # noqa: B008  (frozen)
) -> int:
    """Trade until stopped; the exit code. Raises ``UsageError`` for what keeps it from starting."""
    settings, state = load(flags)
    with StateLock(state):
        plan = make_plan(flags, settings, state)
        headless = no_ui or not _has_terminal()
        if headless and not no_ui:
            sys.stderr.write(
                "gridbot: no terminal here, so it runs headless (as with --no-ui); ctrl+c stops it\n"
            )
        return _run_locked(plan, headless, for_s, with_summary, look)


def _has_terminal() -> bool:
    """Textual reads stdin and draws on stderr; a redirected stdout means that somebody wants the lines."""
    streams = (sys.stdin, sys.stdout, sys.stderr)  # None if it was closed before the start
    return all(s is not None and s.isatty() for s in streams) and os.environ.get("TERM") != "dumb"


def _run_locked(
    plan: RunPlan, headless: bool, for_s: float | None, with_summary: bool, look: ScreenOptions
) -> int:
    bus = EventBus()
    try:
        log = EventLogFile(plan.state.logs)
    except OSError as error:
        raise unwritable(plan.state.logs / "gridbot.log", error) from error
    bus.add(
        Observer(
            "log", lambda record, lost: log.write({**record.as_dict(), **({"lost": lost} if lost else {})})
        )
    )
    if headless:
        bus.add(Observer("stdout", print_event))
    core = CoreThread(plan, bus)
    screen = None if headless else _make_screen(core, look)
    _install_signals(core, screen)
    core.start()
    timer = _stop_after(core, for_s)

    def finish(report: RunReport) -> int:
        _ignore_signals()
        bus.close()
        log.close()
        if with_summary and report.summary:
            print_line(json_line(report.summary))
        if report.message:
            sys.stderr.write(f"gridbot: {report.message}\n")
            sys.stderr.flush()
        return int(report.exit_code)

    if screen is not None:
        _guard_exit(core, screen, finish)
    try:
        if screen is not None:
            screen.run()
    finally:  # whatever the screen died of, the state dir stays locked while the core trades
        wait_for_end(core)
    if timer is not None:
        timer.cancel()
    return finish(core.join())


class _Screen:
    """The Textual application and its end."""

    def __init__(self, core: CoreThread, look: ScreenOptions) -> None:
        from gridbot_tui.app import GridBotApp

        self._app = GridBotApp(core, options=look)
        self._mouse = look.mouse
        self.left = threading.Event()
        self.is_detached = False

    def run(self) -> None:
        """Draw until the operator leaves, the core ends, or the terminal is gone."""
        try:
            self._app.run(mouse=self._mouse)
        finally:
            self.left.set()

    def detach(self) -> None:
        """The terminal hung up: give its file descriptors up and let the application end if it still can."""
        self.is_detached = True
        reader, _ = os.pipe()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(reader, 0)
        os.dup2(null, 1)
        os.dup2(null, 2)
        loop = getattr(self._app, "_loop", None)
        if loop is not None:
            loop.call_soon_threadsafe(self._app.exit)


def _make_screen(core: CoreThread, look: ScreenOptions) -> _Screen:
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_FPS", "10")
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    return _Screen(core, look)


def _install_signals(core: CoreThread, screen: _Screen | None) -> None:
    """SIGTERM and SIGINT stop in order; a hang-up detaches, everywhere and always: the core trades on."""

    def stop(number: int, frame: FrameType | None) -> None:
        core.request_stop(signal.Signals(number).name)

    def hang_up(number: int, frame: FrameType | None) -> None:
        if screen is not None and not screen.left.is_set():
            screen.detach()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, hang_up)


def _ignore_signals() -> None:
    """All is done but to say so: an interpreter that shuts down would die of a second SIGTERM, and its exit code be lost."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def _stop_after(core: CoreThread, for_s: float | None) -> threading.Timer | None:
    if for_s is None:
        return None
    timer = threading.Timer(for_s, core.request_stop, args=("--for",))
    timer.daemon = True
    timer.start()
    return timer


def _guard_exit(core: CoreThread, screen: _Screen, finish: Callable[[RunReport], int]) -> None:
    """When the core has ended as asked, so must the process, even if the screen is stuck in a terminal that reads nothing.

    A core that ended by itself leaves the screen up: it says what happened until the operator leaves.
    """

    def watch() -> None:
        while not core.wait_ended(1.0):
            pass
        while not (core.was_asked_to_stop or screen.is_detached):
            if screen.left.wait(1.0):
                return
        if not screen.left.wait(SCREEN_LEAVES_WITHIN_S):
            os._exit(finish(core.join()))

    threading.Thread(target=watch, name="exit guard", daemon=True).start()
