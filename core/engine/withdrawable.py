"""What may leave the account with every grid intact: equity less what the worst case of all coins together needs.

The worst case of a coin is one of its edges, where every order of one side has traded and the price stands at the last of them,
or the present, where orders of both sides reserve margin: what they need together is convex between these. Several coins are
taken at their worst edges at once, whatever they have done together so far. All pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from core.domain.orders import Order, Side
from core.engine.own_orders import Resting

MOST_LEVERAGE = Decimal(10)
"""A tenth of the notional must stay, whatever the leverage (Hyperliquid: max(initial margin, 10 %))."""


@dataclass(frozen=True, slots=True)
class EdgeCase:
    """A coin at an edge of its grid, USD: the ``loss`` from now until there (negative: a gain), the position's ``notional``."""

    loss: Decimal
    notional: Decimal


@dataclass(frozen=True, slots=True)
class Need:
    """What must stay in the account: ``loss`` is still to come, ``margin`` is what the position at the edge demands. USD."""

    loss: Decimal = Decimal(0)
    margin: Decimal = Decimal(0)

    @property
    def usd(self) -> Decimal:
        return self.loss + self.margin

    def __add__(self, other: Need) -> Need:
        return Need(self.loss + other.loss, self.margin + other.margin)


def coin_need(edges: Iterable[EdgeCase], leverage: Decimal) -> Need:
    """The need at the worst of a coin's edges; ``leverage`` is what the exchange lends by."""
    divisor = min(leverage, MOST_LEVERAGE)
    return max((Need(edge.loss, edge.notional / divisor) for edge in edges), key=lambda need: need.usd)


def portfolio_need(coins: Iterable[Need]) -> Need:
    """Every coin at its worst edge together."""
    return sum(coins, Need())


def withdrawable(equity: Decimal, need: Need) -> Decimal:
    """USD, never negative. ``equity`` is the account's value now, what is unrealized included."""
    return max(Decimal(0), equity - need.usd)


def edges_of(lots: int, mid: Decimal, orders: Iterable[Order]) -> tuple[EdgeCase, EdgeCase, EdgeCase]:
    """A coin as it stands: now, and at either edge of the orders that may still trade. ``mid`` in price units."""
    orders = list(orders)
    return edges(lots, mid, *(Resting.of(order for order in orders if order.side is side) for side in Side))


def edges(lots: int, mid: Decimal, buys: Resting, sells: Resting) -> tuple[EdgeCase, EdgeCase, EdgeCase]:
    """As ``edges_of``, from what the orders of either side add up to."""
    held = lots * mid
    reserved = _reserved(buys, Side.BUY, held) + _reserved(sells, Side.SELL, held)
    now = EdgeCase(Decimal(0), (abs(held) + reserved).scaleb(-6))
    return now, _edge(lots, mid, buys, Side.BUY), _edge(lots, mid, sells, Side.SELL)


def _reserved(resting: Resting, side: Side, held: Decimal) -> Decimal:
    """Notional of the orders of one side, but for what closes the position and opens as much again (micro-USDC).

    Each side reserves for itself: whether Hyperliquid lets one side stand for both isn't known.
    """
    return max(Decimal(0), resting.worth + side.sign * held - abs(held))


def _edge(lots: int, mid: Decimal, resting: Resting, side: Side) -> EdgeCase:
    last = Decimal(resting.last) if resting.lots else mid
    price = min(mid, last) if side is Side.BUY else max(mid, last)
    gain = lots * (price - mid) + side.sign * (resting.lots * price - resting.worth)
    return EdgeCase(-gain.scaleb(-6), (abs(lots + side.sign * resting.lots) * price).scaleb(-6))
