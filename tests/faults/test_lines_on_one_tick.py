"""O16: lines closer together than a tick. Two slots of one price get one order, and the other one says why it has none."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from core.domain.orders import Side
from core.view import LevelState
from tests.faults.world import World, living


async def test_o16_a_spacing_of_less_than_a_tick_is_raised_and_every_level_has_a_price_of_its_own(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, grid_spacing_pct=Decimal("0.000001"), maker_fee_pct=Decimal(0)) as world:
        await world.start()
        prices = sorted(order.price for order in world.ours())
        tick = world.instrument().tick(prices[0])
        assert all(b - a >= 2 * tick for a, b in pairwise(prices)), prices
        await world.check("grid_compression_override")


async def test_o16_two_slots_that_round_to_one_tick_get_one_order_and_the_other_says_why(
    world: World,
) -> None:
    await world.start()
    await world.stop()
    _squeeze(world)
    await world.start(resting=None)
    await world.until(lambda: world.run.snapshots and len(world.ours()) == 4, "two prices a side", 20)
    await world.turn()
    bids = [o.price for o in world.ours() if o.side is Side.BUY]
    asks = [o.price for o in world.ours() if o.side is Side.SELL]
    assert len(set(bids)) == len(set(asks)) == 2
    assert max(bids) < min(asks)
    reasons = [lv.blocked_by for lv in world.coin().grid.levels if lv.state is LevelState.MISSING]
    assert reasons == ["an own order still rests at this price"] * 2
    world.hit(world.instrument().min_lots(max(bids)))
    await world.until(lambda: world.coin().fills.total and world.coin().position, "it trades all the same")
    await world.turn()
    assert not world.told("risk_halt")
    assert not world.watch.breaches, world.watch.breaches
    assert world.coin().position == world.instrument().size_decimal(world.lots())


def _squeeze(world: World) -> None:
    """As if the settings' grid had been built with lines a fifth of a tick apart."""
    db = sqlite3.connect(world.plan().state.journal)
    with db:
        changed = db.execute("UPDATE grids SET spacing_ppb = 2000 WHERE coin = 'BTC'").rowcount
    db.close()
    assert changed
