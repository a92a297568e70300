from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.view import CoinView, LevelState, LevelView
from tests.tui.factory import NOW_MS, coin_view, levels, snapshot
from widgets.ink import Ink, plain, width_of
from widgets.ladder_rows import ladder_lines
from widgets.look import Look


def drawn(coin: CoinView, width: int = 34, height: int = 16, now_ms: int = NOW_MS) -> list[str]:
    return [plain(each) for each in ladder_lines(Look(snapshot(coins=(coin,)), now_ms), width, height)]


def is_level(row: str) -> bool:
    return row[:2] in (" S", " B")


def with_levels(*made: LevelView) -> CoinView:
    return coin_view(grid=replace(coin_view().grid, levels=made), position=Decimal(0))


def level(
    side: str, price: str, size: str = "1", left: str | None = None, state: LevelState = LevelState.OPEN
) -> LevelView:
    return LevelView(side, Decimal(price), Decimal(size), Decimal(left if left is not None else size), state)


def test_asks_stand_above_the_mid_bar_and_bids_below() -> None:
    sides = [each[1] for each in drawn(coin_view()) if is_level(each)]
    assert sides == ["S"] * 6 + ["B"] * 6
    assert next(at for at, each in enumerate(drawn(coin_view())) if each.startswith("mid")) == 8


def test_levels_outside_the_window_are_counted_with_the_furthest_price() -> None:
    rows = drawn(coin_view())
    assert rows[1].strip() == "… 9 more asks to 65,650.0"
    assert rows[-1].strip() == "… 9 more bids to 62,770.0"


@pytest.mark.parametrize("height", range(1, 40))
@pytest.mark.parametrize("per_side", [0, 1, 15])
def test_it_never_needs_more_lines_than_it_has_and_loses_no_level(height: int, per_side: int) -> None:
    coin = coin_view(grid=replace(coin_view().grid, levels=levels(15)[15 - per_side : 15 + per_side]))
    rows = drawn(coin, height=height)
    assert len(rows) <= max(height, 3)
    if height >= 5:
        counted = sum(int(each.split()[1]) for each in rows if each.startswith(" … "))
        assert counted + sum(is_level(each) for each in rows) == 2 * per_side


def test_prices_and_sizes_line_up_in_every_row() -> None:
    coin = with_levels(level("sell", "100000.5", "10"), level("buy", "99.5", "0.25"))
    rows = [each for each in drawn(coin) if is_level(each)]
    assert {each.index(".") for each in rows} == {11}
    assert [each[15:20] for each in rows] == ["10.00", " 0.25"]


def test_the_filled_part_of_a_level_is_lighter_and_the_remainder_is_the_bar() -> None:
    row = next(each for each in drawn(with_levels(level("sell", "100", "1", "0.6")), width=30) if "░" in each)
    assert row.count("█") + row.count("░") == row.rstrip().count("█") + row.count("░") > 4
    assert row.count("█") > row.count("░") > 0


@pytest.mark.parametrize("left", ["0.0001", "0.9999"])
def test_neither_a_tiny_remainder_nor_a_tiny_fill_rounds_away(left: str) -> None:
    row = next(each for each in drawn(with_levels(level("buy", "100", "1", left))) if is_level(each))
    assert "█" in row
    assert "░" in row


@pytest.mark.parametrize(
    ("state", "mark"),
    [
        (LevelState.OPEN, " "),
        (LevelState.IN_FLIGHT, "~"),
        (LevelState.MISSING, "!"),
        (LevelState.ORPHAN, "?"),
    ],
)
def test_each_state_has_its_mark(state: LevelState, mark: str) -> None:
    row = next(each for each in drawn(with_levels(level("buy", "100", state=state))) if is_level(each))
    assert row[2] == mark


def test_a_missing_level_says_what_blocks_it_and_makes_the_title_heavier() -> None:
    blocked = replace(level("buy", "100", state=LevelState.MISSING), blocked_by="unknown order")
    rows = drawn(with_levels(blocked), width=34)
    assert any(each.endswith("  1 unknown order") for each in rows)
    assert rows[0].startswith("━")


def test_the_entry_marks_the_nearest_level() -> None:
    marked = [each for each in drawn(coin_view()) if "◄ entry" in each]
    assert len(marked) == 1
    assert "63,922.0" in marked[0]
    assert "…" not in marked[0]


def test_an_entry_outside_the_grid_marks_nothing() -> None:
    assert not any("entry" in each for each in drawn(coin_view(entry=Decimal(50_000))))


def test_the_mid_bar_is_in_reverse_and_tells_the_age_of_a_quiet_quote() -> None:
    quiet = coin_view(market_ms=NOW_MS - 12_000)
    made = ladder_lines(Look(snapshot(coins=(quiet,)), NOW_MS), 34, 16)
    bar = next(each for each in made if plain(each).startswith("mid"))
    assert plain(bar).startswith("mid 64,233.1  12s old")
    assert {span.ink for span in bar} == {Ink.MID}


def test_before_the_first_quote_there_is_no_price() -> None:
    rows = drawn(replace(with_levels(), mid=Decimal(0), bid=Decimal(0), ask=Decimal(0), market_ms=0))
    assert any(each.startswith("mid n/a  no quote yet") for each in rows)
    assert any("no orders rest" in each for each in rows)


def test_a_stale_feed_dims_the_ladder() -> None:
    made = ladder_lines(Look(snapshot(), NOW_MS + 27_000), 40, 16)
    assert "27s STALE" in plain(made[0])
    assert {span.ink for each in made[1:] for span in each} == {Ink.DIM}


def test_wide_ladders_show_the_distance_to_the_mid() -> None:
    assert any("+16.0bp" in each for each in drawn(coin_view(mid=Decimal("64203.3")), width=60))
    assert all(width_of(each) <= 60 for each in ladder_lines(Look(snapshot(), NOW_MS), 60, 40))
