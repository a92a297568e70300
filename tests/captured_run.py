"""The run that the docs' pictures are of: the real session trades for some hours on the whole paper exchange, over its HTTP and
WebSocket, on the recorded market; then its position is moved behind its back, and it is halted.

In virtual time, so that it comes out the same to the last character wherever and whenever it is made, and costs seconds. In the
quiet hours the clockwork turns more slowly than in earnest (``QUIET``), for the minute of a picture as in earnest. Nothing else
is changed: what rests, fills, is lost and read back, drifts and earns is what the program and the exchange made of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

from core.domain.commands import Action, Command, Origin
from core.domain.events import CommandReceived
from core.domain.orders import Side
from core.engine import position_age, schedule
from core.paper.config import PaperConfig
from core.paper.exchange import PaperExchange
from core.paper.market.replay import Replay
from core.paper.server import pacing
from core.paper.venue.accounting import Trade
from core.paper.venue.venue import Venue as Market
from core.runtime import account_loop, pulse
from core.runtime.event_bus import EventBus
from core.runtime.plan import RunPlan
from core.runtime.session import Session
from core.view import CoinView, Snapshot
from tests.faults.pace import pace
from tests.unit.runtime.stage import Run, Venue, plan, settings, venue
from tests.virtual_time import run_virtually

PATIENT: dict[ModuleType, dict[str, Any]] = {account_loop: {"LAG_MS": 30_000}}
"""A core that looks each ten seconds hasn't stood still."""

BEGINS_MS = 1_767_270_960_000
"""2026-01-01 12:36:00 UTC"""

QUIET: dict[ModuleType, dict[str, Any]] = {
    pacing: {"_TICK_S": 10.0, "_MAX_LAG_S": 20.0},
    account_loop: {"TICK_MS": 10_000, "PUBLISH_EVERY_MS": 60_000},
    pulse: {"BEAT_S": 10.0},
    schedule: {"ACCOUNT_EVERY_MS": 30_000, "FILL_POLL_EVERY_MS": 60_000},
    position_age: {"LATE_MS": 90_000},
}
"""The market's steps come in handfuls, and the core looks each ten seconds."""

SETTINGS: dict[str, Any] = {
    "num_grids": 10,
    "investment_usd": Decimal(6_000),
    "grid_spacing_pct": Decimal("0.0007"),
    "stop_loss_low": Decimal(107_000),
    "stop_loss_high": Decimal(113_000),
}


class Moment(StrEnum):
    """What is pictured of the run."""

    CALM = "calm"
    DRIFTS = "drifts"
    LOOKED = "looked"
    """It drifts, and the book was read for a flatten that somebody thinks of."""


@dataclass
class Trading:
    """The session, and what it has shown last."""

    exchange: Venue
    of: RunPlan
    run: Run = field(init=False)

    def begin(self) -> None:
        self.run = Run(Session(self.of, self.of.exchange_url, bus := EventBus(), self._keep), bus)
        self.run.task = asyncio.create_task(self.run.session.run())

    def _keep(self, newest: Snapshot) -> None:
        self.run.snapshots = [newest]

    @property
    def venue(self) -> Market:
        return self.exchange.server.exchange.venue

    @property
    def snapshot(self) -> Snapshot:
        return self.run.snapshots[-1]

    @property
    def coin(self) -> CoinView:
        return self.snapshot.coins[0]

    @property
    def seen_ms(self) -> int:
        """When the account was last read."""
        return self.coin.drift.observed_ms

    async def until(self, condition: Callable[[], object], within_s: float) -> None:
        for _ in range(round(within_s * 5)):
            if condition():
                return
            await asyncio.sleep(0.2)
        raise AssertionError(f"not within {within_s} s of virtual time: {self.snapshot}")

    async def fault(self, **row: Any) -> None:
        async with self.exchange.http.post(f"{self.exchange.url}/paper/faults", json=[row]) as answer:
            assert answer.status == 200, await answer.text()

    def command(self, action: Action) -> None:
        self.run.session.inbox.force(CommandReceived(Command(f"{action}", action, "BTC", Origin.TUI)))

    def move_behind_its_back(self, size: str) -> None:
        """So much of it is sold to the market for what it is worth, and no fill tells of that."""
        ledger, instrument = self.venue.ledger, self.venue.instruments["BTC"]
        sold = Trade("BTC", instrument.parse_price(str(self.coin.bid)), instrument.parse_size(size), 0)
        ledger.exchange(self.venue.see(self.exchange.user), sold, Side.SELL)
        ledger.exchange(ledger.market, sold, Side.BUY)


def turn_round(paper: PaperExchange) -> None:
    """The recording begins with a rise; backwards it falls first, so that the grid buys."""
    assert isinstance(paper.market, Replay)
    (track,) = paper.market.recording.tracks
    paper.market.resume(f"{len(track) - 1} backward")
    for step in paper.market.scene():
        paper.apply(step)


async def _traded(trading: Trading) -> dict[Moment, Snapshot]:
    made: dict[Moment, Snapshot] = {}
    with pace(QUIET):
        trading.begin()
        await asyncio.sleep(40 * 60)
        await trading.fault(kind="ws_drop", channel="userFills", count=1)
        await asyncio.sleep(30 * 60)
        await trading.fault(kind="ws_close", count=1)
        await asyncio.sleep(51 * 60)
    await asyncio.sleep(20)
    await trading.until(lambda: trading.seen_ms > trading.snapshot.time_ms - 1_000, 10)
    made[Moment.CALM] = trading.snapshot
    trading.move_behind_its_back("0.001")
    await trading.until(lambda: trading.snapshot.alerts, 30)
    await asyncio.sleep(3)
    made[Moment.DRIFTS] = trading.snapshot
    trading.command(Action.FLATTEN_PREVIEW)
    await trading.until(lambda: trading.coin.closing.seen_ms, 5)
    made[Moment.LOOKED] = trading.snapshot
    return made


async def _run(directory: Path) -> dict[Moment, Snapshot]:
    async with venue(PaperConfig(speed=1.0)) as exchange:
        turn_round(exchange.server.exchange)
        of = replace(plan(directory, exchange.url), settings=settings(**SETTINGS))
        trading = Trading(exchange, of)
        with pace(PATIENT):
            try:
                return await _traded(trading)
            finally:
                await trading.run.crash()


def shown(directory: Path) -> dict[Moment, Snapshot]:
    """Of each moment that is pictured, what the core then showed."""
    return run_virtually(lambda: _run(directory), BEGINS_MS)
