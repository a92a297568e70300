"""Every setting in effect with its origin, and a page of the docs that says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.domain.instrument import Instrument
from core.runtime.restore import coin_config
from core.runtime.settings import Settings, judge
from core.runtime.settings.names import NOT_YET_IN_EFFECT, REFUSED, REPLACED, environment_name
from core.runtime.settings.reference import PAGES, refreshed
from core.runtime.settings.required import REQUIREMENTS
from core.runtime.settings.show import as_dict, as_text, rows
from tests.unit.runtime.config import judged

BTC = Instrument("BTC", 0, 5, 40)
ROOT = Path(__file__).resolve().parents[3]


def test_each_setting_of_each_coin_is_shown_once_with_its_origin(tmp_path: Path) -> None:
    toml = "leverage = 2\n[coins.BTC]\n[coins.ETH]\nleverage = 4.50\n"
    found = judged(tmp_path, toml, HL_NUM_GRIDS="7", HL_COINS="BTC, ETH")
    shown = {coin: {row.name: row for row in rows(found, coin)} for coin in ("BTC", "ETH")}
    for coin in shown:
        assert list(shown[coin]) == list(Settings.model_fields)
    file = f"{tmp_path}/gridbot.toml"
    assert [(shown[c]["leverage"].value, shown[c]["leverage"].origin.text) for c in shown] == [
        ("2", f"{file} line 1"),
        ("4.5", f"{file} line 4"),
    ]
    assert shown["BTC"]["num_grids"].origin.text == "HL_NUM_GRIDS"
    assert shown["BTC"]["stop_loss_low"].value == "off"
    assert shown["BTC"]["max_orders_per_min"].value == "300", "not set isn't off: there is a limit"
    assert shown["BTC"]["coins"].value == "BTC,ETH"
    written = {name for name, row in shown["ETH"].items() if not row.is_default}
    assert written == {"coins", "leverage", "num_grids"}
    text = as_text(found)
    assert len([line for line in text.splitlines() if line.startswith("  leverage ")]) == 2
    assert len([line for line in text.splitlines() if line.startswith("  max_drawdown_pct ")]) == 1


def test_the_object_has_the_line_as_a_number(tmp_path: Path) -> None:
    found = as_dict(judged(tmp_path, "investment_usd = 900", "testnet"))
    shown = json.loads(json.dumps(found))["coins"]["BTC"]["investment_usd"]
    assert (shown["value"], shown["line"], shown["source"], shown["is_default"]) == ("900", 1, "file", False)
    assert found["coins"]["BTC"]["leverage"]["line"] is None
    assert len(found["problems"]) == 6


@pytest.mark.parametrize(
    ("toml", "name", "value", "source"),
    [
        ("", "on_range_exit", "trail", "default_strategy grid"),
        (
            "default_strategy = 'range'\nrange_low = 9\nrange_high = 12",
            "on_range_exit",
            "hold",
            "strategy range",
        ),
        ("", "max_symbol_notional", "3000", "investment_usd x leverage"),
        ("investment_usd = 500\nleverage = 1.5", "max_symbol_notional", "750", "investment_usd x leverage"),
        ("num_grids = 30\ninvestment_usd = 5000", "max_orders_per_min", "360", "num_grids"),
        (
            "default_strategy = 'range'\nrange_low = 90\nrange_high = 108",
            "grid_spacing_pct",
            "0.01",
            "range_low",
        ),
        ("", "coins", "BTC", "nothing written"),
        ("coin = 'ETH'", "coins", "ETH", "coin"),
        ("[coins.ETH]\n[coins.SOL]", "coins", "ETH,SOL", "the tables"),
    ],
)
def test_where_a_setting_is_left_to_others_what_is_in_effect_is_shown_and_what_it_follows_from(
    tmp_path: Path, toml: str, name: str, value: str, source: str
) -> None:
    found = judged(tmp_path, toml)
    assert found.loaded is not None
    coin = next(iter(found.loaded.by_coin))
    row = next(row for row in rows(found, coin) if row.name == name)
    assert (row.value, row.is_default) == (value, True)
    assert source in row.derived_from
    assert f"default (from {row.derived_from})" in as_text(found)
    assert as_dict(found)["coins"][coin][name]["derived_from"] == row.derived_from


def test_what_is_shown_is_what_the_engine_is_given(tmp_path: Path) -> None:
    found = judged(tmp_path, "num_grids = 40\ninvestment_usd = 7000")
    shown = {row.name: row.value for row in rows(found, "BTC")}
    config = coin_config(found.settings().by_coin["BTC"], BTC)
    assert int(shown["max_symbol_notional"]) * 10**6 == config.grid.cap_micro
    assert int(shown["max_orders_per_min"]) == config.max_orders_per_min
    assert shown["on_range_exit"] == config.on_exit.value


def test_what_changes_nothing_is_said_to(tmp_path: Path) -> None:
    shown = {row.name: row for row in rows(judged(tmp_path, "default_strategy = 'endless'"), "BTC")}
    assert shown["trailing_pct"].note == "no effect with strategy endless"
    assert shown["atr_length"].note.endswith("without volatility_spacing or vol_circuit_sigma")
    assert shown["num_grids"].note == ""


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    found = judged(tmp_path, "base_url = 'http://me:swordfish@127.0.0.1:3001'")
    assert "swordfish" not in as_text(found) + str(as_dict(found))
    assert "http://…@127.0.0.1:3001" in as_text(found)


SECRETS = {
    "a target": "tgram://123456789:CANARYabcdefg/1231",
    "a webhook": "https://hooks.example/services/CANARYabcdefg",
    "a key": "0xCANARY" + "5aC3" * 16,
    "a key and more": "5aC3" * 16 + "CANARY.bak",
    "a keystore": '{"crypto": {"ciphertext": "CANARY"}}',
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("name", ["alert_urls_file", "key_file", "state_dir", "alert_min_severity"])
def test_a_secret_where_a_name_belongs_is_refused_and_shown_nowhere(
    tmp_path: Path, name: str, secret: str
) -> None:
    by_file, by_environment = (
        judged(tmp_path, f"{name} = '{secret}'"),
        judge({}, {f"HL_{name.upper()}": secret}, None, tmp_path / "none.toml"),
    )
    for found in (by_file, by_environment):
        (problem,) = found.problems
        assert "(not shown: it may be a secret)" in problem.text
        told = as_text(found) + str(as_dict(found)) + problem.text + repr(found.loaded)
        assert "CANARY" not in told
        assert "5aC3" not in told


def test_the_ping_is_shown_in_no_text_of_the_settings(tmp_path: Path) -> None:
    found = judged(tmp_path, "heartbeat_url = 'https://hc.example/CANARY'")
    assert found.loaded is not None
    settings = found.loaded.common
    assert settings.heartbeat_url.get_secret_value() == "https://hc.example/CANARY"
    for told in (repr(found), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "CANARY" not in told


def test_a_flag_is_an_origin(tmp_path: Path) -> None:
    found = judge({"coins": ("ETH",)}, {}, None, tmp_path / "none.toml")
    assert {row.name: row.origin.text for row in rows(found, "ETH")}["coins"] == "--coin"


# -- the page -----------------------------------------------------------------------------------------------------------


PAGE = Path("docs/configuration.md")


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_the_tables_of_the_docs_are_current(path: Path) -> None:
    page = (ROOT / path).read_text(encoding="utf-8")
    assert page == refreshed(page, PAGES[path]), "run `make docs`"


def test_the_page_lists_every_name_and_the_settings_have_descriptions() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"| `{name}`" in page
    for old in (*NOT_YET_IN_EFFECT, *REPLACED, *REFUSED):
        assert f"| `{old}` |" in page
    assert environment_name("num_grids") in page


def test_the_example_of_the_page_starts_on_mainnet(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / PAGE).read_text(encoding="utf-8"), re.DOTALL)
    assert judged(tmp_path, example, "mainnet").problems == ()
    for each in REQUIREMENTS:
        if "mainnet" in each.networks and each.usable_ways():
            assert any(all(name in example for name in way) for way in each.usable_ways())
