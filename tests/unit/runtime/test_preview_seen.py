"""Real money follows only settings whose preview was seen: whatever shapes grid or limits counts, how it is written doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runtime.preview.seen import NOT_OF_THE_GRID, fingerprint, last_seen, objection, remember
from core.runtime.settings import Settings
from core.runtime.statedir import StateDir
from tests.unit.runtime.config import FOR_MAINNET, judged


def _mark(folder: Path, toml: str, **environ: str) -> str:
    return fingerprint(judged(folder, toml, **environ).settings())


OTHERS = {
    "investment_usd": "501",
    "leverage": "3",
    "num_grids": "11",
    "grid_spacing_pct": "0.0011",
    "max_symbol_notional": "999",
    "stop_loss_low": "5",
    "stop_loss_high": "5",
    "daily_pnl_stop": "-51",
    "max_drawdown_pct": "0.1",
    "recenter_interval_sec": "60",
    "trailing_pct": "0.01",
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_setting_of_the_grid_or_the_limits_changes_it(tmp_path: Path, name: str) -> None:
    assert _mark(tmp_path, FOR_MAINNET, **{f"HL_{name.upper()}": OTHERS[name]}) != _mark(
        tmp_path, FOR_MAINNET
    )


def test_the_coins_change_it_and_their_order_does_not(tmp_path: Path) -> None:
    marks = {_mark(tmp_path, FOR_MAINNET, HL_COINS=coins) for coins in ("BTC", "ETH", "BTC,ETH", "ETH,BTC")}
    assert len(marks) == 3


def test_another_place_or_way_of_writing_does_not_change_it(tmp_path: Path) -> None:
    plain = _mark(tmp_path, FOR_MAINNET)
    assert _mark(tmp_path, FOR_MAINNET.replace("0.001", "1e-3").replace("= 500", "= '500.00'")) == plain
    assert _mark(tmp_path, FOR_MAINNET, HL_LEVERAGE="2.0", HL_STATE_DIR="x", HL_LIVE_ACCOUNT="0x1") == plain
    assert _mark(tmp_path, FOR_MAINNET + "\n[coins.BTC]\nnum_grids = 10") == plain


def test_what_is_left_out_of_it_is_a_setting() -> None:
    assert Settings.model_fields.keys() >= NOT_OF_THE_GRID


def test_only_the_last_preview_counts(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    settings = judged(tmp_path, FOR_MAINNET).settings()
    other = judged(tmp_path, FOR_MAINNET, HL_LEVERAGE="5").settings()
    assert last_seen(state) == ""
    assert "no preview of these settings was seen" in objection(settings, state, "", "the command")
    remember(state, fingerprint(settings), "mainnet", 1)
    assert objection(settings, state, "", "the command") == ""
    remember(state, fingerprint(other), "mainnet", 2)
    refused = objection(settings, state, "", "the command")
    assert refused == (
        f"the settings are others than those of the last preview ({fingerprint(other)}); look at `the command`, then "
        "start again"
    )
    assert [path.name for path in state.path.iterdir() if path.is_file()] == ["preview.json"]
    assert state.preview.stat().st_mode & 0o777 == 0o600


def test_a_named_fingerprint_must_be_that_of_the_settings_whatever_was_seen_here(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    settings = judged(tmp_path, FOR_MAINNET).settings()
    mark = fingerprint(settings)
    assert objection(settings, state, f" {mark.upper()} ", "") == ""
    remember(state, mark, "mainnet", 1)
    refused = objection(settings, state, "00000000", "the command")
    assert refused.startswith("--preview 00000000 is not of these settings; look at `the command`")
    assert mark not in refused, "nobody is told what only a look at the preview may tell"


@pytest.mark.parametrize("text", ["", "{}", "[]", "5", '{"fingerprint": 5}', "\x00", '{"fingerprint"'])
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "preview.json").write_text(text)
    assert last_seen(StateDir(tmp_path)) == ""
