"""A whole core against a paper exchange in the same loop, on a market that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from core.exchange.signing import Signer
from core.paper.config import PaperConfig
from core.paper.server.http import PaperServer
from core.runtime.event_bus import EventBus
from core.runtime.keys import Identity
from core.runtime.plan import RunPlan, RunReport
from core.runtime.session import Session
from core.runtime.settings import Loaded, load_settings
from core.runtime.statedir import StateDir
from core.view import Snapshot
from tests.unit.exchange.samples import KEY, until

STILL = PaperConfig(speed=1e-6, limits=False)


def settings(*coins: str, **changes: Any) -> Loaded:
    flags = {"coins": coins or ("BTC",), "num_grids": 3, "investment_usd": Decimal(1000), **changes}
    return load_settings(flags, {}, None, default_file=Path("there is no such file"))


def plan(directory: Path, url: str, *coins: str, key: str = KEY, network: str = "paper") -> RunPlan:
    state = StateDir(directory / "state")
    state.prepare()
    signer = Signer(key, False)
    return RunPlan(network, url, settings(*coins), state, Identity(signer.address, signer))


@dataclass
class Run:
    """One running session."""

    session: Session
    bus: EventBus
    task: asyncio.Task[RunReport] = field(init=False)
    snapshots: list[Snapshot] = field(default_factory=list)

    async def resting(self, count: int) -> Snapshot:
        """The first Snapshot with that many resting orders and nothing in flight."""

        def whole() -> Snapshot | None:
            assert not self.task.done(), self.task
            if not self.snapshots:
                return None
            newest = self.snapshots[-1]
            levels = [level for coin in newest.coins for level in coin.grid.levels]
            is_whole = len(levels) == count and all(level.state == "open" for level in levels)
            return newest if is_whole else None

        found: Snapshot = await until(whole, 10)
        return found

    def told(self) -> list[str]:
        return [event.name for event in self.bus.tail()]

    async def stop(self) -> RunReport:
        self.session.request_stop("test")
        return await asyncio.wait_for(self.task, 15)

    async def crash(self) -> None:
        """End without a word to the exchange, as kill -9 would."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def running(of: RunPlan) -> AsyncIterator[Run]:
    bus = EventBus()
    snapshots: list[Snapshot] = []
    run = Run(Session(of, of.exchange_url, bus, snapshots.append), bus)
    run.snapshots = snapshots
    run.task = asyncio.create_task(run.session.run())
    try:
        yield run
    finally:
        await run.crash()


@dataclass
class Venue:
    """The paper exchange and its own truth about the account."""

    url: str
    server: PaperServer
    http: aiohttp.ClientSession
    user: str = Signer(KEY, False).address

    async def truth(self) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/paper/truth", params={"user": self.user}) as answer:
            found: dict[str, Any] = await answer.json()
        return found

    async def cloids(self) -> set[str]:
        return {row["cloid"] for row in (await self.truth())["orders"]}

    async def trade(self, side: str, size: str, coin: str = "BTC") -> None:
        body = {"user": self.user, "coin": coin, "side": side, "size": size}
        async with self.http.post(f"{self.url}/paper/trade", json=body) as answer:
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def venue(config: PaperConfig = STILL) -> AsyncIterator[Venue]:
    server = PaperServer(config)
    url = await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Venue(url, server, http)
    finally:
        await server.stop()
