"""The panels of what may go wrong: the links and the breakers, and the limits of the account."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from core.view import DRIFT_ALERT_PCT, BreakerState, RunState, Severity
from widgets import formats
from widgets.fields import Field, graded, worst
from widgets.look import AGED_S, STALE_S, Look

if TYPE_CHECKING:
    from core.view import ApiView, BreakerView, CoinView, RiskView

SEEN_LONG_AGO_S = STALE_S
"""The exchange's position is read every five seconds."""


def system_fields(look: Look) -> list[Field]:
    snapshot, coin = look.snapshot, look.coin
    if snapshot is None or coin is None:
        return []
    api = snapshot.api
    age_s = look.feed_age_s
    stale_s = snapshot.feed.stale_after_s
    feed_grade = Severity.CRIT if age_s is None else graded(age_s, stale_s / 2, stale_s)
    return [
        _drift_field(coin, look.now_ms),
        Field(
            "WS age", "never" if age_s is None else formats.age(age_s), (f"[<{stale_s:.0f}s]",), feed_grade
        ),
        Field(
            "API errs",
            f"{api.api_error_streak} in a row",
            (f"[<={api.api_error_limit}]",),
            graded(api.api_error_streak, min(2, api.api_error_limit), api.api_error_limit + 1),
        ),
        *breaker_fields(api, look.snapshot_age_s),
        Field(
            "Unknown",
            f"{api.unknown_orders} orders",
            severity=Severity.WARN if api.unknown_orders else Severity.INFO,
        ),
        Field(
            "Unreadable",
            f"{snapshot.feed.quarantined} messages",
            severity=Severity.WARN if snapshot.feed.quarantined else Severity.INFO,
        ),
        Field("REST", f"{api.rest_latency_ms:.0f}ms", (f"{snapshot.feed.reconnects} reconn",)),
        Field(
            "Sent",
            f"{api.orders_sent:,} orders",
            (f"{api.cancels_sent:,} cancels", f"{api.cancels_sent:,} canc"),
        ),
    ]


def breaker_fields(api: ApiView, age_s: float = 0.0) -> list[Field]:
    """One row while all are closed, else one for each that isn't: state, time to the probe, trips, and what opened it."""
    if not (troubled := [breaker for breaker in api.breakers if breaker.state is not BreakerState.CLOSED]):
        if api.breaker_open:
            return [Field("Breaker", f"OPEN: {api.breaker_reason}", severity=Severity.CRIT, is_prose=True)]
        trips = sum(breaker.trips for breaker in api.breakers)
        return [
            Field(
                "Breaker",
                "closed",
                (f"{trips} trip{'' if trips == 1 else 's'}",) if trips else (),
                Severity.INFO,
            )
        ]
    return [
        _breaker_field(breaker, age_s)
        for breaker in sorted(troubled, key=lambda b: b.state is not BreakerState.OPEN)
    ]


def _breaker_field(breaker: BreakerView, age_s: float) -> Field:
    left = breaker.cooldown_left_s
    if left is not None:
        left = max(left - age_s, 0.0)
    is_open = breaker.state is BreakerState.OPEN
    word = f"OPEN {left:.0f}s" if is_open and left else "OPEN" if is_open else "PROBING"
    trips = f", trip {breaker.trips}" if breaker.trips > 1 else ""
    return Field(
        "Breaker",
        f"{breaker.name} {word}{trips}: {formats.cause(breaker.reason)}",
        severity=Severity.CRIT if is_open else Severity.WARN,
        is_prose=True,
    )


def _drift_field(coin: CoinView, now_ms: int) -> Field:
    """A comparison of long ago is no proof of now, whatever it said."""
    drift = coin.drift
    if drift.exchange_position is None:
        return Field("Drift", formats.NOTHING, ("not read yet",))
    amount = f"{formats.quantity(drift.amount, signed=True)} {formats.short_coin(coin.coin)}"
    share = formats.percent(abs(drift.pct))
    grade = graded(abs(drift.pct), DRIFT_ALERT_PCT / 2, DRIFT_ALERT_PCT)
    age_s = (now_ms - drift.observed_ms) / 1_000
    if age_s < SEEN_LONG_AGO_S:
        old = formats.age(age_s)
        notes = (f"{share} [<1%]", share) if age_s <= AGED_S else (f"{share} · {old}", f"{share} {old}", old)
        return Field("Drift", amount, notes, grade)
    notes = (f"STALE {formats.age(age_s)}", "STALE")
    return Field("Drift", amount, notes, worst((grade, Severity.WARN)))


def risk_fields(look: Look) -> list[Field]:
    snapshot, coin = look.snapshot, look.coin
    if snapshot is None or coin is None:
        return []
    risk = snapshot.risk
    limit = risk.max_drawdown_pct
    used = 100.0 * risk.drawdown_pct / limit if limit > 0 else 0.0
    paid = risk.funding_paid_usd
    cap = coin.position_cap
    exposed = max(coin.worst_long, coin.worst_short, Decimal(0))
    drawn = f"{risk.drawdown_pct:.1f}%"
    return [
        _trading_field(look),
        Field("Drawdown", f"{drawn} of {limit:.1f}%", severity=graded(used, 70.0, 100.0))
        if limit > 0
        else Field("Drawdown", drawn, ("no limit set", "no limit")),
        _margin_field(risk),
        Field("Funding", formats.usd(abs(paid)), ("received" if paid < 0 else "paid",)),
        Field(
            "Exposure",
            formats.quantity(exposed),
            (f"cap {formats.quantity(cap)}",),
            Severity.CRIT if cap and exposed > cap else Severity.INFO,
        ),
        Field(
            "Account",
            formats.usd(risk.account_value_usd),
            (f"high {formats.usd(risk.high_water_usd, cents=False)}",),
        ),
        _pace_field(coin),
    ]


def _margin_field(risk: RiskView) -> Field:
    used, limit = risk.margin_utilization_pct, risk.max_margin_pct
    if limit <= 0:
        return Field("Margin", f"{used:.1f}% used", severity=graded(used, 70.0, 100.0))
    return Field("Margin", f"{used:.1f}% of {limit:.1f}%", severity=graded(100.0 * used / limit, 70.0, 100.0))


def _pace_field(coin: CoinView) -> Field:
    sent, limit = coin.orders_last_min, coin.max_orders_per_min
    if not limit:
        return Field("Sent/min", f"{sent}", ("no limit",))
    return Field("Sent/min", f"{sent} of {limit}", severity=graded(100.0 * sent / limit, 70.0, 100.0))


def _trading_field(look: Look) -> Field:
    """``running`` where the seed has ``risk_halted = 0``."""
    if look.is_silent:
        return Field("Trading", f"unknown, was {look.state.value}", severity=Severity.CRIT, is_prose=True)
    if look.state is RunState.RUNNING and look.coin is not None and look.coin.idle_reason:
        return Field("Trading", f"idle: {look.coin.idle_reason}", severity=Severity.WARN, is_prose=True)
    if look.state is RunState.RUNNING:
        return Field("Trading", "running", severity=Severity.INFO)
    if look.state is RunState.STARTING:
        return Field("Trading", "starting", severity=Severity.INFO)
    word = look.state.value.upper()
    reason = f": {look.halt_reason}" if look.halt_reason else ""
    return Field("Trading", f"{word}{reason}", severity=Severity.CRIT, is_prose=True)
