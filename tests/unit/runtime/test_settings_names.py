"""Each of the predecessor's 71 names is a setting, a key, replaced, refused with the way out, or not in effect yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.runtime.restore import account_limits, coin_config, set_thresholds
from core.runtime.settings import NOT_YET_IN_EFFECT, SECRET_NAMES, Settings
from core.runtime.settings.names import PREDECESSOR, REFUSED, REPLACED, environment_name
from tests.unit.engine.builders import SOL, make_engine
from tests.unit.runtime.config import judged, texts
from tests.unit.runtime.test_settings_options import OTHERWISE as GRID_OTHERWISE

ROOT = Path(__file__).resolve().parents[3]
OPTIONS = "tests/unit/runtime/test_settings_options.py"

FIELDS = frozenset(map(environment_name, Settings.model_fields))


def test_there_are_71_and_each_is_in_one_place() -> None:
    assert len(set(PREDECESSOR)) == 71
    places = [FIELDS, SECRET_NAMES, REPLACED.keys(), REFUSED.keys(), NOT_YET_IN_EFFECT]
    for name in PREDECESSOR:
        assert sum(name in place for place in places) == 1, name


@pytest.mark.parametrize("name", PREDECESSOR)
def test_none_is_taken_for_a_typo(tmp_path: Path, name: str) -> None:
    assert not [text for text in texts(judged(tmp_path, "", **{name: "x"})) if "is not a setting" in text]
    key = name.removeprefix("HL_").lower()
    if name not in SECRET_NAMES:
        assert not [text for text in texts(judged(tmp_path, f"{key} = 'x'")) if "is not a setting" in text]


SHOWN_BY = {
    "HL_DEAD_MAN_SWITCH_SEC": ("tests/faults/test_dead_man.py", "dead_man_switch_sec="),
    "HL_BASE_URL": ("tests/unit/gridbot_tui/test_plans.py", "base_url"),
    "HL_USER_ADDRESS": ("tests/unit/gridbot_tui/test_plans.py", "HL_USER_ADDRESS"),
    "HL_COINS": ("tests/unit/runtime/test_settings.py", "HL_COINS"),
    "HL_COIN": ("tests/unit/runtime/test_settings.py", "HL_COIN"),
    "HL_DEFAULT_STRATEGY": ("tests/unit/engine/test_grid_options.py", 'strategy="endless"'),
    "HL_WS_STALE_AFTER_SEC": ("tests/unit/engine/test_breaker_watch.py", "stale_ms"),
    "HL_DATA_HALT_SEC": ("tests/unit/engine/test_breaker_watch.py", "halt_ms"),
    "HL_API_ERROR_THRESHOLD": ("tests/unit/engine/test_breaker_watch.py", "trip_above"),
    "HL_MAX_DRAWDOWN_PCT": ("tests/unit/engine/test_account_risk.py", "drawdown"),
    "HL_MAX_UNREALIZED_DD_PCT": ("tests/unit/engine/test_account_risk.py", "unrealized"),
    "HL_DAILY_PNL_STOP": ("tests/unit/engine/test_account_risk.py", "daily_pnl"),
    "HL_DAILY_PNL_TAKE": ("tests/unit/engine/test_account_risk.py", "daily_pnl"),
    "HL_MAX_SINGLE_FILL_PNL": ("tests/unit/engine/test_odd_fills.py", "odd_profit"),
    "HL_FUNDING_BLEED_PCT": ("tests/unit/engine/test_odd_fills.py", "funding_bleed"),
    "HL_MAX_POSITION_ABS": ("tests/unit/engine/test_grid_calculator.py", "cap_lots"),
    "HL_MAX_SYMBOL_NOTIONAL": ("tests/unit/engine/test_quoting.py", "cap_micro"),
    "HL_STOP_LOSS_LOW": ("tests/faults/test_protection.py", "stop_loss_low"),
    "HL_STOP_LOSS_HIGH": ("tests/faults/test_protection.py", "stop_loss_high"),
    "HL_STATE_DIR": ("tests/unit/gridbot_tui/test_plans.py", "state_dir"),
    "HL_ALERT_ENABLED": ("tests/unit/runtime/test_alert_targets.py", "alert_enabled"),
    "HL_METRICS_PORT": ("tests/e2e/test_metrics.py", "HL_METRICS_PORT"),
    "HL_ALERT_WEBHOOK_TYPE": ("tests/unit/runtime/test_alert_targets.py", "alert_webhook_type"),
}
"""Where each name of the predecessor that is a setting is seen to do its work, and by which word; the others in ``OPTIONS``."""

OF_THE_RUN = {
    *("HL_BASE_URL", "HL_COINS", "HL_COIN", "HL_STATE_DIR", "HL_USER_ADDRESS"),
    *("HL_ALERT_ENABLED", "HL_ALERT_WEBHOOK_TYPE", "HL_METRICS_PORT"),
}
OTHERWISE = {
    **{f"HL_{name.upper()}": value for name, value in GRID_OTHERWISE.items()},
    "HL_DEFAULT_STRATEGY": "endless",
    "HL_WS_STALE_AFTER_SEC": 30,
    "HL_DATA_HALT_SEC": 90,
    "HL_DEAD_MAN_SWITCH_SEC": 90,
    "HL_API_ERROR_THRESHOLD": 4,
    "HL_MAX_DRAWDOWN_PCT": "0.1",
    "HL_MAX_UNREALIZED_DD_PCT": "0.1",
    "HL_DAILY_PNL_STOP": -5,
    "HL_DAILY_PNL_TAKE": 5,
    "HL_MAX_SINGLE_FILL_PNL": 5,
    "HL_FUNDING_BLEED_PCT": "0.1",
    "HL_MAX_POSITION_ABS": 5,
    "HL_MAX_SYMBOL_NOTIONAL": 5000,
    "HL_STOP_LOSS_LOW": 5,
    "HL_STOP_LOSS_HIGH": 5000,
}


def _settings(**written: Any) -> Settings:
    return Settings(**written)


def _given(settings: Settings) -> object:
    """All that a run gives the engine of its settings."""
    engine = make_engine()
    set_thresholds(engine, settings)
    feed = engine.feed_age
    return (
        coin_config(settings, SOL),
        account_limits(settings),
        (
            feed.stale_ms,
            feed.halt_ms,
            engine.dead_man.after_ms,
            *(each.trip_above for each in engine.breakers),
        ),
    )


@pytest.mark.parametrize("name", [name for name in PREDECESSOR if name in FIELDS])
def test_each_that_is_a_setting_is_given_to_the_engine_and_a_test_shows_what_it_does(name: str) -> None:
    file, word = SHOWN_BY.get(name, (OPTIONS, f'"{name.removeprefix("HL_").lower()}": '))
    assert word in (ROOT / file).read_text(encoding="utf-8")
    if name in OF_THE_RUN:
        assert name.removeprefix("HL_").lower() in Settings.model_fields
        return
    written = Settings(**{name.removeprefix("HL_").lower(): OTHERWISE[name]})
    assert _given(written) != _given(_settings())


@pytest.mark.parametrize("name", sorted([*REPLACED, *NOT_YET_IN_EFFECT]))
def test_each_without_effect_is_told_of_at_load_with_what_does_its_work(tmp_path: Path, name: str) -> None:
    value = "xyz" if name == "HL_DEX" else "1"
    found = judged(tmp_path, "", HL_COIN="xyz:TSLA" if name == "HL_DEX" else "BTC", **{name: value})
    assert found.problems == ()
    (told,) = found.settings().warnings
    assert told.startswith(name)
    assert REPLACED.get(name, "no effect in this version") in told


def test_what_changes_a_grid_by_itself_is_off_unless_written() -> None:
    usual = _settings()
    assert usual.recenter_interval_sec >= 10
    by_itself = (
        "trend_bias_max_pct",
        "random_size_jitter",
        "loss_drift_tightening",
        "reinvest",
        "volatility_spacing",
    )
    assert [name for name in by_itself if getattr(usual, name)] == []
