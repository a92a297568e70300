"""A start that leaves out a coin which was traded before takes back what rests of it: nobody would know of its fills (I5)."""

from __future__ import annotations

from pathlib import Path

from core.paper.config import PaperConfig
from tests.faults.world import GRID, living


async def test_i05_orders_of_a_coin_that_is_traded_no_more_are_taken_back(tmp_path: Path) -> None:
    config = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)
    async with living(tmp_path, config, ("BTC", "ETH")) as world:
        await world.start(resting=GRID)
        await world.until(lambda: len(world.ours("ETH")) == GRID, "both grids rest")
        await world.crash()
        world.coins = ("BTC",)
        await world.start(resting=GRID)
        await world.until(lambda: not world.ours("ETH"), "what was left of ETH is cancelled")
        assert len({row["cloid"] for row in world.told("orphan_order_cancelled", "ETH")}) == GRID
        assert not world.coin().halt_reason
