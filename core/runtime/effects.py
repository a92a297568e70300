"""Carries out what the engine wants: each effect becomes a task, each answer comes back through the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from core.domain.effects import (
    AskAccount,
    AskOpenOrders,
    AskOrderStatus,
    Backfill,
    Cancel,
    CancelOrphan,
    Effect,
    Place,
    Reconnect,
)
from core.domain.events import (
    BackfillDone,
    CancelOutcome,
    FillsArrived,
    PlaceOutcome,
    RequestFailed,
    Unsettled,
)
from core.exchange.market_data import MarketData
from core.exchange.order_router import OrderRouter
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import WireError
from core.runtime.inbox import Inbox

OVERLAP_MS = 120_000
"""A read of fills begins this long before its cursor: the exchange's index may lag, and a repeat costs nothing."""

TASKS_MAX = 256
"""Requests under way past which a read is refused; placements and cancels never are."""

STATUS_ASKS_MAX = 100
"""Questions about single orders under way at once. After a restart each live order is asked about; those passed over are
asked about again by the engine."""

Fatal = Callable[[str, BaseException], None]


class EffectRunner:
    """Belongs to the core's loop. ``cursor_ms`` is the venue time up to which all fills have been read over REST."""

    def __init__(
        self,
        inbox: Inbox,
        router: OrderRouter,
        reads: Reads,
        feed: MarketData,
        clock: VenueClock,
        cursor_ms: int,
        fatal: Fatal,
    ) -> None:
        self._inbox, self._router, self._reads, self._feed, self._clock = inbox, router, reads, feed, clock
        self.cursor_ms = cursor_ms
        self._fatal = fatal
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: set[str] = set()

    def start(self, effect: Effect) -> None:
        """Begin one effect. Journal rows and notices are not its business."""
        match effect:
            case Place():
                self._spawn("place", self._place(effect))
            case Cancel(orders):
                self._spawn("cancel", self._cancel([(o.coin, o.cloid) for o in orders]))
            case CancelOrphan(coin, cloid):
                self._once(f"orphan {cloid}", lambda: self._cancel([(coin, cloid)]))
            case AskAccount(ticket):
                self._spawn_read("account", ticket, self._ask_account)
            case AskOpenOrders(ticket):
                self._spawn_read("open_orders", ticket, self._ask_open_orders)
            case AskOrderStatus(_, cloid):
                if sum(question.startswith("order_status") for question in self._under_way) < STATUS_ASKS_MAX:
                    self._once(f"order_status {cloid}", lambda: self._ask_order_status(cloid))
            case Backfill(since_ms, ticket):
                # The engine asks for the same gap again until it is closed; one read of it at a time is enough.
                self._once(f"fills {ticket} {since_ms}", lambda: self.backfill(since_ms, ticket))
            case Reconnect(reason):
                self._spawn("reconnect", self._feed.reconnect(reason))
            case _:
                raise AssertionError(f"not an effect for the runner: {effect}")

    async def drain(self, wait_s: float) -> None:
        """Wait for what is under way, then cancel the rest."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=wait_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _spawn_read(self, kind: str, ticket: str, read: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        """A routine read (no ticket) waits for nobody, so one of a kind at a time is enough."""
        if ticket and len(self._tasks) >= TASKS_MAX:
            self._inbox.force(RequestFailed(kind, "too many requests are under way; try again", ticket))
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
            outcome = await self._router.place(effect.orders)
        finally:
            self._inbox.force(outcome)

    async def _cancel(self, cloids: list[tuple[str, str]]) -> None:
        outcome = CancelOutcome(tuple((cloid, "the request was interrupted") for _, cloid in cloids))
        try:
            outcome = await self._router.cancel(cloids)
        finally:
            self._inbox.force(outcome)

    async def _ask_account(self, ticket: str) -> None:
        try:
            self._inbox.force(await self._reads.account(ticket))
        except (RestError, WireError) as error:
            self._inbox.force(RequestFailed("account", str(error), ticket))

    async def _ask_open_orders(self, ticket: str) -> None:
        try:
            self._inbox.force(await self._reads.open_orders(ticket))
        except (RestError, WireError) as error:
            self._inbox.force(RequestFailed("open orders", str(error), ticket))

    async def _ask_order_status(self, cloid: str) -> None:
        try:
            self._inbox.force(await self._reads.order_status(cloid))
        except (RestError, WireError) as error:
            self._inbox.force(RequestFailed("order status", str(error)))

    async def backfill(self, since_ms: int | None, ticket: str) -> None:
        """Read fills page by page into the inbox, then say that the end was reached."""
        started_ms = self._clock.now().venue_ms
        start = max(0, self.cursor_ms - OVERLAP_MS) if since_ms is None else since_ms
        read = f"{ticket}@{started_ms}"
        seen, error = 0, ""
        try:
            async for page in self._reads.fills_since(start):
                seen += len(page.fills)
                await self._inbox.put(FillsArrived(page.fills, read))
        except (RestError, WireError) as failure:
            error = str(failure)
        if not error and start <= self.cursor_ms:
            self.cursor_ms = max(self.cursor_ms, started_ms)
        self._inbox.force(BackfillDone(ticket, seen, 0, self.cursor_ms, error, read))
