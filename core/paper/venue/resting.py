"""What an account has standing in one coin's book, as running sums: margin and reduce-only rules never walk its orders."""

from __future__ import annotations

from core.domain.orders import Side
from core.paper.venue.orders import Order


class Resting:
    """Kept up by ``count``, which is called whenever an order came, shrank or left."""

    __slots__ = ("_buys", "_counted", "_sells", "reducing", "reducing_lots")

    def __init__(self) -> None:
        self._buys = 0
        self._sells = 0
        self._counted: dict[int, int] = {}
        """By oid: remaining lots as they stand in the sums."""
        self.reducing: dict[int, Order] = {}
        """Reduce-only orders by oid, oldest first."""
        self.reducing_lots = 0

    def notional(self, side: Side) -> int:
        """Remaining lots times limit price of the orders that aren't reduce-only, in micro-USDC."""
        return self._buys if side is Side.BUY else self._sells

    def count(self, order: Order) -> None:
        """Let the sums say what stands of ``order`` now."""
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
