"""Nothing that can lose real money is a default: what must be written where."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from core.runtime.settings import Settings, Source
from core.runtime.settings.layers import PROFILES
from core.runtime.settings.required import EXAMPLES, REQUIREMENTS, Requirement
from tests.unit.runtime.config import FOR_MAINNET, FOR_TESTNET, judged

EIGHT = """profile = "simple"
coin = "BTC"
investment_usd = 500
leverage = 2
grid_spacing_pct = 0.001
num_grids = 10
max_symbol_notional = 1000
stop_loss_low = "off"
stop_loss_high = "none"
daily_pnl_stop = -50
"""


def _missing(folder: Path, toml: str, network: str, **environ: str) -> list[str]:
    found = judged(folder, toml, network, **environ)
    assert all("is not written" in problem.rule for problem in found.problems)
    return [problem.name for problem in found.problems]


@pytest.mark.parametrize(("network", "written"), [("testnet", FOR_TESTNET), ("mainnet", FOR_MAINNET)])
def test_what_is_written_is_enough_and_no_line_of_it_can_go(
    tmp_path: Path, network: str, written: str
) -> None:
    assert _missing(tmp_path, written, network) == []
    lines = written.split("\n")
    for line in lines:
        rest = "\n".join(other for other in lines if other != line)
        assert _missing(tmp_path, rest, network) == [line.split()[0]]
        name, _, value = line.partition(" = ")
        assert _missing(tmp_path, rest, network, **{f"HL_{name.upper()}": value.strip('"')}) == []
    assert _missing(tmp_path, "", "paper") == []


def test_another_way_to_say_it_does_as_well(tmp_path: Path) -> None:
    other = FOR_MAINNET.replace("max_symbol_notional = 1000", 'max_position_abs = "off"')
    assert _missing(tmp_path, other, "mainnet") == []


def test_each_coin_must_have_its_own_but_the_accounts_stand_once(tmp_path: Path) -> None:
    toml = "\n".join(line for line in FOR_MAINNET.split("\n") if not line.startswith(("stop", "daily")))
    toml += "\n[coins.BTC]\nstop_loss_low = 5\nstop_loss_high = 9\n[coins.ETH]\nstop_loss_low = 5\n"
    found = judged(tmp_path, toml, "mainnet").problems
    assert [(problem.name, problem.coin) for problem in found] == [
        ("daily_pnl_stop", ""),
        ("stop_loss_high", "ETH"),
    ]


@pytest.mark.parametrize("network", ["paper", "testnet", "mainnet"])
def test_the_simple_profile_needs_eight_things_everywhere_and_no_more(tmp_path: Path, network: str) -> None:
    assert sum(each.is_simple for each in REQUIREMENTS) == 8
    assert _missing(tmp_path, EIGHT, network) == []
    lines = EIGHT.splitlines()[1:]
    for line in lines:
        rest = "\n".join(other for other in EIGHT.splitlines() if other != line)
        assert _missing(tmp_path, rest, network) == [line.split()[0]]
    named_by_its_table = EIGHT.replace('coin = "BTC"', "") + "[coins.BTC]\n"
    assert _missing(tmp_path, named_by_its_table, network) == []


def test_the_profile_speaks_where_mainnet_wants_more_than_the_eight() -> None:
    more = {name for each in REQUIREMENTS if not each.is_simple for way in each.ways for name in way}
    assert PROFILES["simple"].keys() == more


def test_what_a_profile_says_is_weaker_than_what_is_written_and_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROFILES, "simple", {"max_drawdown_pct": "0.05", "no_setting": "x"})
    found = judged(tmp_path, EIGHT)
    assert found.settings().common.max_drawdown_pct == Decimal("0.05")
    origin = found.layers.origin("max_drawdown_pct", "BTC")
    assert (origin.source, origin.text) == (Source.PROFILE, "profile simple")
    assert judged(tmp_path, EIGHT + "max_drawdown_pct = 0.2").settings().common.max_drawdown_pct == Decimal(
        "0.2"
    )
    assert judged(tmp_path, FOR_MAINNET).settings().common.max_drawdown_pct == Decimal("0.12")


def test_a_way_whose_names_are_no_settings_is_passed_over() -> None:
    either = Requirement("it", (("no_setting",), ("leverage", "num_grids")))
    assert either.missing(()) == ("leverage", "num_grids")
    assert either.missing(("leverage",)) == ("num_grids",)
    assert Requirement("it", (("no_setting",),)).missing(()) == ()


def test_the_way_that_was_begun_is_the_one_to_finish() -> None:
    either = Requirement("it", (("leverage",), ("num_grids", "investment_usd")))
    assert either.missing(()) == ("leverage",)
    assert either.missing(("investment_usd",)) == ("num_grids",)
    assert either.missing(("leverage", "investment_usd")) == ()


def test_every_name_that_may_be_asked_for_has_an_example(tmp_path: Path) -> None:
    for each in REQUIREMENTS:
        for way in each.ways:
            assert all(EXAMPLES[name] for name in way)
    for name in EXAMPLES.keys() & Settings.model_fields.keys():
        assert judged(tmp_path, f"{name} = {EXAMPLES[name]}").loaded is not None


BY_ITSELF = re.compile("jitter|reinvest|bias|tighten")
"""Names of what changes sizes, center or spacing of a grid by itself."""


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if BY_ITSELF.search(name)])
def test_what_changes_a_grid_by_itself_is_off_unless_written(name: str) -> None:
    assert Settings.model_fields[name].default in (0, False, None, "off", "none")
