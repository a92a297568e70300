"""Another strategy is one module and one line in the registry: this is such a module, and the world knows no more of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.grid import GridRow
from core.domain.orders import Side
from core.engine.grid_calculator import SpacingChoice
from core.engine.strategies import STRATEGIES, Ask
from core.engine.strategies.strategy import grid_around, has_left, spacing_by_settings
from core.runtime.settings import Settings
from tests.faults.world import living

BELOW = 4


class BuyingLadder:
    """Four cells under the price and one above it, begun anew where the price has risen past them."""

    def build(self, ask: Ask) -> GridRow:
        return grid_around(ask, ask.mid_twice // 2, self.spacing(ask).ppb, BELOW, 1)

    def outgrown(self, grid: GridRow, ask: Ask) -> str:
        return "the price has risen past it" if has_left(grid, ask.mid_twice) > 0 else ""

    def spacing(self, ask: Ask) -> SpacingChoice:
        return spacing_by_settings(ask)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line."""
    monkeypatch.setitem(STRATEGIES, "ladder", BuyingLadder())


async def test_it_is_configured_quoted_followed_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    async with living(tmp_path, default_strategy="ladder", recenter_interval_sec=Decimal(0)) as world:
        await world.start(resting=BELOW + 1)
        bids = [o for o in world.ours() if o.side is Side.BUY]
        assert len(bids) == BELOW
        world.hit(max(bids, key=lambda o: o.price).remaining)
        await world.until(lambda: len(world.ours()) == BELOW + 1 and world.fill_count() == 1, "it is answered")
        assert sum(o.side is Side.BUY for o in world.ours()) == BELOW - 1
        await world.crash()
        await world.start(resting=None)
        await world.until(lambda: len(world.ours()) == BELOW + 1, "whole after the kill")
        assert len(world.rows("SELECT * FROM grids")) == 1, "the same grid"
        world.move(1)
        await world.until(lambda: world.told("grid_recentered"), "it follows upwards")
        await world.until(
            lambda: sum(o.side is Side.BUY for o in world.ours()) == BELOW, "with all of its bids"
        )
        world.move(-2)
        await world.until(lambda: world.fill_count() > BELOW, "what it wanted to buy it bought")
        await world.turn()
        assert len(world.told("grid_recentered")) == 1, "and it stays below"
        await world.check("fill")


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    assert Settings(default_strategy="ladder").default_strategy == "ladder"
    with pytest.raises(ValueError, match="'grid', 'range', 'endless' or 'ladder'"):
        Settings(default_strategy="ladders")
