"""What is told of a fill: the event of the seed's name, and what is out of the ordinary about it."""

from __future__ import annotations

from core.domain.clock import Instant
from core.domain.effects import Effect, notify
from core.domain.fills import Fill, FillKind, FillSource
from core.domain.instrument import Instrument
from core.domain.orders import Order

FUTURE_MS = 60_000
OLD_MS = 86_400_000
"""A live fill stamped so far ahead or behind is told of; it moves the position all the same."""


def fill_event(instrument: Instrument, fill: Fill, order: Order | None, now: Instant) -> Effect:
    """``delay_ms`` is from the exchange's stamp to here, by our estimate of its clock."""
    return notify(
        "fill",
        "info" if order is not None else "warn",
        fill.coin,
        side=fill.side.value,
        size=instrument.size_text(fill.lots),
        price=instrument.price_text(fill.price),
        source=fill.source.value,
        liquidity="taker" if fill.crossed else "maker",
        closed_pnl=str(fill.closed_pnl),
        fee=str(fill.fee),
        fee_token=fill.fee_token,
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        cloid=fill.cloid,
        external=order is None,
        kind=fill.kind.value,
        time_ms=fill.time_ms,
        delay_ms=max(0, now.venue_ms - fill.time_ms),
        position=instrument.size_text(fill.end_lots),
    )


def anomalies(instrument: Instrument, fill: Fill, now: Instant) -> list[Effect]:
    """What an operator must hear of beside the fill itself."""
    out: list[Effect] = []
    ahead_ms = fill.time_ms - now.venue_ms
    is_live = fill.source is FillSource.WS
    if ahead_ms > FUTURE_MS or (is_live and -ahead_ms > OLD_MS):
        type_ = "future" if ahead_ms > 0 else "old"
        out.append(
            notify("fill_timestamp_anomaly", "warn", fill.coin, type=type_, off_s=abs(ahead_ms) // 1000)
        )
    if fill.kind is not FillKind.TRADE:
        size = instrument.size_text(fill.lots)
        out.append(
            notify(
                fill.kind.value,
                "crit",
                fill.coin,
                side=fill.side.value,
                size=size,
                price=instrument.price_text(fill.price),
                position=instrument.size_text(fill.end_lots),
            )
        )
    return out


def halting(fill: Fill) -> str:
    """Why a fill of this kind halts its coin, empty if it doesn't."""
    match fill.kind:
        case FillKind.LIQUIDATION:
            return "liquidation: the exchange is closing the position; check the margin before resuming"
        case FillKind.SETTLEMENT:
            return "settlement: the exchange has closed the position and the market"
        case FillKind.TRADE | FillKind.ADL:
            return ""
