"""The grid between two prices: its edges are those that were written, wherever the price is, and it trails by whole cells."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.domain.grid import PPB, Direction, GridRow, Spacing
from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.engine.grid_settings import GridSettings, Trailing
from core.engine.grid_sizing import GridImpossibleError
from core.engine.levels import slot_price, wanted_levels
from core.engine.strategies import STRATEGIES, Ask
from tests.unit.engine.builders import MID, SOL, Bench, make_engine, notices, placed, quote, settings

RANGE = STRATEGIES["range"]
LOW, HIGH = 1_900_000, 2_100_000


def of_range(**changes: Any) -> GridSettings:
    values: dict[str, Any] = {"strategy": "range", "range_low": LOW, "range_high": HIGH, "levels": 5}
    return settings(**{**values, **changes})


def built(asked: GridSettings, mid: int = MID, **changes: Any) -> GridRow:
    return RANGE.build(Ask(asked, SOL, 2 * mid, 0, trails=False, **changes))


@pytest.mark.parametrize("kind", Spacing)
@pytest.mark.parametrize("mid", [1_700_000, LOW, 1_999_999, MID, 2_077_777, HIGH, 2_500_000])
def test_the_outermost_orders_stand_on_the_very_edges_wherever_the_price_is(kind: Spacing, mid: int) -> None:
    grid = built(of_range(spacing=kind), mid)
    assert grid.below + grid.above == 10
    assert slot_price(grid, SOL, Side.BUY, -grid.below) == LOW
    assert slot_price(grid, SOL, Side.SELL, grid.above - 1) == HIGH


@given(
    st.sampled_from(Spacing),
    st.integers(10_000, 99_999),
    st.integers(0, 3),
    st.integers(1_020, 3_000),
    st.integers(1, 100),
    st.integers(0, 1_000),
)
def test_edges_on_the_tick_are_met_at_any_price_and_with_any_number_of_cells(
    kind: Spacing, figures: int, zeros: int, ratio: int, levels: int, at: int
) -> None:
    coin = Instrument("X", 1, 0, 5)
    low = figures * 10**zeros
    high = coin.round_price_down(low * ratio // 1_000)
    asked = of_range(
        spacing=kind, range_low=low, range_high=high, levels=levels, size_micro=10**12, cap_micro=10**15
    )
    mid = low + (high - low) * at // 1_000
    try:
        grid = RANGE.build(Ask(asked, coin, 2 * mid, 0, trails=False))
    except GridImpossibleError:
        assume(False)
        return
    assert slot_price(grid, coin, Side.BUY, -grid.below) == low
    assert slot_price(grid, coin, Side.SELL, grid.above - 1) == high
    assert abs(grid.line(0) - mid) * 2 <= grid.line(1) - grid.line(0) + 2 or grid.below in (0, 2 * levels)


def test_its_lines_are_even_in_distance_or_in_ratio() -> None:
    even = built(of_range())
    assert {even.line(n + 1) - even.line(n) for n in even.cells} == {20_000}
    growing = built(of_range(spacing=Spacing.GEOMETRIC))
    ratios = [Decimal(growing.line(n + 1)) / growing.line(n) for n in growing.cells]
    assert max(ratios) - min(ratios) < Decimal("0.000002")


def test_above_the_range_everything_waits_to_buy_and_below_it_to_sell() -> None:
    above, below = built(of_range(), 2_500_000), built(of_range(), 1_700_000)
    assert {w.slot.side for w in wanted_levels(above, SOL, {})} == {Side.BUY}
    assert {w.slot.side for w in wanted_levels(below, SOL, {})} == {Side.SELL}


def test_cells_that_do_not_pay_their_fees_at_the_top_of_the_range_are_refused_with_the_fix() -> None:
    """Of an arithmetic range the topmost cell is the narrowest: here 0.031 % at the bottom and 0.0155 % at the top."""
    wide = of_range(range_low=1_000_000, range_high=2_000_000, levels=1_600, size_micro=10**9)
    with pytest.raises(GridImpossibleError, match=r"fees of a round trip ask for .* lower HL_NUM_GRIDS"):
        RANGE.build(Ask(wide, SOL, 3_000_000, 0, trails=True))


def test_it_holds_where_it_is_when_the_price_leaves_it() -> None:
    asked = of_range()
    grid = built(asked)
    out = Ask(asked, SOL, 2 * 2_200_000, 0, before=grid, trails=False)
    assert RANGE.outgrown(grid, out) == ""
    again = RANGE.build(out)
    assert (again.lowest, again.highest) == (LOW, HIGH)


@pytest.mark.parametrize("kind", Spacing)
def test_it_trails_by_whole_cells_and_comes_back_to_where_it_was(kind: Spacing) -> None:
    asked = of_range(spacing=kind)
    first = built(asked)
    lattice = [first.line(n) for n in range(-60, 60)]
    up = Ask(asked, SOL, 2 * 2_200_000, 0, trails=True, before=first)
    assert RANGE.outgrown(first, up)
    moved = RANGE.build(up)
    assert moved.below + moved.above == 10
    assert {moved.line(n) for n in range(-moved.below, moved.above + 1)} <= set(lattice), "on its own lines"
    assert moved.lowest > LOW
    assert moved.lowest < 2_200_000 < moved.highest
    assert RANGE.outgrown(moved, Ask(asked, SOL, 2 * 2_200_000, 0, trails=True, before=moved)) == ""
    back = Ask(asked, SOL, 2 * 1_950_000, 0, trails=True, before=moved)
    assert RANGE.outgrown(moved, back)
    home = RANGE.build(back)
    assert (home.lowest, home.highest) == (LOW, HIGH)


def test_it_follows_no_further_than_its_limits_and_only_where_it_may() -> None:
    first = built(of_range())
    for trailing, mid, follows in (
        (Trailing(up=False), 2_200_000, False),
        (Trailing(up=False), 1_800_000, True),
        (Trailing(down=False), 1_800_000, False),
        (Trailing(high=2_190_000), 2_200_000, False),
        (Trailing(high=2_210_000), 2_200_000, True),
        (Trailing(low=1_810_000), 1_800_000, False),
        (Trailing(low=1_790_000), 1_800_000, True),
    ):
        ask = Ask(of_range(trailing=trailing), SOL, 2 * mid, 0, trails=True, before=first)
        assert bool(RANGE.outgrown(first, ask)) is follows, (trailing, mid)
        assert (RANGE.build(ask).lowest != LOW) is follows, (trailing, mid)


def test_a_long_range_begins_with_what_its_cells_above_the_price_sell() -> None:
    grid = built(of_range(direction=Direction.LONG))
    entry = [w for w in wanted_levels(grid, SOL, {}) if w.takes]
    assert sum(w.lots for w in entry) == 5 * grid.lots
    assert built(of_range(direction=Direction.LONG), position=2 * grid.lots).entry == 3


def test_the_range_is_quoted_from_end_to_end() -> None:
    bench = Bench(make_engine(strategy="range", range_low=LOW, range_high=HIGH, levels=5, cap_micro=10**10))
    orders = placed(bench.start())
    assert sorted(o.price for o in orders) == [LOW + 20_000 * n for n in range(11) if n != 5]
    assert notices(bench.done).count("grid_built") == 1


def test_a_mid_between_two_lines_takes_the_nearer_one_as_its_center() -> None:
    bench = Bench(make_engine(strategy="range", range_low=LOW, range_high=HIGH, levels=5, cap_micro=10**10))
    bench.connect()
    bench.start()
    bench.step(quote(2_009_000))
    assert bench.coin.grid is not None
    assert bench.coin.grid.center == MID
    assert bench.coin.grid.spacing_ppb * LOW == 20_000 * PPB - 20_000 * PPB % LOW
