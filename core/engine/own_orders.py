"""Our orders that may still trade: their prices, the first and the last of the grid on either side, and what they add up to."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from core.domain.orders import Order, Purpose, Side

K = TypeVar("K", bound=Hashable)

GONE_KEPT = 64
"""A heap of prices may hold so many that are gone, and as many as rest, before it is made anew."""


@dataclass(frozen=True, slots=True)
class Resting:
    """What orders of one side add up to: ``lots`` that may still trade, what they are ``worth`` at their prices (micro-USDC),
    and the price of the ``last`` one that the market reaches (price units, 0 without one).
    """

    lots: int = 0
    worth: int = 0
    last: int = 0

    @staticmethod
    def of(orders: Iterable[Order]) -> Resting:
        """``orders`` of one side."""
        live = [order for order in orders if order.remaining]
        return Resting(
            sum(order.remaining for order in live),
            sum(order.remaining * order.price for order in live),
            min((order.price * order.side.sign for order in live), default=0) * live[0].side.sign
            if live
            else 0,
        )


@dataclass(slots=True)
class GridSide:
    """The grid's live orders of one side. Heaps of their prices, the best one and the last one first (negative for the highest
    first); prices that are gone leave when they come up, or all at once when they are too many.
    """

    side: Side
    lots: int = 0
    worth: int = 0
    prices: dict[int, set[str]] = field(default_factory=dict)
    _best: list[int] = field(default_factory=list)
    _last: list[int] = field(default_factory=list)

    def enter(self, order: Order) -> None:
        if order.price not in self.prices:
            for heap, sign in ((self._best, -self.side.sign), (self._last, self.side.sign)):
                if len(heap) > 2 * len(self.prices) + GONE_KEPT:
                    heap[:] = sorted(price * sign for price in self.prices)
                heapq.heappush(heap, order.price * sign)
        self.prices.setdefault(order.price, set()).add(order.cloid)

    def leave(self, order: Order) -> None:
        _discard(self.prices, order.price, order.cloid)

    @property
    def best(self) -> int:
        """The price that the market reaches first; 0 without one."""
        return self._first(self._best)

    @property
    def last(self) -> int:
        return self._first(self._last)

    def _first(self, heap: list[int]) -> int:
        while heap and abs(heap[0]) not in self.prices:
            heapq.heappop(heap)
        return abs(heap[0]) if heap else 0


@dataclass(slots=True)
class OwnOrders:
    """Kept up to date order by order, so that a look costs the same whatever rests."""

    by_price: dict[tuple[Side, int], set[str]] = field(default_factory=dict)
    """Live orders at a price of a side: never more than one of the grid's (I6)."""
    buys: int = 0
    sells: int = 0
    """Lots that live orders of a side may still trade."""
    version: int = 0
    _grid: dict[Side, GridSide] = field(default_factory=lambda: {side: GridSide(side) for side in Side})

    def note(self, before: Order | None, after: Order) -> None:
        """An order is new, or has changed. A stop takes no part: it is reduce-only, larger than the position on purpose, and at
        no price of the book before it fires.
        """
        if after.purpose is Purpose.STOP:
            return
        self.version += 1
        change = after.remaining - (before.remaining if before else 0)
        if after.side is Side.BUY:
            self.buys += change
        else:
            self.sells += change
        if after.purpose is Purpose.GRID:
            grid = self._grid[after.side]
            grid.lots += change
            grid.worth += change * after.price
        was_live = before is not None and before.state.is_live
        if was_live is not after.state.is_live:
            self._enter(after) if after.state.is_live else self._leave(after)

    def top_buy(self) -> int:
        """The highest price of a live buy of the grid; 0 without one."""
        return self._grid[Side.BUY].best

    def low_sell(self) -> int:
        """The lowest price of a live sell of the grid; 0 without one."""
        return self._grid[Side.SELL].best

    def resting(self, side: Side) -> Resting:
        """What the grid's orders of a side add up to."""
        grid = self._grid[side]
        return Resting(grid.lots, grid.worth, grid.last)

    def _enter(self, order: Order) -> None:
        self.by_price.setdefault((order.side, order.price), set()).add(order.cloid)
        if order.purpose is Purpose.GRID:
            self._grid[order.side].enter(order)

    def _leave(self, order: Order) -> None:
        _discard(self.by_price, (order.side, order.price), order.cloid)
        if order.purpose is Purpose.GRID:
            self._grid[order.side].leave(order)


def _discard(places: dict[K, set[str]], place: K, cloid: str) -> None:
    places[place].discard(cloid)
    if not places[place]:
        del places[place]
