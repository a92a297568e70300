"""What ends a halt, and what remains meanwhile: the two questions of whoever finds a bot that stands still."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.orders import OrderState
from core.engine.coin import Coin
from core.engine.halts import HaltRule, rule_of
from core.engine.protection import live_stops, look
from core.view import StopState

_RESUMES = "U resumes"
_PRICE_LIMIT = "U once the price is back, or change the limit and restart"
_DAY_LIMIT = "U after 00:00 UTC, or change the limit and restart"

WAYS: Mapping[HaltRule, str] = {
    HaltRule.OPERATOR: _RESUMES,
    HaltRule.FLATTEN: _RESUMES,
    HaltRule.DRIFT: "R resyncs, A accepts what stays, then U",
    HaltRule.DRAWDOWN: "U measures the next one from here",
    HaltRule.UNREALIZED: "F closes, or change HL_MAX_UNREALIZED_DD_PCT; then U",
    HaltRule.DAILY_LOSS: _DAY_LIMIT,
    HaltRule.DAILY_TAKE: _DAY_LIMIT,
    HaltRule.FUNDING_BLEED: "F closes, U goes on",
    HaltRule.STOP_LOSS: _PRICE_LIMIT,
    HaltRule.TAKE_PROFIT: _PRICE_LIMIT,
    HaltRule.RANGE_EXIT: "U builds a new grid around the price",
    HaltRule.AUTH: "the right key, then U",
    HaltRule.COPY: _RESUMES,
    HaltRule.OTHER_INSTANCE: _RESUMES,
    HaltRule.OTHER: _RESUMES,
}
"""What ends each, short enough to stand beside any reason; what must be done before is in the reason where it isn't here."""

DRIFT_GONE = "the drift is gone: U resumes"
"""Instead of what ends a drift's halt, once both sides agree again: there is nothing left to accept."""


def way_out(reason: str) -> str:
    return WAYS[rule_of(reason)]


def remains(coin: Coin) -> str:
    """What a coin that doesn't quote still has on the exchange, in a few words."""
    instrument, lots = coin.config.instrument, coin.ledger.lots
    orders = len(coin.live_grid_orders())
    left = f", {orders} orders still rest" if orders else ""
    if not lots:
        return f"{coin.name} flat{left}"
    state, _ = look(coin)
    stops = [o for o in live_stops(coin) if o.state is OrderState.OPEN]
    if state is StopState.RESTING and stops:
        stop = f"stop rests at {instrument.price_text(stops[0].trigger)}"
    else:
        stop = {StopState.PLACING: "stop being placed"}.get(state, "NO STOP RESTS")
    return f"{coin.name} {'+' if lots > 0 else ''}{instrument.size_text(lots)} open, {stop}{left}"


def open_text(coin: Coin) -> str:
    """What a halt leaves of a coin: ``POSITION OPEN +0.1875 BTC, stop 61,200``, or ``FLAT BTC``."""
    instrument, lots = coin.config.instrument, coin.ledger.lots
    if not lots:
        return f"FLAT {coin.name}"
    return (
        f"POSITION OPEN {'+' if lots > 0 else ''}{instrument.size_text(lots)} {coin.name}, {_stop_text(coin)}"
    )


def _stop_text(coin: Coin) -> str:
    state, _ = look(coin)
    resting = [o for o in live_stops(coin) if o.state is OrderState.OPEN]
    if state is StopState.RESTING and resting:
        return f"stop {coin.config.instrument.price_decimal(resting[0].trigger):,f}"
    return {StopState.PLACING: "stop being placed", StopState.MISSING: "NO STOP RESTS"}.get(state, "no stop")
