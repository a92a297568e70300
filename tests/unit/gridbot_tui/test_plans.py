"""From flags, environment and file to a plan: which exchange, which directory, and what is refused before anything starts."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.exchange.signing import Signer
from core.runtime.preview.seen import fingerprint, remember
from core.runtime.statedir import StateDir, UsageError
from gridbot_tui.plans import OFFICIAL_URLS, load, make_plan, preview_of
from gridbot_tui.run_flags import RunFlags, parse_duration_s
from tests.unit.exchange.samples import KEY
from tests.unit.runtime.config import FOR_MAINNET

_FLAGS = RunFlags("paper", False, (), None, "", None)
_AGENT = Signer(KEY, False).address
_USER = "0x" + "ab" * 20
_WRITTEN = dict(line.split(" = ") for line in FOR_MAINNET.replace('"', "").split("\n"))


def _flags(**changes: Any) -> RunFlags:
    return replace(_FLAGS, **changes)


def _write_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that testnet and mainnet want written."""
    for name, value in _WRITTEN.items():
        monkeypatch.setenv(f"HL_{name.upper()}", value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h", 3_600), ("2d", 172_800), ("45", 45), ("0.5s", 0.5), (" 5m ", 300)],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-5s", "5x", "5 m", "m", "1e3", "nan", "inf", "5m5s", "٥s", "0.0h"]
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration; write 90s, 5m or 1h"):
        parse_duration_s(text)


def test_without_anything_it_is_the_embedded_exchange_and_a_key_of_its_own(tmp_path: Path) -> None:
    settings, state = load(_FLAGS)
    plan = make_plan(_FLAGS, settings, state)
    assert plan.is_embedded
    assert state.path == tmp_path / "xdg" / "gridbot" / "paper" / "default"
    assert state.key.exists()
    assert list(plan.settings.by_coin) == ["BTC"]


def test_the_default_directory_is_per_network_exchange_and_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "xdg" / "gridbot"
    assert (
        load(_flags(exchange_url="http://127.0.0.1:3001"))[1].path
        == root / "paper-127.0.0.1-3001" / "default"
    )
    assert load(_flags(exchange_url="http://Some_Host:80"))[1].path == root / "paper-some_host-80" / "default"
    assert load(_flags(exchange_url="http://[::1]:5/"))[1].path == root / "paper-..1-5" / "default"
    monkeypatch.setenv("HL_AGENT_KEY", KEY)
    assert load(_FLAGS)[1].path == root / "paper" / _AGENT
    monkeypatch.setenv("HL_USER_ADDRESS", _USER)
    _write_settings(monkeypatch)
    assert load(_flags(network="testnet"))[1].path == root / "testnet" / _USER


def test_a_named_directory_beats_the_setting_which_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HL_STATE_DIR", "from setting")
    assert load(_FLAGS)[1].path == tmp_path / "from setting"
    assert load(_flags(state_dir=Path("~/named")))[1].path == tmp_path / "named"


def test_coins_of_the_flags_beat_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "gridbot.toml").write_text('coins = ["ETH"]')
    assert list(load(_FLAGS)[0].by_coin) == ["ETH"]
    assert list(load(_flags(coins=("SOL", "BTC")))[0].by_coin) == ["SOL", "BTC"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"network": "mainnet"}, "mainnet trades real money: add --live"),
        ({"live": True}, "--live means mainnet, but the network is paper"),
        ({"network": "testnet", "live": True}, "--live means mainnet, but the network is testnet"),
        (
            {"network": "testnet", "exchange_url": "http://127.0.0.1:1"},
            "--exchange-url goes with --network paper",
        ),
        ({"exchange_url": "127.0.0.1:3001"}, "is not a URL"),
        ({"exchange_url": "ftp://127.0.0.1"}, "is not a URL"),
        ({"exchange_url": "http://"}, "is not a URL"),
        ({"exchange_url": OFFICIAL_URLS["mainnet"]}, "is not a paper exchange"),
        ({"exchange_url": "https://API.hyperliquid.XYZ:443/"}, "is not a paper exchange"),
        ({"exchange_url": "https://api.hyperliquid.xyz./"}, "is not a paper exchange"),
        ({"network": "testnet"}, "investment_usd is not written, and on testnet"),
        ({"network": "mainnet", "live": True}, "investment_usd is not written, and on mainnet"),
        ({"state_dir": Path("~nobody-of-this-name/x")}, "names no home that is there"),
        ({"exchange_url": OFFICIAL_URLS["testnet"]}, "is not a paper exchange"),
    ],
)
def test_flags_that_contradict_each_other_are_refused_and_make_nothing(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        load(_flags(**changes))
    assert not (tmp_path / "xdg").exists()


def test_a_url_of_the_config_never_selects_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HL_BASE_URL", "http://127.0.0.1:3001/")
    monkeypatch.setenv("HL_AGENT_KEY", KEY)
    monkeypatch.setenv("HL_USER_ADDRESS", _USER)
    _write_settings(monkeypatch)
    flags = _flags(network="testnet")
    settings, state = load(flags)
    plan = make_plan(flags, settings, state)
    assert plan.exchange_url == OFFICIAL_URLS["testnet"]
    no_effect, of_the_key = plan.warnings
    assert no_effect == "base_url has no effect on testnet: it has an address of its own"
    assert of_the_key.startswith("the key comes from the environment")
    settings, state = load(_FLAGS)
    assert make_plan(_FLAGS, settings, state).exchange_url == "http://127.0.0.1:3001"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _mainnet(monkeypatch: pytest.MonkeyPatch, typed: io.StringIO) -> Any:
    monkeypatch.setenv("HL_AGENT_KEY", KEY)
    monkeypatch.setenv("HL_USER_ADDRESS", _USER)
    monkeypatch.setattr(sys, "stdin", typed)
    _write_settings(monkeypatch)
    flags = _flags(network="mainnet", live=True)
    settings, _, state = preview_of(flags)
    remember(state, fingerprint(settings), "mainnet", 1)
    return make_plan(flags, *load(flags))


def test_mainnet_wants_the_preview_of_the_present_settings_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    _write_settings(monkeypatch)
    monkeypatch.setenv("HL_USER_ADDRESS", _USER)
    flags = _flags(network="mainnet", live=True, coins=("BTC",), config=Path("my grid.toml"))
    Path("my grid.toml").write_text("")
    fix = "look at `gridbot preview --network mainnet --coin BTC --config 'my grid.toml'`, then start again"
    with pytest.raises(UsageError, match="no preview of these settings was seen") as caught:
        load(flags)
    assert fix in str(caught.value)
    settings, _, state = preview_of(flags)
    assert not state.path.exists(), "what is refused makes nothing"
    load(replace(flags, preview=fingerprint(settings)))
    with pytest.raises(UsageError, match="--preview abc is not of these settings"):
        load(replace(flags, preview="abc"))
    remember(state, fingerprint(settings), "mainnet", 1)
    load(flags)
    monkeypatch.setenv("HL_NUM_GRIDS", "9")
    with pytest.raises(UsageError, match="others than those of the last preview"):
        load(flags)


def test_a_url_of_mainnet_alone_is_refused_however_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in OFFICIAL_URLS.values():
        monkeypatch.setenv("HL_BASE_URL", url)
        with pytest.raises(UsageError, match="is not a paper exchange"):
            load(_FLAGS)


def test_mainnet_without_a_terminal_needs_the_account_in_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=f'set live_account = "{_USER}"'):
        _mainnet(monkeypatch, io.StringIO(_USER[-4:]))
    (tmp_path / "gridbot.toml").write_text(f'live_account = "0x{"cd" * 20}"')
    with pytest.raises(UsageError, match="mainnet needs a confirmation"):
        _mainnet(monkeypatch, io.StringIO())
    (tmp_path / "gridbot.toml").write_text(f'live_account = "0x{"AB" * 20}"')
    assert _mainnet(monkeypatch, io.StringIO()).exchange_url == OFFICIAL_URLS["mainnet"]


@pytest.mark.parametrize(
    ("typed", "goes_on"), [("abab\n", True), (" ABAB \n", True), ("yes\n", False), ("", False)]
)
def test_mainnet_in_a_terminal_asks_for_the_end_of_the_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, goes_on: bool
) -> None:
    if goes_on:
        assert _mainnet(monkeypatch, _Terminal(typed)).network == "mainnet"
    else:
        with pytest.raises(UsageError, match="not confirmed; nothing was started"):
            _mainnet(monkeypatch, _Terminal(typed))
    assert f"REAL MONEY of {_USER}" in capsys.readouterr().err


def test_an_address_that_is_none_makes_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HL_USER_ADDRESS", "../../../elsewhere")
    with pytest.raises(UsageError, match=r"HL_USER_ADDRESS: user_address .* must be an address"):
        load(_FLAGS)
    assert not (tmp_path / "xdg").exists()


def test_warnings_of_the_settings_reach_the_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HL_HTTP_TIMEOUT", "9")
    settings, state = load(_flags(state_dir=tmp_path / "s"))
    assert isinstance(state, StateDir)
    assert "HL_HTTP_TIMEOUT" in make_plan(_FLAGS, settings, state).warnings[0]
