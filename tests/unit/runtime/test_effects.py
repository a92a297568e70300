"""Every effect is answered: by the exchange, by an error, or by our own doubt. And none is asked twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any, cast

import pytest

from core.domain.causes import Cause
from core.domain.effects import (
    AskAccount,
    AskBook,
    AskDepth,
    AskFunding,
    AskFundingRates,
    AskLedgerUpdates,
    AskOpenOrders,
    AskOrderStatus,
    AskTransfers,
    Backfill,
    Cancel,
    CancelOrphan,
    Effect,
    Modify,
    Place,
    Reconnect,
    notify,
)
from core.domain.events import (
    BackfillDone,
    BookObserved,
    CancelOutcome,
    FillsArrived,
    FundingArrived,
    LedgerUpdatesObserved,
    OpenOrdersObserved,
    OrderNotFound,
    PlaceOutcome,
    Quote,
    Refused,
    RequestFailed,
    Resting,
    Unsettled,
    WireQuarantined,
)
from core.domain.fills import FillSource, ForeignFill, Funding
from core.domain.orders import Order
from core.engine.tickets import AWAITING_FILLS, CHAIN, drift_ticket
from core.exchange.answers import replaced_text
from core.exchange.lanes import Lane
from core.exchange.market_data import MarketData
from core.exchange.order_router import CANCELS_PER_ACTION, OrderRouter
from core.exchange.reads import Page, Reads
from core.exchange.rest import RestError
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import WireError
from core.runtime.effects import OVERLAP_MS, STATUS_ASKS_MAX, EffectRunner
from core.runtime.inbox import Inbox, Item
from core.runtime.routine_reads import FUNDING_OVERLAP_MS
from tests.unit.exchange.samples import ACCOUNT, cloid, fill, order, until


class Venue:
    """Router, reads and feed in one; answers when ``gate`` is open, with ``error`` if there is one."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[Any] = []
        self.error: Exception | None = None
        self.pages: list[Page] = []
        self.payments: list[tuple[Funding, ...]] = []
        self.late_error: Exception | None = None
        self.lanes: list[Lane] = []

    async def _answer(self, *question: Any) -> None:
        self.asked.append(question)
        await self.gate.wait()
        if self.error is not None:
            raise self.error

    def at(self, lane: Lane) -> Venue:
        self.lanes.append(lane)
        return self

    async def place(self, orders: tuple[Any, ...]) -> PlaceOutcome:
        await self._answer("place")
        return PlaceOutcome(tuple((o.cloid, Resting(7)) for o in orders))

    async def modify(self, pairs: tuple[tuple[Any, Any], ...]) -> PlaceOutcome:
        await self._answer("modify")
        replaced = tuple((old.cloid, "") for old, _ in pairs)
        return PlaceOutcome(tuple((new.cloid, Resting(7)) for _, new in pairs), None, replaced)

    async def cancel(self, cloids: list[tuple[str, str]]) -> CancelOutcome:
        await self._answer("cancel", *cloids)
        return CancelOutcome(tuple((name, "") for _, name in cloids))

    async def account(self, ticket: str) -> Any:
        await self._answer("account", ticket)
        return OpenOrdersObserved((), 1, f"account {ticket}")

    async def open_orders(self, ticket: str) -> OpenOrdersObserved:
        await self._answer("open_orders", ticket)
        return OpenOrdersObserved((), 1, ticket)

    async def order_status(self, name: str) -> OrderNotFound:
        await self._answer("status", name)
        return OrderNotFound(name, 5)

    async def fills_since(
        self, since_ms: int, source: FillSource, until_ms: int | None = None
    ) -> AsyncIterator[Page]:
        self.asked.append(("fills", since_ms, source))
        await self.gate.wait()
        for page in self.pages:
            yield page
        if self.error is not None:
            raise self.error

    async def funding_since(self, since_ms: int) -> AsyncIterator[tuple[Funding, ...]]:
        await self._answer("funding", since_ms)
        for page in self.payments:
            yield page
        if self.late_error is not None:
            raise self.late_error

    async def funding_rates(self) -> Any:
        await self._answer("funding rates")

    async def transfers_since(self, since_ms: int) -> AsyncIterator[tuple[Any, ...]]:
        await self._answer("transfers", since_ms)
        yield ()

    async def book(self, coin: str) -> BookObserved:
        await self._answer("book", coin)
        return BookObserved(Quote(coin, 1, 2, 3), 4)

    async def ledger_updates_since(self, since_ms: int) -> LedgerUpdatesObserved:
        await self._answer("ledger", since_ms)
        return LedgerUpdatesObserved(since_ms, ())

    async def reconnect(self, reason: str) -> None:
        await self._answer("reconnect", reason)


class Bench:
    def __init__(
        self,
        cursor_ms: int = 1_000_000,
        told: Callable[[], Coroutine[Any, Any, object]] | None = None,
        foretold: Callable[[Sequence[Order]], Awaitable[str]] | None = None,
        **times_ms: Any,
    ) -> None:
        self.venue, self.inbox = Venue(), Inbox()
        self.fatal: list[tuple[str, BaseException]] = []
        self.runner = EffectRunner(
            self.inbox,
            cast(OrderRouter, self.venue),
            cast(Reads, self.venue),
            cast(MarketData, self.venue),
            VenueClock(),
            cursor_ms,
            lambda name, error: self.fatal.append((name, error)),
            told=told,
            foretold=foretold,
            **times_ms,
        )

    async def answers(self, *effects: Effect) -> list[Item]:
        for effect in effects:
            self.runner.start(effect)
        await self.runner.drain(5)
        return await self.inbox.drain(0)


async def test_each_effect_reaches_its_counterpart_and_its_answer_comes_back() -> None:
    bench = Bench()
    found = await bench.answers(
        Place((order(1), order(2))),
        Cancel((order(1),)),
        CancelOrphan("ETH", cloid(9)),
        AskAccount("a"),
        AskOpenOrders("b"),
        AskOrderStatus("BTC", cloid(3)),
        AskBook("ETH"),
        AskLedgerUpdates(77),
        Reconnect("asked"),
    )
    assert found == [
        PlaceOutcome(((cloid(1), Resting(7)), (cloid(2), Resting(7)))),
        CancelOutcome(((cloid(1), ""),)),
        OpenOrdersObserved((), 1, "account a"),
        OpenOrdersObserved((), 1, "b"),
        OrderNotFound(cloid(3), 5),
        BookObserved(Quote("ETH", 1, 2, 3), 4),
        LedgerUpdatesObserved(77, ()),
        CancelOutcome(((cloid(9), ""),)),
    ]
    assert ("cancel", ("ETH", cloid(9))) in bench.venue.asked
    assert ("reconnect", "asked") in bench.venue.asked
    assert bench.fatal == []


def test_rows_and_notices_are_not_its_business() -> None:
    async def run() -> None:
        with pytest.raises(AssertionError, match="not an effect for the runner"):
            Bench().runner.start(notify("x"))

    asyncio.run(run())


@pytest.mark.parametrize(
    "effect",
    [AskAccount(), AskOpenOrders(), Backfill(), AskFunding(), AskBook("BTC"), AskLedgerUpdates(5)],
)
async def test_a_routine_read_is_asked_once_at_a_time(effect: Effect) -> None:
    bench = Bench()
    bench.venue.gate.clear()
    for _ in range(5):
        bench.runner.start(effect)
        await asyncio.sleep(0)
    assert len(bench.venue.asked) == 1
    bench.venue.gate.set()
    await bench.runner.drain(5)
    await bench.answers(effect)
    assert len(bench.venue.asked) == 2, "and again once it has been answered"


@pytest.mark.parametrize("error", [None, RestError("HTTP 502"), WireError("garbled")])
async def test_a_read_with_a_ticket_is_always_answered_under_its_ticket(error: Exception | None) -> None:
    bench = Bench()
    bench.venue.error = error
    found = await bench.answers(
        AskAccount(), AskAccount("t"), AskOpenOrders(), AskOpenOrders("t"), Backfill(), Backfill(ticket="t")
    )
    assert len(found) == 6
    tickets = sorted(str(getattr(item, "ticket", "")) for item in found)
    assert tickets == (["", "", "", "t", "t", "t"] if error else ["", "", "account ", "account t", "t", "t"])
    if error:
        assert all(isinstance(item, RequestFailed | BackfillDone) for item in found)
        assert all(str(error) in (getattr(i, "reason", "") or getattr(i, "error", "")) for i in found)


async def test_one_gap_is_read_once_at_a_time_and_different_ones_side_by_side() -> None:
    bench = Bench()
    bench.venue.gate.clear()
    for _ in range(300):
        bench.runner.start(Backfill(ticket="awaiting_fills"))
    bench.runner.start(Backfill(since_ms=5, ticket="chain"))
    bench.runner.start(Backfill(since_ms=9, ticket="chain"))
    bench.venue.gate.set()
    await bench.runner.drain(5)
    found = [item for item in await bench.inbox.drain(0) if isinstance(item, BackfillDone)]
    assert sorted(item.ticket for item in found) == ["awaiting_fills", "chain", "chain"]


async def test_questions_about_more_orders_than_can_be_asked_at_once_are_passed_over_not_fatal() -> None:
    """After a restart every live order is asked about in one tick; the engine asks again for the rest."""
    bench = Bench()
    bench.venue.gate.clear()
    for number in range(1_000):
        bench.runner.start(AskOrderStatus("BTC", cloid(number)))
        bench.runner.start(AskOrderStatus("BTC", cloid(number)))
    bench.venue.gate.set()
    await bench.runner.drain(5)
    found = await bench.inbox.drain(0, most=5_000)
    assert len(found) == len(set(found)) == STATUS_ASKS_MAX
    assert await bench.answers(AskOrderStatus("BTC", cloid(999))) == [OrderNotFound(cloid(999), 5)]


async def test_while_questions_about_orders_get_no_answer_they_go_one_at_a_time() -> None:
    bench = Bench()
    asks = [AskOrderStatus("BTC", cloid(number)) for number in range(20)]
    bench.venue.error = RestError("cannot be reached")
    await bench.answers(*asks)
    bench.venue.asked.clear()
    bench.venue.error = None
    await bench.answers(*asks)
    assert bench.venue.asked == [("status", cloid(0))]
    await bench.answers(*asks)
    assert len(bench.venue.asked) == 1 + len(asks)


async def test_a_placement_and_a_cancel_that_are_interrupted_leave_doubt() -> None:
    bench = Bench()
    bench.venue.gate.clear()
    bench.runner.start(Place((order(1),)))
    bench.runner.start(Cancel((order(2),)))
    bench.runner.start(AskAccount("t"))
    await bench.runner.drain(0.01)
    found = await bench.inbox.drain(0)
    assert len(found) == 2
    assert PlaceOutcome(((cloid(1), Unsettled("the request was interrupted")),)) in found
    assert CancelOutcome(((cloid(2), "the request was interrupted"),)) in found
    assert bench.fatal == []


async def test_orders_that_may_not_leave_yet_are_refused_and_reach_no_router() -> None:
    asked: list[Sequence[Order]] = []

    async def foretold(orders: Sequence[Order]) -> str:
        asked.append(orders)
        return "the disk says otherwise"

    bench, refused = Bench(foretold=foretold), Refused("not sent: the disk says otherwise", Cause.STORAGE)
    found = await bench.answers(Place((order(1),)), Modify(((order(2), order(3)),)), Cancel((order(4),)))
    assert found == [
        PlaceOutcome(((cloid(1), refused),)),
        PlaceOutcome(((cloid(3), refused),), replaced=((cloid(2), replaced_text(refused)),)),
        CancelOutcome(((cloid(4), ""),)),
    ]
    assert asked == [(order(1),), (order(3),)]
    assert [kind for kind, *_ in bench.venue.asked] == ["cancel"]


async def test_a_change_reaches_the_router_and_one_that_is_interrupted_leaves_both_orders_in_doubt() -> None:
    bench = Bench()
    change = Modify(((order(1), order(2)),))
    assert await bench.answers(change) == [PlaceOutcome(((cloid(2), Resting(7)),), None, ((cloid(1), ""),))]
    bench.venue.gate.clear()
    bench.runner.start(change)
    await bench.runner.drain(0.01)
    doubt = "the request was interrupted"
    assert await bench.inbox.drain(0) == [
        PlaceOutcome(((cloid(2), Unsettled(doubt)),), None, ((cloid(1), doubt),))
    ]


async def test_a_task_that_dies_is_fatal_and_its_order_is_in_doubt() -> None:
    bench = Bench()
    bench.venue.error = RuntimeError("a bug")
    (outcome,) = await bench.answers(Place((order(1),)))
    assert outcome == PlaceOutcome(((cloid(1), Unsettled("the request was interrupted")),))
    await until(lambda: bench.fatal)
    ((name, error),) = bench.fatal
    assert (name, str(error)) == ("place", "a bug")


async def test_a_read_of_fills_says_when_it_has_ended_and_under_which_name() -> None:
    bench = Bench(cursor_ms=1_000_000)
    bench.venue.pages = [Page((fill(1), fill(2)), 5), Page((fill(3),), 6)]
    *pages, done = await bench.answers(Backfill(ticket="t"))
    assert bench.venue.asked == [("fills", 1_000_000 - OVERLAP_MS, FillSource.REST)]
    assert isinstance(done, BackfillDone)
    assert all(isinstance(page, FillsArrived) and page.ticket == done.read for page in pages)
    assert (done.ticket, done.seen, done.error) == ("t", 3, "")
    assert done.cursor_ms == bench.runner.cursor_ms > 1_000_000


async def test_a_cursor_that_is_ahead_of_the_clock_reads_as_far_back_as_it_was_ahead_and_is_set_right() -> (
    None
):
    """The exchange's clock was ahead for a while: what was read up to then was not read up to the cursor."""
    now_ms = VenueClock().now().venue_ms
    bench = Bench(cursor_ms=now_ms + 7_200_000)
    await bench.answers(Backfill())
    ((_, since_ms, _),) = bench.venue.asked
    assert now_ms - 7_200_000 - OVERLAP_MS <= since_ms <= now_ms - 7_100_000 - OVERLAP_MS
    assert now_ms <= bench.runner.cursor_ms < now_ms + 60_000


@pytest.mark.parametrize(
    ("since_ms", "error", "moves"),
    [
        (None, None, True),
        (1_000_000, None, True),
        (0, None, True),
        (1_000_001, None, False),
        (None, RestError("HTTP 502"), False),
        (0, WireError("garbled"), False),
    ],
)
async def test_the_cursor_moves_only_over_what_has_been_read(
    since_ms: int | None, error: Exception | None, moves: bool
) -> None:
    bench = Bench(cursor_ms=1_000_000)
    bench.venue.pages, bench.venue.error = [Page((fill(1),), 5)], error
    *_, done = await bench.answers(Backfill(since_ms, "t"))
    assert isinstance(done, BackfillDone)
    assert bool(done.error) == (error is not None)
    assert (bench.runner.cursor_ms > 1_000_000) == moves
    assert done.cursor_ms == bench.runner.cursor_ms


async def test_a_read_that_has_an_end_leaves_the_cursor_where_it_is() -> None:
    bench = Bench(cursor_ms=1_000_000)
    *_, done = await bench.answers(Backfill(0, "chain", until_ms=900_000))
    assert isinstance(done, BackfillDone)
    assert bench.runner.cursor_ms == 1_000_000


async def test_a_first_read_does_not_begin_before_time_did() -> None:
    bench = Bench(cursor_ms=0)
    await bench.answers(Backfill())
    assert bench.venue.asked == [("fills", 0, FillSource.REST)]


@pytest.mark.parametrize(
    ("ticket", "source"),
    [(AWAITING_FILLS, FillSource.RESOLVER), ("", FillSource.REST), ("chain", FillSource.REST)],
)
async def test_a_read_for_orders_that_await_their_fills_marks_them_so(
    ticket: str, source: FillSource
) -> None:
    bench = Bench()
    await bench.answers(Backfill(5, ticket))
    assert bench.venue.asked == [("fills", 5, source)]


@pytest.mark.parametrize(
    ("ticket", "lanes"),
    [
        ("cmd-1", [Lane.PROOF, Lane.REDUCE, Lane.PROOF, Lane.REDUCE]),
        ("", [Lane.WATCH]),
        (CHAIN, []),
        (AWAITING_FILLS, []),
        (drift_ticket(5), []),
    ],
)
async def test_what_somebody_waits_for_is_read_before_what_the_clock_or_a_search_asks(
    ticket: str, lanes: list[Lane]
) -> None:
    bench = Bench()
    await bench.answers(
        Backfill(5, ticket), AskAccount(ticket), AskOpenOrders(ticket), AskDepth("BTC", ticket)
    )
    assert bench.venue.lanes == lanes


async def test_foreign_fills_and_damaged_rows_of_a_read_come_along_even_without_a_fill_of_ours() -> None:
    bench = Bench()
    foreign = ForeignFill(ACCOUNT, "@142", 5, 1, 2, "{}")
    bad = WireQuarantined("rest:userFillsByTime", "px is odd", "{}")
    bench.venue.pages, bench.venue.error = [Page((), 5, (foreign,), (bad,))], WireError("a row is odd")
    arrived, quarantined, done = await bench.answers(Backfill())
    assert isinstance(arrived, FillsArrived)
    assert isinstance(done, BackfillDone)
    assert (arrived.fills, arrived.foreign, quarantined) == ((), (foreign,), bad)
    assert (done.seen, done.error, done.cursor_ms) == (0, "a row is odd", 1_000_000)


def _payment(time_ms: int) -> Funding:
    return Funding(ACCOUNT, "BTC", time_ms, Decimal("-0.5"), "0x0", "{}")


@pytest.mark.parametrize(
    ("funding_ms", "anchor_ms", "since_ms"),
    [
        (0, 9_000_000, 9_000_000),
        (99_000_000, 9_000_000, 99_000_000 - FUNDING_OVERLAP_MS),
        (9_000_001, 9_000_000, 9_000_000),
        (0, 0, 0),
    ],
)
async def test_funding_is_read_from_the_newest_payment_on_but_never_from_before_the_anchor(
    funding_ms: int, anchor_ms: int, since_ms: int
) -> None:
    bench = Bench(funding_ms=funding_ms, anchor_ms=anchor_ms)
    assert await bench.answers(AskFunding()) == []
    assert bench.venue.asked == [("funding", since_ms)]


async def test_the_next_read_of_funding_begins_where_a_whole_one_ended() -> None:
    bench = Bench(funding_ms=50_000_000)
    pages = [(_payment(60_000_000), _payment(60_000_000)), (), (_payment(63_600_000),)]
    bench.venue.payments, bench.venue.late_error = pages, RestError("HTTP 502")
    *arrived, failed = await bench.answers(AskFunding())
    assert arrived == [FundingArrived(pages[0]), FundingArrived(pages[2])]
    assert failed == RequestFailed("funding", "HTTP 502")
    bench.venue.late_error = None
    await bench.answers(AskFunding())
    await bench.answers(AskFunding())
    asked = [question[1] + FUNDING_OVERLAP_MS for question in bench.venue.asked]
    assert asked == [50_000_000, 50_000_000, 63_600_000]


@pytest.mark.parametrize(
    ("error", "cause", "wait_ms"),
    [
        (RestError("HTTP 502", Cause.SERVER), Cause.SERVER, 0),
        (RestError("HTTP 429", Cause.RATE_IP, 7_000), Cause.RATE_IP, 7_000),
        (WireError("garbled"), Cause.GARBLED, 0),
    ],
)
async def test_questions_without_an_answer_say_so_and_why_so_that_the_right_breaker_counts_them(
    error: Exception, cause: Cause, wait_ms: int
) -> None:
    bench = Bench()
    bench.venue.error = error
    asked = (AskFunding(), AskFundingRates(), AskTransfers(), AskBook("BTC"), AskLedgerUpdates(5))
    assert await bench.answers(*asked) == [
        RequestFailed(what, str(error), "", cause, wait_ms)
        for what in ("funding", "funding rates", "transfers", "book of BTC", "ledger updates")
    ]
    assert bench.fatal == []


async def test_orphans_of_one_step_are_cancelled_together_and_each_once_at_a_time() -> None:
    bench = Bench()
    bench.venue.gate.clear()
    count = 2 * CANCELS_PER_ACTION + 1
    for _ in range(2):
        for number in range(count):
            bench.runner.start(CancelOrphan("BTC", cloid(number)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert [len(question) - 1 for question in bench.venue.asked] == [200, 200, 1]
    bench.venue.gate.set()
    await bench.runner.drain(5)
    outcomes = [item for item in await bench.inbox.drain(0) if isinstance(item, CancelOutcome)]
    assert {name for outcome in outcomes for name, _ in outcome.results} == set(map(cloid, range(count)))
    assert len(await bench.answers(CancelOrphan("BTC", cloid(3)))) == 1, "and again once it was answered"


async def test_an_orphan_of_the_last_step_is_cancelled_too() -> None:
    bench = Bench()
    bench.runner.start(CancelOrphan("BTC", cloid(3)))
    await bench.runner.drain(5)
    assert bench.venue.asked == [("cancel", ("BTC", cloid(3)))]


async def test_no_orphan_is_cancelled_before_its_warning_is_on_the_log() -> None:
    told = asyncio.Event()
    bench = Bench(told=told.wait)
    bench.runner.start(CancelOrphan("BTC", cloid(3)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert bench.venue.asked == [], "a kill right after the cancel would leave it untold"
    told.set()
    await bench.runner.drain(5)
    assert bench.venue.asked == [("cancel", ("BTC", cloid(3)))]
