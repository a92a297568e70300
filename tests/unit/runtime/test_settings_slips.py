"""The slips of people: the answer says how it is written, and whoever follows it switches no limit off."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runtime.settings import judge


def told(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "gridbot.toml"
    file.write_text(text)
    return [each.text.replace(f"{file}", "gridbot.toml") for each in judge({}, {}, file).problems]


@pytest.mark.parametrize(
    ("written", "passes"),
    [
        ("max_margin_pct = 50", "0.5"),
        ("min_liq_distance_pct = 20", "0.2"),
        ("skew_soft = 50", "0.5"),
        ("random_size_jitter = 0.9", "0.5"),
        ('max_drawdown_pct = "12%"', "0.12"),
        ('grid_spacing_pct = "0.05 %"', "0.0005"),
        ('grid_spacing_pct = "0,001"', "0.001"),
        ("grid_spacing_pct = 5", "0.001"),
        ('investment_usd = "$1,500"', "1500"),
        ('leverage = "3x"', "3"),
        ("leverage = 200", "2"),
        ("daily_pnl_stop = 75", "-75"),
        ('daily_pnl_stop = "5%"', "-50"),
        ('stop_loss_low = "90 000"', "90000"),
        ('max_position_abs = "0,5"', "0.5"),
    ],
)
def test_a_value_is_answered_with_what_was_likely_meant(tmp_path: Path, written: str, passes: str) -> None:
    found = told(tmp_path, written)
    assert f"; {passes} would pass" in found[0]
    name = written.split(" ")[0]
    assert told(tmp_path, f"{name} = {passes}") == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[coins.xyz:TSLA]", 'a name with a colon wants quotes: [coins."xyz:TSLA"]'),
        ("leverage = 2\nnum_grids 4", "(at line 2, column 11); write each setting as name = value"),
        ("num_grids = 4\nnum_grids = 5", "num_grids is written twice; take it away in line 1 or in line 2"),
        ("coin = BTC", 'words in quotes: "off", "BTC"'),
        ("grid_spacing_pct = 0.1%", "numbers are written as 1000 or 0.001"),
        ("[coins.BTC]\n[coins.BTC]", "(at line 2, column 11); write all that belongs to it under it once"),
        ("[BTC]\nnum_grids = 4", "BTC is not a setting; the settings of one coin stand under [coins.BTC]"),
        ("[coin.BTC]\nnum_grids = 4", "the settings of one coin stand under [coins.NAME]"),
        ('network = "mainnet"', "network is not a setting; it is chosen at each start: --network"),
        ("HL_NUM_GRIDS = 4", "HL_NUM_GRIDS is not a setting; did you mean num_grids?"),
    ],
)
def test_what_is_written_wrongly_is_told_with_its_fix(tmp_path: Path, text: str, sentence: str) -> None:
    (found,) = told(tmp_path, text)
    assert sentence in found


def test_a_key_in_a_broken_file_is_never_shown(tmp_path: Path) -> None:
    key = "a" * 64
    for text in (
        f"agent_key = {key}",
        f"[{key}]\n[{key}]",
        f'"{key}" 3',
        f"{key} = 1\n{key} = 2",
        f"[coins.x:{key}]",
    ):
        assert key not in " ".join(told(tmp_path, text))


def test_a_stop_that_must_be_written_is_not_answered_with_off_alone(tmp_path: Path) -> None:
    found = [each.text for each in judge({}, {}, None, tmp_path / "none.toml", "mainnet").problems]
    (low,) = [text for text in found if "stop_loss_low" in text]
    assert 'write a price, as stop_loss_low = …, or stop_loss_low = "off" if none is meant' in low


def test_a_port_that_is_none_is_not_answered_with_the_one_that_serves_nothing(tmp_path: Path) -> None:
    (problem,) = judge({}, {"HL_METRICS_PORT": "99999"}, None, tmp_path / "none.toml").problems
    assert (problem.passes, problem.fix) == ("9464", "9464 would pass")
