"""What a grid is in the midst of outlives a kill at any moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.commands import Action
from core.domain.effects import Effect, SaveGrid
from core.domain.events import OpenOrdersObserved, Quote, Refused
from core.domain.fills import FillKind
from core.domain.grid import PPB
from core.domain.orders import Purpose, Side
from core.engine.grid_settings import RangeExit
from core.engine.skew import SkewSettings
from tests.unit.engine.builders import (
    MID,
    VENUE_0,
    Bench,
    account,
    coin_config,
    fill,
    notices,
    of_kind,
    placed,
    quote,
    update,
)
from tests.unit.journal.desk import opened
from tests.unit.runtime.lives import Lives

BUY, SELL = Side.BUY, Side.SELL
SPACING = 10_000


@pytest.fixture
async def lives(tmp_path: Path) -> AsyncIterator[Lives]:
    path = tmp_path / "journal.db"
    async with opened(path) as journal:
        yield Lives(journal, path)


async def begins(lives: Lives, position: int = 0) -> list[SaveGrid]:
    """A life up to its first quote; the grids that it builds."""
    bench = await lives.begin(position)
    wanted = bench.start(position)
    await lives.keep(wanted)
    bench.rest(placed(wanted))
    return of_kind(SaveGrid, wanted)


def refuse_all(bench: Bench, wanted: list[Effect]) -> None:
    while orders := placed(wanted):
        wanted = bench.answer(orders, lambda _: Refused("nobody to trade with"))


async def test_a_flatten_and_a_kill_before_the_next_grid_begins_a_new_one(lives: Lives) -> None:
    assert await begins(lives)
    await lives.keep(lives.bench.ask(Action.FLATTEN, "SOL"))
    lives.bench.step(account(0, lives.bench.now, "cmd"))
    lives.bench.engine.desk.running.clear()
    lives.bench.step(Quote("SOL", None, MID, VENUE_0))
    resumed = lives.bench.ask(Action.RESUME, "SOL", "up")
    assert lives.bench.outcome("up")[0] == "done"
    assert not of_kind(SaveGrid, resumed), "it waits for a quote"
    await lives.keep(resumed)
    assert [g.grid.generation for g in await begins(lives)] == [2]
    assert await begins(lives) == [], "and no third one after another kill"


async def test_a_position_that_was_deleveraged_just_before_a_kill_begins_a_new_grid(lives: Lives) -> None:
    await begins(lives)
    gone = replace(fill(SELL, 40, 0, ms=60_000), kind=FillKind.ADL)
    await lives.commit(gone)
    assert [g.grid.generation for g in await begins(lives, -40)] == [2]
    await lives.commit(gone)
    assert await begins(lives, -40) == [], "the same fill told once more"


async def test_a_deleveraging_and_its_new_grid_in_one_step_are_over_after_a_kill(lives: Lives) -> None:
    await begins(lives)
    gone = replace(fill(SELL, 40, 0, ms=60_000), kind=FillKind.ADL)
    wanted = lives.bench.step(await lives.commit(gone), quote())
    assert of_kind(SaveGrid, wanted)
    await lives.keep(wanted)
    assert await begins(lives, -40) == []


async def test_parts_closed_outside_the_range_begin_a_new_grid_when_the_price_is_back(lives: Lives) -> None:
    lives.config = replace(coin_config(cap_lots=1_000, cap_micro=10**12), on_exit=RangeExit.REDUCE)
    await begins(lives)
    bought = fill(BUY, 200, 0, ms=60_000)
    await lives.keep(lives.bench.step(await lives.commit(bought)))
    lives.bench.engine.step(quote(MID + 5 * SPACING), lives.bench.now)
    for _ in range(4):
        wanted = lives.bench.after(1_000, quote(MID + 5 * SPACING))
        await lives.keep(wanted)
        lives.bench.settle_cancels(wanted)
    assert "position_reduced" in notices(lives.bench.done)
    bench = await lives.begin()
    bench.connect()
    bench.step(OpenOrdersObserved((), bench.now.mono_ms), account(200, bench.now))
    for order in bench.coin.orders.live_of(Purpose.REDUCE):
        refuse_all(bench, bench.step(update(order, "iocCancelRejected")))
    for _ in range(4):
        wanted = bench.after(1_000, quote(MID + 3 * SPACING + 2_000))
        assert of_kind(SaveGrid, wanted) == [], "past the last line, if by less than a spacing, is not inside"
        refuse_all(bench, wanted)
    built = []
    for _ in range(4):
        wanted = bench.after(1_000, quote(MID))
        built += [g.grid.generation for g in of_kind(SaveGrid, wanted)]
        refuse_all(bench, wanted)
    assert built == [2]


@pytest.mark.parametrize("side", Side)
async def test_between_the_limit_and_four_fifths_of_it_one_side_is_quoted_after_a_kill_too(
    lives: Lives, side: Side
) -> None:
    lives.config = replace(coin_config(cap_micro=10**9), skew=SkewSettings(one_sided_ppb=PPB // 2))
    await begins(lives)
    over = fill(side, 180, 0, ms=60_000, trade_id=1)
    await lives.keep(lives.bench.step(await lives.commit(over)))
    back = fill(side.opposite, 40, over.end_lots, ms=60_001, trade_id=2)
    await lives.commit(back)
    bench = await lives.begin()
    wanted = bench.start(back.end_lots)
    assert {o.side for o in placed(wanted)} <= {side.opposite}
    assert bench.coin.skew.is_one_sided
    assert "flatten_mode_enabled" not in notices(wanted), "it was told when it began"
