"""Carries out what the engine wants: each effect becomes a task, each answer comes back through the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from core.domain.causes import Cause
from core.domain.effects import (
    ArmDeadMan,
    AskAccount,
    AskDepth,
    AskOpenOrders,
    AskOrderStatus,
    Backfill,
    Cancel,
    CancelForeign,
    CancelOrphan,
    DisarmDeadMan,
    Effect,
    Modify,
    MoveMargin,
    Place,
    Reconnect,
    ReportBug,
)
from core.domain.events import (
    BackfillDone,
    CancelOutcome,
    FillsArrived,
    MarginMoved,
    PlaceOutcome,
    Refused,
    RequestFailed,
    Unsettled,
)
from core.domain.fills import FillSource
from core.domain.orders import Order
from core.domain.router_events import DeadManAnswered
from core.engine.tickets import AWAITING_FILLS, is_search
from core.exchange.lanes import Lane
from core.exchange.market_data import MarketData
from core.exchange.order_router import CANCELS_PER_ACTION, OrderRouter, foreign_name, nothing_replaced
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import WireError
from core.failpoints import failpoint
from core.runtime.inbox import Inbox
from core.runtime.routine_reads import RoutineReads, cause_of

OVERLAP_MS = 120_000
"""A read of fills begins this long before its cursor: the exchange's index may lag, and a repeat costs nothing."""

TASKS_MAX = 256
"""Requests under way past which a read is refused; placements and cancels never are."""

STATUS_ASKS_MAX = 100
"""Questions about single orders under way at once. After a restart each live order is asked about; those passed over are
asked about again by the engine."""

Fatal = Callable[[str, BaseException], None]


class EffectRunner:
    """Belongs to the core's loop. All times are the venue's: up to ``cursor_ms`` fills have been read over REST (what a node
    that lags left out is the engine's to look for), ``funding_ms`` and ``transfers_ms`` are those of the newest funding
    payment and transfer known (0: none), and before ``anchor_ms`` none is of interest.
    """

    def __init__(
        self,
        inbox: Inbox,
        router: OrderRouter,
        reads: Reads,
        feed: MarketData,
        clock: VenueClock,
        cursor_ms: int,
        fatal: Fatal,
        funding_ms: int = 0,
        anchor_ms: int = 0,
        transfers_ms: int = 0,
        told: Callable[[], Coroutine[Any, Any, object]] | None = None,
        foretold: Callable[[Sequence[Order]], Awaitable[str]] | None = None,
        report: Callable[[str, BaseException], object] = lambda *_: None,
    ) -> None:
        """``told`` waits, for a bounded time, until what was published before is on the log; ``foretold`` until orders may
        leave, and says why if they may not. ``report`` writes that of a bug which the run goes on with.
        """
        self._inbox, self._router, self._reads, self._feed, self._clock = inbox, router, reads, feed, clock
        self.cursor_ms = cursor_ms
        self._routine = RoutineReads(inbox, reads, funding_ms, anchor_ms, transfers_ms)
        self._fatal, self._told, self._foretold, self._report = fatal, told, foretold, report
        self._orphans: dict[str, str] = {}
        """Cloid and coin of orphans whose cancel leaves when the step's effects have all begun."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: set[str] = set()
        self._status_failed = False
        """The last question for an order had no answer: until one has, they go one at a time."""

    def stage(self, effects: Sequence[Effect]) -> None:
        """Orders that will be started once their rows are written: what of their requests can be made ahead is."""
        self._router.stage(
            [effect.orders for effect in effects if isinstance(effect, Place)],
            [effect.pairs for effect in effects if isinstance(effect, Modify)],
        )

    def start(self, effect: Effect) -> None:
        """Begin one effect. Journal rows and notices are not its business."""
        match effect:
            case Place():
                self._spawn("place", self._place(effect))
            case Modify():
                self._spawn("modify", self._modify(effect))
            case Cancel(orders):
                self._spawn("cancel", self._cancel([(o.coin, o.cloid) for o in orders]))
            case CancelOrphan(coin, cloid):
                failpoint("orphan_cancel")
                self._cancel_orphan(coin, cloid)
            case CancelForeign(orders):
                self._spawn("cancel foreign", self._cancel_foreign(orders))
            case AskDepth(coin, ticket):
                self._spawn_read(f"depth of {coin}", ticket, lambda named: self._ask_depth(coin, named))
            case AskAccount(ticket):
                self._spawn_read("account", ticket, self._ask_account)
            case AskOpenOrders(ticket):
                self._spawn_read("open_orders", ticket, self._ask_open_orders)
            case AskOrderStatus(_, cloid):
                most = 1 if self._status_failed else STATUS_ASKS_MAX
                if sum(question.startswith("order_status") for question in self._under_way) < most:
                    self._once(f"order_status {cloid}", lambda: self._ask_order_status(cloid))
            case Backfill(since_ms, ticket, until_ms):
                # The engine asks for the same gap again until it is closed; one read of it at a time is enough.
                self._once(f"fills {ticket} {since_ms}", lambda: self.backfill(since_ms, ticket, until_ms))
            case MoveMargin():
                self._spawn("margin", self._move_margin(effect))
            case ArmDeadMan(until_ms):
                self._once("dead man", lambda: self._schedule_cancel(until_ms))
            case DisarmDeadMan():
                self._once("dead man", lambda: self._schedule_cancel(0))
            case Reconnect(reason):
                self._spawn("reconnect", self._feed.reconnect(reason))
            case ReportBug(where, error):
                self._report(where, error)
            case _:
                self._once(*self._routine.of(effect))

    async def drain(self, wait_s: float) -> None:
        """Wait for what is under way, then cancel the rest."""
        self._flush_orphans()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=wait_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _cancel_orphan(self, coin: str, cloid: str) -> None:
        """Orphans of one step go in as few actions as hold them, each once at a time."""
        if f"orphan {cloid}" in self._under_way:
            return
        if not self._orphans:
            asyncio.get_running_loop().call_soon(self._flush_orphans)
        self._under_way.add(f"orphan {cloid}")
        self._orphans[cloid] = coin

    def _flush_orphans(self) -> None:
        orphans = [(coin, cloid) for cloid, coin in self._orphans.items()]
        self._orphans.clear()
        for start in range(0, len(orphans), CANCELS_PER_ACTION):
            chunk = orphans[start : start + CANCELS_PER_ACTION]
            self._spawn("cancel orphans", self._cancel_orphans(chunk))

    async def _cancel_orphans(self, orphans: list[tuple[str, str]]) -> None:
        try:
            # No row remembers an orphan: a kill after its cancel would leave it untold (I8).
            if self._told is not None:
                await self._told()
            await self._cancel(orphans)
        finally:
            self._under_way.difference_update(f"orphan {cloid}" for _, cloid in orphans)

    def _spawn_read(self, kind: str, ticket: str, read: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        """A routine read (no ticket) waits for nobody, so one of a kind at a time is enough."""
        if ticket and len(self._tasks) >= TASKS_MAX:
            reason = "too many requests are under way; try again"
            self._inbox.force(RequestFailed(kind, reason, ticket, Cause.LOCAL))
        elif ticket:
            self._spawn(kind, read(ticket))
        else:
            self._once(kind, lambda: read(""))

    def _once(self, question: str, read: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin a read unless the same one is under way."""
        if question not in self._under_way:
            self._under_way.add(question)
            self._spawn(question, read()).add_done_callback(lambda _: self._under_way.discard(question))

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fatal(task.get_name(), error)

    async def _place(self, effect: Place) -> None:
        outcome = PlaceOutcome(
            tuple((o.cloid, Unsettled("the request was interrupted")) for o in effect.orders)
        )
        try:
            outcome = await self._held_back(effect.orders) or await self._router.place(effect.orders)
        finally:
            self._inbox.force(outcome)

    async def _modify(self, effect: Modify) -> None:
        doubt = PlaceOutcome(
            tuple((o.cloid, Unsettled("the request was interrupted")) for o in effect.orders)
        )
        outcome = nothing_replaced(doubt, effect.pairs)
        try:
            held = await self._held_back(effect.orders)
            outcome = (
                nothing_replaced(held, effect.pairs) if held else await self._router.modify(effect.pairs)
            )
        finally:
            self._inbox.force(outcome)

    async def _held_back(self, orders: Sequence[Order]) -> PlaceOutcome | None:
        """That of orders which may not leave yet."""
        if self._foretold is None or not (reason := await self._foretold(orders)):
            return None
        refused = Refused(f"not sent: {reason}", Cause.STORAGE)
        return PlaceOutcome(tuple((order.cloid, refused) for order in orders))

    async def _cancel(self, cloids: list[tuple[str, str]]) -> None:
        outcome = CancelOutcome(tuple((cloid, "the request was interrupted") for _, cloid in cloids))
        try:
            outcome = await self._router.cancel(cloids)
        finally:
            self._inbox.force(outcome)

    async def _cancel_foreign(self, orders: tuple[tuple[str, int], ...]) -> None:
        outcome = CancelOutcome(
            tuple((foreign_name(oid), "the request was interrupted") for _, oid in orders)
        )
        try:
            outcome = await self._router.cancel_foreign(orders)
        finally:
            self._inbox.force(outcome)

    async def _move_margin(self, effect: MoveMargin) -> None:
        coin, ticket = effect.coin, effect.ticket
        outcome = MarginMoved(coin, ticket, "the request was interrupted", is_definite=False)
        try:
            outcome = MarginMoved(coin, ticket, await self._router.move_margin(coin, effect.micro))
        except RestError as error:
            outcome = MarginMoved(coin, ticket, str(error), is_definite=not error.was_sent)
        finally:
            self._inbox.force(outcome)

    async def _schedule_cancel(self, until_ms: int) -> None:
        outcome = DeadManAnswered(until_ms, "the request was interrupted", is_definite=False)
        try:
            outcome = DeadManAnswered(until_ms, await self._router.schedule_cancel(until_ms))
        except RestError as error:
            outcome = DeadManAnswered(until_ms, str(error), is_definite=not error.was_sent)
        finally:
            self._inbox.force(outcome)

    def _reads_for(self, ticket: str, lane: Lane = Lane.PROOF) -> Reads:
        """What a command, a stop or the gap after a connection waits for goes before what is read by the clock, and before the
        search for a fill that is missing. Position and book, which are light, wait no more than a reduction does: without
        them a flatten sends none.
        """
        is_urgent = bool(ticket) and not is_search(ticket)
        return self._reads.at(lane) if is_urgent else self._reads

    def _failed(self, what: str, error: RestError | WireError, ticket: str = "") -> None:
        self._inbox.force(RequestFailed(what, str(error), ticket, *cause_of(error)))

    async def _ask_account(self, ticket: str) -> None:
        try:
            # The look by the clock waits behind no other read: a search takes all the weight that reads may have.
            reads = self._reads_for(ticket, Lane.REDUCE) if ticket else self._reads.at(Lane.WATCH)
            self._inbox.force(await reads.account(ticket))
        except (RestError, WireError) as error:
            self._failed("account", error, ticket)

    async def _ask_open_orders(self, ticket: str) -> None:
        try:
            self._inbox.force(await self._reads_for(ticket).open_orders(ticket))
        except (RestError, WireError) as error:
            self._failed("open orders", error, ticket)

    async def _ask_order_status(self, cloid: str) -> None:
        try:
            self._inbox.force(await self._reads.order_status(cloid))
            self._status_failed = False
        except (RestError, WireError) as error:
            self._status_failed = True
            self._failed("order status", error)

    async def backfill(self, since_ms: int | None, ticket: str, until_ms: int | None = None) -> None:
        """Read fills page by page into the inbox, then say that the end was reached."""
        started_ms = self._clock.now().venue_ms
        start = self._unread_since(started_ms) if since_ms is None else since_ms
        read = f"{ticket}@{started_ms}"
        seen, error, cause, wait_ms = 0, "", Cause.UNANSWERED, 0
        source = FillSource.RESOLVER if ticket == AWAITING_FILLS else FillSource.REST
        try:
            async for page in self._reads_for(ticket).fills_since(start, source, until_ms):
                seen += len(page.fills)
                await self._inbox.put(FillsArrived(page.fills, read, page.foreign))
                for quarantined in page.quarantined:
                    self._inbox.force(quarantined)
        except (RestError, WireError) as failure:
            error, (cause, wait_ms) = str(failure), cause_of(failure)
        if not error and until_ms is None and start <= self.cursor_ms:
            self.cursor_ms = started_ms if since_ms is None else max(self.cursor_ms, started_ms)
        self._inbox.force(BackfillDone(ticket, seen, 0, self.cursor_ms, error, read, cause, wait_ms))

    def _unread_since(self, now_ms: int) -> int:
        """From where on fills may be unread (venue time).

        A cursor in the future is of a clock that was ahead for a while: as far as it was ahead, as far back nothing is certain.
        """
        ahead_ms = max(0, self.cursor_ms - now_ms)
        return max(0, min(self.cursor_ms, now_ms) - ahead_ms - OVERLAP_MS)

    async def _ask_depth(self, coin: str, ticket: str) -> None:
        try:
            self._inbox.force(await self._reads_for(ticket, Lane.REDUCE).depth(coin, ticket))
        except (RestError, WireError) as error:
            self._failed(f"depth of {coin}", error, ticket)
