"""What is refused, in Hyperliquid's words and places.

Static errors follow from the payload alone: they fail the whole batch with one entry, no order id and no ``asset=N``.
Rejections come from the state of the exchange: each order gets its own, with an id and a row in ``orderUpdates``.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.instrument import MIN_NOTIONAL_MICRO, Instrument
from core.domain.orders import Side
from core.domain.units import InexactNumberError
from core.paper.venue.book import Book
from core.paper.venue.orders import OrderRequest, OrderStatus, TimeInForce, WireOrder

MISSING_ORDER = "Order was never placed, already canceled, or filled."
CANNOT_MODIFY = "Cannot modify canceled or filled order"
INVALID_MODIFY = "Attempted to modify to invalid new order"
NO_MATCH = "Order could not immediately match against any resting orders."
NO_LIQUIDITY = "No liquidity available for market order."
POST_ONLY_MODE = "Only post-only orders allowed immediately after network upgrade"
HALTED = "Trading is halted."
"""On a delisted coin. Hyperliquid's own words for it aren't known."""
NO_MARGIN = "Insufficient margin to place order."

_BAND_PERCENT = 95


class StaticError(Exception):
    """A payload that no state of the exchange could accept."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """``text`` without the `` asset=N`` that the answer adds."""

    text: str
    status: OrderStatus


def read_order(wire: WireOrder, instrument: Instrument, mark: int) -> OrderRequest:
    """Raises ``StaticError``."""
    if wire.tif is None:
        raise StaticError("Trigger orders are not available on this paper exchange.")
    try:
        price = instrument.parse_price(wire.price)
    except InexactNumberError:
        price = 0
    if price <= 0:
        raise StaticError("Order has invalid price.")
    try:
        lots = instrument.parse_size(wire.size)
    except InexactNumberError:
        lots = -1
    if lots < 0:
        raise StaticError("Order has invalid size.")
    if lots == 0:
        raise StaticError("Order has zero size.")
    if mark and abs(price - mark) * 100 > mark * _BAND_PERCENT:
        raise StaticError(f"Order price cannot be more than {_BAND_PERCENT}% away from the reference price")
    side = Side.BUY if wire.is_buy else Side.SELL
    return OrderRequest(instrument.coin, side, price, lots, wire.tif, wire.reduce_only, wire.cloid)


def reject_order(
    request: OrderRequest, instrument: Instrument, book: Book, position_lots: int
) -> Rejection | None:
    """Tick, minimum value, reduce-only, post-only, in this order; margin and matching come later."""
    if not instrument.is_valid_price(request.price):
        return Rejection("Price must be divisible by tick size.", OrderStatus.TICK_REJECTED)
    closes = position_lots * request.side.sign < 0
    if request.lots * request.price < MIN_NOTIONAL_MICRO and not _is_exempt(request, closes, position_lots):
        return Rejection("Order must have minimum value of $10.", OrderStatus.MIN_NOTIONAL_REJECTED)
    if request.reduce_only and not closes:
        return Rejection("Reduce only order would increase position.", OrderStatus.REDUCE_ONLY_REJECTED)
    if request.tif is TimeInForce.ALO and book.would_cross(request.side, request.price):
        return Rejection(
            f"Post only order would have immediately matched, bbo was {bbo_text(book, instrument)}.",
            OrderStatus.BAD_ALO_REJECTED,
        )
    return None


def bbo_text(book: Book, instrument: Instrument) -> str:
    bid, ask = book.bids.best, book.asks.best
    left = "" if bid is None else instrument.price_text(bid)
    right = "" if ask is None else instrument.price_text(ask)
    return f"{left}@{right}"


def _is_exempt(request: OrderRequest, closes: bool, position_lots: int) -> bool:
    """An order that closes the whole position may be worth less than 10 USDC."""
    if not closes:
        return False
    if request.reduce_only:
        return request.lots >= abs(position_lots)
    return not request.tif.may_rest and request.lots == abs(position_lots)
