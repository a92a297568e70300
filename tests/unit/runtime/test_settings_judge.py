"""All that is wrong is told at once, each thing once, with its place, its rule and a value that would pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runtime.settings import Source, judge
from core.runtime.statedir import UsageError
from tests.unit.runtime.config import judged, texts

KEY = "0x" + "5c" * 32


def test_everything_wrong_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    toml = """num_gird = 5
leverage = "lots"
grid_spacing_pct = 0.0001

[coins.BTC]
investment_usd = 20
state_dir = "x"
num_grids = true
"""
    found = judged(tmp_path, toml, "testnet", HL_TRIALING_PCT="1", HL_MAX_DRAWDOWN_PCT="15")
    name = f"{tmp_path}/gridbot.toml"
    assert [(problem.name, problem.origin.line) for problem in found.problems] == [
        ("HL_TRIALING_PCT", 0),
        ("num_gird", 1),
        ("state_dir", 7),
        ("leverage", 2),
        ("max_drawdown_pct", 0),
        ("num_grids", 8),
        ("grid_spacing_pct", 3),
        ("max_symbol_notional", 0),
        ("stop_loss_low", 0),
        ("stop_loss_high", 0),
        ("daily_pnl_stop", 0),
    ]
    assert texts(found)[3].startswith(f"{name} line 2: leverage 'lots': input should be a number")
    assert "2 would pass" in texts(found)[3]
    assert texts(found)[4] == (
        "HL_MAX_DRAWDOWN_PCT: max_drawdown_pct '15': input should be less than 1; "
        "0.15 would pass (a fraction: 0.0006 is 0.06 %)"
    )
    assert texts(found)[7] == (
        f"{name}: max_symbol_notional is not written, and on testnet the maximum position must be; write for "
        "instance max_symbol_notional = 1000, or max_position_abs (HL_MAX_SYMBOL_NOTIONAL in the environment)"
    )
    assert found.loaded is None


def test_the_first_of_many_is_refused_with_the_number_of_the_others(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        judged(tmp_path, "num_gird = 5\nleverage = 'lots'\nxyzzy = 1").settings()
    assert str(caught.value).endswith(
        "did you mean num_grids? (2 more: `gridbot config check --network paper` lists them all)"
    )


def test_a_contradiction_is_not_told_of_values_that_nobody_wrote_so(tmp_path: Path) -> None:
    found = judged(tmp_path, "investment_usd = 50\nleverage = 'lots'")
    assert [problem.name for problem in found.problems] == ["leverage"]


def test_a_contradiction_of_one_coin_names_it_and_one_of_all_stands_once(tmp_path: Path) -> None:
    one = judged(tmp_path, "grid_spacing_max_pct = 0.2\n[coins.BTC]\n[coins.ETH]\ngrid_spacing_pct = 0.1")
    assert texts(one) == [
        "default: num_grids 10 (for ETH) levels of 0.1 reach a price of 0; use at most 9, or a smaller grid_spacing_pct"
    ]
    both = judged(tmp_path, "grid_spacing_pct = 0.0001\n[coins.BTC]\n[coins.ETH]")
    assert len(both.problems) == 1
    assert both.problems[0].coin == ""


def test_values_that_every_coin_replaces_are_held_against_their_type_alone(tmp_path: Path) -> None:
    toml = "investment_usd = 20\nstop_loss_low = 5\n"
    toml += "[coins.BTC]\ninvestment_usd = 2000\nstop_loss_low = 7\n[coins.ETH]\ninvestment_usd = 2000\nstop_loss_low = 8\n"
    assert texts(judged(tmp_path, toml)) == []


def test_a_table_of_a_coin_that_is_not_traded_is_read_all_the_same(tmp_path: Path) -> None:
    found = judged(tmp_path, 'coin = "BTC"\n[coins.ETH]\nnum_grids = 0')
    assert [(problem.name, problem.origin.line) for problem in found.problems] == [("num_grids", 3)]


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("[coins.'']\nnum_grids = 5", "coins has a table without a name; write [coins.BTC]"),
        ("coins = ['']", "must be a coin's name, as BTC or xyz:TSLA"),
        ("coin = 'B C'", "must be a coin's name"),
        ("[[coins]]\nname = 'BTC'", "coins"),
        ("profile = 'bold'", "profile 'bold': input should be '' or 'simple'"),
        ("state_dir = ''", "must be a directory's name"),
        ('state_dir = "a\\u0000b"', "must be a directory's name"),
        ("state_dir = '~nobody-of-this-name/x'", "there is no such home"),
        ("investment_usd = 1e-300", "must be 0, or between 0.000000000001 and 1000000000000"),
        ("investment_usd = 1e300", "must be 0, or between"),
        (f"investment_usd = {'9' * 4000}", "must be 0, or between"),
        ("investment_usd = 0x" + "f" * 5000, "investment_usd (a value too long to show)"),
        ("leverage = 2000-01-01", "leverage datetime.date(2000, 1, 1)"),
        ('"a\\nb" = 1', "a\\nb is not a setting"),
    ],
)
def test_odd_values_get_a_sentence_on_one_line(tmp_path: Path, toml: str, says: str) -> None:
    (text,) = texts(judged(tmp_path, toml))
    assert says in text
    assert "\n" not in text


@pytest.mark.parametrize("toml", [f"x = {'9' * 5000}", "a = " + "[" * 5000, "a = [1,\n2", "a = '''\n\n"])
def test_what_the_parser_gives_up_on_is_a_sentence_with_the_files_name(tmp_path: Path, toml: str) -> None:
    (text,) = texts(judged(tmp_path, toml))
    assert text.startswith(f"{tmp_path}/gridbot.toml is not valid TOML: ")


def test_coins_named_in_two_ways_that_toml_forbids_are_told_of_the_way_out(tmp_path: Path) -> None:
    (text,) = texts(judged(tmp_path, 'coins = ["BTC"]\n[coins.BTC]\nnum_grids = 5'))
    assert "line 2" in text
    assert text.endswith("they name the coins: take `coins = …` away")


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gridbot.toml").write_bytes(b"coin = 'BTC'\nx = '\xff'")
    found = judged(tmp_path, "x = 1\n" + "#" * 300_000)
    assert texts(found) == [f"{tmp_path}/gridbot.toml can't be read: it is larger than 256 KiB"]


def test_a_file_that_cant_be_read_is_named_with_its_path_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gridbot.toml").mkdir()
    monkeypatch.chdir(tmp_path)
    (named,) = texts(judge({}, {}, Path("gridbot.toml")))
    (found,) = texts(judge({}, {}, None))
    begins = f"{tmp_path}/gridbot.toml can't be read: Is a directory; "
    assert named == f"{begins}let this user read it, or name another with --config"
    assert found == f"{begins}go to a directory that this user may read, or name a file with --config"


# -- keys are never shown -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "environ"),
    [
        (f"investment_usd = '{KEY}'", {}),
        (f"private_key = '{KEY}'", {}),
        (f"agent_key = '{KEY}'", {}),
        (f"'{KEY}' = 1", {}),
        (f"coins = ['{KEY}']\nnum_grids = 0", {}),
        (f"state_dir = 5\nlive_account = ['{KEY}']", {}),
        ("num_grids = 0", {"HL_LEVERAGE": KEY, "HL_PER_COIN_CONFIG": KEY[2:]}),
        ("num_grids = '" + "legal winner thank year " * 4 + "'", {}),
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(tmp_path: Path, toml: str, environ: dict[str, str]) -> None:
    found = judged(tmp_path, toml, **environ)
    said = "".join(texts(found)) + repr([problem.as_dict() for problem in found.problems])
    assert found.problems
    assert KEY[2:20] not in said
    assert "winner" not in said


def test_keys_of_the_environment_are_not_even_kept(tmp_path: Path) -> None:
    found = judged(tmp_path, "", HL_AGENT_KEY=KEY, HL_PRIVATE_KEY=KEY, PASSWORD="swordfish")
    assert found.problems == ()
    assert KEY not in repr(found)
    assert "swordfish" not in repr(found)


def test_a_key_in_the_file_is_told_where_it_belongs(tmp_path: Path) -> None:
    (text,) = texts(judged(tmp_path, f"agent_key = '{KEY}'"))
    fix = "no key lives in a settings file: `gridbot keys import` keeps it, and key_file names it"
    assert text.endswith(f"agent_key is not a setting; {fix}")


# -- the predecessor's names --------------------------------------------------------------------------------------------


def test_a_yaml_of_single_coins_is_refused_with_what_to_write(tmp_path: Path) -> None:
    (text,) = texts(judged(tmp_path, "", HL_PER_COIN_CONFIG="configs/per_coin.yaml"))
    assert text.startswith("HL_PER_COIN_CONFIG 'configs/per_coin.yaml' names a YAML file")
    assert '[coins."xyz:TSLA"] with investment_usd, num_grids (was grids)' in text
    assert len(texts(judged(tmp_path, "per_coin_config = 'x'"))) == 1


@pytest.mark.parametrize(
    ("dex", "coins", "passes"),
    [
        ("xyz", "xyz:TSLA,xyz:NVDA", []),
        ("", "BTC", []),
        ("hl", "BTC", []),
        ("xyz", "BTC", ["xyz:BTC"]),
        ("xyz", "abc:TSLA", ["xyz:TSLA"]),
    ],
)
def test_the_dex_of_old_must_be_that_of_the_coins(
    tmp_path: Path, dex: str, coins: str, passes: list[str]
) -> None:
    for found in (
        judged(tmp_path, "", HL_DEX=dex, HL_COINS=coins),
        judged(tmp_path, f"dex = '{dex}'\ncoins = '{coins}'"),
    ):
        assert [problem.passes for problem in found.problems] == passes
        assert found.loaded is not None
        assert "each coin names its dex itself" in found.loaded.warnings[0]


def test_a_name_whose_purpose_is_gone_is_told_with_what_replaces_it(tmp_path: Path) -> None:
    found = judged(tmp_path, "wal_dir = 'x'", HL_USE_CLOID="true")
    assert found.settings().warnings == (
        "HL_USE_CLOID has no effect: every order has a client order id, always",
        f"wal_dir ({tmp_path}/gridbot.toml line 1) has no effect: every fill and order is in journal.db of the state dir "
        "before anything acts on it, always; state_dir moves it",
    )


def test_where_a_value_came_from_is_known(tmp_path: Path) -> None:
    toml = "num_grids = 5\nleverage = 2\n[coins.BTC]\nleverage = 3"
    layers = judged(tmp_path, toml, HL_NUM_GRIDS="6").layers
    origins = {name: layers.origin(name, "BTC") for name in ("num_grids", "leverage", "investment_usd")}
    assert {name: each.source for name, each in origins.items()} == {
        "num_grids": Source.ENVIRONMENT,
        "leverage": Source.FILE,
        "investment_usd": Source.DEFAULT,
    }
    assert origins["leverage"].line == 4
    assert layers.origin("leverage", "ETH").line == 2


@pytest.mark.parametrize(
    ("toml", "environ", "where"),
    [
        ('[coins.BTC]\n[coins."xyz:TSLA"]\n', {}, "gridbot.toml line 2"),
        ("", {"HL_COINS": "BTC,xyz:TSLA"}, "HL_COINS"),
    ],
)
def test_coins_of_two_dexs_are_refused_before_any_preview(
    tmp_path: Path, toml: str, environ: dict[str, str], where: str
) -> None:
    (found,) = judged(tmp_path, toml, **environ).problems
    assert where in found.text
    assert (
        "coins are of 2 dexs (BTC, xyz:TSLA), and one instance trades one; start one for each dex"
        in found.text
    )
