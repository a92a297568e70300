"""Order Manager: every order we ever sent that may still matter, and the evidence that moves it.

One aggregate with its indices (by_cloid, by_oid, by_price, by_slot). A state changes on evidence alone: an answer that is
definite, a row of orderUpdates or orderStatus, fills that add up. A time-out is UNKNOWN, a failed cancel stays CANCELLING
(C-6): both keep their slot and their share of the worst case until the exchange has said what became of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.domain.clock import Instant
from core.domain.events import OrderUpdate, PlaceResult, Refused, Resting, Traded, Unsettled, Waiting
from core.domain.fills import Fill
from core.domain.orders import Order, OrderState, Slot, Tif
from core.engine.order_index import Doubt, OrderIndex

NOT_FOUND_APART_MS = 5_000
"""Two ``unknownOid`` answers count as "never placed" only this far apart."""

GONE_AFTER_MS = 60_000
"""An order that had been seen is gone only once it hasn't been found for so long: a node of the exchange may lag by half a
minute, and one that keeps up never answers ``unknownOid`` about it.
"""

FILLS_WAIT_MS = 10_000
"""How long an order that has ended may wait for fills before a complete read without them settles it."""

SETTLED_SHORT = "ended with fewer fills than its status says"
"""The reason of an order that was ended although fewer fills came than the exchange's status says."""

MADE_AHEAD_MS = 5_000
"""A time of making that lies further than this in the future is a wrong clock's."""

ASK_AGAIN_MS = 2_000
"""How often the status of one unsettled order is asked for."""

STAMP_AGAIN_MS = 500
"""How often the venue's time is asked for once an action should have expired by our reckoning of it."""


_ENDED = (OrderState.AWAITING_FILLS, OrderState.FILLED, OrderState.CANCELLED)


def _was_seen(order: Order) -> bool:
    """Whether the exchange has ever shown that it has the order."""
    return order.order_id is not None or order.filled > 0 or order.state is OrderState.OPEN


@dataclass(slots=True)
class OrderManager(OrderIndex):
    """The index, and what moves an order in it."""

    # -- our own decisions --------------------------------------------------------------------------------------

    def add(self, order: Order) -> None:
        """Take a new intent, or one restored from the journal. At most one live order per slot (I5)."""
        assert order.cloid not in self.by_cloid, order.cloid
        if order.slot is not None and order.state.is_live:
            assert order.slot not in self.by_slot, order.slot
        self._store(order)

    def restore(self, order: Order, now: Instant) -> None:
        """Take a live row of an earlier run: what was in flight is UNKNOWN, and everything is asked about at once."""
        if order.filled >= (order.lots if order.final_filled is None else order.final_filled) > 0:
            # Its last fill was committed and its row was not: a kill came between.
            self._settle(replace(order, final_filled=order.final_filled or order.lots))
            return
        in_flight = order.state is OrderState.SENT
        self._store(
            order.moved(OrderState.UNKNOWN, "in flight when the program ended") if in_flight else order
        )
        self._begin_doubt(order.cloid, now).due_mono_ms = now.mono_ms

    def start_cancel(self, cloid: str, now: Instant) -> Order:
        order = self.by_cloid[cloid]
        assert order.state.is_live, order
        self.replacing.discard(cloid)
        # What is known of its absence stays known; whether the cancel took is asked anew.
        doubt = self._begin_doubt(cloid, now)
        doubt.since_mono_ms, doubt.due_mono_ms = now.mono_ms, now.mono_ms + ASK_AGAIN_MS
        return self._store(order.moved(OrderState.CANCELLING))

    def start_modify(self, cloid: str, new: Order, now: Instant) -> tuple[Order, Order]:
        """``new`` is to take a resting order's place, at the exchange in one go: the old one is CANCELLING from now on, and
        both count until evidence. It may take the old one's slot, too (I5: the exchange never has both).
        """
        old = self.by_cloid[cloid]
        assert old.state is OrderState.OPEN, old
        assert old.order_id is not None, old
        assert not old.filled, old
        assert cloid not in self.doubts, old
        assert (old.side, old.purpose) == (new.side, new.purpose), new
        assert new.cloid not in self.by_cloid, new.cloid
        assert new.slot is not None, new
        assert self.by_slot.get(new.slot, cloid) == cloid, new.slot
        leaving = self.start_cancel(cloid, now)
        self.replacing.add(cloid)
        return leaving, self._store(new)

    def move_slot(self, cloid: str, slot: Slot) -> None:
        """A resting order serves another, free slot from now on: the one that a new grid has at its price."""
        order = self.by_cloid[cloid]
        assert order.state is OrderState.OPEN, order
        assert not order.filled, order
        assert slot not in self.by_slot, slot
        if order.slot is not None and self.by_slot.get(order.slot) == cloid:
            self._touched.add(order.slot)
            self._hand_over(order.slot, cloid)
        self.doubles.discard(cloid)
        self._store(replace(order, slot=slot))

    # -- evidence -----------------------------------------------------------------------------------------------

    def apply_place(self, cloid: str, result: PlaceResult, now: Instant) -> Order | None:
        """The answer to a placement. Evidence that came first (an update, a fill) is not undone by it."""
        order = self.by_cloid.get(cloid)
        if order is None:
            return None
        match result:
            case Resting(order_id):
                if order.state is OrderState.CANCELLING and order.reason:
                    # A cancel overtook the order and was told that it didn't exist: now it does.
                    order = order.moved(OrderState.OPEN, "placed after its cancel")
                return self._seen_open(replace(order, order_id=order_id), now)
            case Waiting():
                return self._seen_open(order, now)
            case Traded(order_id, lots):
                order = replace(order, order_id=order_id)
                if order.state.is_terminal:
                    return self._store(order)
                self._begin_doubt(cloid, now)
                if order.tif is Tif.IOC:
                    return self._settle(replace(order, final_filled=lots))
                return self._store(order.moved(OrderState.OPEN))
            case Refused(reason):
                if order.state in (OrderState.SENT, OrderState.UNKNOWN):
                    return self._store(order.moved(OrderState.REJECTED, reason))
                if order.state.is_live:  # we had seen it rest or trade: one of the two is wrong, so ask
                    self._begin_doubt(cloid, now).due_mono_ms = now.mono_ms
                return order
            case Unsettled(reason):
                return self.doubt(cloid, reason, now) if order.state is OrderState.SENT else order

    def apply_cancel(self, cloid: str, error: str, now: Instant) -> Order | None:
        """The answer to a cancel. It settles nothing: the update or the status says how much had traded.

        On an error the status is asked for at once.
        """
        order = self.by_cloid.get(cloid)
        if not error:
            self.replacing.discard(cloid)
            self.cancel_failed.discard(cloid)
            self.version += 1
        if order is None or order.state is not OrderState.CANCELLING or not error:
            return order
        self._begin_doubt(cloid, now).due_mono_ms = now.mono_ms
        self.cancel_failed.add(cloid)
        self.version += 1
        return self._store(replace(order, reason=error))

    def apply_update(self, update: OrderUpdate, now: Instant) -> Order | None:
        """A row of orderUpdates or orderStatus. Once the exchange has said how much traded in the end, no row undoes it."""
        order = self.find(update.cloid, update.order_id)
        if order is None:
            return None
        order = replace(order, order_id=update.order_id)
        status = update.status
        if status in ("open", "triggered"):
            return self._seen_open(order, now)
        if order.state in _ENDED:
            return self._store(order)
        if status == "filled":
            self._begin_doubt(order.cloid, now)
            return self._settle(replace(order, final_filled=order.lots))
        if status.endswith(("Canceled", "canceled", "Cancel")):
            self._begin_doubt(order.cloid, now)
            traded = max(0, order.lots - update.remaining)
            return self._settle(replace(order, final_filled=traded, reason=status))
        if status.endswith(("Rejected", "rejected")):
            return self._store(order.moved(OrderState.REJECTED, status))
        return self.doubt(order.cloid, f"the exchange says {status!r}, which is not a known status", now)

    def _seen_open(self, order: Order, now: Instant) -> Order:
        doubt = self.doubts.get(order.cloid)
        match order.state:
            case OrderState.SENT | OrderState.UNKNOWN | OrderState.NEVER_PLACED | OrderState.REJECTED:
                order = order.moved(OrderState.OPEN)
            case OrderState.CANCELLED if order.final_filled is None:
                order = order.moved(OrderState.OPEN, "held for gone, and found")
            case OrderState.CANCELLING if doubt:
                # Without an error the answer may still be on its way, or the list may be late.
                wait_until = doubt.since_mono_ms + (
                    self.cancel_pace.wait_ms if order.reason else ASK_AGAIN_MS
                )
                if now.mono_ms >= wait_until:
                    order = order.moved(OrderState.OPEN, "the cancel did not take")
                    self.cancel_failed.add(order.cloid)
                elif order.reason:
                    doubt.due_mono_ms = wait_until  # that it rests is known
                else:
                    doubt.due_mono_ms = min(doubt.due_mono_ms, wait_until)
            case _:
                pass
        if order.state is OrderState.OPEN:
            self.doubts.pop(order.cloid, None)
        return self._store(order)

    def apply_not_found(self, cloid: str, venue_ms: int, now: Instant) -> Order | None:
        """``unknownOid``. It settles an order only with venue time past ``expiresAfter``, two such answers apart, and
        absence from the open orders; then it was never placed. One that we had seen can't arrive anew, whatever its
        ``expiresAfter``: it is gone if the answers are far apart.
        """
        order = self.by_cloid.get(cloid)
        was_seen = order is not None and _was_seen(order)
        if order is None or order.state.is_terminal or (venue_ms <= order.expires_ms and not was_seen):
            return order
        self.venue_seen_ms = max(self.venue_seen_ms, venue_ms)
        doubt = self._begin_doubt(cloid, now)
        if not doubt.first_not_found_mono_ms:
            doubt.first_not_found_mono_ms = now.mono_ms
        apart = now.mono_ms - doubt.first_not_found_mono_ms
        least = GONE_AFTER_MS if was_seen else NOT_FOUND_APART_MS
        if apart < least or not doubt.absent_from_open_orders:
            return order
        if was_seen:
            return self._store(order.moved(OrderState.CANCELLED, "the exchange no longer knows it"))
        return self._store(order.moved(OrderState.NEVER_PLACED, "the exchange never knew it"))

    def apply_fill(self, fill: Fill) -> tuple[Order | None, bool]:
        """A journalled fill: its order, and whether it filled more than was ordered (an alarm, never clamped)."""
        order = self.find(fill.cloid, fill.order_id)
        if order is None:
            return None, False
        order = replace(order, filled=order.filled + fill.lots, order_id=fill.order_id)
        if order.state in (OrderState.SENT, OrderState.UNKNOWN, OrderState.NEVER_PLACED, OrderState.REJECTED):
            order = order.moved(OrderState.OPEN)
        if order.filled >= order.lots:
            order = order.moved(OrderState.FILLED)
        elif order.final_filled is not None and order.filled >= order.final_filled:
            order = order.moved(OrderState.CANCELLED)
        self._store(order)
        return order, order.filled > order.lots

    def doubt(self, cloid: str, reason: str, now: Instant) -> Order:
        """Mark an order UNKNOWN: it keeps its slot and its exposure until evidence."""
        self._begin_doubt(cloid, now)
        return self._store(self.by_cloid[cloid].moved(OrderState.UNKNOWN, reason))

    def saw_open_orders(self, cloids: Iterable[str], asked_mono_ms: int, now: Instant) -> None:
        """A list of all open orders. Absence settles nothing; it makes us ask about that one order."""
        present = set(cloids)
        for order in list(self._live.values()):
            doubt = self.doubts.get(order.cloid)
            if order.cloid in present:
                if doubt is not None:
                    doubt.absent_from_open_orders = False
            elif doubt is not None:
                doubt.absent_from_open_orders |= asked_mono_ms > doubt.since_mono_ms
            elif order.state is OrderState.OPEN and self._older_than(order, asked_mono_ms, now):
                self.doubts[order.cloid] = Doubt(now.mono_ms, now.mono_ms)

    def settle_short(self, now: Instant) -> list[Order]:
        """End orders that have waited long for fills which no complete read has brought: a venue that shrank a reduce-only
        order says ``filled`` all the same.
        """
        waiting = [o for o in self.live() if o.state is OrderState.AWAITING_FILLS]
        return [
            self._store(order.moved(OrderState.CANCELLED, SETTLED_SHORT))
            for order in waiting
            if now.mono_ms - self._begin_doubt(order.cloid, now).since_mono_ms >= FILLS_WAIT_MS
        ]

    def settle_stop(self, cloid: str) -> Order:
        """End a stop that fired and has nothing left to close: it was larger than the position on purpose."""
        return self._store(self.by_cloid[cloid].moved(OrderState.CANCELLED, SETTLED_SHORT))

    def saw_venue_time(self, venue_ms: int, now: Instant) -> None:
        """A stamp of the venue's. Orders that can't arrive any more since then are asked about at once."""
        before, self.venue_seen_ms = self.venue_seen_ms, max(self.venue_seen_ms, venue_ms)
        for cloid, doubt in self.doubts.items():
            if before <= self.by_cloid[cloid].expires_ms < self.venue_seen_ms:
                doubt.due_mono_ms = min(doubt.due_mono_ms, now.mono_ms)

    def may_still_arrive(self, order: Order) -> bool:
        """Whether the venue might yet take an order that it hasn't been seen to have."""
        return not _was_seen(order) and self.venue_seen_ms <= order.expires_ms

    def due_questions(self, now: Instant) -> list[Order]:
        """Orders whose fate should be asked for now, each about every ``ASK_AGAIN_MS``."""
        due = []
        for cloid in list(self._sent):
            if now.venue_ms > self.by_cloid[cloid].expires_ms + ASK_AGAIN_MS:
                self.doubt(cloid, "its outcome was never reported", now)
        for cloid, doubt in self.doubts.items():
            if now.mono_ms >= doubt.due_mono_ms:
                order = self.by_cloid[cloid]
                doubt.due_mono_ms = self._next_question_ms(order, doubt, now)
                due.append(order)
        return due

    def _next_question_ms(self, order: Order, doubt: Doubt, now: Instant) -> int:
        """When (mono ms) the next answer could say more than this one."""
        is_missing = bool(doubt.first_not_found_mono_ms)
        if is_missing and _was_seen(order):
            return now.mono_ms + NOT_FOUND_APART_MS
        usual = now.mono_ms + ASK_AGAIN_MS
        if self.may_still_arrive(order):
            expires_in = order.expires_ms + 1 - now.venue_ms
            return min(usual, now.mono_ms + (expires_in if expires_in > 0 else STAMP_AGAIN_MS))
        settles = doubt.first_not_found_mono_ms + NOT_FOUND_APART_MS
        return min(usual, settles) if is_missing and settles > now.mono_ms else usual

    @staticmethod
    def _older_than(order: Order, asked_mono_ms: int, now: Instant) -> bool:
        """Whether the order was sent before the list was asked for; a list may miss what came while it was made.

        One from the future was made by a clock that was ahead: when, can't be told, and asking about it costs little.
        """
        asked_ms = now.venue_ms - (now.mono_ms - asked_mono_ms)
        return order.created_ms < asked_ms or order.created_ms > now.venue_ms + MADE_AHEAD_MS

    def _begin_doubt(self, cloid: str, now: Instant) -> Doubt:
        return self.doubts.setdefault(cloid, Doubt(now.mono_ms, now.mono_ms + ASK_AGAIN_MS))

    def _settle(self, order: Order) -> Order:
        """The venue said how much traded in the end: terminal if our fills add up to it, else wait for them."""
        assert order.final_filled is not None
        if order.filled < order.final_filled:
            return self._store(order.moved(OrderState.AWAITING_FILLS))
        done = OrderState.FILLED if order.filled >= order.lots else OrderState.CANCELLED
        return self._store(order.moved(done))
