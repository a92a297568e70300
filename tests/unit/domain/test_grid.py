"""Lines and cells: exact ratios, exact distances, and the same lines whatever the center."""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.domain.grid import PPB, Direction, GridRow, Spacing


def row(**changes: object) -> GridRow:
    values: dict[str, object] = {
        "coin": "SOL",
        "generation": 1,
        "center": 2_000_000,
        "spacing_ppb": 5_000_000,
        "below": 3,
        "above": 3,
        "lots": 50,
        "cap_long": 300,
        "cap_short": 300,
        "created_ms": 0,
    }
    return GridRow(**{**values, **changes})  # type: ignore[arg-type]


centers = st.integers(50_000, 2 * 10**7)
spacings = st.integers(300_000, 30_000_000)
kinds = st.sampled_from(Spacing)


@given(centers, spacings, st.integers(-300, 300))
def test_lines_of_a_geometric_grid_are_powers_of_one_ratio(center: int, spacing: int, number: int) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = center * (1 + Decimal(spacing) / PPB) ** number
    grid = row(center=center, spacing_ppb=spacing, spacing=Spacing.GEOMETRIC)
    assert abs(grid.line(number) - exact) <= Decimal("0.5")


@given(centers, spacings, st.integers(-300, 300))
def test_lines_of_an_arithmetic_grid_are_as_far_apart_everywhere(
    center: int, spacing: int, number: int
) -> None:
    exact = center + Decimal(number * center * spacing) / PPB
    assert abs(row(center=center, spacing_ppb=spacing).line(number) - exact) <= Decimal("0.5")


@given(centers, spacings, kinds)
def test_no_two_lines_are_in_the_wrong_order(center: int, spacing: int, kind: Spacing) -> None:
    grid = row(center=center, spacing_ppb=spacing, spacing=kind)
    lines = [grid.line(number) for number in range(-30, 31)]
    assert all(a < b for a, b in pairwise(lines))


@given(centers, spacings, kinds, st.integers(-100, 100), st.integers(1, 99))
def test_the_nearest_line_is_the_nearest(
    center: int, spacing: int, kind: Spacing, number: int, percent: int
) -> None:
    grid = row(center=center, spacing_ppb=spacing, spacing=kind)
    low, high = grid.line(number), grid.line(number + 1)
    if low <= 0:
        return
    price = low + (high - low) * percent // 100
    nearest = grid.nearest_line(price)
    assert nearest in (number, number + 1)
    assert abs(grid.line(nearest) - price) == min(price - low, high - price)
    assert grid.nearest_line(low) == number


@given(centers, spacings, kinds, st.integers(-40, 40), st.integers(-10, 10))
def test_counted_from_another_line_they_are_the_same(
    center: int, spacing: int, kind: Spacing, shift: int, number: int
) -> None:
    before = row(center=center, spacing_ppb=spacing, spacing=kind)
    if before.line(shift - 10) <= 0:
        return
    moved = row(center=before.line(shift), spacing_ppb=spacing, spacing=kind, base=center, base_line=-shift)
    assert moved.line(0) == moved.center
    assert moved.line(number) == before.line(shift + number)
    here = Decimal(moved.line(1) - moved.line(0)) / moved.center
    assert abs(Decimal(moved.spacing_here_ppb) / PPB - here) <= Decimal(2) / moved.center


def test_a_neutral_grid_is_empty_below_its_center_and_full_above() -> None:
    grid = row()
    assert [grid.start_lots(cell) for cell in grid.cells] == [0, 0, 0, 50, 50, 50]
    assert not any(grid.is_entry(cell) for cell in grid.cells)


def test_the_entry_of_a_long_grid_is_its_farthest_cells_above() -> None:
    grid = row(direction=Direction.LONG, entry=2)
    assert [cell for cell in grid.cells if grid.is_entry(cell)] == [1, 2]
    assert [grid.start_lots(cell) for cell in grid.cells] == [0, 0, 0, 50, 0, 0]


def test_the_entry_of_a_short_grid_is_its_farthest_cells_below_and_they_begin_full() -> None:
    grid = row(direction=Direction.SHORT, entry=2)
    assert [cell for cell in grid.cells if grid.is_entry(cell)] == [-3, -2]
    assert [grid.start_lots(cell) for cell in grid.cells] == [50, 50, 0, 50, 50, 50]


def test_what_lies_beyond_the_entry_of_an_endless_grid_waits_for_the_price_to_come_back() -> None:
    long = row(direction=Direction.LONG, entry=1, is_endless=True)
    assert (long.start_lots(3), long.is_entry(3)) == (0, False), (
        "nothing to sell, and not bought at the market"
    )
    short = row(direction=Direction.SHORT, entry=1, is_endless=True)
    assert (short.start_lots(-4), short.is_entry(-4)) == (50, False)


@given(st.integers(1, 500_000_000), st.integers(1, 10**6), st.integers(-500, 500), st.integers(1, 10_000))
def test_jitter_is_the_same_at_every_look_and_within_its_bounds(
    jitter: int, generation: int, cell: int, lots: int
) -> None:
    grid = row(jitter_ppb=jitter, generation=generation, lots=lots)
    size = grid.cell_lots(cell)
    assert size == row(jitter_ppb=jitter, generation=generation, lots=lots).cell_lots(cell)
    assert lots * (PPB - jitter) // PPB <= size <= grid.most_lots


def test_jitter_differs_from_cell_to_cell_and_from_grid_to_grid_and_favours_no_side() -> None:
    grid = row(jitter_ppb=200_000_000, lots=10_000)
    sizes = [grid.cell_lots(cell) for cell in range(-500, 500)]
    assert len(set(sizes)) > 800
    assert abs(sum(sizes) / len(sizes) - 10_000) < 150, "five standard errors of a mean of 1000"
    other = row(jitter_ppb=200_000_000, lots=10_000, generation=2)
    assert [other.cell_lots(cell) for cell in range(-500, 500)] != sizes
