"""Payloads that no state of the exchange could accept, in Hyperliquid's words.

Such an error fails the whole batch with one entry, no order id and no ``asset=N``.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.domain.units import InexactNumberError
from core.paper.config import OrderSettings
from core.paper.market.listing import Listing
from core.paper.venue.orders import Grouping, OrderRequest, TimeInForce, Trigger, WireOrder

HALTED = "Trading is halted."
"""On a delisted coin. Hyperliquid's own words for it aren't known."""
NOT_REDUCE_ONLY = "TP/SL orders must be reduce only."
"""Hyperliquid refuses a batch for it, in words that aren't known."""

_BAND_PERCENT = 95
_MAX_CHILDREN = 2
MARKET_VALUE_USD = ((25, 30_000_000), (20, 5_000_000), (10, 2_000_000), (1, 500_000))
"""The highest value of a market order, by the least max leverage of the coin; limit orders may have ten times it."""
_MICRO = 1_000_000


class StaticError(Exception):
    """A payload that no state of the exchange could accept."""


def check_grouping(orders: Sequence[WireOrder], grouping: Grouping) -> None:
    """Raises ``StaticError``: no orders, or none that can belong together so."""
    if not orders:
        raise StaticError("Orders are empty.")
    if grouping is Grouping.NONE:
        return
    children = orders
    if grouping is Grouping.NORMAL_TPSL:
        if orders[0].trigger is not None:
            raise StaticError("Main order cannot be trigger order.")
        children = orders[1:]
    are_triggers = all(order.trigger is not None and order.asset == orders[0].asset for order in children)
    if not are_triggers or not 1 <= len(children) <= _MAX_CHILDREN:
        raise StaticError("Unexpected number of trigger orders")
    if not all(order.reduce_only for order in children):
        raise StaticError(NOT_REDUCE_ONLY)


def read_order(
    wire: WireOrder, listing: Listing, mark: int, grouping: Grouping, settings: OrderSettings
) -> OrderRequest:
    """The order in lots and price units. Raises ``StaticError``."""
    if listing.rules.is_delisted:
        raise StaticError(HALTED)
    instrument = listing.instrument
    price = _read_price(wire.price, instrument, settings)
    lots = read_lots(wire.size, listing, may_be_zero=grouping is Grouping.POSITION_TPSL)
    if mark and abs(price - mark) * 100 > mark * _BAND_PERCENT:
        raise StaticError(f"Order price cannot be more than {_BAND_PERCENT}% away from the reference price")
    trigger = None
    tif = wire.tif
    if wire.trigger is not None:
        is_position = grouping is Grouping.POSITION_TPSL
        trigger_price = _read_price(wire.trigger.price, instrument, settings)
        trigger = Trigger(trigger_price, wire.trigger.is_market, wire.trigger.is_take_profit, is_position)
        tif = TimeInForce.FRONTEND_MARKET if trigger.is_market else TimeInForce.GTC
    assert tif is not None, wire
    _check_value(price * lots, instrument.max_leverage, tif)
    side = Side.BUY if wire.is_buy else Side.SELL
    return OrderRequest(instrument.coin, side, price, lots, tif, wire.reduce_only, wire.cloid, trigger)


def _read_price(text: str, instrument: Instrument, settings: OrderSettings) -> int:
    try:
        price = instrument.parse_price(text)
    except InexactNumberError:
        price = 0
    if price <= 0 or (settings.figures_fail_batch and not instrument.is_valid_price(price)):
        raise StaticError("Order has invalid price.")
    return price


def read_lots(text: str, listing: Listing, *, may_be_zero: bool = False) -> int:
    """Raises ``StaticError``: not a size of that coin's."""
    try:
        lots = listing.instrument.parse_size(text)
    except InexactNumberError:
        lots = -1
    if lots < 0 or lots % 10 ** (listing.instrument.sz_decimals - listing.rules.sz_decimals):
        raise StaticError("Order has invalid size.")
    if lots == 0 and not may_be_zero:
        raise StaticError("Order has zero size.")
    return lots


def _check_value(micro: int, max_leverage: int, tif: TimeInForce) -> None:
    usd = next(usd for least, usd in MARKET_VALUE_USD if max_leverage >= least)
    if tif is not TimeInForce.FRONTEND_MARKET:
        usd *= 10
    if micro > usd * _MICRO:
        raise StaticError(f"Order value too large. Max is ${usd}.")
