"""When each order was where on its way: five moments of the monotonic clock, in memory alone, and histograms between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.domain.effects import Effect, Modify, Notify, Place
from core.domain.events import Event, FillsCommitted, Quote
from core.domain.orders import Order
from core.domain.spread import Spread
from core.exchange.order_traces import CLOID_TAIL, orders_sent
from core.exchange.venue_clock import mono_us
from core.view import DURATION_ENDS_US, LatencyView, OrderTimesView, StageView

ACTIONS_KEPT = 256
"""Actions whose moments are remembered; of older ones only the histograms know."""

CANCELLED = "canceled"
"""What becomes of an order that its owner takes back; the exchange's own cancels have other words."""

CANCELS_KEPT = 2_048
"""Cancelled orders whose cancel's moment is remembered: a few grids."""

ORDERS_SHOWN = 16

_FINE = 8
"""Buckets to each doubling: a figure is at most an eighth above the truth."""
_OCTAVES = 26
_BUCKETS = _FINE * (_OCTAVES - 2)
"""Up to a minute; what took longer counts as that."""

_LEGS = ("tick_to_decision", "decision_to_commit", "commit_to_wire", "wire_to_ack")

STAGES = ("tick_to_decision", "decision_to_commit", "commit_to_wire", "tick_to_wire", "wire_to_ack")


class Histogram:
    """Counts of durations in microseconds, in buckets that grow with what they hold."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.count = self.worst = 0
        self.spread = Spread(DURATION_ENDS_US)

    def add(self, us: int) -> None:
        us = max(us, 0)
        self._counts[min(_bucket(us), _BUCKETS - 1)] += 1
        self.count += 1
        self.worst = max(self.worst, us)
        self.spread.add(us)

    def quantile(self, part: float) -> int:
        """The end of the bucket in which so much of all is reached, no more than the worst; 0 of nothing."""
        short = part * self.count
        for bucket, count in enumerate(self._counts):
            short -= count
            if short <= 0 and count:
                return min(_end(bucket), self.worst)
        return self.worst


def _bucket(us: int) -> int:
    shift = max(us.bit_length() - 4, 0)
    return (us >> shift) + _FINE * shift


def _end(bucket: int) -> int:
    """The largest duration that it holds."""
    shift = max(bucket // _FINE - 1, 0)
    return ((bucket - _FINE * shift + 1) << shift) - 1


@dataclass(slots=True)
class _Trip:
    """One action on its way."""

    orders: tuple[Order, ...]
    action: str
    trace: str
    cause: Event
    tick_us: int
    decided_us: int
    committed_us: int = 0
    sent_us: int = 0
    acked_us: int = 0

    def told(self) -> Notify:
        """What is written of it once it is answered."""
        at = (self.tick_us, self.decided_us, self.committed_us, self.sent_us, self.acked_us)
        us = {f"{n}_us": max(to - of, 0) for n, of, to in zip(_LEGS, at, at[1:], strict=False) if of and to}
        return orders_sent(self.trace, self.cause, self.action, self.orders, us)


class OrderTimes:
    """Belongs to the core's loop. Orders that it was never told of are passed over."""

    def __init__(
        self, clock_us: Callable[[], int] = mono_us, tell: Callable[[Notify], None] = lambda _: None
    ) -> None:
        """``tell`` gets the way of each action, once that has ended."""
        self._now_us, self._tell = clock_us, tell
        self._trips: deque[_Trip] = deque()
        self._by_cloid: dict[str, _Trip] = {}
        self._cancelled_us: dict[str, int] = {}
        self._stages = {name: Histogram() for name in STAGES}
        self._view: LatencyView | None = None

    def decided(self, effects: Iterable[Effect], cause: Event) -> None:
        """What one event made the engine want. When it came in is known of one that came from the market."""
        tick_us, trace = cause.arrived_us if isinstance(cause, Quote | FillsCommitted) else 0, ""
        for effect in effects:
            if isinstance(effect, Place | Modify):
                trace = trace or effect.orders[0].cloid[-CLOID_TAIL:]
                action = "place" if isinstance(effect, Place) else "modify"
                trip = _Trip(effect.orders, action, trace, cause, tick_us, self._now_us())
                self._trips.append(trip)
                self._by_cloid.update((order.cloid, trip) for order in trip.orders)
                if tick_us:
                    self._took("tick_to_decision", trip.decided_us - tick_us)
        while len(self._trips) > ACTIONS_KEPT:
            for order in self._trips.popleft().orders:
                self._by_cloid.pop(order.cloid, None)

    def committed(self, orders: Sequence[Order]) -> None:
        trip = self._trip(orders)
        if trip is not None and not trip.committed_us:
            trip.committed_us = self._now_us()
            self._took("decision_to_commit", trip.committed_us - trip.decided_us)

    def sent(self, orders: Sequence[Order]) -> None:
        """Of an action that is sent in parts, or again, the first counts."""
        trip = self._trip(orders)
        if trip is None or trip.sent_us:
            return
        trip.sent_us = self._now_us()
        if trip.committed_us:
            self._took("commit_to_wire", trip.sent_us - trip.committed_us)
        if trip.tick_us:
            self._took("tick_to_wire", trip.sent_us - trip.tick_us)

    def acked(self, orders: Sequence[Order]) -> None:
        trip = self._trip(orders)
        if trip is not None and trip.sent_us and not trip.acked_us:
            trip.acked_us = self._now_us()
            self._took("wire_to_ack", trip.acked_us - trip.sent_us)
            self._tell(trip.told())

    def unanswered(self, orders: Sequence[Order]) -> None:
        """It left, and what became of it is not known: what is known of its way is told all the same."""
        trip = self._trip(orders)
        if trip is not None and trip.sent_us and not trip.acked_us:
            self._tell(trip.told())

    def cancelling(self, orders: Iterable[Order]) -> None:
        """Their cancels are about to leave. Of one that is sent again the first counts."""
        for order in orders:
            self._cancelled_us.setdefault(order.cloid, self._now_us())
        while len(self._cancelled_us) > CANCELS_KEPT:
            del self._cancelled_us[next(iter(self._cancelled_us))]

    def asked_us(self, cloid: str | None, status: str) -> int:
        """No sooner than that can an order of ours have got this status; 0 if that isn't known."""
        if cloid is None:
            return 0
        if status == CANCELLED and (cancelled_us := self._cancelled_us.get(cloid)):
            return cancelled_us
        trip = self._by_cloid.get(cloid)
        return trip.sent_us if trip is not None else 0

    def view(self) -> LatencyView:
        """The same object until something has happened."""
        if self._view is None:
            stages = (
                StageView(
                    name, each.count, each.quantile(0.5), each.quantile(0.99), each.worst, each.spread.view
                )
                for name, each in self._stages.items()
            )
            self._view = LatencyView(tuple(stages), tuple(self._newest()))
        return self._view

    def _newest(self) -> list[OrderTimesView]:
        found: list[OrderTimesView] = []
        for trip in reversed(self._trips):
            at = (trip.tick_us, trip.decided_us, trip.committed_us, trip.sent_us, trip.acked_us)
            room = ORDERS_SHOWN - len(found)
            found += [OrderTimesView(o.cloid, o.coin, *at) for o in reversed(trip.orders[:room])]
            if len(found) == ORDERS_SHOWN:
                break
        return found[::-1]

    def _trip(self, orders: Sequence[Order]) -> _Trip | None:
        return self._by_cloid.get(orders[0].cloid) if orders else None

    def _took(self, stage: str, us: int) -> None:
        self._stages[stage].add(us)
        self._view = None
