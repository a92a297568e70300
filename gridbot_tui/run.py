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
from gridbot_tui.keeper import Lifeline, part
from gridbot_tui.plans import RunFlags, load, make_plan
from gridbot_tui.screen_life import ScreenLife, refuse_job_control
from gridbot_tui.screen_options import ScreenOptions
from gridbot_tui.terminal import missing_terminal, settle_textual
from gridbot_tui.who import operator

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
    lifeline: Lifeline | None = None
    if not no_ui and not (missing := missing_terminal()):
        parted = part()
        if isinstance(parted, int):
            return parted
        lifeline = parted
    elif not no_ui:
        sys.stderr.write(f"gridbot: {missing}, so it runs headless (as with --no-ui); ctrl+c stops it\n")
    with StateLock(state):
        plan = make_plan(flags, settings, state)
        return _run_locked(plan, lifeline, for_s, with_summary, look)


def _run_locked(
    plan: RunPlan, lifeline: Lifeline | None, for_s: float | None, with_summary: bool, look: ScreenOptions
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
    if lifeline is None:
        bus.add(Observer("stdout", print_event))
    core = CoreThread(plan, bus, operator("gridbot run") if lifeline is not None else None)
    screen = None if lifeline is None else _make_screen(core, lifeline, plan, look)
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


def _make_screen(core: CoreThread, lifeline: Lifeline, plan: RunPlan, look: ScreenOptions) -> ScreenLife:
    settle_textual(os.environ)
    return ScreenLife(core, lifeline, plan.state.logs, look)


def _install_signals(core: CoreThread, screen: ScreenLife | None) -> None:
    """SIGTERM and SIGINT stop in order; a hang-up detaches, everywhere and always; nothing suspends the process."""

    def stop(number: int, frame: FrameType | None) -> None:
        core.request_stop(signal.Signals(number).name)

    def hang_up(number: int, frame: FrameType | None) -> None:
        if screen is not None:
            screen.detach("the terminal hung up")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, hang_up)
    refuse_job_control()


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


def _guard_exit(core: CoreThread, screen: ScreenLife, finish: Callable[[RunReport], int]) -> None:
    """When the core has ended as asked, so must the process, even if the screen is stuck in a terminal that reads nothing.

    A core that ended by itself leaves the screen up: it says what happened until the operator leaves.
    """

    def watch() -> None:
        while not core.wait_ended(1.0):
            pass
        while not (core.was_asked_to_stop or screen.is_detached):
            if screen.left.wait(1.0):
                return
        if screen.left.wait(SCREEN_LEAVES_WITHIN_S):
            return
        screen.abandon()
        if not screen.left.wait(SCREEN_LEAVES_WITHIN_S):
            os._exit(finish(core.join()))

    threading.Thread(target=watch, name="exit guard", daemon=True).start()
