"""Orders that the state of the exchange refuses, in Hyperliquid's words and with its statuses.

Each gets an order id and a row in ``orderUpdates``. Texts are without the `` asset=N`` that the answer adds.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.instrument import MIN_NOTIONAL_MICRO, Instrument
from core.domain.orders import Side
from core.paper.market.listing import Rules
from core.paper.venue.accounts import Account
from core.paper.venue.book import Book
from core.paper.venue.orders import OrderRequest, OrderStatus, TimeInForce, Trigger

MISSING_ORDER = "Order was never placed, already canceled, or filled."
CANNOT_MODIFY = "Cannot modify canceled or filled order"
INVALID_MODIFY = "Attempted to modify to invalid new order"
NO_MATCH = "Order could not immediately match against any resting orders."
NO_LIQUIDITY = "No liquidity available for market order."
NO_FAST_CANCEL = "Trigger orders cannot be canceled with the fast flag."
"""Hyperliquid refuses it in words that aren't known."""

_CAPPED = "Order would increase open interest while open interest is capped"

_OPEN_ORDERS = 1_000
_MOST_OPEN_ORDERS = 5_000
_VOLUME_PER_ORDER_MICRO = 5_000_000_000_000


@dataclass(frozen=True, slots=True)
class Rejection:
    text: str
    status: OrderStatus


NO_MARGIN = Rejection("Insufficient margin to place order.", OrderStatus.MARGIN_REJECTED)
POST_ONLY_MODE = Rejection(
    "Only post-only orders allowed immediately after network upgrade", OrderStatus.REJECTED
)
CLOSED = Rejection("Trading is halted.", OrderStatus.REJECTED)
"""While a session is closed, in words of our own: Hyperliquid's aren't known."""
TOO_MANY = Rejection("Too many open orders.", OrderStatus.TOO_MANY_REJECTED)
"""In words of our own: Hyperliquid's aren't known."""
_TICK = Rejection("Price must be divisible by tick size.", OrderStatus.TICK_REJECTED)
_TOO_SMALL = Rejection("Order must have minimum value of $10.", OrderStatus.MIN_NOTIONAL_REJECTED)
_REDUCE_ONLY = Rejection("Reduce only order would increase position.", OrderStatus.REDUCE_ONLY_REJECTED)
_BAD_TRIGGER = Rejection("Invalid TP/SL price.", OrderStatus.BAD_TRIGGER_REJECTED)
_BEYOND_TIER = Rejection(
    "Order would cause position to exceed margin tier limit at current leverage",
    OrderStatus.MAX_POSITION_REJECTED,
)


def reject_form(request: OrderRequest, instrument: Instrument, position_lots: int) -> Rejection | None:
    """Tick and minimum value. What waits for a parent is valued once it goes out."""
    trigger = request.trigger
    if not instrument.is_valid_price(request.price) or (
        trigger is not None and not instrument.is_valid_price(trigger.price)
    ):
        return _TICK
    is_small = request.lots * request.price < MIN_NOTIONAL_MICRO
    if is_small and not _is_exempt(request, position_lots) and (trigger is None or not trigger.waits_for):
        return _TOO_SMALL
    return None


def reject_count(request: OrderRequest, account: Account) -> Rejection | None:
    """At a thousand open orders no more that may only shrink the position; more volume allows more of the others."""
    count = len(account.open_orders)
    most = min(_OPEN_ORDERS + account.volume // _VOLUME_PER_ORDER_MICRO, _MOST_OPEN_ORDERS)
    is_restricted = request.reduce_only or request.trigger is not None
    if count >= most or (count >= _OPEN_ORDERS and is_restricted):
        return TOO_MANY
    return None


def reject_trigger(trigger: Trigger, side: Side, reference: int) -> Rejection | None:
    """A trigger that the ``reference`` price would fire at once is on the wrong side of it."""
    return _BAD_TRIGGER if reference and trigger.is_met(side, reference) else None


def reject_reduction(request: OrderRequest, position_lots: int) -> Rejection | None:
    if request.reduce_only and position_lots * request.side.sign >= 0:
        return _REDUCE_ONLY
    return None


def reject_post_only(request: OrderRequest, instrument: Instrument, book: Book) -> Rejection | None:
    if request.tif is TimeInForce.ALO and book.would_cross(request.side, request.price):
        return Rejection(
            f"Post only order would have immediately matched, bbo was {bbo_text(book, instrument)}.",
            OrderStatus.BAD_ALO_REJECTED,
        )
    return None


def reject_position(
    request: OrderRequest, position_lots: int, leverage: int, rules: Rules
) -> Rejection | None:
    """The position after the order may not be of a tier that allows less than the account's leverage."""
    end = abs(position_lots + request.side.sign * request.lots)
    if request.reduce_only or end <= abs(position_lots):
        return None
    tier = next(tier for tier in reversed(rules.tiers) if end * request.price >= tier.lower_micro)
    return _BEYOND_TIER if leverage > tier.max_leverage else None


def reject_at_cap(request: OrderRequest, position_lots: int) -> Rejection | None:
    """At the coin's open interest cap positions may only shrink."""
    end = position_lots + request.side.sign * request.lots
    if request.reduce_only:
        return None
    flips = end * position_lots < 0
    if not flips and abs(end) <= abs(position_lots):
        return None
    return Rejection(_CAPPED, OrderStatus.CAP_FLIP_REJECTED if flips else OrderStatus.CAP_INCREASE_REJECTED)


def bbo_text(book: Book, instrument: Instrument) -> str:
    bid, ask = book.bids.best, book.asks.best
    left = "" if bid is None else instrument.price_text(bid)
    right = "" if ask is None else instrument.price_text(ask)
    return f"{left}@{right}"


def _is_exempt(request: OrderRequest, position_lots: int) -> bool:
    """An order that closes the whole position may be worth less than 10 USDC, and so may the last part of a TWAP order."""
    if request.twap_id is not None:
        return True
    if position_lots * request.side.sign >= 0:
        return False
    if request.reduce_only:
        is_whole = request.trigger is not None and request.trigger.is_position and not request.lots
        return is_whole or request.lots >= abs(position_lots)
    return not request.tif.may_rest and request.lots == abs(position_lots)
