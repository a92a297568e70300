"""The order book of one coin: price levels, each a queue in order of arrival.

A queue holds users' orders and *ghost* chunks, the market's recorded liquidity. A recorded size that grew is appended behind
everything, one that shrank is taken from the tail first, so that an order never gains places by others' cancels behind it.
Levels that the recording doesn't show at the moment keep the last size seen; the recorded best bid and ask
remove what would stand in front of them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass

from core.domain.orders import Side
from core.paper.venue.orders import Order


@dataclass(slots=True, eq=False)
class Chunk:
    """Lots standing in a queue: the market's if ``order`` is None."""

    lots: int
    order: Order | None = None


class Level:
    """One price. ``ghost`` is the sum of the ghost chunks; no chunk is empty."""

    __slots__ = ("ghost", "queue")

    def __init__(self) -> None:
        self.ghost = 0
        self.queue: list[Chunk] = []

    @property
    def lots(self) -> int:
        return sum(chunk.lots for chunk in self.queue)

    def set_ghost(self, lots: int) -> None:
        if lots > self.ghost:
            grown = lots - self.ghost
            if self.queue and self.queue[-1].order is None:
                self.queue[-1].lots += grown
            else:
                self.queue.append(Chunk(grown))
        else:
            self._shrink_ghost(self.ghost - lots)
        self.ghost = lots

    def _shrink_ghost(self, excess: int) -> None:
        for place in range(len(self.queue) - 1, -1, -1):
            chunk = self.queue[place]
            if chunk.order is not None:
                continue
            taken = min(excess, chunk.lots)
            chunk.lots -= taken
            excess -= taken
            if chunk.lots == 0:
                del self.queue[place]
            if excess == 0:
                return
        assert excess == 0, excess

    def take_front(self, lots: int) -> None:
        """Remove ``lots`` from the first chunk, which must hold them."""
        chunk = self.queue[0]
        assert 0 < lots <= chunk.lots, (lots, chunk)
        chunk.lots -= lots
        if chunk.order is None:
            self.ghost -= lots
        if chunk.lots == 0:
            del self.queue[0]


class BookSide:
    """The bids or the asks."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.prices: list[int] = []
        """Ascending, for both sides."""
        self.levels: dict[int, Level] = {}

    @property
    def best(self) -> int | None:
        if not self.prices:
            return None
        return self.prices[-1] if self.side is Side.BUY else self.prices[0]

    def is_better(self, price: int, than: int) -> bool:
        return price > than if self.side is Side.BUY else price < than

    def from_best(self) -> list[int]:
        return self.prices[::-1] if self.side is Side.BUY else self.prices[:]

    def better_than(self, price: int) -> list[int]:
        """The prices better than ``price``, best first."""
        if self.side is Side.SELL:
            return self.prices[: bisect_left(self.prices, price)]
        return self.prices[: bisect_left(self.prices, price + 1) - len(self.prices) - 1 : -1]

    def level(self, price: int) -> Level:
        """The level at ``price``, made if there is none; ``tidy`` it after use."""
        found = self.levels.get(price)
        if found is None:
            found = self.levels[price] = Level()
            insort(self.prices, price)
        return found

    def tidy(self, price: int) -> None:
        """Drop the level if nothing stands there."""
        level = self.levels.get(price)
        if level is not None and not level.queue:
            del self.levels[price]
            del self.prices[bisect_left(self.prices, price)]

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
        self.side(order.side).level(order.price).queue.append(Chunk(order.remaining, order))

    def remove(self, order: Order) -> None:
        side = self.side(order.side)
        queue = side.levels[order.price].queue
        del queue[_place(queue, order)]
        side.tidy(order.price)

    def shrink(self, order: Order, remaining: int) -> None:
        """Cut a resting order to ``remaining`` lots; it keeps its place."""
        assert 0 < remaining <= order.remaining, (order, remaining)
        queue = self.side(order.side).levels[order.price].queue
        queue[_place(queue, order)].lots = remaining
        order.remaining = remaining

    def mark(self) -> int:
        """The price that positions are valued at: the middle of the book in whole price units (down), or the last trade."""
        bid, ask = self.bids.best, self.asks.best
        if bid is not None and ask is not None:
            return (bid + ask) // 2
        return self.last_price or bid or ask or 0

    def depth(self, side: Side, count: int) -> list[tuple[int, int, int]]:
        """(price, lots, orders) from the best; a level's ghosts count as one order."""
        half = self.side(side)
        rows: list[tuple[int, int, int]] = []
        prices = half.prices[: -count - 1 : -1] if side is Side.BUY else half.prices[:count]
        for price in prices:
            level = half.levels[price]
            own = sum(1 for chunk in level.queue if chunk.order is not None)
            rows.append((price, level.lots, own + (1 if level.ghost else 0)))
        return rows

    def top(self, side: Side) -> tuple[int, int, int] | None:
        rows = self.depth(side, 1)
        return rows[0] if rows else None


def _place(queue: list[Chunk], order: Order) -> int:
    return next(place for place, chunk in enumerate(queue) if chunk.order is order)
