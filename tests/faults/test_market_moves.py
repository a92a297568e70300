"""What a market does that a grid must outlive: gaps through all of it (O17), a boundary that is crossed for ever (O18), and
quotes that are no market (T9).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.orders import Side
from core.paper.jsonio import Json
from tests.faults.test_transport_garbage import say
from tests.faults.world import GRID, World, living


@pytest.mark.parametrize("pct", [-2.0, 2.0], ids=["down", "up"])
async def test_o17_a_gap_through_the_whole_grid_ends_in_one_new_grid_within_the_cap(
    world: World, pct: float
) -> None:
    await world.start()
    sent = world.snapshot.api.orders_sent
    world.move(pct)
    truth = await world.check("fill", "grid_recentered")
    assert len(truth["fills"]) >= GRID // 2, "one side of it traded, all in one moment"
    assert len(world.told("grid_recentered")) == 1
    assert world.snapshot.api.orders_sent - sent <= 3 * GRID, "no refill of each fill into the fall"


async def test_o18_a_price_that_crosses_the_boundary_again_and_again_builds_no_grid_for_each(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, trailing_pct=Decimal("0.001"), recenter_interval_sec=Decimal(3)) as world:
        await world.start()
        began_ms = world.snapshot.time_ms
        for number in range(30):
            world.move(0.15 if number % 2 else -0.15)
            await world.turn()
        passed_s = (world.snapshot.time_ms - began_ms) / 1000
        assert len(world.told("grid_recentered")) <= 1 + passed_s / 3
        await world.check()


NO_MARKETS: list[tuple[str, list[Json]]] = [
    ("no ask", [{"px": "109755", "sz": "1", "n": 1}, None]),
    ("no bid", [None, {"px": "109756", "sz": "1", "n": 1}]),
    ("nothing", [None, None]),
    ("crossed", [{"px": "109756", "sz": "1", "n": 1}, {"px": "109755", "sz": "1", "n": 1}]),
    ("locked", [{"px": "109755", "sz": "1", "n": 1}, {"px": "109755", "sz": "1", "n": 1}]),
]


@pytest.mark.parametrize("book", [book for _, book in NO_MARKETS], ids=[name for name, _ in NO_MARKETS])
async def test_t09_a_book_that_is_no_market_builds_no_grid_and_the_old_one_stays(
    world: World, book: Json
) -> None:
    await world.start()
    resting = {order.cloid for order in world.ours()}
    say(world, "bbo", {"coin": "BTC", "time": world.venue.now_ms(), "bbo": book})
    await world.until(lambda: world.coin().idle_reason == "waiting for a quote with both sides; what rests stays", "it says so")
    await world.turn()
    assert {order.cloid for order in world.ours()} == resting
    assert not world.told("grid_recentered")
    world.hit(100, side=Side.SELL)
    await world.until(lambda: world.coin().fills.total, "fills count all the same")
    world.move(0.01)
    await world.check("fill")


async def test_t10_a_bad_print_of_thirty_percent_recentres_nothing(world: World) -> None:
    await world.start()
    resting = {order.cloid for order in world.ours()}
    mid = world.mid()
    for factor in (13, 10):
        price = world.instrument("BTC").round_price_down(mid * factor // 10)
        text = [world.instrument("BTC").price_text(price + step) for step in (0, 10)]
        levels: Json = [{"px": px, "sz": "1", "n": 1} for px in text]
        say(world, "bbo", {"coin": "BTC", "time": world.venue.now_ms(), "bbo": levels})
        await world.turn()
    await world.turn()
    assert not world.told("grid_recentered")
    assert {order.cloid for order in world.ours()} == resting
    world.move(0.01)
    await world.check()
