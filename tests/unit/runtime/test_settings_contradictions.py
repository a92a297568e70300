"""A contradiction names a value that would pass, and it does; broken settings of any size break no rule's arithmetic."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.grid_sizing import GridImpossibleError
from core.engine.strategies import STRATEGIES, Ask
from core.runtime.restore import coin_config
from core.runtime.settings import Settings
from core.runtime.settings.contradiction import Contradiction, Rule
from core.runtime.settings.contradictions import RULES, contradictions
from core.runtime.settings.problem import setting_text
from core.runtime.settings.ranges import range_is_whole, range_pays_its_fees
from tests.unit.engine.builders import SOL


def _decimals(least: str, most: str) -> st.SearchStrategy[Decimal]:
    """Of every magnitude between."""
    low, high = Decimal(least).adjusted(), Decimal(most).adjusted()
    return st.builds(
        lambda digits, power: min(Decimal(digits).scaleb(power - 3), Decimal(most)),
        st.integers(1_000, 9_999),
        st.integers(low, high),
    )


RANGE: dict[str, Any] = {"default_strategy": "range", "range_low": 90, "range_high": 110}
CLOSED: dict[str, Any] = {
    "session_calendar": "us_equities",
    "closed_session": "widen",
    "grid_spacing_max_pct": "0.1",
}

PRICES = st.just(Decimal(0)) | _decimals("1e-12", "1e9") | st.sampled_from([Decimal(90), Decimal(110)])

VALUES = st.fixed_dictionaries(
    {
        "investment_usd": _decimals("1e-12", "1e12"),
        "leverage": _decimals("0.01", "100"),
        "num_grids": st.integers(1, 500),
        "grid_spacing_pct": _decimals("1e-12", "0.999"),
        "grid_spacing_max_pct": _decimals("1e-12", "0.999"),
        "maker_fee_pct": st.just(Decimal(0)) | _decimals("1e-12", "0.1"),
        "stop_loss_low": st.just(Decimal(0)) | _decimals("1e-12", "1e12"),
        "stop_loss_high": st.just(Decimal(0)) | _decimals("1e-12", "1e12"),
        "default_strategy": st.sampled_from(["grid", "range", "endless"]),
        "grid_spacing_kind": st.sampled_from(["arithmetic", "geometric"]),
        "range_low": PRICES,
        "range_high": PRICES,
        "min_edge_pct": st.just(Decimal(0)) | _decimals("1e-12", "0.1"),
        "grid_min_width_pct": st.just(Decimal(0)) | _decimals("1e-12", "0.999"),
        "trailing_low": PRICES,
        "trailing_high": PRICES,
        "take_profit_low": PRICES,
        "take_profit_high": PRICES,
        "trigger_below": PRICES,
        "trend_fast_ema": st.integers(1, 10_000),
        "trend_slow_ema": st.integers(2, 10_000),
        "skew_soft": st.just(Decimal(0)) | _decimals("1e-12", "10"),
        "skew_hard": st.just(Decimal(0)) | _decimals("1e-12", "10"),
        "ws_stale_after_sec": st.integers(10, 600),
        "data_halt_sec": st.integers(0, 700),
        "dead_man_switch_sec": st.integers(0, 300),
        "max_orders_per_min": st.none() | st.integers(0, 2_000),
        "session_calendar": st.sampled_from(["always", "us_equities"]),
        "closed_session": st.sampled_from(["keep", "widen", "reduce", "flatten"]),
        "closed_widen": st.integers(1, 100),
    }
)


EXAMPLES: dict[str, dict[str, Any]] = {
    "widened_levels_stay_above_zero": {**CLOSED, "grid_spacing_pct": "0.04"},
    "a_range_is_not_widened": {**RANGE, **CLOSED},
    "range_is_whole": {"default_strategy": "range"},
    "range_pays_its_fees": {**RANGE, "range_high": 91, "num_grids": 100},
    "range_has_its_width": {**RANGE, "grid_min_width_pct": "0.3"},
    "spacing_pays_its_edge": {"min_edge_pct": "0.01"},
    "width_fits_its_levels": {"grid_min_width_pct": "0.2"},
    "trailing_has_room": {"trailing_low": 110, "trailing_high": 90},
    "take_band_has_room": {"take_profit_low": 110, "take_profit_high": 110},
    "profit_above_is_taken_before_the_stop": {"take_profit_high": 120, "stop_loss_high": 115},
    "profit_below_is_taken_before_the_stop": {"take_profit_low": 90, "stop_loss_low": 95},
    "averages_differ": {"trend_fast_ema": 60},
    "limits_of_inventory_are_in_order": {"skew_soft": "0.5", "skew_hard": "0.4"},
    "spacing_pays_its_fees": {"grid_spacing_pct": "0.0003"},
    "spacing_within_its_maximum": {"grid_spacing_pct": "0.006"},
    "levels_reach_the_minimum": {"investment_usd": 20},
    "stop_band_has_room": {"stop_loss_low": 110, "stop_loss_high": 90},
    "levels_stay_above_zero": {"grid_spacing_pct": "0.11", "grid_spacing_max_pct": "0.2"},
    "orders_go_after_new_ones_stop": {"data_halt_sec": 15},
    "the_dead_man_switch_can_be_moved_on": {"dead_man_switch_sec": 30},
    "orders_of_a_minute_hold_a_grid": {"max_orders_per_min": 12},
}
"""Settings that break each rule."""


def test_no_rule_is_without_an_example() -> None:
    assert [rule.__name__ for rule in RULES] == list(EXAMPLES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.__name__))
def test_each_rule_is_broken_by_its_example_and_repaired_by_the_value_it_tells(rule: Rule) -> None:
    written = EXAMPLES[rule.__name__]
    found = rule(Settings(**written))
    assert found is not None
    assert setting_text(found.passes) in found.fix
    assert found in list(contradictions(Settings(**written)))
    assert not rule(_repaired(written, found))
    assert not list(contradictions(_repaired(written, found))), "and it breaks no other rule"


@given(values=VALUES)
@settings(max_examples=200, deadline=None)
def test_the_value_that_would_pass_passes(values: dict[str, Any]) -> None:
    """Every rule is held against each of the settings: to make these up takes longer than to judge them."""
    made = Settings(**values)
    for rule in RULES:
        found = rule(made)
        if found is not None:
            assert found.why, rule.__name__
            assert rule(_repaired(values, found)) is None, (rule.__name__, found, values)


def _repaired(written: dict[str, Any], found: Contradiction) -> Settings:
    return Settings(**written | {found.name: found.passes} | dict(found.beside))


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ({}, "use for instance 90000 and range_high = 120000"),
        ({"range_high": 130}, "use for instance 100"),
        ({"range_low": 100}, "use for instance 130"),
        ({"stop_loss_low": 80, "stop_loss_high": 120}, "use for instance 85 and range_high = 115"),
        ({"trigger_below": 2}, "use for instance 1.7 and range_high = 2.3"),
        ({"trigger_below": Decimal("1e-12")}, "use for instance 90000 and range_high = 120000"),
        ({"range_high": Decimal("1e-12")}, "use for instance 90000 and range_high = 120000"),
        ({"range_low": Decimal("9e11")}, "use for instance 120000 and range_low = 90000"),
    ],
)
def test_a_range_without_prices_is_told_some_near_those_that_are_written(
    written: dict[str, Any], advice: str
) -> None:
    found = range_is_whole(Settings(default_strategy="range", **written))
    assert found is not None
    assert found.fix == advice


@pytest.mark.parametrize("kind", ["arithmetic", "geometric"])
def test_a_range_is_held_to_its_least_width_as_the_engine_holds_it(kind: str) -> None:
    """By its own cells: the spacing's maximum is none of its business."""
    for high, width, fits in (
        *((110, "0.18", True), (110, "0.2", kind == "geometric"), (110, "0.25", False)),
        *((92, "0.02", True), (92, "0.03", False)),
    ):
        written: dict[str, Any] = {
            **RANGE,
            "range_high": high,
            "grid_spacing_kind": kind,
            "grid_min_width_pct": width,
        }
        found = list(contradictions(Settings(**written | {"grid_spacing_max_pct": "0.0001"})))
        assert [each.name for each in found] == ([] if fits else ["grid_min_width_pct"])
        config = coin_config(Settings(**written), SOL)
        ask = Ask(config.grid, SOL, 2 * 910_000, 0, trails=False)
        if fits:
            STRATEGIES["range"].build(ask)
        else:
            with pytest.raises(GridImpossibleError, match="the least width"):
                STRATEGIES["range"].build(ask)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ({"default_strategy": "range", "range_low": 90, "range_high": 110}, "closed_session"),
        ({"grid_spacing_pct": Decimal("0.04"), "num_grids": 10}, "closed_widen"),
    ],
)
def test_a_grid_that_cannot_be_widened_is_told_of(written: dict[str, Any], name: str) -> None:
    widened = {"session_calendar": "us_equities", "closed_session": "widen", **written}
    assert name in {each.name for each in contradictions(Settings(**widened))}
    for harmless in ({"session_calendar": "always"}, {"closed_session": "keep"}):
        assert name not in {each.name for each in contradictions(Settings(**{**widened, **harmless}))}


def test_a_range_is_not_judged_by_a_spacing_that_it_does_not_have() -> None:
    ranged: dict[str, Any] = {"default_strategy": "range", "range_low": 90, "range_high": 110}
    each_alone: tuple[dict[str, Any], ...] = (
        {"maker_fee_pct": Decimal("0.0003")},
        {"grid_spacing_pct": Decimal("0.01")},
    )
    for written in each_alone:
        assert "grid_spacing_pct" in {each.name for each in contradictions(Settings(**written))}
        assert not list(contradictions(Settings(**ranged, **written)))


@pytest.mark.parametrize("kind", ["arithmetic", "geometric"])
@pytest.mark.parametrize(
    ("low", "levels", "name"),
    [("0.0098", 100, "range_high"), ("90", 100, "range_high"), ("90", 500, "num_grids")],
)
def test_a_range_too_narrow_for_its_cells_is_told_one_that_is_not(
    kind: str, low: str, levels: int, name: str
) -> None:
    written: dict[str, Any] = {"default_strategy": "range", "grid_spacing_kind": kind, "num_grids": levels}
    written |= {"range_low": Decimal(low), "range_high": Decimal(low) * Decimal("1.01")}
    written["maker_fee_pct"] = Decimal("0.0006")
    found = range_pays_its_fees(Settings(**written))
    assert found is not None
    assert found.name == name
    assert range_pays_its_fees(Settings(**written | {found.name: found.passes})) is None


def test_a_spacing_in_percent_is_told_what_it_says_and_how_it_was_meant() -> None:
    written: dict[str, Any] = {"grid_spacing_pct": Decimal("0.1"), "num_grids": 5}
    found = next(iter(contradictions(Settings(**written))))
    assert f"{found.why}; {found.fix}" == (
        "is 10 %, above grid_spacing_max_pct (0.005); use at most 0.005, or 0.001 if 0.1 % is meant, or raise the maximum"
    )
