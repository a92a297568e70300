"""Trigger orders that wait for the mark price, in the order in which it will meet them."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TypeAlias

from core.paper.venue.orders import Order

_ROOM = 64

_Heap: TypeAlias = list[tuple[int, int, Order]]


@dataclass(slots=True)
class _Waiting:
    """Two heaps of (urgency, oid, order): the next one to fire when the mark rises, and when it falls.

    Orders that ended otherwise stay until they come up, or until they are more than the others.
    """

    above: _Heap = field(default_factory=list)
    below: _Heap = field(default_factory=list)
    room: int = _ROOM

    def tidy(self) -> None:
        """Forget those that don't wait any more, each time there are twice as many as after the last time."""
        if len(self.above) + len(self.below) <= self.room:
            return
        for heap in (self.above, self.below):
            heap[:] = [entry for entry in heap if _is_waiting(entry[2])]
            heapq.heapify(heap)
        self.room = _ROOM + 2 * (len(self.above) + len(self.below))


class TriggerIndex:
    """By coin. Asking costs next to nothing as long as nothing fires."""

    def __init__(self) -> None:
        self._coins: dict[str, _Waiting] = {}

    def __len__(self) -> int:
        """Orders that are kept."""
        return sum(len(waiting.above) + len(waiting.below) for waiting in self._coins.values())

    @property
    def coins(self) -> list[str]:
        """Those with anything waiting."""
        return list(self._coins)

    def has_any(self, coin: str) -> bool:
        """Whether anything waits for that coin's mark, so that it must be known."""
        return coin in self._coins

    def watch(self, order: Order) -> None:
        """From now on the order waits for the mark alone."""
        trigger = order.trigger
        assert trigger is not None, order
        waiting = self._coins.setdefault(order.coin, _Waiting())
        if trigger.is_above(order.side):
            heapq.heappush(waiting.above, (trigger.price, order.oid, order))
        else:
            heapq.heappush(waiting.below, (-trigger.price, order.oid, order))
        waiting.tidy()

    def pop_due(self, coin: str, mark: int) -> Order | None:
        """The next order that ``mark`` fires; it is watched no longer. None if there is none."""
        waiting = self._coins.get(coin)
        if waiting is None or not mark:
            return None
        for heap in (waiting.above, waiting.below):
            while heap and not _is_waiting(heap[0][2]):
                heapq.heappop(heap)
            if heap:
                order = heap[0][2]
                if order.trigger is not None and order.trigger.is_met(order.side, mark):
                    heapq.heappop(heap)
                    return order
        if not waiting.above and not waiting.below:
            del self._coins[coin]
        return None


def _is_waiting(order: Order) -> bool:
    return order.is_open and not order.rests
