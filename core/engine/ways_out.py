"""What ends a halt, and what remains meanwhile: the two questions of whoever finds a bot that stands still."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.orders import Order, OrderState
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
    HaltRule.CRASH_LOOP: "see why it crashed, then U",
    HaltRule.DELISTED: "take the coin out at the next start",
    HaltRule.SIZE_DECIMALS: "close what is odd at the exchange, then U",
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
    orders = len(coin.live_grid_orders())
    left = f", {orders} orders still rest" if orders else ""
    if not coin.ledger.lots:
        return f"{coin.name} flat{left}"
    resting = _resting_stop(coin)
    if resting is not None:
        stop = f"stop rests at {coin.config.instrument.price_text(resting.trigger)}"
    else:
        stop = "stop being placed" if look(coin)[0] is StopState.PLACING else "NO STOP RESTS"
    return f"{coin.name} {_held(coin)} open, {stop}{left}"


def open_text(coin: Coin) -> str:
    """What a halt leaves of a coin: ``POSITION OPEN +0.1875 BTC, stop 61,200``, or ``FLAT BTC``."""
    if not coin.ledger.lots:
        return f"FLAT {coin.name}"
    return f"POSITION OPEN {_held(coin)} {coin.name}, {_stop_text(coin)}"


def _held(coin: Coin) -> str:
    lots = coin.ledger.lots
    return f"{'+' if lots > 0 else ''}{coin.config.instrument.size_text(lots)}"


def _resting_stop(coin: Coin) -> Order | None:
    """The one that protects what is held."""
    if look(coin)[0] is not StopState.RESTING:
        return None
    return next((order for order in live_stops(coin) if order.state is OrderState.OPEN), None)


def _stop_text(coin: Coin) -> str:
    resting = _resting_stop(coin)
    if resting is not None:
        return f"stop {coin.config.instrument.price_decimal(resting.trigger):,f}"
    words = {StopState.PLACING: "stop being placed", StopState.MISSING: "NO STOP RESTS"}
    return words.get(look(coin)[0], "no stop")
