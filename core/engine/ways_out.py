"""What ends a halt, and what remains meanwhile: the two questions of whoever finds a bot that stands still."""

from __future__ import annotations

from core.domain.orders import OrderState
from core.engine.account_risk import DAILY_LOSS, DAILY_TAKE, DRAWDOWN, UNREALIZED
from core.engine.coin import Coin
from core.engine.halts import AUTH_HALT
from core.engine.position_watch import DRIFT_HALT
from core.engine.protection import live_stops, look
from core.engine.range_exit import RANGE_EXIT
from core.engine.stop_loss import STOP_LOSS, TAKE_PROFIT
from core.view import StopState

_WAYS = (
    (DRIFT_HALT, "R resyncs, A accepts what stays, then U"),
    (DRAWDOWN, "U measures the next one from here"),
    (UNREALIZED, "F closes, or change HL_MAX_UNREALIZED_DD_PCT; then U"),
    (DAILY_LOSS, "U after 00:00 UTC, or change the limit and restart"),
    (DAILY_TAKE, "U after 00:00 UTC, or change the limit and restart"),
    ("funding_bleed", "F closes, U goes on"),
    (STOP_LOSS, "U once the price is back, or change the limit and restart"),
    (TAKE_PROFIT, "U once the price is back, or change the limit and restart"),
    (RANGE_EXIT, "U builds a new grid around the price"),
    (AUTH_HALT, "the right key, then U"),
)
"""How the reasons of halts begin, and what ends each."""


def way_out(reason: str) -> str:
    """Short enough to stand beside any reason."""
    return next((way for start, way in _WAYS if reason.startswith(start)), "U resumes")


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
