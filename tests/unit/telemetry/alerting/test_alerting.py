"""Alerts from what a core publishes to a real webhook, and what the core sees of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.telemetry.alerting import alerting as module
from core.telemetry.alerting.alerting import Alerting, AlertingPlan
from core.telemetry.alerting.target import Target
from core.view import AlertView, RunState, Severity, Snapshot
from tests.tui.factory import NOW_MS, snapshot
from tests.unit.telemetry.alerting.sink import Sink, sink, until

STOP = AlertView("stop:BTC", Severity.CRIT, "NO STOP RESTS FOR BTC", "F", NOW_MS)


@pytest.fixture
def hook() -> Iterator[Sink]:
    with sink() as one:
        yield one


class Run:
    """A core that publishes what a test says."""

    def __init__(self, *hooks: str, **plan: Any) -> None:
        self.snapshot: Snapshot | None = snapshot()
        self.events: list[tuple[str, str, dict[str, object]]] = []
        targets = tuple(
            Target(f"json://{host}/x?cto=0.2&rto=0.2", f"line {n} of urls", "JSON")
            for n, host in enumerate(hooks, 1)
        )
        self.alerting = Alerting(AlertingPlan(targets, "GridBot PAPER", **plan))

    def tell(self, name: str, severity: str, **fields: object) -> None:
        self.events.append((name, severity, fields))

    def begin(self) -> Alerting:
        self.alerting.watch(lambda: self.snapshot, self.tell)
        return self.alerting

    def shows(self, *alerts: AlertView) -> None:
        assert self.snapshot is not None
        self.snapshot = replace(self.snapshot, alerts=alerts)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.01)


def test_an_alert_and_an_event_reach_every_target(hook: Sink) -> None:
    with sink() as other:
        run = Run(hook.host, other.host)
        alerting = run.begin()
        run.shows(STOP)
        alerting.take("stop_fired", Severity.CRIT, "BTC", {"price": "107000"}, NOW_MS)
        both = (hook, other)
        until(lambda: all("NO STOP RESTS" in "".join(each.texts) for each in both), "the alert")
        until(lambda: all("HAS FIRED at 107000" in "".join(each.texts) for each in both), "the event")
        alerting.close()


def test_one_target_that_hangs_keeps_the_other_from_nothing_and_the_end_from_little(
    hook: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_S", 0.1)
    with sink() as dead:
        dead.status = 0
        run = Run(hook.host)
        hanging = Target(f"json://{dead.host}/x?rto=600", "line 2 of urls", "JSON")
        run.alerting = Alerting(
            AlertingPlan((Target(f"json://{hook.host}/x", "line 1 of urls"), hanging), "GridBot")
        )
        alerting = run.begin()
        run.shows(STOP)
        until(lambda: dead.asked and hook.posted, "both are tried, one answers")
        alerting.close()  # it returns, though nobody will ever answer
        assert not dead.released.is_set()
        assert "Stopped in order" in hook.texts[-1]


def test_less_than_the_least_severity_is_told_to_nobody(hook: Sink) -> None:
    run = Run(hook.host, least=Severity.CRIT)
    alerting = run.begin()
    alerting.take("session_start", Severity.INFO, "", {"network": "paper", "coins": "BTC"}, NOW_MS)
    run.shows(STOP)
    until(lambda: hook.posted, "the alert")
    alerting.close()
    assert len(hook.posted) == 1
    assert "NO STOP RESTS" in hook.texts[0]


def test_a_target_that_fails_is_shown_and_told_of_and_so_is_its_end(hook: Sink) -> None:
    hook.status = 500
    run = Run(hook.host)
    alerting = run.begin()
    run.shows(STOP)
    until(alerting.alerts, "it is shown")
    (shown,) = alerting.alerts()
    assert (shown.id, shown.severity) == ("alerting:line 1 of urls", Severity.WARN)
    assert run.events[0] == (
        "alert_delivery_failed",
        "warn",
        {"target": "JSON (line 1 of urls)", "reason": "it answers 500"},
    )
    hook.status = 200
    until(lambda: not alerting.alerts(), "it goes through again")
    assert run.events[1][0] == "alert_delivery_restored"
    alerting.close()


def test_of_a_target_that_nothing_reaches_the_others_are_told(
    hook: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.telemetry.alerting import standing

    monkeypatch.setattr(standing, "STANDS_MS", 0)
    with sink() as bad:
        bad.status = 500
        run = Run(hook.host, bad.host)
        alerting = run.begin()
        run.shows(STOP)
        until(alerting.alerts, "it is shown")
        run.shows(STOP, *alerting.alerts())
        until(lambda: "ALERTS DON'T REACH JSON (line 2 of urls)" in "".join(hook.texts), "the other is told")
        alerting.close()


def test_thousands_of_alerts_make_a_few_messages_that_a_service_takes(hook: Sink) -> None:
    run = Run(hook.host)
    alerting = run.begin()
    run.shows(
        *(
            AlertView(f"stop:C{n}", Severity.CRIT, f"NO STOP RESTS FOR C{n}", "F", NOW_MS)
            for n in range(3_000)
        )
    )
    until(lambda: len(hook.posted) >= 2, "the first, and the rest")
    alerting.close()
    assert len(hook.posted) <= 5
    assert max(map(len, hook.texts)) <= 1_000
    assert "more" in "".join(hook.texts)


def test_a_look_that_fails_is_told_of_once_and_silences_none_that_follow(
    hook: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(hook.host)
    looks: list[int] = []
    look = run.alerting._standing.look

    def fails_at_first(alerts: Any, now_ms: int, time_ms: int) -> Any:
        looks.append(now_ms)
        if len(looks) <= 3:
            raise ValueError("a number that is none")
        return look(alerts, now_ms, time_ms)

    monkeypatch.setattr(run.alerting._standing, "look", fails_at_first)
    alerting = run.begin()
    run.shows(STOP)
    until(lambda: hook.posted, "the alert, later")
    alerting.close()
    failed = ("alert_look_failed", "crit", {"reason": "ValueError: a number that is none"})
    assert run.events == [failed]


def test_how_a_run_has_ended_is_told_last(hook: Sink) -> None:
    run = Run(hook.host)
    alerting = run.begin()
    assert run.snapshot is not None
    run.snapshot = replace(run.snapshot, state=RunState.DEAD, halt_reason="the journal is damaged")
    alerting.close()
    assert hook.posted[-1]["type"] == "failure"
    assert "GRIDBOT HAS ENDED: the journal is damaged. At last: " in hook.texts[-1]


def test_the_day_is_told_of_once_it_is_over_whatever_the_least_severity(hook: Sink) -> None:
    run = Run(hook.host, least=Severity.CRIT, with_day_report=True)
    assert run.snapshot is not None
    alerting, first = run.alerting, run.snapshot
    (coin,) = first.coins[:1]
    later = replace(
        coin,
        fees_usd=coin.fees_usd + Decimal("1.50"),
        funding_usd=coin.funding_usd - Decimal("0.25"),
        fills=replace(coin.fills, total=coin.fills.total + 12),
        daily_usd=Decimal("-3.2"),
    )
    evening = replace(
        first,
        time_ms=first.time_ms + 3_600_000,
        coins=(later,),
        risk=replace(first.risk, day_usd=Decimal("-3.2"), account_value_usd=Decimal("9996.8")),
    )
    alerting._latest = lambda: run.snapshot
    for each in (first, evening, replace(evening, time_ms=evening.time_ms + 86_400_000)):
        run.snapshot = each
        alerting.look()
    until(lambda: hook.posted, "the report")
    assert hook.texts[0].split("Z ", 1)[1] == (
        "2026-01-01: -3.20 USD, the account has 9996.80\n"
        f"{coin.coin} -3.20 USD, 12 fills, fees 1.50, funding -0.25 (since 14:03Z), holds {coin.position:+f}"
    )
    alerting.look()
    alerting.close()
    assert len(hook.posted) == 1


def test_no_part_of_a_url_is_in_what_can_be_seen_of_a_target() -> None:
    target = Target("json://user:canary@127.0.0.1/canary", "line 1 of urls", "JSON")
    plan = AlertingPlan((target,), "GridBot")
    assert "canary" not in json.dumps([repr(target), str(target), repr(plan), target.name])
