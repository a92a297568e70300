"""What one side of a book is made of: prices in order, and at each price a queue in order of arrival.

A queue holds users' orders and *ghosts*, the market's recorded liquidity. A recorded size that grew is appended behind
everything, one that shrank is taken from the tail first, so that an order never gains places by others' cancels behind it.
Every operation costs the same however long the queue and however many the prices.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from core.paper.venue.orders import Order

_CHUNK = 512
"""A chunk of prices is split at twice this length: inserting moves a few kilobytes at most."""


class SortedPrices:
    """Distinct prices, ascending, in chunks of bounded length."""

    __slots__ = ("_chunks", "_highest")

    def __init__(self) -> None:
        self._chunks: list[list[int]] = []
        self._highest: list[int] = []
        """The last price of each chunk."""

    def __iter__(self) -> Iterator[int]:
        for chunk in self._chunks:
            yield from chunk

    def __reversed__(self) -> Iterator[int]:
        for chunk in reversed(self._chunks):
            yield from reversed(chunk)

    @property
    def lowest(self) -> int | None:
        return self._chunks[0][0] if self._chunks else None

    @property
    def highest(self) -> int | None:
        return self._highest[-1] if self._highest else None

    def add(self, price: int) -> None:
        """``price`` must be new."""
        if not self._chunks:
            self._chunks.append([price])
            self._highest.append(price)
            return
        place = min(bisect_left(self._highest, price), len(self._chunks) - 1)
        chunk = self._chunks[place]
        insort(chunk, price)
        self._highest[place] = chunk[-1]
        if len(chunk) > 2 * _CHUNK:
            self._chunks.insert(place + 1, chunk[_CHUNK:])
            del chunk[_CHUNK:]
            self._highest.insert(place, chunk[-1])

    def remove(self, price: int) -> None:
        """``price`` must be there."""
        place = bisect_left(self._highest, price)
        chunk = self._chunks[place]
        index = bisect_left(chunk, price)
        assert chunk[index] == price, price
        del chunk[index]
        if chunk:
            self._highest[place] = chunk[-1]
        else:
            del self._chunks[place]
            del self._highest[place]


@dataclass(slots=True)
class _Ghost:
    """The market's lots that stand behind the order of rank ``behind``, and before the next."""

    behind: int
    lots: int


class Level:
    """One price. ``ghost`` is the market's lots here, ``own`` the users'; no ghost and no order is empty."""

    __slots__ = ("_ghosts", "ghost", "orders", "own")

    def __init__(self) -> None:
        self.ghost = 0
        self.own = 0
        self.orders: OrderedDict[int, Order] = OrderedDict()
        """By oid, in order of arrival."""
        self._ghosts: deque[_Ghost] = deque()

    @property
    def lots(self) -> int:
        return self.ghost + self.own

    @property
    def is_empty(self) -> bool:
        return not self.orders and not self._ghosts

    @property
    def first_order(self) -> Order | None:
        return next(iter(self.orders.values()), None)

    def front(self) -> tuple[Order | None, int]:
        """What stands first, and its lots; None is the market. The level must not be empty."""
        order = self.first_order
        if order is not None and (not self._ghosts or self._ghosts[0].behind >= order.rank):
            return order, order.remaining
        return None, self._ghosts[0].lots

    def append(self, order: Order) -> None:
        """Put ``order`` at the end of the queue; its rank must be the highest here."""
        self.orders[order.oid] = order
        self.own += order.remaining

    def remove(self, order: Order) -> None:
        del self.orders[order.oid]
        self.own -= order.remaining

    def cut(self, order: Order, lots: int) -> None:
        """Take ``lots`` off an order, which leaves the queue if none remain."""
        assert 0 < lots <= order.remaining, (lots, order)
        if self.front()[0] is order:
            order.ahead = 0
        order.remaining -= lots
        self.own -= lots
        if not order.remaining:
            del self.orders[order.oid]

    def take_ghost(self, lots: int) -> None:
        """Take ``lots`` off the market's first ghost, which must hold them."""
        first = self._ghosts[0]
        assert 0 < lots <= first.lots, (lots, first)
        first.lots -= lots
        self.ghost -= lots
        if not first.lots:
            self._ghosts.popleft()

    def set_ghost(self, lots: int) -> None:
        if lots > self.ghost:
            self._grow(lots - self.ghost)
        while lots < self.ghost:
            last = self._ghosts[-1]
            taken = min(self.ghost - lots, last.lots)
            last.lots -= taken
            self.ghost -= taken
            if not last.lots:
                self._ghosts.pop()

    def _grow(self, lots: int) -> None:
        last_rank = next(reversed(self.orders.values())).rank if self.orders else 0
        if self._ghosts and self._ghosts[-1].behind >= last_rank:
            self._ghosts[-1].lots += lots
        else:
            self._ghosts.append(_Ghost(last_rank, lots))
        self.ghost += lots

    def restore(self, orders: Sequence[Order]) -> None:
        """Line up orders of an earlier run, in order of rank, with the market's lots that stand here now.

        Before an order stands no more of the market than when it was last stored (``ahead``), nor than before the next one.
        """
        left, self.ghost = self.ghost, 0
        self._ghosts.clear()
        most = list(accumulate(reversed([order.ahead for order in orders]), min))[::-1]
        for order, ahead in zip(orders, most, strict=True):
            if grown := min(ahead - self.ghost, left):
                self._grow(grown)
                left -= grown
            self.append(order)
        if left:
            self._grow(left)

    def note_places(self) -> list[Order]:
        """Bring ``ahead`` of every order up to date; those for which it changed."""
        changed: list[Order] = []
        ahead, ghosts = 0, deque(self.ghosts())
        for order in self.orders.values():
            while ghosts and ghosts[0][0] < order.rank:
                ahead += ghosts.popleft()[1]
            if order.ahead != ahead:
                order.ahead = ahead
                changed.append(order)
        return changed

    def ghosts(self) -> list[tuple[int, int]]:
        """(rank of the order before, lots) from the front."""
        return [(ghost.behind, ghost.lots) for ghost in self._ghosts]
