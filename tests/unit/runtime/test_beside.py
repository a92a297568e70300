"""What looks on beside the core: numbers are served while it is halted, hangs and stops; alerts that don't arrive are shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path

import pytest

from core.domain.commands import Action
from core.runtime.beside import look_on
from core.runtime.core_thread import STRAY_MAX, CoreThread
from core.runtime.event_bus import EventBus
from core.runtime.report import status
from core.telemetry.alerting.target import Target
from core.telemetry.metrics import health
from gridbot_tui.status_text import status_text
from tests.e2e.program import free_port
from tests.unit.runtime.stage import STILL, plan, settings
from tests.unit.telemetry.alerting.sink import sink, until
from tests.unit.telemetry.metrics.scenes import Samples, key, samples

HANGS_S = 0.3


class Watched:
    """A core on the exchange inside, and what its port says."""

    def __init__(self, directory: Path, held: ExitStack, *targets: Target) -> None:
        self.port = free_port()
        bus = EventBus()
        common = settings(metrics_port=self.port)
        of = replace(plan(directory, ""), settings=common, speed=STILL.speed, targets=targets)
        watches = look_on(of, bus, held)
        held.callback(bus.close)
        self.core = CoreThread(of, bus)
        self.core.start()
        held.callback(self.core.join)
        held.callback(self.core.request_stop)
        for watch in watches:
            watch(self.core)

    def ask(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def code(self, path: str) -> int:
        return self.ask(path)[0]

    def scraped(self) -> Samples:
        code, text = self.ask("/metrics")
        assert code == 200
        return samples(text)

    def hang(self, until_set: threading.Event) -> None:
        live = self.core._live
        assert live is not None
        live[0].call_soon_threadsafe(until_set.wait)


def test_a_fault_of_the_server_itself_is_an_event_without_secrets(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(head: bytes) -> None:
        raise RuntimeError("x" * (STRAY_MAX - 80) + f" with {'c4' * 32} in hand")

    with monkeypatch.context() as broken:
        broken.setattr("core.telemetry.metrics.http_server.parsed", fails)
        with pytest.raises(RemoteDisconnected):
            watched.ask("/ready")

    def told() -> list[str]:
        shown = watched.core.latest()
        return [each.detail for each in shown.events if each.name == "stray_error"] if shown else []

    until(lambda: bool(told()), "it is told")
    assert " with [masked" in told()[0]
    assert "c4c4" not in told()[0], "nor what is left of one where the text is cut"


def test_a_scrape_that_fails_is_an_event(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("core.telemetry.metrics.endpoints.readiness", fails)
    assert watched.code("/ready") == 500

    def told() -> list[str]:
        shown = watched.core.latest()
        return [str(each) for each in shown.events if each.name == "scrape_failed"] if shown else []

    until(told, "it is told")
    assert "a secret" not in told()[0]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with ExitStack() as held:
        one = Watched(tmp_path, held)
        until(lambda: one.code("/ready") == 200, "it trades")
        yield one


def test_the_numbers_are_served_halted_hanging_and_stopping_and_tell_their_age(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.core.submit(Action.HALT)
    until(lambda: watched.scraped()[key("risk_halted", coin="BTC")] == 1, "it is halted")
    assert (watched.code("/health"), watched.code("/ready")) == (200, 503)
    monkeypatch.setattr(health, "STILL_S", HANGS_S)
    goes_on = threading.Event()
    watched.hang(goes_on)
    try:
        until(lambda: watched.code("/health") == 503, "its loop hangs")
        assert "the core has said nothing for" in watched.ask("/health")[1]
        assert watched.ask("/status")[0] == 200
        until(lambda: watched.scraped()[key("snapshot_age_seconds")] > HANGS_S, "the age is told")
        watched.core.request_stop("while it hangs")
        assert watched.scraped()[key("position", coin="BTC")] == 0
    finally:
        goes_on.set()
    assert watched.core.wait_ended(15)
    assert watched.code("/metrics") == 200, "the last numbers, until the process ends"
    assert watched.code("/ready") == 503


def test_a_target_that_nothing_reaches_is_an_alert_of_the_screen_of_the_status_and_of_the_metrics(
    tmp_path: Path,
) -> None:
    with ExitStack() as held, sink() as hook:
        hook.status = 403
        one = Watched(tmp_path, held, Target(f"json://{hook.host}/x", "line 1 of urls", "JSON"))

        def said() -> str:
            shown = one.core.latest()
            return status_text(status(shown)) if shown is not None and shown.version else ""

        until(
            lambda: "ALERT ALERTS DON'T REACH JSON (line 1 of urls): it answers 403" in said(), "it is shown"
        )
        assert "`gridbot alerts test` tries every target" in said()
        assert one.scraped()[key("alerts_active", severity="warn")] >= 1
        place = {"place": "line 1 of urls"}
        assert one.scraped()[key("alert_letters_total", outcome="failed", **place)] >= 1
        hook.status = 200
        until(lambda: "ALERTS DON'T REACH" not in said(), "it is over")
        assert one.scraped()[key("alert_letters_total", outcome="sent", **place)] >= 1
