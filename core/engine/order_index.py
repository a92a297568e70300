"""Order Index: every order we ever sent that may still matter, by cloid, by order id, by slot and by price.

It keeps what it is given; what an order has become is the Order Manager's to decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from core.domain.orders import Order, OrderState, Purpose, Slot
from core.engine.back_off import CancelPace
from core.engine.own_orders import OwnOrders

TERMINAL_KEPT = 1_000
"""Terminal orders kept in memory for late evidence; the journal has them all."""


@dataclass(slots=True)
class Doubt:
    """What is known about an order whose fate isn't: since when, when to ask next, what absence was seen."""

    since_mono_ms: int
    due_mono_ms: int
    first_not_found_mono_ms: int = 0
    absent_from_open_orders: bool = False


@dataclass(slots=True)
class OrderIndex:
    by_cloid: dict[str, Order] = field(default_factory=dict)
    by_oid: dict[int, str] = field(default_factory=dict)
    by_slot: dict[Slot, str] = field(default_factory=dict)
    doubts: dict[str, Doubt] = field(default_factory=dict)
    own: OwnOrders = field(default_factory=OwnOrders)
    """What may still trade, by price and in sum."""
    doubles: set[str] = field(default_factory=set)
    """Live orders of slots that another live order holds: it is to take their place, or late evidence brought one of the two
    back to life.
    """
    replacing: set[str] = field(default_factory=set)
    """Orders that are being cancelled by nothing but a change into others, which may never be made."""
    cancel_failed: set[str] = field(default_factory=set)
    """Live orders whose last cancel was answered with an error, or did not take."""
    cancel_pace: CancelPace = field(default_factory=CancelPace)
    version: int = 0
    """Grows with every change of an order."""
    settled: int = 0
    """Orders that have come to their end in this run."""
    revived: int = 0
    """Orders that late evidence has brought back from their end in this run."""
    venue_seen_ms: int = 0
    """The newest stamp of the venue's own: what expired before it can't arrive any more."""
    changed: dict[str, Order] = field(default_factory=dict)
    """Rows that changed since the last ``take_changed``."""
    _touched: set[Slot] = field(default_factory=set)
    _live: dict[str, Order] = field(default_factory=dict)
    _beside: dict[str, Order] = field(default_factory=dict)
    """Live orders that aren't the grid's: a handful."""
    _sent: dict[str, None] = field(default_factory=dict)
    """Live orders that nothing has been heard of yet."""
    _terminal: dict[str, None] = field(default_factory=dict)

    # -- looking ------------------------------------------------------------------------------------------------

    def live(self) -> Iterator[Order]:
        return iter(self._live.values())

    def live_of(self, purpose: Purpose) -> list[Order]:
        """Live orders of another purpose than the grid's."""
        assert purpose is not Purpose.GRID
        return [order for order in self._beside.values() if order.purpose is purpose]

    def live_at(self, slot: Slot) -> Order | None:
        cloid = self.by_slot.get(slot)
        return self.by_cloid[cloid] if cloid is not None else None

    def find(self, cloid: str | None, order_id: int | None) -> Order | None:
        """By cloid first: an order whose answer was lost has no order id yet."""
        if cloid is not None and cloid in self.by_cloid:
            return self.by_cloid[cloid]
        known = self.by_oid.get(order_id) if order_id is not None else None
        return self.by_cloid.get(known) if known is not None else None

    def exposure(self) -> tuple[int, int]:
        """Lots that live buys, and live sells, may still add; UNKNOWN and CANCELLING count in full (I4)."""
        return self.own.buys, self.own.sells

    def take_touched(self) -> set[Slot]:
        """Slots whose order has changed since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    def take_changed(self) -> list[Order]:
        changed, self.changed = list(self.changed.values()), {}
        return changed

    # -- keeping the indices ------------------------------------------------------------------------------------

    def _store(self, order: Order) -> Order:
        cloid = order.cloid
        if order.state.is_terminal:
            self.doubts.pop(cloid, None)
            self.replacing.discard(cloid)
            self.cancel_failed.discard(cloid)
        before = self.by_cloid.get(cloid)
        if before == order:
            return order
        self.settled += before is not None and before.state.is_live and order.state.is_terminal
        self.revived += before is not None and before.state.is_terminal and order.state.is_live
        self.version += 1
        self.by_cloid[cloid] = order
        self.changed[cloid] = order
        self.own.note(before, order)
        kept = (self._live,) if order.purpose is Purpose.GRID else (self._live, self._beside)
        for orders in kept:
            if order.state.is_live:
                orders[cloid] = order
            else:
                orders.pop(cloid, None)
        if order.state is OrderState.SENT:
            self._sent[cloid] = None
        else:
            self._sent.pop(cloid, None)
        if order.order_id is not None:
            self.by_oid[order.order_id] = cloid
        if order.slot is not None:
            self._touched.add(order.slot)
            self._note_slot(order, order.slot)
        if order.state.is_terminal:
            self._terminal[cloid] = None
            self._prune()
        return order

    def _note_slot(self, order: Order, slot: Slot) -> None:
        """The first one has it, but one that is being cancelled gives way to one that isn't."""
        if order.state.is_live:
            holder = self.by_slot.setdefault(slot, order.cloid)
            if holder == order.cloid:
                return
            gives_way = self.by_cloid[holder].state is OrderState.CANCELLING
            if gives_way and order.state is not OrderState.CANCELLING:
                self.by_slot[slot] = order.cloid
                self.doubles.discard(order.cloid)
                self.doubles.add(holder)
            else:
                self.doubles.add(order.cloid)
            return
        self.doubles.discard(order.cloid)
        if self.by_slot.get(slot) == order.cloid:
            self._hand_over(slot, order.cloid)

    def _hand_over(self, slot: Slot, cloid: str) -> None:
        """Free a slot, unless late evidence brought another order of it back to life."""
        del self.by_slot[slot]
        for other in self.doubles - {cloid}:
            if self.by_cloid[other].slot == slot:
                self.by_slot[slot] = other
                self.doubles.discard(other)
                return

    def _prune(self) -> None:
        while len(self._terminal) > TERMINAL_KEPT:
            cloid = next(iter(self._terminal))
            del self._terminal[cloid]
            order = self.by_cloid[cloid]
            if order.state.is_terminal:
                del self.by_cloid[cloid]
                if order.order_id is not None:
                    self.by_oid.pop(order.order_id, None)
