"""A small exchange in memory for the engine's tests: every message waits until the test delivers it, in any order it likes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.causes import Cause
from core.domain.effects import (
    AskAccount,
    AskDepth,
    AskOpenOrders,
    AskOrderStatus,
    Backfill,
    Cancel,
    CancelOrphan,
    Effect,
    Modify,
    Place,
    Reconnect,
)
from core.domain.events import (
    BackfillDone,
    CancelOutcome,
    Event,
    FillsCommitted,
    OpenOrdersObserved,
    OrderNotFound,
    OrderUpdate,
    PlaceOutcome,
    PlaceResult,
    Quote,
    Refused,
    RemoteOrder,
    Resting,
    Traded,
    Unsettled,
)
from core.domain.fills import Fill
from core.domain.holdings import CellPart, taken_from_cells
from core.domain.orders import Order, Purpose, Side, Tif
from tests.unit.engine.builders import VENUE_0, Bench, account, at, depth, fill, quote

Work = Callable[[], None]
ACTIONS = Place | Modify | Cancel | CancelOrphan
STEP_MS = 500


@dataclass
class Booked:
    """An order as the venue holds it."""

    order: Order
    order_id: int
    remaining: int
    status: str = "open"

    @property
    def rests(self) -> bool:
        return self.status == "open"


@dataclass
class Venue:
    """``requests`` are on their way to the venue, ``inbox`` is on its way to the engine; nothing moves by itself."""

    bench: Bench
    position: int = 0
    mid: int = 2_000_000
    booked: dict[str, Booked] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    journal: set[int] = field(default_factory=set)
    parts: list[CellPart] = field(default_factory=list)
    """What the journal has taken from cells."""
    requests: list[Effect] = field(default_factory=list)
    inbox: list[tuple[Event, ...]] = field(default_factory=list)
    """Messages; what one answer brought stays together."""
    modified: Counter[str] = field(default_factory=Counter)
    """What became of each change that arrived."""
    fee_ppb: int = 0
    """Of the notional of a fill, times 10**9."""
    fills_on_touch: bool = False
    """Whether an order trades when the mid stands at its price; otherwise once it has passed it."""
    is_deaf: bool = False
    """While set, an IOC order finds nobody."""
    lossy_stream: bool = False
    """While set, the stream drops fills and order updates; reads still tell them."""

    # -- the engine's side ------------------------------------------------------------------------------------------

    def take(self, effects: list[Effect]) -> None:
        """What the engine wants goes on its way."""
        kinds = (
            Place,
            Modify,
            Cancel,
            CancelOrphan,
            AskOrderStatus,
            AskOpenOrders,
            AskAccount,
            AskDepth,
            Backfill,
            Reconnect,
        )
        for effect in effects:
            if isinstance(effect, kinds):
                self.requests.append(effect)

    def deliver(self, index: int = 0) -> None:
        """One waiting message reaches the engine; fills pass the journal first, which refuses known ones."""
        for told in self.inbox.pop(index):
            event: Event = told
            if isinstance(event, FillsCommitted):
                fresh = tuple(f for f in event.fills if f.trade_id not in self.journal)
                self.journal |= {f.trade_id for f in fresh}
                parts = tuple(self._parts(fresh))
                self.parts += parts
                event = FillsCommitted(fresh, (("SOL", len(event.fills) - len(fresh)),), parts=parts)
            self.take(self.bench.step(event))

    def _parts(self, fills: tuple[Fill, ...]) -> Iterator[CellPart]:
        """What the journal takes from the cells for the fills of parts, and tells."""
        coin = self.bench.coin
        traded, held = Counter(coin.plan.traded if coin.plan else {}), coin.ledger.lots
        for one in fills:
            held += one.signed_lots
            order = coin.orders.find(one.cloid, one.order_id)
            if coin.grid is None or order is None:
                continue
            if order.purpose is Purpose.REDUCE:
                taken = taken_from_cells(coin.grid, traded, held - one.signed_lots, one.signed_lots)
                for cell, lots in taken.items():
                    traded[cell] += lots
                    yield CellPart("SOL", coin.grid.generation, cell, lots)
            elif order.slot is not None and order.slot.generation == coin.grid.generation:
                traded[order.slot.index] += one.signed_lots

    def tell(self, *events: Event) -> None:
        self.inbox.append(events)

    # -- the venue's side ---------------------------------------------------------------------------------------------

    def serve(self, index: int = 0, answered: bool = True) -> None:
        """One request arrives; with ``answered`` false it takes effect and its answer is lost."""
        request = self.requests.pop(index)
        match request:
            case Place(orders):
                results = tuple((o.cloid, self._book(o)) for o in orders)
                if not answered:
                    results = tuple((o.cloid, Unsettled("the answer was lost")) for o in orders)
                self.tell(PlaceOutcome(results))
            case Modify(pairs):
                self.tell(self._modify_all(pairs, answered))
            case Cancel(orders):
                told = tuple((o.cloid, self._cancel(o.cloid)) for o in orders)
                if not answered:
                    told = tuple((o.cloid, "the answer was lost") for o in orders)
                self.tell(CancelOutcome(told))
            case CancelOrphan(_, cloid):
                self._cancel(cloid)
            case AskOrderStatus(_, cloid) if answered:
                self.tell(self._status(cloid))
            case AskOpenOrders(ticket) if answered:
                self.tell(OpenOrdersObserved(self.resting_as_listed(), self.bench.now.mono_ms, ticket))
            case AskAccount(ticket) if answered:
                self.tell(account(self.position, self.bench.now, ticket))
            case AskDepth(coin, ticket) if answered:
                self.tell(depth(self.mid, coin=coin, ticket=ticket))
            case Backfill(since_ms, ticket) if answered:
                rows = tuple(f for f in self.fills if f.time_ms >= (since_ms or 0))
                done = BackfillDone(ticket, len(rows), 0, self.bench.now.venue_ms)
                self.tell(FillsCommitted(rows), done)
            case Backfill(_, ticket):
                self.tell(BackfillDone(ticket, 0, 0, 0, error="time-out"))
            case _:
                pass

    def lose(self, index: int = 0) -> None:
        """One request never arrives."""
        match self.requests.pop(index):
            case Place(orders):
                self.tell(PlaceOutcome(tuple((o.cloid, Unsettled("time-out")) for o in orders)))
            case Modify() as lost:
                self.tell(_unanswered(lost))
            case Cancel(orders):
                self.tell(CancelOutcome(tuple((o.cloid, "time-out") for o in orders)))
            case Backfill(_, ticket):
                self.tell(BackfillDone(ticket, 0, 0, 0, error="time-out"))
            case _:
                pass

    def move(self, mid: int, part: int = 100) -> None:
        """The market moves; what it trades through is filled, the order nearest to it by ``part`` percent only."""
        self.mid = mid
        hit = [b for b in self.booked.values() if b.rests and self._reached(b.order)]
        hit.sort(key=lambda b: -b.order.price * b.order.side.sign)
        for n, one in enumerate(hit):
            self.trade(one, one.remaining if n else max(1, one.remaining * part // 100))
        self.tell(quote(mid))

    def trade(self, one: Booked, lots: int) -> None:
        made = fill(
            lots=lots,
            start=self.position,
            ms=self.bench.ms,
            trade_id=len(self.fills) + 1,
            of=one.order,
            order_id=one.order_id,
            fee=str(Decimal(lots * one.order.price * self.fee_ppb).scaleb(-15)),
        )
        self.fills.append(made)
        self.position = made.end_lots
        one.remaining -= lots
        if not one.remaining:
            one.status = "filled"
        if not self.lossy_stream:
            self.tell(FillsCommitted((made,)))
            if not one.rests:
                self.tell(self._update(one))

    def resting(self, side: Side | None = None) -> list[Booked]:
        return [b for b in self.booked.values() if b.rests and side in (None, b.order.side)]

    def resting_as_listed(self) -> tuple[RemoteOrder, ...]:
        return tuple(
            RemoteOrder("SOL", b.order.cloid, b.order_id, b.order.side, b.order.price, b.remaining, False)
            for b in self.resting()
        )

    def waiting(self, actions: bool) -> list[int]:
        """Where the requests stand that change something, or those that only read."""
        return [n for n, r in enumerate(self.requests) if isinstance(r, ACTIONS) is actions]

    def on_the_way(self) -> list[Order]:
        """Orders whose bytes left and that may still arrive."""
        return [o for r in self.requests if isinstance(r, Place | Modify) for o in r.orders]

    def changes(self) -> list[int]:
        """Where the requests stand that let one order take another's place."""
        return [n for n, r in enumerate(self.requests) if isinstance(r, Modify)]

    def may_replace(self, order: Order) -> bool:
        """Whether it is on its way into the place of another order of its slot, which is gone before it comes."""
        pairs = [pair for r in self.requests if isinstance(r, Modify) for pair in r.pairs]
        return any(new is order and old.slot == new.slot for old, new in pairs)

    def settle(self, ms: int = 60_000) -> None:
        """Nothing fails any more: everything is served and delivered in order while time passes, half a second at a time, and
        up to two seconds once no order is sent: most of what a storm costs would be steps in which nothing happens.
        """
        self.lossy_stream = False
        end, pace = self.bench.ms + ms, STEP_MS
        while self.bench.ms < end:
            pace = STEP_MS if self._serve_all() else min(2 * pace, 4 * STEP_MS)
            quote = Quote("SOL", self.mid - 100, self.mid + 100, at(0).venue_ms)
            self.take(self.bench.after(min(pace, end - self.bench.ms), quote))

    def _serve_all(self) -> bool:
        """Whether anything but reads was asked for."""
        acted = False
        for _ in range(50):
            if not self.requests and not self.inbox:
                break
            while self.requests:
                acted = acted or isinstance(self.requests[0], ACTIONS)
                self.serve()
            while self.inbox:
                self.deliver()
        return acted

    # -- rules -----------------------------------------------------------------------------------------------------------

    def _reached(self, order: Order) -> bool:
        if self.fills_on_touch and order.price == self.mid:
            return True
        return order.price > self.mid if order.side is Side.BUY else order.price < self.mid

    def _book(self, order: Order) -> PlaceResult:
        assert order.cloid not in self.booked, "sent twice"
        if self.bench.now.venue_ms > order.expires_ms:
            return Refused("action expired")
        touches = order.price >= self.mid + 100 if order.side is Side.BUY else order.price <= self.mid - 100
        if order.tif is Tif.IOC:
            return self._trade_now(order, touches)
        if touches:
            return Refused("Post only order would have immediately matched")
        one = Booked(order, 10_000 + len(self.booked), order.lots)
        self.booked[order.cloid] = one
        if not self.lossy_stream:
            self.tell(self._update(one))
        return Resting(one.order_id)

    def _modify_all(self, pairs: tuple[tuple[Order, Order], ...], answered: bool) -> PlaceOutcome:
        results, replaced = [], []
        for old, new in pairs:
            result = self._modify(old, new)
            results.append((new.cloid, result))
            replaced.append((old.cloid, "" if isinstance(result, Resting) else "not replaced"))
        for _, result in results:
            self.modified[_in_a_word(result) if answered else "unanswered"] += 1
        if not answered:
            return _unanswered(Modify(pairs))
        return PlaceOutcome(tuple(results), None, tuple(replaced))

    def _modify(self, old: Order, new: Order) -> PlaceResult:
        """The old order is named by its id, which the engine has to know; it goes before the new one is looked at."""
        one = next((b for b in self.booked.values() if b.order_id == old.order_id), None)
        if self.bench.now.venue_ms > new.expires_ms:
            return Refused("action expired")
        if one is None or not one.rests:
            return Refused("Cannot modify canceled or filled order", Cause.GONE)
        self._cancel(one.order.cloid)
        result = self._book(new)
        if isinstance(result, Refused):
            return Refused(f"Error placing new order during modify: {result.reason}", result.cause)
        return result

    def _trade_now(self, order: Order, touches: bool) -> PlaceResult:
        may = -self.position * order.side.sign if order.reduce_only else order.lots
        if self.is_deaf:
            return Refused("Order could not immediately match against any resting orders.")
        if not touches or may <= 0:
            return Refused("Reduce only order would increase position.", Cause.REDUCE_ONLY)
        one = Booked(order, 10_000 + len(self.booked), order.lots)
        self.booked[order.cloid] = one
        lots = min(may, order.lots)
        self.trade(one, lots)
        one.status = "filled"
        return Traded(one.order_id, lots)

    def _cancel(self, cloid: str) -> str:
        one = self.booked.get(cloid)
        if one is None or not one.rests:
            return "Order was never placed, already canceled, or filled."
        one.status = "canceled"
        if not self.lossy_stream:
            self.tell(self._update(one))
        return ""

    def _status(self, cloid: str) -> Event:
        one = self.booked.get(cloid)
        return self._update(one) if one else OrderNotFound(cloid, self.bench.now.venue_ms)

    def _update(self, one: Booked) -> OrderUpdate:
        left = 0 if one.status == "filled" else one.remaining
        return OrderUpdate(
            "SOL", one.order.cloid, one.order_id, one.status, left, one.order.lots, VENUE_0 + self.bench.ms
        )


def _in_a_word(result: PlaceResult) -> str:
    if not isinstance(result, Refused):
        return "placed"
    return "old one gone" if result.cause is Cause.GONE else "refused"


def _unanswered(request: Modify) -> PlaceOutcome:
    doubt = tuple((o.cloid, Unsettled("the answer was lost")) for o in request.orders)
    return PlaceOutcome(doubt, None, tuple((old.cloid, "the answer was lost") for old, _ in request.pairs))
