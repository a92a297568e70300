"""The core's thread: started, read, commanded, stopped and joined from other threads."""

from __future__ import annotations

import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.domain.commands import Action
from core.paper.store import PaperStore
from core.runtime import core_thread
from core.runtime.core_thread import CoreThread
from core.runtime.event_bus import EventBus
from core.runtime.exit_code import ExitCode
from core.runtime.plan import RunPlan
from core.runtime.session import Session
from core.telemetry.crash_report import reports
from core.view import RunState, Snapshot
from tests.unit.runtime.stage import STILL, plan


def _until(condition: Callable[[], Any], within_s: float = 10.0) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@contextmanager
def _core(of: RunPlan) -> Iterator[CoreThread]:
    core = CoreThread(of, EventBus())
    core.start()
    try:
        yield core
    finally:
        core.request_stop("the test ended")
        core.join()


def _latest(core: CoreThread) -> Snapshot:
    found = core.latest()
    assert found is not None
    return found


@pytest.fixture
def embedded(tmp_path: Path) -> RunPlan:
    """On the exchange inside, whose market stands still."""
    return replace(plan(tmp_path, ""), speed=STILL.speed)


def test_it_can_be_read_and_commanded_from_another_thread_and_ends_with_a_report(embedded: RunPlan) -> None:
    with _core(embedded) as core:
        assert _latest(core).state is RunState.STARTING
        _until(lambda: _latest(core).state is RunState.RUNNING and _latest(core).feed.ready)
        command = core.submit(Action.HALT)
        assert command is not None
        done = _until(
            lambda: [c for c in _latest(core).commands if c.id == command and c.status != "running"]
        )
        assert done[0].status == "done"
        assert not core.wait_ended(0.0)
        core.request_stop("enough")
        assert core.wait_ended(15)
        report = core.join()
    assert report.exit_code is ExitCode.CLEAN, "an operator's halt is no rule's"
    assert report.summary["halt_reason"] == "operator"
    assert core.submit(Action.RESUME) is None, "an ended core takes no commands"
    assert _latest(core).state is not RunState.DEAD


def test_before_the_core_is_ready_a_command_is_refused(embedded: RunPlan) -> None:
    core = CoreThread(embedded, EventBus())
    assert core.latest() is None
    assert core.submit(Action.HALT) is None
    assert not core.wait_ended(0.0)


def test_a_stop_asked_before_the_start_is_not_forgotten(embedded: RunPlan) -> None:
    core = CoreThread(embedded, EventBus())
    core.request_stop("at once")
    core.start()
    assert core.join().exit_code is ExitCode.CLEAN


def test_more_commands_than_may_wait_are_refused(embedded: RunPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_thread, "COMMANDS_WAITING", 3)
    with _core(embedded) as core:
        _until(lambda: _latest(core).state is RunState.RUNNING)
        release, entered = threading.Event(), threading.Event()

        def stall() -> None:
            entered.set()
            release.wait(10)

        assert core._live is not None
        core._live[0].call_soon_threadsafe(stall)
        assert entered.wait(5)
        taken = [core.submit(Action.POLL) for _ in range(5)]
        assert [command is not None for command in taken] == [True, True, True, False, False]
        assert len({command for command in taken if command}) == 3
        release.set()
        _until(lambda: {c.id for c in _latest(core).commands} >= {c for c in taken if c})
        assert core.submit(Action.POLL) is not None, "there is room again"


def test_what_kept_it_from_starting_is_its_report_and_the_screen_shows_it_dead(tmp_path: Path) -> None:
    nowhere = replace(plan(tmp_path, "", "NOPE"), speed=STILL.speed)
    with _core(nowhere) as core:
        report = core.join()
    assert report.exit_code is ExitCode.USAGE
    assert "the exchange has no coin 'NOPE'" in report.message
    assert _latest(core).state is RunState.DEAD
    assert _latest(core).halt_reason == report.message


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (
            lambda p: p.state.journal.write_bytes(b"a letter" * 999),
            ExitCode.STORAGE,
            "is damaged (file is not a database)",
        ),
        (lambda p: p.state.journal.mkdir(), ExitCode.STORAGE, "cannot be used"),
    ],
)
def test_a_journal_that_cannot_be_used_is_exit_code_4(
    embedded: RunPlan, spoil: Callable[[RunPlan], object], code: ExitCode, says: str
) -> None:
    spoil(embedded)
    with _core(embedded) as core:
        report = core.join()
    assert report.exit_code is code
    assert says in report.message


@pytest.mark.parametrize(
    ("goes_on", "code", "says"),
    [
        (
            sqlite3.OperationalError("database or disk is full"),
            ExitCode.STORAGE,
            "is full. Fix: make room there",
        ),
        (
            ZeroDivisionError("a bug"),
            ExitCode.INTERNAL,
            "The paper market has stopped: ZeroDivisionError: a bug",
        ),
    ],
)
@pytest.mark.parametrize("when", ["from the first on", "once it trades"])
def test_an_exchange_inside_that_dies_ends_the_run_with_its_sentence(
    embedded: RunPlan,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
    goes_on: Exception,
    code: ExitCode,
    says: str,
) -> None:
    def fail(*_: object) -> None:
        raise goes_on

    def spoil() -> None:
        monkeypatch.setattr(PaperStore, "save", fail)

    if when == "from the first on":
        spoil()
    with _core(embedded) as core:
        if when == "once it trades":
            _until(lambda: _latest(core).state is RunState.RUNNING and _latest(core).feed.ready)
            spoil()
        assert core.wait_ended(20)
        report = core.join()
    assert report.exit_code is code
    assert says in report.message


def test_a_market_that_is_not_there_is_a_sentence(embedded: RunPlan) -> None:
    with _core(replace(embedded, market="replay:/nowhere/hl_BTC_trades.csv")) as core:
        report = core.join()
    assert report.exit_code is ExitCode.USAGE
    assert "Fix:" in report.message


def test_a_bug_is_exit_code_1_and_names_itself_and_its_report(
    embedded: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def bug(_session: Session) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Session, "run", bug)
    with _core(embedded) as core:
        report = core.join()
    assert report.exit_code is ExitCode.INTERNAL
    (path,) = reports(embedded.state.logs)
    assert report.message.startswith(f"internal error: ZeroDivisionError: a bug; its report is {path};")
    assert "ZeroDivisionError: a bug" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_fault_that_nobody_waited_for_is_an_event(embedded: RunPlan) -> None:
    """asyncio would write it on standard error, which is the terminal that the screen is drawn on."""

    def fail() -> None:
        raise RuntimeError("nobody waits for this")

    with _core(embedded) as core:
        live = _until(lambda: core._live)
        live[0].call_soon_threadsafe(fail)
        told = _until(lambda: [e for e in _latest(core).events if e.name == "stray_error"])
        assert "RuntimeError: nobody waits for this" in told[0].detail
