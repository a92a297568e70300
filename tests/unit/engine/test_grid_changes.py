"""A spacing or a number of levels by command: previewed, applied through the ordinary plan, kept until cleared."""

from __future__ import annotations

import pytest

from core.domain.commands import Action, Command, Origin
from core.domain.effects import Cancel, Effect, Modify, Place, SaveGrid, SaveOverrides
from core.domain.events import CommandReceived
from core.domain.grid import Direction
from core.engine.overrides import Overrides
from core.engine.snapshot import build_snapshot
from tests.unit.engine.builders import (
    Bench,
    cancelled,
    make_engine,
    notices,
    of_kind,
    placed,
    quote,
    settings,
)


def tell(bench: Bench, action: Action, value: str, id_: str = "set") -> list[Effect]:
    return bench.step(CommandReceived(Command(id_, action, "SOL", Origin.CLI, value)))


def text(bench: Bench, id_: str = "set") -> str:
    status, said = bench.outcome(id_)
    return f"{status}: {said}"


def grid(bench: Bench) -> tuple[int, int]:
    found = bench.coin.grid
    assert found is not None
    return found.spacing_ppb, found.below


def test_the_preview_says_what_would_change_and_changes_nothing() -> None:
    bench = Bench().started()
    effects = tell(bench, Action.SET_SPACING_PREVIEW, "0.01")
    assert not [e for e in effects if isinstance(e, Place | Modify | Cancel | SaveOverrides)]
    assert text(bench) == (
        "done: SOL: spacing 0.5 % -> 1 %, levels 3 -> 3 a side of 0.5, from 194 to 206: "
        "cancels 4, places 4, keeps 2"
    )
    assert bench.coin.overrides == Overrides()


@pytest.mark.parametrize(
    ("action", "value"),
    [
        (Action.SET_SPACING, "0.01"),
        (Action.SET_SPACING, "0.0075"),
        (Action.SET_LEVELS, "2"),
        (Action.SET_LEVELS, "5"),
    ],
)
def test_what_the_preview_says_comes_true(action: Action, value: str) -> None:
    bench = Bench(make_engine(cap_micro=10**10)).started()
    tell(bench, Action(f"{action.value}_preview"), value, "look")
    said = text(bench, "look")
    effects = tell(bench, action, value)
    gone, come = set[str](), set[str]()
    for _ in range(12):
        gone |= {o.cloid for o in cancelled(effects)}
        come |= {o.cloid for o in placed(effects)}
        effects = bench.settle_cancels(effects) + bench.rest(placed(effects))
        effects += bench.after(300, quote())
    kept = len(bench.live) - len(come)
    assert said.endswith(f"cancels {len(gone)}, places {len(come)}, keeps {kept}")
    assert text(bench).removeprefix("done: ") == said.removeprefix("done: ")


def test_a_change_is_journalled_before_it_shows_and_the_new_grid_follows_by_the_plan() -> None:
    bench = Bench().started()
    effects = tell(bench, Action.SET_SPACING, "0.01")
    (row,) = of_kind(SaveOverrides, effects)
    (built,) = of_kind(SaveGrid, effects)
    assert (built.grid.generation, built.grid.spacing_ppb) == (2, 10_000_000)
    assert effects.index(row) < effects.index(built)
    assert "grid_override" in notices(effects)


def test_more_levels_are_smaller_ones_of_the_same_money() -> None:
    assert Overrides(levels=6).apply(settings()).size_micro * 6 == settings().size_micro * 3
    assert Overrides().apply(settings()) is not None
    assert Overrides().apply(settings()) == settings()


def test_it_holds_after_a_restart_until_it_is_cleared() -> None:
    bench = Bench().started()
    (row,) = of_kind(SaveOverrides, tell(bench, Action.SET_SPACING, "0.01"))
    again = Bench()
    again.coin.overrides = Overrides.restored(row.text)
    assert bench.coin.grid is not None
    again.coin.start_grid(bench.coin.grid)
    again.start()
    assert grid(again) == (10_000_000, 3)
    assert again.coin.grid == bench.coin.grid, "it is the same grid and not another of the same kind"
    tell(again, Action.SET_SPACING, "default")
    assert grid(again) == (5_000_000, 3)
    assert again.coin.overrides == Overrides()


def test_one_of_two_overrides_is_cleared_alone() -> None:
    bench = Bench(make_engine(cap_micro=10**10)).started()
    tell(bench, Action.SET_SPACING, "0.01", "a")
    tell(bench, Action.SET_LEVELS, "4", "b")
    assert grid(bench) == (10_000_000, 4)
    tell(bench, Action.SET_SPACING, "default", "c")
    assert grid(bench) == (5_000_000, 4)
    assert bench.coin.overrides.text(settings()) == "4 levels a side (configured 3)"


@pytest.mark.parametrize(
    ("action", "value", "why"),
    [
        (Action.SET_SPACING, "0", "no spacing; write a fraction such as 0.001"),
        (Action.SET_SPACING, "1.5", "no spacing"),
        (Action.SET_SPACING, "NaN", "no spacing"),
        (Action.SET_SPACING, "0.0001", "raised to the fees of a round trip"),
        (Action.SET_SPACING, "0.5", "lowered to HL_GRID_SPACING_MAX_PCT"),
        (Action.SET_LEVELS, "0", "no number of levels; write 1 to 500"),
        (Action.SET_LEVELS, "501", "no number of levels"),
        (Action.SET_LEVELS, "2.5", "no number of levels"),
        (Action.SET_LEVELS, "40", "HL_INVESTMENT_USD"),
    ],
)
def test_what_can_not_be_is_refused_with_the_reason_and_changes_nothing(
    action: Action, value: str, why: str
) -> None:
    bench = Bench().started()
    for each in (Action(f"{action.value}_preview"), action):
        effects = tell(bench, each, value, each.value)
        assert text(bench, each.value).startswith("refused: ")
        assert why in text(bench, each.value)
        assert not of_kind(SaveOverrides, effects)
    assert bench.coin.overrides == Overrides()
    assert grid(bench) == (5_000_000, 3)


def test_a_range_has_its_spacing_from_its_edges() -> None:
    bench = Bench(make_engine(strategy="range", range_low=1_900_000, range_high=2_100_000)).started()
    tell(bench, Action.SET_SPACING, "0.01")
    assert "range_low and range_high" in text(bench)


def test_while_halted_it_is_taken_down_and_quoted_once_resumed() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.HALT, id_="h"))
    effects = tell(bench, Action.SET_SPACING, "0.01")
    assert not of_kind(Place, effects)
    bench.ask(Action.RESUME, id_="r")
    bench.after(300, quote())
    assert grid(bench) == (10_000_000, 3)


def test_it_is_labelled_wherever_the_grid_is_shown() -> None:
    bench = Bench().started()
    tell(bench, Action.SET_SPACING, "0.01")
    shot = build_snapshot(bench.engine, "paper", bench.now)
    assert shot.coins[0].grid.override == "spacing 1 % (configured 0.5 %)"
    (alert,) = [a for a in shot.alerts if a.id == "override:SOL"]
    assert alert.text.startswith("OVERRIDE SOL: spacing 1 % (configured 0.5 %), by cli")


@pytest.mark.parametrize("bad", ["", "1 2", "x 2 3 cli", "-1 2 3 cli", "1.5 2 3 cli"])
def test_a_row_that_is_no_override_is_none(bad: str) -> None:
    assert Overrides.restored(bad) == Overrides()


def test_what_is_saved_comes_back() -> None:
    for each in (Overrides(), Overrides(10, 0, 5, "cli from 10.0.0.1"), Overrides(1, 2, 3, "")):
        assert Overrides.restored(each.saved()) == each


def test_of_a_range_the_cells_and_the_spacing_that_follows_from_its_ends_are_told() -> None:
    bench = Bench(
        make_engine(strategy="range", range_low=1_900_000, range_high=2_100_000, levels=4, cap_micro=10**10)
    ).started()
    tell(bench, Action.SET_LEVELS_PREVIEW, "2")
    said = text(bench)
    assert said.startswith("done: SOL: spacing 1.25 % -> 2.5 %, 8 -> 4 cells of ")
    assert "from 190 to 210: " in said


@pytest.mark.parametrize(("way", "verb"), [(Direction.LONG, "buys"), (Direction.SHORT, "sells")])
def test_what_a_long_or_short_grid_takes_at_once_is_told(way: Direction, verb: str) -> None:
    bench = Bench(make_engine(direction=way, cap_micro=10**10))
    bench.started()
    tell(bench, Action.SET_LEVELS_PREVIEW, "2")
    said = text(bench)
    assert f"SOL: {way.value}, spacing" in said
    assert f"; {verb} " in said
    assert "at the market" in said


def test_an_endless_grid_has_no_last_line() -> None:
    bench = Bench(make_engine(strategy="endless", cap_micro=10**10)).started()
    tell(bench, Action.SET_SPACING_PREVIEW, "0.01")
    assert "and on both ways: " in text(bench)


def test_while_it_is_halted_the_change_waits_and_says_so() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.HALT))
    tell(bench, Action.SET_SPACING_PREVIEW, "0.01")
    assert text(bench).endswith(
        "cancels 0, places 6, keeps 0; all of it once it is quoted again (halted: operator)"
    )


def test_a_preview_is_marked_as_idle_only_if_neither_grid_nor_override_would_change() -> None:
    bench = Bench().started()
    tell(bench, Action.SET_SPACING_PREVIEW, "default", "idle")
    tell(bench, Action.SET_SPACING_PREVIEW, "0.01", "wide")
    assert [bench.engine.desk.outcomes[id_].is_idle for id_ in ("idle", "wide")] == [True, False]
    tell(bench, Action.SET_SPACING, "0.005", "same")
    tell(bench, Action.SET_SPACING_PREVIEW, "default", "lifts")
    assert not bench.engine.desk.outcomes["lifts"].is_idle
