"""Events as messages: which are told, in which words, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from core.telemetry.alerting.event_messages import APART_MS, EventMessages
from core.telemetry.alerting.event_texts import HAVE_AN_ALERT, message_of
from core.telemetry.alerting.message import Message
from core.view import Severity

T0 = 1_767_276_183_000
ACTS = (
    *("halt", "resume", "flatten", "cancel_all", "accept", "margin_add", "set_spacing", "set_levels"),
    *("reset_breaker", "park", "unpark"),
)
FILL = {"side": "buy", "size": "0.05", "price": "110000", "position": "0.2", "kind": "trade"}


def text(name: str, severity: str = "info", coin: str = "", **fields: Any) -> str:
    found = message_of(name, Severity(severity), coin, fields, T0)
    return found.text if found is not None else ""


def test_a_trade_by_hand_is_told_and_one_of_the_grid_is_not() -> None:
    by_hand = text("fill", "warn", "BTC", **FILL, external=True)
    assert by_hand.startswith("BTC: 0.05 bought at 110000 by no order of the grid; it holds 0.2 now.")
    assert text("fill", "info", "BTC", **FILL, external=False) == ""


def test_what_the_exchange_does_by_force_is_told_with_size_price_and_position() -> None:
    forced = {name: value for name, value in FILL.items() if name != "kind"} | {"side": "sell"}
    assert text("liquidation", "crit", "BTC", **forced) == (
        "LIQUIDATION BTC: 0.05 sold at 110000; it holds 0.2 now."
    )
    assert text("fill", "warn", "BTC", **{**FILL, "kind": "liquidation"}, external=True) == ""
    assert "THE STOP OF BTC HAS FIRED at 107000" in text(
        "stop_fired", "crit", "BTC", price="107000", cloid="0x"
    )


def test_starts_and_what_operators_do_are_told_and_what_they_look_at_is_not() -> None:
    assert text("session_start", network="testnet", coins="BTC,ETH") == "STARTED on testnet with BTC,ETH."
    done = {"origin": "cli", "user": "alice", "outcome": "done", "text": "halted", "value": ""}
    assert text("operator", "info", "BTC", action="halt", **done) == "BTC: halt by alice done: halted"
    assert text("operator", "info", "", action="resync", **done) == ""


@pytest.mark.parametrize("action", ACTS)
def test_each_act_that_changes_the_trading_is_told(action: str) -> None:
    """A list of its own: one that is taken off the other is missed here."""
    assert text("operator", "info", "BTC", action=action, outcome="done").startswith(f"BTC: {action} done")


def test_an_event_of_one_coin_holds_back_none_of_another() -> None:
    events = EventMessages()
    for coin in ("BTC", "ETH"):
        message = message_of("fill", Severity.WARN, coin, {**FILL, "external": True}, T0)
        assert message is not None
        assert [each.text[:3] for each in events.take(message, 0)] == [coin]


def test_a_critical_event_without_words_of_its_own_is_told_by_its_name_and_reason() -> None:
    assert text("nonce_refused", "crit", "", reason="too low") == "NONCE REFUSED: too low"
    assert text("order_unknown", "crit", "BTC", cloid="0x1") == "ORDER UNKNOWN BTC: cloid=0x1"
    assert text("grid_built", "info", "BTC", levels=10) == ""
    assert text("wire_quarantined", "warn", "", reason="x") == ""


def test_what_stands_as_an_alert_is_not_told_twice_and_the_telling_tells_nothing_of_itself() -> None:
    assert {text(name, "crit", "BTC", reason="x") for name in HAVE_AN_ALERT} == {""}
    assert text("alert_delivery_failed", "crit", reason="x") == ""
    assert text("heartbeat_ping_failed", "crit", reason="x") == ""


def by_hand(severity: Severity = Severity.WARN, coin: str = "BTC") -> Message:
    return Message(f"fill:{coin}", severity, "by hand", T0)


def test_of_a_kind_of_event_the_first_is_told_at_once_and_the_rest_of_a_minute_as_one() -> None:
    events = EventMessages()
    assert len(events.take(by_hand(), 0)) == 1
    assert [events.take(by_hand(), ms) for ms in range(100, 5_000, 100)] == [[]] * 49
    assert events.due(APART_MS - 1) == []
    (rest,) = events.due(APART_MS)
    assert rest.times == 49
    assert "(49 times)" in rest.line
    assert events.due(2 * APART_MS) == []
    assert len(events.take(by_hand(), 2 * APART_MS)) == 1


def test_a_critical_event_and_one_of_another_coin_wait_for_none() -> None:
    events = EventMessages()
    events.take(by_hand(), 0)
    assert len(events.take(by_hand(coin="ETH"), 1)) == 1
    assert len(events.take(by_hand(Severity.CRIT), 2)) == 1
    assert len(events.take(by_hand(Severity.CRIT), 3)) == 1


def test_thousands_of_kinds_leave_nothing_behind() -> None:
    events = EventMessages()
    for n in range(5_000):
        events.take(by_hand(coin=f"C{n}"), n)
        events.take(by_hand(coin=f"C{n}"), n)
    events.due(5_000 + APART_MS)
    events.due(5_000 + 3 * APART_MS)
    assert not events._told_ms
    assert not events._held
