"""The account's loop: the single writer. Drain the inbox, make fills durable, step the engine, make rows durable, then act.

Order is the whole point: fills are committed before the engine sees them, and order rows before a byte of theirs leaves or
anyone is told (I3). Nothing else touches the engine.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.effects import (
    Cancel,
    CancelForeign,
    CancelOrphan,
    Effect,
    Modify,
    MoveMargin,
    Notify,
    Place,
    notify,
)
from core.domain.events import (
    BackfillDone,
    CommandReceived,
    Event,
    FillsArrived,
    FillsCommitted,
    FundingArrived,
    FundingCommitted,
    LoopLagged,
    OrderUpdate,
    PlaceOutcome,
    Refused,
    Tick,
    TransfersArrived,
    TransfersCommitted,
)
from core.domain.orders import Purpose
from core.domain.request_limits import IpWeight
from core.engine.engine import Engine
from core.engine.fill_guarantor import as_they_happened
from core.engine.fill_search import proven_ms
from core.engine.flatten_desk import flattens
from core.engine.stop import Phase
from core.exchange.order_router import nothing_replaced
from core.exchange.order_times import OrderTimes
from core.failpoints import FLATTEN_STEPS, failpoint
from core.journal.journal import Batch, Committed
from core.runtime.beginning import Beginning
from core.runtime.effects import EffectRunner
from core.runtime.event_bus import EventBus
from core.runtime.inbox import Inbox, Item
from core.runtime.last_look import LastLook
from core.runtime.meter import Meter
from core.runtime.storage import Storage

TICK_MS = 200
PUBLISH_EVERY_MS = 100
"""Snapshots are made at most this often; a screen reads them at its own pace."""

LAG_MS = 2_000
"""Turns come every 0.2 s; one this late means that the process stood still."""

PLACE_WITHIN_MS = 2_000
"""A placement that has waited longer than this for its rows to be written isn't sent: its price may be stale."""

Publish = Callable[[Instant], None]


def _urgency(effect: Effect) -> int:
    """What leaves first of what one turn has decided: what gets us out goes before what gets us in.

    A warning keeps its place before the cancel that it speaks of: a kill between the two must not leave that untold (I8).
    """
    match effect:
        case Notify(severity="warn" | "crit"):
            return 0
        case Cancel() | CancelOrphan() | CancelForeign():
            return 0
        case MoveMargin():
            return 1
        case Place(orders) if any(order.purpose is not Purpose.GRID for order in orders):
            return 1
        case Modify():
            return 2
        case Place():
            return 3
        case _:
            return 4


class AccountLoop:
    """One per account."""

    def __init__(
        self,
        engine: Engine,
        storage: Storage,
        inbox: Inbox,
        runner: EffectRunner,
        bus: EventBus,
        clock: Callable[[], Instant],
        feed_heartbeat: Callable[[], tuple[int, float]],
        weight: Callable[[], IpWeight],
        publish: Publish,
        beginning: Beginning,
        times: OrderTimes,
        meter: Meter,
        beat: Callable[[Instant], None] = lambda _: None,
    ) -> None:
        """``feed_heartbeat`` tells the feed's last message (wall ms) and the last REST latency (ms), ``weight`` what may be
        sent. ``beat`` is called at each tick: a loop that hangs doesn't.
        """
        self._engine, self._storage, self._inbox, self._runner, self._bus = (
            engine,
            storage,
            inbox,
            runner,
            bus,
        )
        self._clock, self._heartbeat, self._weight, self._publish = clock, feed_heartbeat, weight, publish
        self._beginning, self._times, self._meter, self._beat = beginning, times, meter, beat
        self._last_look, self._wakes_mono_ms = LastLook(engine, inbox), 0
        self._new_by_read: Counter[str] = Counter()
        self._ticked_mono_ms = self._published_mono_ms = self._turned_mono_ms = 0
        self.stopped = False
        storage.watch = self._while_held

    async def run(self) -> None:
        """Until the stop procedure has ended."""
        while not self.stopped:
            await self.turn(await self._inbox.drain(self._pause_ms() / 1000))

    def _pause_ms(self) -> int:
        """Until the next turn, if nothing comes before."""
        if not self._wakes_mono_ms:
            return TICK_MS
        return min(max(self._wakes_mono_ms - self._clock().mono_ms, 1), TICK_MS)

    async def turn(self, items: list[Item]) -> None:
        """One turn: a batch of items and, when its time has come, a tick."""
        recovered = await self._storage.recovered()
        events = await self._commit_fills(items)
        now = self._clock()
        gap_ms, self._turned_mono_ms = now.mono_ms - (self._turned_mono_ms or now.mono_ms), now.mono_ms
        # First of all, so that nothing is decided on what was known before.
        if recovered is not None:
            events.insert(0, recovered)
        elif gap_ms > LAG_MS and not self._storage.trouble:
            events.insert(0, LoopLagged(gap_ms))
        is_woken = not events and 0 < self._wakes_mono_ms <= now.mono_ms
        if is_woken or now.mono_ms - self._ticked_mono_ms >= TICK_MS:
            self._ticked_mono_ms = now.mono_ms
            vitals = self._storage.take_commit_ms(), len(self._inbox)
            events.append(Tick(*self._heartbeat(), *vitals, self._weight()))
            self._tell_failures(now)
            self._beat(now)
        self._meter.turned(events, now.mono_ms)
        was_well = not self._storage.trouble
        effects = self._step(events, now)
        # As of the step: a commit may last longer than what is waited for.
        self._wakes_mono_ms = self._engine.wakes_at(now)
        if any(isinstance(event, FillsCommitted) and event.fills for event in events):
            failpoint("fill_stepped")
        if any(isinstance(effect, Place | Modify) for effect in effects):
            asyncio.get_running_loop().call_soon(
                self._runner.stage, effects
            )  # runs while the disk is waited for
        rest = await self._commit_rows(effects, events, now)
        self._pass_failpoints(rest)
        waited_ms, now = self._clock().mono_ms - now.mono_ms, self._clock()
        was_held = was_well and bool(self._storage.trouble)
        self._carry_out(rest, waited_ms, was_held, now)
        # In this turn of the event loop what was decided is signed and written to its connections: it leaves before a Snapshot
        # is made of it, and before the next turn computes. A halt's cancels waited for both.
        await asyncio.sleep(0)
        stop = self._engine.desk.stopping
        self.stopped = stop is not None and stop.done
        if self.stopped or now.mono_ms - self._published_mono_ms >= PUBLISH_EVERY_MS:
            self._published_mono_ms = now.mono_ms
            self._publish(now)

    def _step(self, events: list[Event], now: Instant) -> list[Effect]:
        """Order updates in a row are one step; each of the others is one, so that what it led to is known."""
        effects: list[Effect] = []
        for are_updates, run in groupby(events, lambda event: isinstance(event, OrderUpdate)):
            for some in [list(run)] if are_updates else [[event] for event in run]:
                found = self._engine.steps(some, now)
                if found:
                    self._times.decided(found, some[0])
                effects += found
        return effects

    def _carry_out(self, effects: list[Effect], waited_ms: int, was_held: bool, now: Instant) -> None:
        """Their rows are durable, which took ``waited_ms``."""
        for effect in sorted(effects, key=_urgency):
            if isinstance(effect, Notify):
                self._bus.publish(effect, now.wall_ms)
            elif not isinstance(effect, Place | Modify):
                self._begin(effect)
            elif was_held or waited_ms > PLACE_WITHIN_MS:
                self._refuse(effect, waited_ms)
            else:
                self._send(effect)

    def _send(self, effect: Place | Modify) -> None:
        goes, stays = self._last_look.at(effect)
        if stays is not None:
            self._inbox.force(stays)
        if goes is not None:
            self._begin(goes)

    def _begin(self, effect: Effect) -> None:
        self._meter.begun(effect)
        if isinstance(effect, Cancel):
            self._times.cancelling(effect.orders)
        self._runner.start(effect)

    def _refuse(self, late: Place | Modify, waited_ms: int) -> None:
        reason = Refused(
            f"not sent: the journal was written {waited_ms} ms after it was decided", Cause.STORAGE
        )
        outcome = PlaceOutcome(tuple((order.cloid, reason) for order in late.orders))
        self._inbox.force(nothing_replaced(outcome, late.pairs) if isinstance(late, Modify) else outcome)

    def _while_held(self) -> None:
        """A commit is held: the screen goes on showing what was known when it failed, and that it failed."""
        now = self._clock()
        self._tell_failures(now)
        self._publish(now)

    def _tell_failures(self, now: Instant) -> None:
        for failure in self._bus.take_failures(now.mono_ms):
            self._bus.publish(notify("observer_failed", "crit", "", reason=failure), now.wall_ms)

    def _pass_failpoints(self, effects: list[Effect]) -> None:
        """Every row is durable, and nothing of this turn has begun."""
        if any(isinstance(effect, Place) for effect in effects):
            failpoint("intent_committed")
        if any(isinstance(effect, Modify) for effect in effects):
            failpoint("modify_committed")
        for _, flatten in flattens(self._engine.desk.running):
            if flatten.phase in FLATTEN_STEPS:
                failpoint(FLATTEN_STEPS[flatten.phase])
        stop = self._engine.desk.stopping
        if stop is not None and stop.phase is Phase.READ:
            failpoint("stop_last_read")

    async def _commit_fills(self, items: list[Item]) -> list[Event]:
        """Fills and funding into the journal in one transaction; what was new takes the place of what arrived. Commands come
        next, in their order: a halt doesn't wait until the engine has stepped through all that the feed had queued before it.
        """
        events: list[Event] = []
        precedes = self._beginning.precedes
        arrived = [item for item in items if isinstance(item, FillsArrived)]
        payments = [
            payment
            for item in items
            if isinstance(item, FundingArrived)
            for payment in item.payments
            if precedes(payment)
        ]
        transfers = [
            transfer
            for item in items
            if isinstance(item, TransfersArrived)
            for transfer in item.transfers
            if precedes(transfer)
        ]
        if arrived or payments or transfers:
            ends = {name: coin.ledger.arrived_lots for name, coin in self._engine.coins.items()}
            batch = Batch(
                self._clock().venue_ms,
                fills=[f for item in arrived for f in as_they_happened(item.fills, ends) if precedes(f)],
                foreign=[fill for item in arrived for fill in item.foreign if precedes(fill)],
                funding=payments,
                transfers=transfers,
            )
            if batch.fills:
                failpoint("fill_arrived")
            committed = await self._storage.commit(batch)
            if committed.new_fills:
                failpoint("fill_committed")
            events += self._committed(arrived, committed)
        for each in sorted(items, key=lambda item: not isinstance(item, CommandReceived)):
            if isinstance(each, BackfillDone):
                events.append(replace(each, new=self._new_by_read.pop(each.read, 0)))
            elif not isinstance(each, FillsArrived | FundingArrived | TransfersArrived):
                events.append(each)
        return events

    def _committed(self, arrived: list[FillsArrived], committed: Committed) -> list[Event]:
        """What the engine is told of a commit."""
        events: list[Event] = []
        new = {fill.key for fill in committed.new_fills}
        for item in arrived:
            if item.ticket:
                self._new_by_read[item.ticket] += sum(fill.key in new for fill in item.fills)
        if arrived:
            events.append(
                FillsCommitted(
                    committed.new_fills,
                    committed.duplicates,
                    committed.new_foreign,
                    committed.conflicts,
                    committed.matched,
                    committed.parts,
                    min((item.arrived_us for item in arrived if item.arrived_us), default=0),
                )
            )
        if committed.new_funding:
            events.append(FundingCommitted(committed.new_funding))
        if committed.new_transfers:
            events.append(TransfersCommitted(committed.new_transfers))
        return events

    async def _commit_rows(self, effects: list[Effect], events: list[Event], now: Instant) -> list[Effect]:
        """Every row that the step asked for, in one transaction; what remains to be done."""
        batch = Batch(now.venue_ms)
        rest = [effect for effect in effects if not batch.take(effect)]
        read = [event.cursor_ms for event in events if isinstance(event, BackfillDone) and not event.error]
        if read:
            # A node that lags leaves fills out: what was read is known as far as the exchange has shown our positions since.
            batch.meta["fill_cursor_ms"] = str(min(max(read), proven_ms(self._engine.coins.values())))
        if not batch.is_empty:
            desk = self._engine.desk
            desk.unwritten = frozenset(action.command.id for action in batch.actions)
            await self._storage.commit(batch)
            desk.unwritten = frozenset()
        for effect in rest:
            if isinstance(effect, Place | Modify):
                self._times.committed(effect.orders)
        return rest
