"""Every setting in effect with its origin, and a page of the docs that says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.runtime.settings import Settings, judge
from core.runtime.settings.names import NOT_YET_IN_EFFECT, REFUSED, REPLACED, environment_name
from core.runtime.settings.reference import PAGES, refreshed
from core.runtime.settings.required import REQUIREMENTS
from core.runtime.settings.show import as_dict, as_text, rows
from tests.unit.runtime.config import judged

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
    assert shown["BTC"]["max_orders_per_min"].value == "", "not set isn't off: there is a limit"
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


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    found = judged(tmp_path, "base_url = 'http://me:swordfish@127.0.0.1:3001'")
    assert "swordfish" not in as_text(found) + str(as_dict(found))
    assert "http://…@127.0.0.1:3001" in as_text(found)


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
