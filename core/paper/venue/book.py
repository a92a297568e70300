"""The order book of one coin: two sides of price levels, each a queue in order of arrival.

Levels that the recording doesn't show at the moment keep the last size seen; the recorded best bid and ask
remove what would stand in front of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, takewhile

from core.domain.orders import Side
from core.paper.venue.levels import Level, SortedPrices
from core.paper.venue.orders import Order

_NEAR_LEVELS = 20


class BookSide:
    """The bids or the asks."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.prices = SortedPrices()
        """Ascending, for both sides."""
        self.levels: dict[int, Level] = {}

    @property
    def best(self) -> int | None:
        return self.prices.highest if self.side is Side.BUY else self.prices.lowest

    def is_better(self, price: int, than: int) -> bool:
        return price > than if self.side is Side.BUY else price < than

    def from_best(self) -> Iterator[int]:
        """The prices, best first. The side must not change meanwhile."""
        return reversed(self.prices) if self.side is Side.BUY else iter(self.prices)

    def better_than(self, price: int) -> list[int]:
        """The prices better than ``price``, best first."""
        best = self.best
        if best is None or not self.is_better(best, price):
            return []
        return list(takewhile(lambda other: self.is_better(other, price), self.from_best()))

    def level(self, price: int) -> Level:
        """The level at ``price``, made if there is none; ``tidy`` it after use."""
        found = self.levels.get(price)
        if found is None:
            found = self.levels[price] = Level()
            self.prices.add(price)
        return found

    def tidy(self, price: int) -> None:
        """Drop the level if nothing stands there."""
        level = self.levels.get(price)
        if level is not None and level.is_empty:
            del self.levels[price]
            self.prices.remove(price)

    def set_ghost(self, price: int, lots: int) -> None:
        self.level(price).set_ghost(lots)
        self.tidy(price)

    def clear_ghost_better(self, price: int) -> None:
        for better in self.better_than(price):
            self.set_ghost(better, 0)

    def clear_ghost_within(self, worst: int, keep: frozenset[int]) -> None:
        """Clear the ghosts at or better than ``worst`` that aren't at a price to ``keep``."""
        for price in [*self.better_than(worst), worst]:
            if price not in keep and price in self.levels:
                self.set_ghost(price, 0)


class Book:
    def __init__(self, coin: str) -> None:
        self.coin = coin
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)
        self.last_price = 0
        """Of the last trade; 0 before the first."""
        self.is_open = True
        """Whether orders are taken and matched."""
        self.hidden_depth = True
        """Whether there is market liquidity behind the last level that was ever seen."""
        self._last_rank = 0

    def note_places(self) -> list[Order]:
        """Bring ``ahead`` up to date where the market moves, near the best prices; the orders for which it changed."""
        return [
            order
            for half in (self.bids, self.asks)
            for price in islice(half.from_best(), _NEAR_LEVELS)
            for order in half.levels[price].note_places()
        ]

    def clear_ghosts(self) -> None:
        """Take all of the market's liquidity away; users' orders stay."""
        for side in (self.bids, self.asks):
            for price in list(side.from_best()):
                side.set_ghost(price, 0)

    def side(self, side: Side) -> BookSide:
        return self.bids if side is Side.BUY else self.asks

    def opposite(self, side: Side) -> BookSide:
        return self.asks if side is Side.BUY else self.bids

    def would_cross(self, side: Side, price: int) -> bool:
        """Whether an order at ``price`` would trade at once."""
        best = self.opposite(side).best
        if best is None:
            return False
        return best <= price if side is Side.BUY else best >= price

    def rest(self, order: Order) -> None:
        """Put the order at the end of its level's queue."""
        assert order.remaining > 0, order
        level = self.side(order.side).level(order.price)
        self._last_rank += 1
        order.rank = self._last_rank
        order.ahead = level.ghost
        level.append(order)

    def make_way(self, order: Order) -> None:
        """The place of the market may be older than the order: liquidity that it would cross can't be there."""
        facing = self.opposite(order.side)
        while (best := facing.best) is not None and self.would_cross(order.side, order.price):
            if not facing.levels[best].ghost:
                return
            facing.set_ghost(best, 0)

    def restore(self, orders: Iterable[Order]) -> None:
        """Rest orders of an earlier run, in the order in which they stood; those of unknown rank behind everything."""
        queues: dict[tuple[Side, int], list[Order]] = {}
        for order in sorted(orders, key=lambda order: (not order.rank, order.rank, order.oid)):
            if not order.rank:
                order.rank = self._last_rank + 1
                order.ahead = self.side(order.side).level(order.price).ghost
            self._last_rank = max(self._last_rank, order.rank)
            queues.setdefault((order.side, order.price), []).append(order)
        for (side, price), queue in queues.items():
            self.side(side).level(price).restore(queue)

    def remove(self, order: Order) -> None:
        side = self.side(order.side)
        side.levels[order.price].remove(order)
        side.tidy(order.price)

    def cut(self, order: Order, lots: int) -> None:
        """Take ``lots`` off a resting order, which keeps its place; without any left it leaves the book."""
        side = self.side(order.side)
        side.levels[order.price].cut(order, lots)
        side.tidy(order.price)

    def depth(self, side: Side, count: int) -> list[tuple[int, int, int]]:
        """(price, lots, orders) from the best; a level's ghosts count as one order."""
        half = self.side(side)
        rows: list[tuple[int, int, int]] = []
        for price in islice(half.from_best(), count):
            level = half.levels[price]
            rows.append((price, level.lots, len(level.orders) + (1 if level.ghost else 0)))
        return rows

    def top(self, side: Side) -> tuple[int, int, int] | None:
        rows = self.depth(side, 1)
        return rows[0] if rows else None
