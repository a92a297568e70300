"""Parts closed at the market are taken from the cells that held them: what the cells believe is what is there."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.effects import SavePosition
from core.domain.fills import Fill
from core.domain.grid import PPB, Direction, GridRow
from core.domain.holdings import CellPart, believed, holding, taken_from_cells
from core.domain.orders import Order, OrderState, Purpose, Side, Slot
from core.engine.skew import SkewSettings
from core.journal.journal import Anchor, Journal
from tests.unit.engine.builders import MID
from tests.unit.engine.test_skew import Desk
from tests.unit.exchange.samples import NOW_MS, cloid, fill, order
from tests.unit.journal.desk import batch, grid, opened, restored

GRIDS = st.builds(
    lambda direction, entry, endless: grid(
        1, below=4, above=4, lots=30, direction=direction, entry=entry, is_endless=endless
    ),
    st.sampled_from(Direction),
    st.integers(0, 4),
    st.booleans(),
)
CELLS = st.integers(-4, 3)


def capacity(row: GridRow, cell: int, traded: int, side: Side) -> int:
    """What the cell's order of a side may still trade."""
    held = row.start_lots(cell) + traded
    return max(0, row.cell_lots(cell) - held if side is Side.BUY else held)


@given(GRIDS, st.dictionaries(CELLS, st.integers(-30, 30)), st.integers(-300, 300), st.integers(1, 200))
def test_what_is_taken_was_held_is_the_last_in_turn_and_no_more_than_the_part(
    row: GridRow, wild: dict[int, int], base: int, lots: int
) -> None:
    traded = {
        cell: max(-row.start_lots(cell), min(row.cell_lots(cell) - row.start_lots(cell), amount))
        for cell, amount in wild.items()
    }
    position = believed(row, traded) + base
    if not position:
        return
    signed = -lots if position > 0 else lots
    taken = taken_from_cells(row, traded, position, signed)
    held = {cell: holding(row, cell, traded.get(cell, 0)) for cell in {*row.cells, *traded}}
    assert all(part * signed > 0 for part in taken.values())
    assert all(abs(part) <= abs(held[cell]) and part * held[cell] < 0 for cell, part in taken.items())
    of_base = max(0, min(lots, base if signed < 0 else -base))
    may = sum(abs(lots_held) for lots_held in held.values() if lots_held * signed < 0)
    assert sum(abs(part) for part in taken.values()) == min(lots - of_base, may), (
        "what no cell knows goes first"
    )
    left = {
        cell for cell, lots_held in held.items() if lots_held * signed < 0 and taken.get(cell) != -lots_held
    }
    assert all(cell * signed <= other * signed for cell in taken for other in left)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("cell"), CELLS, st.sampled_from(Side), st.integers(1, 30)),
        st.tuples(st.just("part"), st.just(0), st.just(Side.BUY), st.integers(1, 80)),
        st.tuples(st.just("hand"), st.just(0), st.sampled_from(Side), st.integers(1, 40)),
    ),
    max_size=12,
)


class Account:
    """An account whose fills a journal keeps; ``told`` is what an engine that lives on has in its cells."""

    def __init__(self, row: GridRow, journal: Journal) -> None:
        self.row, self.journal, self.number = row, journal, 0
        self.told, self.waiting = Counter[int](), list[tuple[Order | None, Fill]]()
        self.position = believed(row, {})
        self.by_hand = 0

    def add(self, kind: str, cell: int, side: Side, lots: int) -> None:
        """A fill, if it may be: an order of a cell trades no more than its cell has, a part no more than is held."""
        unseen = Counter(self.told)
        for made, one in self.waiting:
            if made is not None and made.slot is not None:
                unseen[made.slot.index] += one.signed_lots
        if kind == "cell":
            lots = min(lots, capacity(self.row, cell, unseen[cell], side))
        elif kind == "part":
            side, lots = (Side.SELL if self.position > 0 else Side.BUY), min(lots, abs(self.position))
        if not lots:
            return
        self.number += 1
        made = None
        if kind != "hand":
            slot = Slot(1, side, cell) if kind == "cell" else None
            purpose = Purpose.GRID if kind == "cell" else Purpose.REDUCE
            made = order(
                self.number, side=side, lots=lots, slot=slot, purpose=purpose, state=OrderState.FILLED
            )
        one = fill(
            self.number,
            cloid=made.cloid if made else None,
            order_id=self.number + (0 if made else 10**6),
            side=side,
            lots=lots,
            start_lots=self.position,
            time_ms=NOW_MS + self.number,
        )
        self.position = one.end_lots
        self.by_hand += lots if kind == "hand" else 0
        self.waiting.append((made, one))

    async def commit(self, newest_first: bool) -> tuple[CellPart, ...]:
        """All that waits, in one transaction; that it has moved the position is written once in a while."""
        await self.journal.commit(batch(orders=[made for made, _ in self.waiting if made is not None]))
        fills = [one for _, one in self.waiting]
        done = await self.journal.commit(batch(fills=fills[::-1] if newest_first else fills))
        if self.number % 2:
            stored = SavePosition("BTC", self.position, self.number, 0)
            await self.journal.commit(batch(positions=[stored]))
        for made, one in self.waiting:
            if made is not None and made.slot is not None:
                self.told[made.slot.index] += one.signed_lots
        for part in done.parts:
            self.told[part.cell] += part.signed_lots
        self.waiting.clear()
        return done.parts


@settings(max_examples=60, deadline=None)
@given(GRIDS, STEPS, st.integers(1, 4), st.booleans())
def test_what_cells_hold_is_the_position_less_its_base_after_any_fills_parts_and_restarts(
    row: GridRow, steps: list[tuple[str, int, Side, int]], at_once: int, newest_first: bool
) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "j.db"
            async with opened(path) as journal:
                account = Account(row, journal)
                held = Anchor("BTC", account.position, 0, NOW_MS, "held before")
                await journal.commit(batch(grids=[row], anchors=[held]))
                for number, step in enumerate(steps):
                    account.add(*step)
                    if number % at_once == 0 or number == len(steps) - 1:
                        await account.commit(newest_first)
                        await _agree(account, path)

    asyncio.run(run())


async def _agree(account: Account, path: Path) -> None:
    found = (await restored(path)).coins["BTC"].traded
    assert {cell: lots for cell, lots in found.items() if lots} == {
        cell: lots for cell, lots in account.told.items() if lots
    }, "a restart knows what the run knew"
    base = account.position - believed(account.row, found)
    assert abs(base) <= account.by_hand, "without trades by hand the cells hold all of it"


async def test_a_fill_told_twice_is_taken_once_and_one_of_an_older_grid_counts_for_the_newest(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    bought = order(1, side=Side.BUY, slot=Slot(1, Side.BUY, -1), state=OrderState.FILLED)
    part = order(2, side=Side.SELL, slot=None, purpose=Purpose.REDUCE, lots=20, state=OrderState.FILLED)
    fills = [
        fill(1, cloid=bought.cloid, side=Side.BUY, lots=30, start_lots=0),
        fill(2, cloid=part.cloid, side=Side.SELL, lots=20, start_lots=30),
    ]
    async with opened(path) as journal:
        await journal.commit(batch(grids=[grid(1)], orders=[bought, part]))
        first = await journal.commit(batch(fills=fills))
        again = await journal.commit(batch(fills=fills))
        assert (first.parts, again.parts) == ((CellPart("BTC", 1, -1, -20),), ())
        assert (await restored(path)).coins["BTC"].traded == {-1: 10}
        await journal.commit(batch(grids=[grid(2)]))
        late = replace(fills[1], trade_id=3, lots=5, start_lots=10)
        assert (await journal.commit(batch(fills=[late]))).parts == (), (
            "of the new grid's cells none holds any"
        )
    assert cloid(1) == bought.cloid


@pytest.mark.parametrize("at_once", [True, False], ids=["in one answer, newest first", "the older one late"])
async def test_a_part_that_is_told_of_before_what_it_closed_still_comes_from_the_cells(
    tmp_path: Path, at_once: bool
) -> None:
    """A feed's first message tells of fills newest first, and one that it left out is read later."""
    path = tmp_path / "j.db"
    slots = [Slot(1, Side.BUY, cell) for cell in (-1, -2)]
    bought = [
        order(n, side=Side.BUY, slot=slot, state=OrderState.FILLED) for n, slot in enumerate(slots, start=1)
    ]
    part = order(3, side=Side.SELL, slot=None, purpose=Purpose.REDUCE, lots=20, state=OrderState.FILLED)
    first, late = (
        fill(n, cloid=made.cloid, side=Side.BUY, lots=30, start_lots=30 * (n - 1), time_ms=NOW_MS + n)
        for n, made in enumerate(bought, start=1)
    )
    taken = fill(3, cloid=part.cloid, side=Side.SELL, lots=20, start_lots=60, time_ms=NOW_MS + 3)
    arrivals = [[taken, late, first]] if at_once else [[first], [taken], [late]]
    async with opened(path) as journal:
        await journal.commit(batch(grids=[grid(1)], orders=[*bought, part]))
        for fills in arrivals:
            await journal.commit(batch(fills=fills))
        found = (await restored(path)).coins["BTC"].traded
    assert sum(found.values()) == taken.end_lots, f"the cells hold {found} of a position of {taken.end_lots}"


# -- in the engine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [Direction.LONG, Direction.SHORT])
@settings(max_examples=15, deadline=None)
@given(moves=st.lists(st.integers(-5, 5), min_size=3, max_size=12), hard=st.integers(3, 9))
def test_a_long_grid_never_goes_short_and_believes_what_it_holds(
    direction: Direction, moves: list[int], hard: int
) -> None:
    """Whatever the price does, however much of the position is closed in parts on the way."""
    settings_ = SkewSettings(hard_ppb=hard * PPB // 10)
    desk = Desk.of(settings_, direction=direction, cap_lots=1_000, cap_micro=10**12)
    sign = 1 if direction is Direction.LONG else -1
    venue, coin = desk.venue, desk.bench.coin
    for step in moves:
        venue.move(max(MID - 60_000, min(MID + 60_000, venue.mid + step * 5_000)))
        venue.settle(7_000)
        assert coin.ledger.lots == venue.position
        assert sign * venue.position >= 0
        if coin.plan is not None and coin.plan.grid.generation == 1:
            assert believed(coin.plan.grid, coin.plan.traded) == coin.ledger.lots
            resting = desk.resting(Side.SELL if sign > 0 else Side.BUY)
            assert resting <= abs(coin.ledger.lots)
