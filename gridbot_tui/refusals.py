"""Why a key would be refused now: one pure function each, over the newest Snapshot. ``None``: it would not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.view import DRIFT_ALERT_PCT, BreakerState, RunState

if TYPE_CHECKING:
    from core.view import Snapshot


def always(_: Snapshot | None) -> str | None:
    return None


def needs_engine(snapshot: Snapshot | None) -> str | None:
    if snapshot is None:
        return "the engine has not reported yet"
    return not_dead(snapshot)


def not_dead(snapshot: Snapshot | None) -> str | None:
    if snapshot is not None and snapshot.state is RunState.DEAD:
        return "the engine has ended: start it again, it settles what rests"
    return None


def needs_running_core(snapshot: Snapshot | None) -> str | None:
    if (reason := needs_engine(snapshot)) is not None:
        return reason
    assert snapshot is not None
    return "the engine is stopping" if snapshot.state is RunState.STOPPING else None


def needs_coin(snapshot: Snapshot | None) -> str | None:
    if (reason := needs_engine(snapshot)) is not None:
        return reason
    assert snapshot is not None
    return None if snapshot.coins else "no coin trades here yet"


def resume_refusal(snapshot: Snapshot | None) -> str | None:
    if (reason := needs_running_core(snapshot)) is not None:
        return reason
    assert snapshot is not None
    halted = [coin for coin in snapshot.coins if coin.state is RunState.HALTED]
    if snapshot.state is not RunState.HALTED and not halted:
        return "nothing is halted"
    for coin in snapshot.coins:
        if abs(coin.drift.pct) > DRIFT_ALERT_PCT:
            drifts = f"{coin.coin} drifts {abs(coin.drift.pct):.2f}% (limit {DRIFT_ALERT_PCT}%)"
            return f"{drifts}: R resync first, A accepts what stays"
    feed = snapshot.feed
    if (
        not feed.connected
        or not feed.ready
        or snapshot.time_ms - feed.last_message_ms >= 1000 * feed.stale_after_s
    ):
        return "the market feed is down or stale: W reconnect first"
    opened = {breaker.name for breaker in snapshot.api.breakers if breaker.state is BreakerState.OPEN}
    if snapshot.api.breaker_open and opened != {"auth"}:  # resuming is what ends that one
        return f"the circuit breaker is open: {snapshot.api.breaker_reason or 'no reason given'}"
    return None


def needs_drift(snapshot: Snapshot | None) -> str | None:
    if (reason := needs_running_core(snapshot)) is not None:
        return reason
    assert snapshot is not None
    if any(coin.drift.amount or coin.chain_broken for coin in snapshot.coins):
        return None
    return "no drift to accept"


def needs_two_coins(snapshot: Snapshot | None) -> str | None:
    return None if snapshot is not None and len(snapshot.coins) > 1 else "only one coin trades here"


def needs_alert(snapshot: Snapshot | None) -> str | None:
    return None if snapshot is not None and snapshot.alerts else "no alert holds now"


def needs_open_breaker(snapshot: Snapshot | None) -> str | None:
    if (reason := needs_running_core(snapshot)) is not None:
        return reason
    assert snapshot is not None
    if any(breaker.state is not BreakerState.CLOSED for breaker in snapshot.api.breakers):
        return None
    return "every circuit breaker is closed"


def needs_orders(snapshot: Snapshot | None) -> str | None:
    if (reason := needs_running_core(snapshot)) is not None:
        return reason
    assert snapshot is not None
    if snapshot.orders or any(coin.parked for coin in snapshot.coins):
        return None
    return "no order rests, and no level is parked"
