"""The account's requests are spent while several coins need what is left of them (T6). In virtual time, at the earnest pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.domain.commands import Action, Command, Origin
from core.domain.events import CommandReceived
from core.domain.orders import Side
from core.paper.config import PaperConfig
from core.paper.venue.budget import request_cap
from core.view import CommandStatus
from tests.faults.pace import pace
from tests.faults.test_router_soak import SEDATE
from tests.faults.world import GRID, World
from tests.unit.runtime.stage import venue
from tests.virtual_time import NOON_MS, run_virtually

LOWS = {"BTC": Decimal(100_000), "ETH": Decimal(3_900), "SOL": Decimal(190), "DOGE": Decimal("0.19")}
MARKET = "synthetic:" + ",".join(f"{coin}=reverting" for coin in LOWS)


def resting(world: World) -> int:
    return sum(len(world.ours(coin)) for coin in LOWS)


async def spent(world: World) -> None:
    """Every coin's bids trade, and the requests are gone: by far, what was just traded doesn't bring them back."""
    await world.start(resting=None)
    await world.until(lambda: resting(world) == GRID * len(LOWS), "the grids rest", 60, 0.5)
    for coin in LOWS:
        world.hit(sum(o.remaining for o in world.ours(coin) if o.side is Side.BUY), coin=coin)
    world.account.requests = request_cap(world.account) + 5_000
    world.account.throttled_ms = world.venue.now_ms()


def in_a_world(directory: Path, body: Callable[[World], Coroutine[Any, Any, None]], **more: Any) -> None:
    settings = {"num_grids": 3, "investment_usd": Decimal(1_000), "recenter_interval_sec": Decimal(5), **more}

    async def live() -> None:
        with pace(SEDATE):
            async with venue(PaperConfig(market=MARKET, speed=1e-6, limits=True)) as exchange:
                world = World(exchange, directory, settings, tuple(LOWS))
                world.by_coin = {coin: {"stop_loss_low": low} for coin, low in LOWS.items()}
                try:
                    await body(world)
                    assert not world.watch.breaches, world.watch.breaches[:5]
                finally:
                    await world.crash()
                    world.watch.close()

    run_virtually(live, NOON_MS)


def test_t06_the_stops_of_all_coins_rest_one_after_the_other_before_any_order_of_a_grid(
    tmp_path: Path,
) -> None:
    async def body(world: World) -> None:
        await spent(world)
        rested = resting(world)
        await world.until(lambda: all(world.stops(coin) for coin in LOWS), "all have their stops", 55, 0.1)
        assert resting(world) == rested, "no order of a grid took a turn of theirs"
        assert len(world.told("stop_refused")) <= len(LOWS), "none is sent to be refused once that is known"
        await world.until(lambda: resting(world) > rested, "the grids go on", 15, 0.1)

    in_a_world(tmp_path, body)


def test_t06_a_flatten_comes_before_the_stops_and_the_grids_of_other_coins(tmp_path: Path) -> None:
    async def body(world: World) -> None:
        await spent(world)
        await asyncio.sleep(5)
        command = Command("way-out", Action.FLATTEN, "BTC", Origin.TUI)
        world.run.session.inbox.force(CommandReceived(command))
        await world.until(lambda: not world.lots("BTC"), "its position is closed", 25, 0.1)
        assert len(world.told("order_rejected", "BTC")) <= 3, "by the second turn at the latest"

    in_a_world(tmp_path, body)


def test_t06_a_flatten_of_all_coins_has_the_time_that_one_order_in_ten_seconds_takes(tmp_path: Path) -> None:
    async def body(world: World) -> None:
        await spent(world)
        await asyncio.sleep(60)
        world.account.throttled_ms = (
            world.venue.now_ms() + 45_000
        )  # another program takes what turns there are
        world.account.requests = request_cap(world.account) + 9_000
        command = Command("way-out", Action.FLATTEN, "", Origin.TUI, "all")
        world.run.session.inbox.force(CommandReceived(command))
        await world.until(lambda: not any(map(world.lots, LOWS)), "all are closed", 200, 0.5)
        await world.until(
            lambda: any(c.status is CommandStatus.DONE for c in world.snapshot.commands), "it is proven", 30
        )

    in_a_world(tmp_path, body)


def test_t06_a_busy_grid_leaves_the_dead_mans_switch_its_turn_before_it_fires(tmp_path: Path) -> None:
    async def body(world: World) -> None:
        world.account.volume = 2_000_000_000_000
        await world.start(resting=None)
        await world.until(lambda: resting(world) == GRID * len(LOWS), "the grids rest", 60, 0.5)
        for number in range(16):
            world.account.requests = request_cap(world.account) + 90_000
            side = Side.SELL if number % 2 else Side.BUY
            if hit := [o for o in world.ours("BTC") if o.side is side]:
                world.hit(sum(o.remaining for o in hit), side=side.opposite)
            await asyncio.sleep(30)
        assert world.told("dead_man_switch_refresh_error"), "its turns are few"
        assert not world.told("dead_man_switch_fired"), "it would take the stops as well"

    in_a_world(tmp_path, body, dead_man_switch_sec=60)
