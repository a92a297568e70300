"""Our orders that may still trade: their prices, the best of the grid on either side, and what they add up to."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from core.domain.orders import Order, Purpose, Side

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class OwnOrders:
    """Kept up to date order by order, so that a look costs the same whatever rests."""

    by_price: dict[tuple[Side, int], set[str]] = field(default_factory=dict)
    """Live orders at a price of a side: never more than one of the grid's (I6)."""
    buys: int = 0
    sells: int = 0
    """Lots that live orders of a side may still trade."""
    version: int = 0
    _grid: dict[Side, dict[int, set[str]]] = field(default_factory=lambda: {side: {} for side in Side})
    _best: dict[Side, list[int]] = field(default_factory=lambda: {side: [] for side in Side})
    """Heaps of the grid's prices, best first (negative for buys); prices that are gone leave when they come up."""

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
        was_live = before is not None and before.state.is_live
        if was_live is not after.state.is_live:
            self._enter(after) if after.state.is_live else self._leave(after)

    def top_buy(self) -> int:
        """The highest price of a live buy of the grid; 0 without one."""
        return -self._first(Side.BUY)

    def low_sell(self) -> int:
        """The lowest price of a live sell of the grid; 0 without one."""
        return self._first(Side.SELL)

    def _first(self, side: Side) -> int:
        heap, prices = self._best[side], self._grid[side]
        while heap and abs(heap[0]) not in prices:
            heapq.heappop(heap)
        return heap[0] if heap else 0

    def _enter(self, order: Order) -> None:
        self.by_price.setdefault((order.side, order.price), set()).add(order.cloid)
        if order.purpose is Purpose.GRID:
            prices = self._grid[order.side]
            if order.price not in prices:
                heapq.heappush(self._best[order.side], order.price * -order.side.sign)
            prices.setdefault(order.price, set()).add(order.cloid)

    def _leave(self, order: Order) -> None:
        _discard(self.by_price, (order.side, order.price), order.cloid)
        if order.purpose is Purpose.GRID:
            _discard(self._grid[order.side], order.price, order.cloid)


def _discard(places: dict[K, set[str]], place: K, cloid: str) -> None:
    places[place].discard(cloid)
    if not places[place]:
        del places[place]
