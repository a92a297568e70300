"""A whole day of the market against the exchange's real budgets, in virtual time: the real session, over HTTP and WebSocket.

Only what shows something turns more slowly than in earnest (``PACE``): what is read, sent, waited for and refused keeps its
true proportion to the market, which plays minute candles of a real day. ``python -m tests.bench.busy_day NAME [HOURS]`` prints
one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.domain.effects import Notify
from core.paper.config import PaperConfig
from core.paper.requests import exchange_api
from core.paper.server import pacing
from core.paper.server.ip_limits import IpLimits
from core.paper.venue.accounts import Account
from core.paper.venue.budget import charge, request_cap
from core.paper.venue.refusals import RefusedError
from core.runtime import account_loop, pulse
from core.runtime.event_bus import EventBus
from core.runtime.settings import load_settings
from tests.captured_run import Trading
from tests.faults.pace import pace
from tests.unit.runtime.stage import Venue, plan, venue
from tests.virtual_time import run_virtually

_DATA = Path(__file__).parent / "data"

PACE: dict[ModuleType, dict[str, Any]] = {
    pacing: {"_TICK_S": 1.0, "_MAX_LAG_S": 20.0},
    account_loop: {"TICK_MS": 2_000, "PUBLISH_EVERY_MS": 60_000, "LAG_MS": 30_000},
    pulse: {"BEAT_S": 10.0},
}
"""The market's steps come each second, the core looks at the clock each other second, and shows a picture each minute."""


@dataclass(frozen=True, slots=True)
class Day:
    title: str
    recording: str
    coin: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return _DATA / self.recording

    @property
    def begins_ms(self) -> int:
        date = self.recording.removesuffix(".csv.gz").rpartition("_")[2]
        return round(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)


DAYS = {
    "default": Day("default settings", "binance_perp_BTC_1m_2025-05-21.csv.gz", "BTC"),
    "hasty": Day(
        "too busy on purpose",
        "binance_perp_ETH_1m_2025-05-09.csv.gz",
        "ETH",
        {
            "num_grids": 30,
            "grid_spacing_pct": Decimal("0.002"),
            "trailing_pct": Decimal("0.001"),
            "trend_bias_max_pct": Decimal("0.001"),
            "volatility_spacing": True,
            "investment_usd": Decimal(250),
        },
    ),
}
"""The hasty one: sixty levels of the least size that all move with each tenth of a percent, which is before the nearest of them
trades. (As near as their fees allow they trade so often that they earn more requests than they use.)"""


@dataclass(slots=True)
class Counted:
    """What the exchange itself has counted."""

    actions: int = 0
    """Signed actions that it took or refused."""
    items: int = 0
    """Orders and cancels in them: what its address budget counts."""
    refused_for_budget: int = 0
    too_many_requests: int = 0
    """Answers with status 429."""
    most_weight: int = 0
    """Of any minute."""
    warnings: dict[str, int] = field(default_factory=dict)
    """What our side told of that isn't everyday life, by name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a day ended. Amounts are decimal strings."""

    title: str
    hours: float
    wall_s: float
    counted: dict[str, Any]
    requests_left: int
    """Of the address's budget; below zero if it was overdrawn."""
    traded_usd: int
    fills: int
    grids: int
    drift: str
    unknown_orders: int
    halted: str


@contextmanager
def counting() -> Iterator[Counted]:
    counted = Counted()

    def charged(account: Account, weight: int, now_ms: int, **how: Any) -> None:
        counted.actions += 1
        counted.items += weight
        try:
            charge(account, weight, now_ms, **how)
        except RefusedError:
            counted.refused_for_budget += 1
            raise

    spend = IpLimits.spend

    def spent(limits: IpLimits, address: str, weight: int, now_s: float) -> bool:
        fits = spend(limits, address, weight, now_s)
        counted.too_many_requests += not fits
        counted.most_weight = max(counted.most_weight, limits.peer(address).rest.total)
        return fits

    publish = EventBus.publish

    def published(bus: EventBus, notice: Notify, time_ms: int) -> None:
        if notice.severity != "info":
            counted.warnings[notice.name] = counted.warnings.get(notice.name, 0) + 1
        publish(bus, notice, time_ms)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange_api, "charge", charged)
        patch.setattr(IpLimits, "spend", spent)
        patch.setattr(EventBus, "publish", published)
        yield counted


async def _live(day: Day, hours: float, directory: Path) -> Outcome:
    config = PaperConfig(market=f"replay:{day.path}", speed=1.0, loops=False)
    async with venue(config) as exchange:
        of = replace(plan(directory, exchange.url), settings=_settings(day))
        trading = Trading(exchange, of)
        began_s = time.perf_counter()
        with pace(PACE), counting() as counted:
            try:
                trading.begin()
                await asyncio.sleep(hours * 3_600)
                return _outcome(day, hours, time.perf_counter() - began_s, trading, exchange, counted)
            finally:
                await trading.run.crash()


def _settings(day: Day) -> Any:
    flags = {"coins": (day.coin,), **day.settings}
    return load_settings(flags, {}, None, default_file=Path("there is no such file"))


def _outcome(
    day: Day, hours: float, wall_s: float, trading: Trading, exchange: Venue, counted: Counted
) -> Outcome:
    account, coin = trading.venue.see(exchange.user), trading.coin
    return Outcome(
        day.title,
        hours,
        round(wall_s, 1),
        asdict(counted),
        request_cap(account) - account.requests,
        account.volume // 10**6,
        coin.fills.total,
        coin.grid.generation,
        f"{coin.drift.amount.normalize():f}",
        trading.snapshot.api.unknown_orders,
        trading.snapshot.halt_reason or coin.halt_reason,
    )


def run_day(day: Day, hours: float = 24.0) -> Outcome:
    """In memory where there is a file system of it: the disk is measured elsewhere."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="gridbot-day-", dir=where) as home,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("XDG_STATE_HOME", home)  # what this host has sent is counted there
        return run_virtually(lambda: _live(day, hours, Path(home)), day.begins_ms)


if __name__ == "__main__":
    print(json.dumps(asdict(run_day(DAYS[sys.argv[1]], *map(float, sys.argv[2:])))))
