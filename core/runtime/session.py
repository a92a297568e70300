"""One run of the core, from the first request to the last row: everything is wired here, inside the core's own loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from core.domain.clock import Instant
from core.domain.effects import Notify, Scalar, Severity, notify
from core.domain.events import CommandReceived, StopRequested
from core.domain.instrument import Instrument
from core.engine.engine import Engine
from core.engine.snapshot import build_snapshot
from core.exchange.lanes import Lane
from core.exchange.market_data import MarketData
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import OrderRouter
from core.exchange.order_times import OrderTimes
from core.exchange.reads import Reads
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock, mono_ms
from core.exchange.weight_budget import shared_budget
from core.failpoints import failpoint
from core.journal.integrity import check_beside, was_checked_in_part
from core.journal.journal import Batch, Journal
from core.journal.reader import JournalReader, Restored
from core.journal.schema import StorageError
from core.runtime.account_loop import AccountLoop
from core.runtime.alert_trial import asked_of
from core.runtime.backtest_file import read_backtest
from core.runtime.beginning import Beginning
from core.runtime.boot import boot_engine
from core.runtime.cash import note_cash
from core.runtime.comeback import funding_known_ms
from core.runtime.control.server import ControlServer
from core.runtime.control.viewers import Viewers
from core.runtime.effects import EffectRunner
from core.runtime.event_bus import EventBus
from core.runtime.exit_code import ExitCode
from core.runtime.inbox import Inbox
from core.runtime.left_out import coins_left_out
from core.runtime.limits_at_start import restore_within_limits
from core.runtime.margin_setup import MarginSetup, read_mode
from core.runtime.meter import Meter
from core.runtime.opening import count_as_before, first_beat, open_journal
from core.runtime.plan import RunPlan, RunReport
from core.runtime.preview.desk import PreviewDesk, preview_of
from core.runtime.pulse import Pulse
from core.runtime.reach import Reach, dex_of
from core.runtime.report import crashed, ending, kept_orders, status
from core.runtime.signs_of_life import SignsOfLife
from core.runtime.storage import Reserve, Storage
from core.runtime.trade import Trade
from core.runtime.way_out import WayOut
from core.runtime.withdrawal import StandDown, Withdrawal
from core.view import Snapshot

T = TypeVar("T")
DRAIN_S = 3.0
HURRIED_DRAIN_S = 0.3
"""Of a stop that may not wait: for cancels whose bytes have not left yet."""


class Session:
    """Built and run inside one event loop. ``publish`` gets every new Snapshot."""

    def __init__(
        self, plan: RunPlan, base_url: str, bus: EventBus, publish: Callable[[Snapshot], None]
    ) -> None:
        self._plan, self._base_url, self._bus, self._publish = plan, base_url, bus, publish
        self.clock = VenueClock()
        self.inbox = Inbox()
        weight = shared_budget(plan.limits, base_url, mono_ms, self._publish_event)
        self._rest = Rest(base_url, self.clock, self.inbox.force, weight)
        self._journal = Journal(plan.state.journal)
        self._reserve = Reserve(plan.state.reserve)
        self._pulse, self._times = (
            Pulse(),
            OrderTimes(tell=lambda way: bus.log(way, self.clock.now().wall_ms)),
        )
        self._meter = Meter(self.inbox.__len__, bus.observers)
        self._backtest = read_backtest(plan.state.backtest)
        self._storage: Storage | None = None
        self._signs = SignsOfLife(plan.state, os.environ, self._tell)
        self.viewers = Viewers(lambda command: self.inbox.force(CommandReceived(command)))
        self._control: ControlServer | None = None
        self.previews: PreviewDesk | None = None
        """There once the account has been read."""
        self._failure: RunReport | None = None
        self.is_told_to_stop = False
        """By a command, where others know nothing of it."""
        self._stop_asked, self._drain_s = asyncio.Event(), DRAIN_S
        self._reach = Reach(plan, self._rest, self.clock, self._stop_asked, self._publish_event, publish)

    def request_stop(self, reason: str) -> None:
        """No new orders, cancel ours, drain, reconcile, end. Called in the session's loop."""
        self._stop_asked.set()
        self.inbox.force(StopRequested(reason))

    def stop_at_once(self, reason: str) -> None:
        """The stop under way waits for nothing of the exchange's any more; what is begun on disk is ended."""
        self._drain_s = HURRIED_DRAIN_S
        self.inbox.force(StopRequested(reason, at_once=True))

    def _told_to_stop(self) -> None:
        self.is_told_to_stop = True
        self._stop_asked.set()

    async def run(self) -> RunReport:
        """Live until stopped; how it ended. Raises ``UsageError`` and ``StorageError`` for what kept it from starting."""
        await self._rest.open()
        self._rest.lane = Lane.PROOF
        waiting = asyncio.create_task(self._reach.show_waits(), name="weight of the start")
        waiting.add_done_callback(self._task_ended)
        try:
            instruments = await self._reach.instruments()
            if instruments is None:
                failure = self._reach.failure
                code = ExitCode.UNREACHABLE if failure else ExitCode.CLEAN
                reason = f": {failure}" if failure else ""
                return RunReport(code, f"stopped before it had started{reason}")
            await open_journal(
                self._plan, self._journal, self._reserve, self.clock, self._base_url, self._tell
            )
            try:
                return await self._trade(instruments)
            finally:
                failpoint("journal_closing")
                await self._journal.close()
        except RestError as error:
            return RunReport(ExitCode.UNREACHABLE, str(error))
        finally:
            waiting.cancel()
            self._signs.close()
            await self._rest.close()

    # -- starting -----------------------------------------------------------------------------------------------

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of a part of the start, or ``None`` if it was told to stop meanwhile."""
        working = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._stop_asked.wait())
        await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return None

    # -- trading ------------------------------------------------------------------------------------------------

    async def _trade(self, instruments: dict[str, Instrument]) -> RunReport:
        instruments = await count_as_before(self._plan, self._journal, instruments, self.clock)
        reads = Reads(self._rest, self.clock, self._plan.identity.account, instruments, dex_of(self._plan))
        mode = await self._unless_stopped(read_mode(reads))
        if mode is None:
            return RunReport(ExitCode.UNREACHABLE, "stopped before the account could be read")
        reads.mode = mode
        reads.elsewhere = frozenset(self._reach.listed.keys() - instruments.keys())
        restored = await self._unless_stopped(
            restore_within_limits(self._plan, self._journal, reads, instruments, self.clock)
        )
        if restored is None:
            return RunReport(ExitCode.UNREACHABLE, "stopped before the account could be read")
        self._plan = replace(self._plan, identity=self._reach.identity)
        engine = await self._begin(restored, instruments)
        await self._mark_cash(reads, restored, engine.account)
        for event in self._reach.found:
            self.inbox.force(event)
        self._signs.begin(first_beat(self._plan, engine))
        trade = self._assemble(engine, restored, reads, instruments)
        self._tell(
            "session_start",
            "info",
            account=engine.account,
            network=self._plan.network,
            coins=",".join(instruments),
            boot=engine.boot,
            exchange_url=self._base_url,
        )
        for left in await coins_left_out(
            JournalReader(self._plan.state.journal), instruments, self._reach.listed
        ):
            self._publish_event(left)
        for warning in self._plan.warnings:
            self._tell("config_warning", "warn", reason=warning)
        if await self._unless_stopped(self._set_margins(engine, trade.setup)) is None:
            return self._report(engine, RunReport(ExitCode.CLEAN))
        await self._live(trade)
        if trade.storage.trouble and self._failure is None:
            self._failure = RunReport(ExitCode.STORAGE, trade.storage.sentence)
        return self._report(engine, self._failure)

    async def _begin(self, restored: Restored, instruments: dict[str, Instrument]) -> Engine:
        engine, batch, told = boot_engine(self._plan, restored, instruments, self.clock.now())
        await self._journal.commit(batch)
        for notice in told:
            self._publish_event(notice)
        failpoint("boot_saved")
        return engine

    async def _mark_cash(self, reads: Reads, restored: Restored, account: str) -> None:
        now_ms = self.clock.now().wall_ms
        noted = await self._unless_stopped(note_cash(reads, restored, account, dex_of(self._plan), now_ms))
        if noted is not None:
            await self._journal.commit(noted)

    def _assemble(
        self, engine: Engine, restored: Restored, reads: Reads, instruments: dict[str, Instrument]
    ) -> Trade:
        clock, way = self.clock, self._way_out(restored)
        self.previews = PreviewDesk(self._plan, engine, reads)
        nonces, router = way.nonces, way.router(instruments, self._reach.listed, self._times)
        feed = self._feed(engine, instruments)
        anchors_ms = {name: rows.anchor.time_ms for name, rows in restored.coins.items() if rows.anchor}
        runner = self._runner(restored, router, reads, feed)
        withdrawal = Withdrawal(engine, router, reads, clock.now, self._publish_event)
        response = StandDown(engine, nonces, withdrawal, self._publish_event)
        self._storage = storage = Storage(self._journal, self._reserve, clock.now, self._stop_asked, response)
        loop = AccountLoop(
            engine,
            storage,
            self.inbox,
            runner,
            self._bus,
            clock.now,
            lambda: (feed.last_message_ms, self._rest.latency_ms),
            self._rest.budget.standing,
            lambda at: self._show(self._snapshot(engine, at), at),
            Beginning(anchors_ms, restored.boots | {engine.boot}, restored.begins_ms),
            self._times,
            self._meter,
            partial(self._beat, engine, nonces),
        )
        self._control = control = ControlServer(
            self._plan.state.socket,
            self.inbox,
            lambda full: status(self._snapshot(engine, clock.now()), full),
            engine.desk.told,
            self.viewers,
            partial(preview_of, self.previews),
            self._told_to_stop,
            way.rotate,
            asked_of(self._plan),
        )
        setup = MarginSetup(reads, router, self._publish_event)
        return Trade(loop, feed, runner, nonces, withdrawal, storage, control, setup)

    def _runner(
        self, restored: Restored, router: OrderRouter, reads: Reads, feed: MarketData
    ) -> EffectRunner:
        return EffectRunner(
            self.inbox,
            router,
            reads,
            feed,
            self.clock,
            restored.cursor_ms,
            self._fatal,
            funding_ms=funding_known_ms(restored),
            anchor_ms=restored.begins_ms,
            transfers_ms=max((transfer.time_ms for transfer in restored.transfers), default=0),
            told=self._bus.logged,
            foretold=self._signs.foretold,
            report=partial(crashed, self._plan.state.logs),
        )

    def _way_out(self, restored: Restored) -> WayOut:
        told = self._tell, self.inbox.force
        return WayOut(self._plan, self._rest, self.clock, restored.nonce_ceilings, self._save_ceiling, *told)

    def _feed(self, engine: Engine, instruments: dict[str, Instrument]) -> MarketData:
        stale_s, inbox, asked_us = engine.feed_age.stale_ms / 1000, self.inbox, self._times.asked_us
        return MarketData(
            self._base_url, engine.account, instruments, self.clock, inbox.put, stale_s, inbox.quote, asked_us
        )

    async def _set_margins(self, engine: Engine, setup: MarginSetup) -> bool:
        """Before the first order, and before anybody is answered."""
        by_coin, coins = self._plan.settings.by_coin, engine.coins
        found = await setup.prepare([(by_coin[name], coin.config.instrument) for name, coin in coins.items()])
        for name, leverage in found.items():
            coins[name].leverage = leverage
        return True

    async def _live(self, trade: Trade) -> None:
        """Until the stop procedure has ended, or something has broken: then what is ours is taken back first."""
        trade.storage.timed = self._meter.committed
        await trade.control.start()
        self._rest.lane = Lane.INFO
        feeding = asyncio.create_task(trade.feed.run(), name="feed")
        checking = asyncio.create_task(self._check_beside(), name="integrity")
        beating = asyncio.create_task(self._pulse.run(), name="pulse")
        for task in (feeding, checking, beating):
            task.add_done_callback(self._task_ended)
        try:
            await trade.loop.run()
        except StorageError as error:
            self._failure = RunReport(ExitCode.STORAGE, str(error))
            await trade.withdrawal.at_once()
        except Exception as error:
            self._fatal("account loop", error)
            trade.nonces.go_on_without_disk()
            await trade.withdrawal.at_once()
        finally:
            await trade.withdrawal.end()
            for task in (feeding, checking, beating):
                task.cancel()
            await asyncio.gather(feeding, checking, beating, return_exceptions=True)
            await trade.runner.drain(self._drain_s)
            await trade.nonces.end()
            await trade.control.stop()

    def _report(self, engine: Engine, failure: RunReport | None) -> RunReport:
        stop = engine.desk.stopping
        if failure is None and stop is not None and stop.failed:
            self._tell("stop_incomplete", "crit", reason=stop.sentence)
        elif failure is None:
            self._signs.end(kept_orders(engine))
        return ending(engine, self._plan.network, self.clock.now(), failure)

    def _beat(self, engine: Engine, nonces: NonceAllocator, now: Instant) -> None:
        """With each tick of the account's loop, and by nothing else: a loop that hangs is silent."""
        nonces.keep_ahead(now.venue_ms)
        self._signs.tick(engine, now)

    def _show(self, snapshot: Snapshot, now: Instant) -> None:
        self._signs.shown(snapshot, now)
        self._publish(snapshot)
        if self._control is not None:
            self._control.show(snapshot)

    def _snapshot(self, engine: Engine, now: Instant) -> Snapshot:
        plan = self._plan
        seen = build_snapshot(engine, plan.network, now)
        return replace(
            seen,
            alerts=(*seen.alerts, *self._bus.alerts()),
            events=self._bus.tail(),
            market_speed=plan.speed if plan.is_embedded else 1.0,
            exchange_url=self._base_url,
            is_embedded=plan.is_embedded,
            settings=plan.settings.listed,
            backtest=self._backtest,
            worst_gap_ms=self._pulse.worst_gap_ms,
            watchdog_pid=self._signs.watchdog_pid,
            control=self.viewers.view,
            latency=self._times.view(),
            work=self._meter.view(),
        )

    async def _save_ceiling(self, signer: str, ceiling: int) -> bool:
        try:
            await self._journal.commit(Batch(self.clock.now().venue_ms, nonce_ceiling=(signer, ceiling)))
        except StorageError as error:
            assert self._storage is not None, "nonces are taken while trading"
            self._storage.fail(error)
            return False
        return True

    # -- when something breaks ----------------------------------------------------------------------------------

    def _fatal(self, name: str, error: BaseException) -> None:
        """A core task died: that is a bug. Say so, cancel what is ours, and end."""
        self._failure = crashed(self._plan.state.logs, name, error)
        self._tell("core_task_failed", "crit", task=name, reason=f"{type(error).__name__}: {error}")
        self.request_stop("internal error")

    async def _check_beside(self) -> None:
        """A large journal is read whole beside the run; damage ends the run in order."""
        path = self._plan.state.journal
        if not was_checked_in_part(path):
            return
        try:
            await check_beside(path)
        except StorageError as error:
            self._failure = RunReport(ExitCode.STORAGE, str(error))
            self._tell("journal_damaged", "crit", reason=str(error))
            self.request_stop("the journal is damaged")

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fatal(task.get_name(), error)

    def _tell(self, name: str, severity: Severity, **fields: Scalar) -> None:
        self._publish_event(notify(name, severity, "", **fields))

    def _publish_event(self, notice: Notify) -> None:
        self._bus.publish(notice, self.clock.now().wall_ms)
