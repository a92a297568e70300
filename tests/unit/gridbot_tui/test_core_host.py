"""The core before it is there: what a screen sees and asks of it meanwhile, and what keeps it from starting."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

import pytest

from core.domain.commands import Action
from core.runtime.exit_code import ExitCode
from core.runtime.plan import RunReport
from core.runtime.statedir import UsageError
from core.view import RunState
from gridbot_tui import core_host
from gridbot_tui.core_host import CoreHost
from gridbot_tui.core_start import Started


class FakeCore:
    def __init__(self) -> None:
        self.told: list[Any] = []
        self.ended = threading.Event()

    def request_stop(self, reason: str) -> None:
        self.told.append(("stop", reason))
        self.ended.set()

    def tell(self, name: str, severity: str, **fields: Any) -> None:
        self.told.append((name, severity, fields))

    def screen_left(self, why: str) -> None:
        self.told.append(("left", why))

    def latest(self) -> None:
        return None

    def submit(self, *given: Any) -> str:
        self.told.append(given)
        return "id"

    def wait_ended(self, timeout_s: float) -> bool:
        return self.ended.wait(timeout_s)

    def join(self) -> RunReport:
        return RunReport(ExitCode.CLEAN)


def made(core: FakeCore, closed: list[bool]) -> Started:
    return Started(core, Path("logs"), lambda: closed.append(True))  # type: ignore[arg-type]


def test_nothing_is_made_before_the_first_picture_and_what_was_said_meanwhile_is_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(core_host, "PICTURE_WITHIN_S", 60.0)
    core, closed = FakeCore(), list[bool]()
    is_made = threading.Event()

    def make() -> Started:
        is_made.set()
        return made(core, closed)

    host = CoreHost("testnet", make)
    host.start()
    assert host.latest() is None
    assert host.submit(Action.HALT) is None
    assert "starting" in host.preview("BTC").refusal
    assert not host.wait_ended(0)
    host.tell("screen_failed", "warn", times=1)
    host.screen_left("left")
    host.request_stop("SIGTERM")
    assert not is_made.is_set()
    host.drawn()
    assert host.join().exit_code is ExitCode.CLEAN
    assert core.told == [
        ("stop", "SIGTERM"),
        ("screen_failed", "warn", {"times": 1}),
        ("left", "left"),
    ]
    assert host.wait_ended(0)
    assert host.submit(Action.HALT) == "id"
    assert host.logs == Path("logs")
    host.close()
    assert closed == [True]


def test_garbage_is_collected_again_when_the_core_is_loaded_or_was_kept_from_it() -> None:
    def fail() -> Started:
        raise UsageError("no such coin; write BTC")

    core = FakeCore()
    core.ended.set()
    for make in (lambda: made(core, []), fail):
        gc.disable()
        try:
            host = CoreHost("paper", make)
            host.start()
            host.drawn()
            host.join()
            assert gc.isenabled()
        finally:
            gc.enable()
            gc.unfreeze()


def test_a_terminal_that_shows_nothing_does_not_keep_the_core_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(core_host, "PICTURE_WITHIN_S", 0.0)
    core = FakeCore()
    core.ended.set()
    host = CoreHost("paper", lambda: made(core, []))
    host.start()
    assert host.join().exit_code is ExitCode.CLEAN


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("no such coin; write BTC"), ExitCode.USAGE, "no such coin; write BTC"),
        (ZeroDivisionError("a bug"), ExitCode.INTERNAL, "internal error: ZeroDivisionError: a bug"),
    ],
)
def test_what_keeps_it_from_starting_ends_the_screen_and_is_told_then(
    error: Exception, code: ExitCode, says: str
) -> None:
    def make() -> Started:
        raise error

    host = CoreHost("paper", make)
    host.start()
    host.drawn()
    report = host.join()
    assert report.exit_code is code
    assert report.message.startswith(says)
    assert host.wait_ended(0)
    snapshot = host.latest()
    assert snapshot is not None
    assert snapshot.state is RunState.STOPPING, "a screen whose core stops leaves by itself"
    host.close()
