"""Many fills at once: more than a page, more than can be read, faster than the disk, in the midst of a rebuild (F14, F24)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.domain.orders import Side
from core.engine import drift, feed_link
from core.exchange import reads
from core.journal.batch import Batch, Committed
from core.journal.journal import Journal
from core.paper.answers import history
from core.paper.server import user_feeds
from tests.faults.world import World, living

READABLE = 1_000
"""The exchange tells no more fills than the newest 10,000, in pages of 2,000; a tenth of both shows the same, sooner."""


async def test_f14_more_fills_than_one_page_while_it_was_down_are_read_to_the_last(world: World) -> None:
    await world.start()
    world.hit(100)
    await world.until(lambda: world.coin().fills.total == 1, "one fill")
    await world.crash()
    world.buy_and_sell(4_500)
    await world.start(resting=None)
    await world.check("ws_ready")
    assert world.coin().fills.total == 1 + world.fill_count() - 1 > 4_500


async def test_f14_fills_beyond_what_can_be_read_leave_a_drift_until_an_operator_accepts_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_REACHABLE_FILLS", READABLE)
    for module, name in ((history, "MAX_FILLS"), (user_feeds, "MAX_FILLS"), (reads, "FILLS_PER_PAGE")):
        monkeypatch.setattr(module, name, READABLE // 5)
    monkeypatch.setattr(feed_link, "REACHABLE_FILLS", READABLE)
    monkeypatch.setattr(
        drift, "CHAIN_MEMORY_MS", 2_000
    )  # what was just read passes through what the exchange shows
    await world.faults({"kind": "clock_skew", "delay_ms": -3_600_000})
    await world.start()
    await world.crash()
    world.buy_and_sell(READABLE + 51)
    await world.faults()
    held = world.lots()
    assert held, "an odd number of them: something is held that no readable fill explains"
    await world.start(resting=None)
    (found, *_) = await world.until(lambda: world.told("position_drift_detected"), "drift", 30)
    assert found["severity"] == "crit"
    assert world.coin().position == 0, "nothing overwrites the ledger"
    assert world.rows("SELECT count(*) FROM adjustments") == [(0,)]
    answer = await world.control("accept", "BTC")
    assert answer["ok"], answer
    await world.check("position_drift_detected", "adjustment_accepted", "fills_out_of_reach", drifts=True)
    ((lots,),) = world.rows("SELECT sum(end_lots - start_lots) FROM adjustments")
    assert lots == held
    position = world.instrument().size_decimal(held)
    await world.until(lambda: world.coin().position == position, "it is the exchange's")
    await world.crash()
    await world.start(resting=None)
    await world.check(drifts=True)
    assert world.coin().position == position, "it is in the journal"


async def test_f24_five_thousand_fills_on_a_slow_disk_are_all_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Journal.commit

    async def slow(journal: Journal, batch: Batch) -> Committed:
        await asyncio.sleep(0.04)
        return await commit(journal, batch)

    await world.start()
    monkeypatch.setattr(Journal, "commit", slow)
    await world.faults({"kind": "rest_lag", "delay_ms": 120_000})  # no read over REST makes up for the stream
    for _ in range(50):
        for _ in range(100):
            world.buy_and_sell(1)
        await asyncio.sleep(0)
    await world.until(lambda: world.coin().fills.total >= 5_000, "all of them", 30)
    assert world.coin().fills.from_ws == 5_000
    monkeypatch.setattr(Journal, "commit", commit)
    await world.check()


async def test_two_hundred_fills_within_a_second_of_rebuilds_leave_one_whole_grid(tmp_path: Path) -> None:
    async with living(tmp_path, trailing_pct="0.0002") as world:
        await world.start()
        hits = 0
        while hits < 200:
            if hits % 25 == 0:
                world.move(0.1 if hits % 50 else -0.1)
            side = Side.SELL if hits % 4 else Side.BUY
            if any(order.side is side.opposite for order in world.ours()):
                world.hit(2, side=side)
            hits += 1
            await asyncio.sleep(0.003)
        truth = await world.check("grid_recentered")
        assert len(truth["fills"]) >= 100
        assert len(world.told("grid_recentered")) >= 3
        levels = [(level.side, level.price) for level in world.coin().grid.levels]
        await world.crash()
        await world.start(resting=None)
        await world.until(world.is_whole, "it goes on where it was")
        again = [(level.side, level.price) for level in world.coin().grid.levels]
        assert again == levels, "a fill of an older grid counts in no cell of the present one"
