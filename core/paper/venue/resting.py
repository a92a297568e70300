"""What an account has standing in one coin's book, as running sums: margin and reduce-only rules never walk its orders."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.orders import Side
from core.paper.venue.orders import Order


@dataclass(slots=True)
class Resting:
    """Kept up by ``count``, which is called whenever an order came, shrank, fired or left. Dicts by oid, oldest first."""

    reducing: dict[int, Order] = field(default_factory=dict)
    """Reduce-only orders in the book."""
    reducing_lots: int = 0
    waiting: dict[int, Order] = field(default_factory=dict)
    """Trigger orders that haven't fired. They are in no sum."""
    _buys: int = 0
    _sells: int = 0
    _counted: dict[int, int] = field(default_factory=dict)
    """Remaining lots as they stand in the sums."""

    @property
    def is_any(self) -> bool:
        return bool(self._counted)

    def notional(self, side: Side) -> int:
        """Remaining lots times limit price of the orders that aren't reduce-only, in micro-USDC."""
        return self._buys if side is Side.BUY else self._sells

    def line_up(self) -> None:
        """Let the reduce-only orders stand as they came to the book: one that had to fire first came later than its id says."""
        self.reducing = dict(sorted(self.reducing.items(), key=lambda item: item[1].rank))

    def count(self, order: Order) -> None:
        """Let the sums say what stands of ``order`` now."""
        if order.trigger is not None:
            if order.is_open and not order.rests:
                self.waiting[order.oid] = order
            else:
                self.waiting.pop(order.oid, None)
        lots = order.remaining if order.rests else 0
        grown = lots - self._counted.get(order.oid, 0)
        if lots:
            self._counted[order.oid] = lots
        else:
            self._counted.pop(order.oid, None)
        if order.reduce_only:
            self.reducing_lots += grown
            if lots:
                self.reducing[order.oid] = order
            else:
                self.reducing.pop(order.oid, None)
        elif order.side is Side.BUY:
            self._buys += grown * order.price
        else:
            self._sells += grown * order.price
