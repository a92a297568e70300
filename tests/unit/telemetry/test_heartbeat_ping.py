"""The ping leaves while the bot goes on, and ends with whatever it is that doesn't."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from core.telemetry import heartbeat_ping as module
from core.telemetry.heartbeat_ping import LOOP_STILL_S, POSITION_OLD_S, Health, HeartbeatPing, ping
from core.view import AlertView, RunState, Severity, Snapshot
from tests.e2e.program import free_port
from tests.tui.factory import snapshot
from tests.unit.telemetry.alerting.sink import Sink, sink, until


def well(n: int = 0) -> Snapshot:
    """The n-th Snapshot of a bot that goes on: another version, and another look at the position."""
    now = snapshot()
    now_ms = now.time_ms + 1_000 * n
    coins = tuple(replace(c, drift=replace(c.drift, observed_ms=now_ms)) for c in now.coins)
    feed = replace(now.feed, ready=True, last_message_ms=now_ms)
    return replace(now, version=n, time_ms=now_ms, coins=coins, feed=feed, state=RunState.RUNNING, alerts=())


def course(changes: dict[str, Any], seconds: int = 120) -> list[str]:
    """What is said each second, of a bot that goes on but for what changes."""
    health = Health()
    return [health.trouble(replace(well(n), **changes), float(n)) for n in range(seconds)]


def test_a_bot_that_trades_or_is_halted_is_well() -> None:
    assert set(course({})) == {""}
    assert set(course({"state": RunState.HALTED})) == {""}


def test_a_loop_that_publishes_nothing_new_is_not() -> None:
    health, last = Health(), well(1)
    said = [health.trouble(last, float(s)) for s in range(int(LOOP_STILL_S) + 3)]
    assert said[: int(LOOP_STILL_S) + 1] == [""] * (int(LOOP_STILL_S) + 1)
    assert said[-1].startswith("the trading loop stands still for")
    assert health.trouble(well(2), 1000.0) == ""


def test_a_stream_that_is_not_ready_or_silent_is_not() -> None:
    assert set(course({"feed": replace(well().feed, ready=False)})) == {"the stream is not ready"}
    silent = course({"feed": replace(well().feed, ready=True)})
    assert silent[20] == ""
    assert silent[21] == "the stream is silent"


def test_a_position_that_is_not_compared_any_more_is_not() -> None:
    said = course({"coins": well().coins})
    assert said[int(POSITION_OLD_S)] == ""
    assert said[int(POSITION_OLD_S) + 1].endswith("is not compared with the exchange's")


def test_a_clock_that_is_set_changes_nothing() -> None:
    """The exchange's time of the position is another clock than ours: only that it moves counts."""
    health = Health()
    coins = well().coins
    for n in range(200):
        moved = tuple(replace(c, drift=replace(c.drift, observed_ms=1 + n // 6)) for c in coins)
        assert health.trouble(replace(well(n), coins=moved), float(n)) == ""


def test_a_start_a_stop_an_end_and_a_journal_that_can_not_be_written_are_not() -> None:
    assert Health().trouble(None, 0.0) == "it is starting"
    assert set(course({"state": RunState.STARTING})) == {"it is starting"}
    assert set(course({"state": RunState.STOPPING})) == {"it is stopping"}
    assert set(course({"state": RunState.DEAD})) == {"it has ended"}
    full = AlertView("storage", Severity.CRIT, "JOURNAL CANNOT BE WRITTEN", "", 0)
    assert set(course({"alerts": (full,)})) == {"the journal can't be written"}


class Bot:
    """Goes on by itself while ``goes``."""

    def __init__(self, hook: Sink, path: str = "/ping/canary") -> None:
        self.hook, self.n, self.goes = hook, 0, True
        self.events: list[tuple[str, dict[str, object]]] = []
        self.ping = HeartbeatPing(f"http://{hook.host}{path}", every_s=0.02, again_s=0.02)

    def latest(self) -> Snapshot:
        self.n += 1
        now = well(self.n)
        return now if self.goes else replace(now, feed=replace(now.feed, ready=False))

    def begin(self) -> None:
        self.ping.watch(self.latest, lambda name, severity, **fields: self.events.append((name, fields)))

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


def test_it_pings_while_all_is_well_stops_when_it_is_not_and_goes_on_after() -> None:
    with sink() as hook:
        bot = Bot(hook)
        bot.begin()
        until(lambda: len(hook.asked) >= 3, "pings")
        bot.goes = False
        until(lambda: "heartbeat_ping_held" in bot.names(), "it is told that none leaves")
        before = len(hook.asked)
        looks = bot.n
        until(lambda: bot.n > looks + 10, "it looks on")
        assert len(hook.asked) == before
        bot.goes = True
        until(lambda: len(hook.asked) > before, "pings again")
        bot.ping.close()
    assert bot.names() == ["heartbeat_ping_begins", "heartbeat_ping_held", "heartbeat_ping_begins"]
    assert bot.events[1][1] == {"reason": "the stream is not ready"}
    assert set(hook.asked) == {"/ping/canary"}


def test_pings_that_fail_are_shown_from_the_second_on_and_never_by_their_url() -> None:
    with sink() as hook:
        hook.status = 404
        bot = Bot(hook)
        bot.begin()
        until(bot.ping.alerts, "it is shown")
        (alert,) = bot.ping.alerts()
        assert (alert.id, alert.text) == ("heartbeat_ping", "HEARTBEAT PINGS FAIL: it answers 404")
        until(lambda: "heartbeat_ping_failed" in bot.names(), "and told")
        hook.status = 200
        until(lambda: "heartbeat_ping_restored" in bot.names(), "and its end")
        assert bot.ping.alerts() == ()
        bot.ping.close()
    assert bot.names().count("heartbeat_ping_failed") == 1
    assert "canary" not in repr(bot.events) + repr(alert)


def test_one_that_hangs_is_shown_and_nothing_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_WITHIN_S", 60.0)
    with sink() as hook:
        hook.status = 0
        bot = Bot(hook)
        bot.begin()
        until(lambda: hook.asked, "one is out")
        assert bot.ping.alerts() == ()
        monkeypatch.setattr(module, "ANSWER_WITHIN_S", 0.0)
        (alert,) = bot.ping.alerts()
        assert "no answer for" in alert.text
        bot.ping.close()  # it returns, though nobody will ever answer
        assert not hook.released.is_set()


def test_what_a_ping_meets_is_a_few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with sink() as hook:
        assert ping(f"http://{hook.host}/canary") == ""
        hook.status = 500
        assert ping(f"http://{hook.host}/canary") == "it answers 500"
        hook.status = 0
        monkeypatch.setattr(module, "ANSWER_WITHIN_S", 0.05)
        assert ping(f"http://{hook.host}/canary").startswith("no answer within")
    assert ping(f"http://127.0.0.1:{free_port()}/canary") == "it can't be reached (Connection refused)"
    assert ping("http://no such host/canary").startswith("it can't be reached")


def test_a_single_failure_is_the_weather() -> None:
    with sink() as hook:
        bot = Bot(hook)
        answers = iter(["it answers 502", ""])
        bot.begin()
        until(lambda: hook.asked, "pings")
        bot.ping.close()
        time.sleep(0)
        bot.ping._ping(lambda *_, **__: None)
        assert next(answers)
        assert bot.ping.alerts() == ()
