"""The table of options is true: where it says that one takes effect, a coin decides otherwise; where not, it is refused.

Judged by what a whole engine does with each of them in the same few minutes of market.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.sessions import CALENDARS
from core.runtime.settings import Settings
from core.runtime.settings.options import (
    ALWAYS,
    NEVER,
    OF_THE_GRID,
    STRATEGY_NAMES,
    TABLE,
    condition,
    without_effect,
)
from tests.unit.runtime import rehearsal
from tests.unit.runtime.config import judged
from tests.unit.runtime.rehearsal import MARGIN_MIN, decide_alike

USUAL: dict[str, Any] = {
    "num_grids": 3,
    "investment_usd": 30_000,
    "leverage": 1,
    "grid_spacing_pct": "0.005",
    "grid_spacing_max_pct": "0.02",
    "recenter_interval_sec": 0,
    "bar_sec": 4,
    "atr_length": 2,
    "trend_fast_ema": 3,
    "trend_slow_ema": 4,
    "session_margin_min": MARGIN_MIN,
    "max_orders_per_min": "off",
}
BASES: dict[str, dict[str, Any]] = {
    "grid": USUAL,
    "range": USUAL | {"default_strategy": "range", "range_low": 197, "range_high": 203},
    "endless": USUAL | {"default_strategy": "endless"},
}
SESSION = {"session_calendar": "us_equities", "closed_session": "reduce"}
WIDE_SESSION = {"session_calendar": "us_equities", "closed_session": "widen"}
TREND = {"bar_sec": 1, "trend_bias_max_pct": "0.004", "on_range_exit": "trail"}

OTHERWISE: dict[str, Any] = {
    "investment_usd": 20_000,
    "leverage": 2,
    "grid_direction": "long",
    "grid_spacing_kind": "geometric",
    "range_low": "196.5",
    "range_high": "203.5",
    "num_grids": 4,
    "grid_spacing_pct": "0.006",
    "grid_min_width_pct": "0.07",
    "min_edge_pct": "0.0095",
    "random_size_jitter": "0.2",
    "reprice_tick_threshold": 1000,
    "reinvest": True,
    "trigger_below": 199,
    "trigger_above": 201,
    "on_range_exit": "reduce",
    "trailing_pct": "0.012",
    "trailing_up": False,
    "trailing_down": False,
    "trailing_low": 199,
    "trailing_high": 201,
    "maker_fee_pct": "0.0048",
    "volatility_spacing": True,
    "bar_sec": 7,
    "atr_length": 3,
    "ewma_alpha": "0.9",
    "init_vol_multiplier": 4,
    "trend_bias_max_pct": "0.004",
    "trend_fast_ema": 2,
    "trend_slow_ema": 6,
    "loss_drift_tightening": True,
    "vol_circuit_sigma": 2,
    "skew_soft": "0.1",
    "max_skew_ratio": "0.2",
    "skew_hard": "0.2",
    "session_calendar": "us_equities",
    "closed_session": "keep",
    "session_margin_min": "0.1",
    "closed_widen": 2,
    "recenter_interval_sec": 15,
    "grid_spacing_max_pct": "0.0055",
}
"""Another value for each option, beside ``USUAL``."""

COMPANIONS: dict[str, dict[str, Any]] = {
    "grid_spacing_max_pct": {"volatility_spacing": True},
    "reprice_tick_threshold": {"num_grids": 12, "on_range_exit": "hold"},
    "reinvest": SESSION,
    "trailing_pct": {"on_range_exit": "hold"},
    "trailing_up": {"on_range_exit": "trail"},
    "trailing_down": {"on_range_exit": "trail"},
    "trailing_low": {"on_range_exit": "trail"},
    "trailing_high": {"on_range_exit": "trail"},
    "recenter_interval_sec": {"on_range_exit": "trail"},
    "loss_drift_tightening": {"volatility_spacing": True, "grid_spacing_max_pct": "0.05", **WIDE_SESSION},
    "trend_bias_max_pct": {"on_range_exit": "trail"},
    "trend_fast_ema": TREND,
    "trend_slow_ema": TREND,
    "bar_sec": {"vol_circuit_sigma": 2},
    "atr_length": {"vol_circuit_sigma": 2},
    "ewma_alpha": {"vol_circuit_sigma": 2},
    "init_vol_multiplier": {"vol_circuit_sigma": 2},
    "closed_session": SESSION,
    "session_margin_min": SESSION,
    "closed_widen": WIDE_SESSION,
}
"""What an option needs written beside it, or shows itself best with."""

EVERYTHING: tuple[dict[str, Any], ...] = (
    {},
    {
        "on_range_exit": "trail",
        "trailing_pct": "0.015",
        "vol_circuit_sigma": 4,
        "volatility_spacing": True,
        "trend_bias_max_pct": "0.003",
        **WIDE_SESSION,
    },
)
"""Companions of all kinds, for options that nothing can give an effect."""

SEEN_ELSEWHERE = {
    "margin_mode": "tests/faults/test_margin.py",
    "default_strategy": "tests/unit/engine/test_grid_options.py",
}
"""Options that the exchange is asked for, or that the table is made of."""


@pytest.fixture(autouse=True)
def _hours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CALENDARS, "us_equities", rehearsal.hours)


def _decide_alike(name: str, base: dict[str, Any]) -> bool:
    at_s = 15 if name == "reprice_tick_threshold" else 0
    return decide_alike(base, {**base, name: OTHERWISE[name]}, at_s)


def _settings(**written: Any) -> Settings:
    return Settings(**written)


def _is_met(name: str, base: dict[str, Any]) -> bool:
    written = Settings(**{**base, name: OTHERWISE[name]})
    return condition(name, written.default_strategy).holds(written)


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
@pytest.mark.parametrize("name", [name for name in OF_THE_GRID if name not in SEEN_ELSEWHERE])
def test_an_option_changes_what_is_decided_or_the_table_says_that_it_does_not(
    name: str, strategy: str
) -> None:
    if condition(name, strategy) is not NEVER:
        base = BASES[strategy] | COMPANIONS.get(name, {})
        assert _is_met(name, base)
        assert not _decide_alike(name, base)
    if condition(name, strategy) is not ALWAYS:
        for companions in EVERYTHING:
            base = {k: v for k, v in (BASES[strategy] | companions).items() if k != name}
            if not _is_met(name, base):
                assert _decide_alike(name, base), companions


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
@pytest.mark.parametrize("name", TABLE)
def test_a_written_option_without_effect_is_refused_with_its_line_and_the_value_told_passes(
    tmp_path: Path, name: str, strategy: str
) -> None:
    if condition(name, strategy) is ALWAYS:
        return
    head = [f'default_strategy = "{strategy}"']
    head += ["range_low = 194", "range_high = 206"] if strategy == "range" else []
    head = [line for line in head if not line.startswith(name)]
    if name == "trailing_pct" and strategy == "grid":
        head += ["trailing_up = false", "trailing_down = false"]
    if name == "trend_bias_max_pct" or (name == "reinvest" and strategy == "grid"):
        head += ['on_range_exit = "hold"'] if strategy == "grid" else []
    if strategy == "grid" and name.startswith(("trailing_", "recenter")) and name != "trailing_pct":
        head += ['on_range_exit = "hold"']
    value = OTHERWISE[name]
    text = str(value).lower() if isinstance(value, bool | int) else f'"{value}"'
    found = judged(tmp_path, "\n".join([*head, f"{name} = {text}"]))
    (problem,) = [each for each in found.problems if each.name == name and "no effect" in each.rule]
    assert f"line {len(head) + 1}: {name} " in problem.text
    assert f"has no effect with strategy {strategy}" in problem.rule
    assert problem.passes in problem.fix
    passes = problem.passes if problem.passes in ("True", "False") else f'"{problem.passes}"'
    again = judged(tmp_path, "\n".join([*head, f"{name} = {passes.lower()}"]))
    assert [each.text for each in again.problems if "no effect" in each.rule] == []


def test_each_option_of_the_grid_is_tried_and_the_table_has_no_other() -> None:
    assert set(OTHERWISE) | set(SEEN_ELSEWHERE) == set(OF_THE_GRID)
    assert set(TABLE) <= set(OF_THE_GRID)


def test_what_a_profile_says_is_not_refused_and_what_is_written_for_one_coin_is_told_of_that_coin(
    tmp_path: Path,
) -> None:
    simple = judged(tmp_path, 'profile = "simple"\ndefault_strategy = "endless"')
    assert not [each for each in simple.problems if "no effect" in each.rule]
    coins = 'on_range_exit = "hold"\n[coins.BTC]\n[coins.ETH]\ndefault_strategy = "endless"'
    (told,) = judged(tmp_path, coins).problems
    assert (told.name, told.coin, told.origin.line, told.passes) == ("on_range_exit", "ETH", 1, "trail")


def test_what_cannot_be_told_for_a_value_that_is_wrong_is_passed_over() -> None:
    written = _settings(trend_fast_ema=3)
    (idle,) = without_effect(written, iter(["trend_fast_ema"]))
    assert idle.rule == " has no effect with strategy grid without trend_bias_max_pct"
    assert list(without_effect(written, iter(["trend_fast_ema"]), frozenset({"trend_bias_max_pct"}))) == []
    assert list(without_effect(_settings(trailing_pct=Decimal(0)), iter(["trailing_pct"]))) == []
