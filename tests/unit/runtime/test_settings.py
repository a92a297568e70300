"""Settings: flag over environment over file over default, and everything that can't be meant is refused where it stands."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.engine.account_risk import AccountLimits
from core.engine.side_caps import PortfolioLimits
from core.runtime.restore import account_limits, coin_config, set_thresholds
from core.runtime.settings import MAY_BE_OFF, NOT_YET_IN_EFFECT, Loaded, Settings, load_settings
from core.runtime.statedir import UsageError
from tests.unit.engine.builders import make_engine
from tests.unit.exchange.samples import INSTRUMENTS

Load = Callable[..., Loaded]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.upper().startswith("HL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    def load(toml: str = "", flags: Mapping[str, Any] | None = None, **environ: str) -> Loaded:
        file = tmp_path / "gridbot.toml"
        if toml:
            file.write_text(toml)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return load_settings(flags or {}, os.environ, None)

    return load


def test_nothing_at_all_trades_btc_with_the_defaults(load: Load) -> None:
    loaded = load()
    assert list(loaded.by_coin) == ["BTC"]
    for name, field in Settings.model_fields.items():
        assert getattr(loaded.by_coin["BTC"], name) == field.default
    assert loaded.warnings == ()


def test_flag_beats_environment_beats_coin_table_beats_top_beats_default(load: Load) -> None:
    toml = "num_grids = 3\nleverage = 2\n[coins.BTC]\nnum_grids = 4\n[coins.ETH]\n"
    assert load().by_coin["BTC"].num_grids == 10
    by_coin = load(toml).by_coin
    assert {coin: s.num_grids for coin, s in by_coin.items()} == {"BTC": 4, "ETH": 3}
    assert {s.leverage for s in by_coin.values()} == {Decimal(2)}
    assert load(toml, HL_NUM_GRIDS="5").by_coin["BTC"].num_grids == 5
    assert load(toml, {"num_grids": 6}, HL_NUM_GRIDS="5").by_coin["BTC"].num_grids == 6


@pytest.mark.parametrize(
    ("toml", "flags", "environ", "coins"),
    [
        ('coin = "ETH"', {}, {}, ["ETH"]),
        ('coins = ["ETH", "SOL"]', {}, {}, ["ETH", "SOL"]),
        ('coins = "ETH, SOL,"', {}, {}, ["ETH", "SOL"]),
        ('coins = ["ETH"]', {}, {"HL_COINS": "xyz:NVDA,xyz:TSLA"}, ["xyz:NVDA", "xyz:TSLA"]),
        ('coins = ["ETH"]', {"coins": ("BTC",)}, {"HL_COINS": "SOL"}, ["BTC"]),
        ('[coins."xyz:NVDA"]\n[coins."xyz:TSLA"]', {}, {}, ["xyz:NVDA", "xyz:TSLA"]),
        ("[coins.SOL]", {"coins": ("ETH",)}, {}, ["ETH"]),
        ("", {}, {"HL_COIN": "ETH"}, ["ETH"]),
    ],
)
def test_coins_are_named_in_many_ways(
    load: Load, toml: str, flags: dict[str, Any], environ: dict[str, str], coins: list[str]
) -> None:
    assert list(load(toml, flags, **environ).by_coin) == coins


def test_a_coin_named_twice_is_refused(load: Load) -> None:
    with pytest.raises(UsageError, match="ETH is named twice"):
        load('coins = ["ETH", "BTC", "ETH"]')


@pytest.mark.parametrize(
    ("toml", "environ"),
    [
        ('coin = "BTC"\ncoins = ["BTC", "ETH"]', {}),
        ('coins = ["SOL"]', {"HL_COIN": "ETH"}),
        ("", {"HL_COIN": "ETH", "HL_COINS": "ETH"}),
    ],
)
def test_one_coin_beside_a_list_of_them_is_refused_but_not_beside_the_flag(
    load: Load, toml: str, environ: dict[str, str]
) -> None:
    """Of the two the list would be traded, and the other be without effect, though a variable is stronger than the file."""
    with pytest.raises(UsageError, match=r"stands beside coins, which is .*; name them all in coins"):
        load(toml, **environ)
    assert list(load(toml, {"coins": ("DOGE",)}, **environ).by_coin) == ["DOGE"]


@pytest.mark.parametrize(
    ("toml", "where", "says"),
    [
        ("\n\nnum_gird = 5", "line 3", "num_gird is not a setting; did you mean num_grids?"),
        ("leverage = 2\n[coins.BTC]\nnum_gird = 5", "line 3", "did you mean num_grids?"),
        ("xyzzy = 1", "line 1", "xyzzy is not a setting; docs/configuration.md"),
        ("[risk]\nmax = 1", "gridbot.toml", "risk is not a setting"),
        ("private_key = 'x'", "line 1", "private_key is not a setting"),
        ("[coins]\nBTC = 5", "gridbot.toml", "coins.BTC 5 must be a table"),
        ("num_grids = true", "line 1", "num_grids True"),
        ("leverage = true", "line 1", "leverage True"),
        ("num_grids = 0", "line 1", "num_grids 0"),
        ("\nnum_grids = 501", "line 2", "less than or equal to 500"),
        ("num_grids = 'many'", "line 1", "num_grids 'many'"),
        ("num_grids = 2.5", "line 1", "num_grids 2.5"),
        ("leverage = nan", "line 1", "leverage nan"),
        ("leverage = inf", "line 1", "leverage inf"),
        ("leverage = -1", "line 1", "leverage -1"),
        ("leverage = 101", "line 1", "leverage 101"),
        ("investment_usd = [5]", "line 1", "investment_usd [5]"),
        ("coin = 5", "line 1", "coin 5"),
        ("coins = [1, 2]", "line 1", "coins"),
        ("grid_spacing_pct = 1", "line 1", "grid_spacing_pct 1"),
        ("grid_spacing_pct = 0.0003", "line 1", "every round trip would lose money; use at least 0.000375"),
        ("grid_spacing_pct = 0.01", "line 1", "is 1 %, above grid_spacing_max_pct (0.005)"),
        ("[coins.ETH]\nleverage = 2\ngrid_spacing_pct = 0.01", "line 3", "above grid_spacing_max_pct"),
        (
            "grid_spacing_max_pct = 0.1\ngrid_spacing_pct = 0.1",
            "default",
            "num_grids 10 levels of 0.1 reach a price of 0",
        ),
        ("investment_usd = 50\nleverage = 1", "line 1", "below the exchange's minimum of 10 USD"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place_and_the_fix(
    load: Load, toml: str, where: str, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load(toml)
    assert where in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize("toml", ["num_grids = ", "a = 1\na = 2", "[coins.BTC]\n[coins.BTC]", "\x00"])
def test_a_file_that_is_not_toml_is_refused_with_its_name(load: Load, toml: str) -> None:
    with pytest.raises(UsageError, match=r"gridbot\.toml is not valid TOML"):
        load(toml)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path, load: Load) -> None:
    (tmp_path / "gridbot.toml").write_bytes(b"coin = '\xff'")
    with pytest.raises(UsageError, match="can't be read"):
        load()


def test_a_named_file_must_be_there_and_the_default_one_need_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="doesn't exist; fix the path given with --config"):
        load_settings({}, {}, tmp_path / "absent.toml")
    with pytest.raises(UsageError, match="can't be read"):
        load_settings({}, {}, tmp_path)
    named = tmp_path / "other.toml"
    named.write_text('coin = "ETH"')
    (tmp_path / "gridbot.toml").write_text('coin = "SOL"')
    assert list(load_settings({}, {}, named).by_coin) == ["ETH"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("HL_NUM_GIRDS", "5", "HL_NUM_GIRDS is not a setting; did you mean HL_NUM_GRIDS?"),
        ("HL_XYZZY", "5", "docs/configuration.md and `gridbot config show` list the settings"),
        ("HL_NUM_GRIDS", "many", "HL_NUM_GRIDS: num_grids 'many'"),
        ("HL_NUM_GRIDS", "", "HL_NUM_GRIDS: num_grids ''"),
        ("HL_LEVERAGE", "NaN", "HL_LEVERAGE: leverage"),
        (
            "HL_GRID_SPACING_PCT",
            "0.0001",
            "HL_GRID_SPACING_PCT: grid_spacing_pct 0.0001 is not above the fees",
        ),
    ],
)
def test_the_environment_is_checked_like_the_file(load: Load, name: str, value: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        load("num_grids = 7", **{name: value})
    assert says in str(caught.value)


def test_a_flag_that_cannot_be_meant_is_named_as_a_flag(load: Load) -> None:
    with pytest.raises(UsageError, match="--num-grids: num_grids 0"):
        load("num_grids = 7", {"num_grids": 0})


def test_names_that_have_no_effect_yet_are_taken_and_warned_about(load: Load) -> None:
    of_environment, of_file = sorted(NOT_YET_IN_EFFECT)[:2]
    key = of_file.removeprefix("HL_").lower()
    loaded = load(f"\n{key} = 12\n[coins.BTC]\n{key} = 14", **{of_environment: "5"})
    assert [w.split()[0] for w in loaded.warnings] == [of_environment, key, key]
    assert all(w.endswith("is set and has no effect in this version") for w in loaded.warnings)
    assert "line 2" in loaded.warnings[1]
    assert "line 4" in loaded.warnings[2]


@pytest.mark.parametrize("name", sorted(NOT_YET_IN_EFFECT))
def test_no_name_is_both_in_effect_and_not(name: str) -> None:
    assert name.removeprefix("HL_").lower() not in Settings.model_fields


def test_keys_are_let_through_and_never_enter_the_settings(load: Load) -> None:
    secret = "0x" + "ab" * 32
    loaded = load(HL_AGENT_KEY=secret, HL_PRIVATE_KEY=secret, HL_USER_ADDRESS="0x" + "cd" * 20)
    assert secret[2:] not in repr(loaded)
    assert secret[2:] not in str(loaded.common.model_dump())


def test_numbers_of_the_file_are_exact(load: Load) -> None:
    settings = load("grid_spacing_pct = 0.0006\ninvestment_usd = 1000.10\nmaker_fee_pct = '0.0001'").common
    assert settings.grid_spacing_pct == Decimal("0.0006")
    assert settings.investment_usd == Decimal("1000.1")
    assert settings.maker_fee_pct == Decimal("0.0001")


def test_settings_do_not_change_once_made(load: Load) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().common.num_grids = 5


def test_a_lower_case_name_of_a_setting_is_refused_instead_of_meaning_something_or_nothing() -> None:
    with pytest.raises(UsageError, match="hl_num_gridz is not a setting"):
        load_settings({}, {"hl_num_gridz": "3"}, None)


def test_only_the_environment_given_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HL_NUM_GRIDS", "3")
    assert load_settings({}, {"HL_NUM_GRIDS": "7"}, None).by_coin["BTC"].num_grids == 7


def test_a_table_of_a_coin_that_is_not_traded_is_warned_about(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[coins.BCT]\nnum_grids = 3\n")
    loaded = load_settings({"coins": ("BTC",)}, {}, file)
    assert loaded.warnings == ("[coins.BCT] has no effect: BCT is not traded here",)


def test_a_setting_of_the_whole_account_is_refused_under_a_coin(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[coins.BTC]\nstate_dir = "x"\n')
    with pytest.raises(UsageError, match=r"c.toml line 2: state_dir is not one coin's"):
        load_settings({}, {}, file)


@pytest.mark.parametrize("off", ["off", "Off", 0, "0"])
def test_every_limit_may_be_off(load: Load, off: object) -> None:
    names = [f"HL_{name.upper()}" for name in MAY_BE_OFF]
    loaded = load("", **{name: str(off) for name in names}).common
    assert account_limits(loaded) == AccountLimits()


def test_a_daily_stop_is_a_loss_and_a_band_has_room(load: Load) -> None:
    with pytest.raises(UsageError, match="HL_DAILY_PNL_STOP: daily_pnl_stop '200'"):
        load("", HL_DAILY_PNL_STOP="200")
    load("", HL_DAILY_PNL_STOP="-200")
    with pytest.raises(UsageError, match="stop_loss_high 90 is not above stop_loss_low"):
        load("", HL_STOP_LOSS_LOW="90", HL_STOP_LOSS_HIGH="90")


def test_limits_of_the_account_belong_to_no_single_coin(load: Load) -> None:
    with pytest.raises(UsageError, match=r"line 2: max_drawdown_pct is not one coin's"):
        load("[coins.BTC]\nmax_drawdown_pct = 0.1")


def test_the_predecessors_ways_to_say_no_limit_still_mean_none(load: Load) -> None:
    old = {"HL_DAILY_PNL_STOP": "-1e6", "HL_DAILY_PNL_TAKE": "1e6", "HL_STOP_LOSS_HIGH": "999999"}
    assert load("", **old).common.stop_loss_high == 999_999


def test_a_stop_price_belongs_to_one_coin(load: Load) -> None:
    with pytest.raises(
        UsageError, match=r"line 1: stop_loss_low 100 is the price of one coin, and 2 are traded"
    ):
        load("stop_loss_low = 100\n[coins.BTC]\n[coins.ETH]")
    loaded = load("[coins.BTC]\nstop_loss_low = 100\n[coins.ETH]")
    assert [loaded.by_coin[coin].stop_loss_low for coin in ("BTC", "ETH")] == [100, 0]
    with pytest.raises(UsageError, match="HL_STOP_LOSS_HIGH: stop_loss_high 5 is the price of one coin"):
        load("[coins.BTC]\n[coins.ETH]", HL_STOP_LOSS_HIGH="5")


def test_thresholds_of_the_breakers_are_taken_and_belong_to_the_whole_account(load: Load) -> None:
    loaded = load(HL_API_ERROR_THRESHOLD="5", HL_WS_STALE_AFTER_SEC="30", HL_DATA_HALT_SEC="off").common
    assert loaded.api_error_threshold == 5
    assert (loaded.ws_stale_after_sec, loaded.data_halt_sec) == (Decimal(30), Decimal(0))
    with pytest.raises(UsageError, match="data_halt_sec is not one coin's"):
        load("[coins.BTC]\ndata_halt_sec = 60")


def test_orders_cannot_be_taken_back_before_new_ones_stop(load: Load) -> None:
    with pytest.raises(
        UsageError, match=r"data_halt_sec 15 is below ws_stale_after_sec \(20\).*use at least 20, or off"
    ):
        load(HL_DATA_HALT_SEC="15")


@pytest.mark.parametrize(
    ("levels", "written", "limit"),
    [("10", None, 300), ("100", None, 1_200), ("10", "60", 60), ("10", "off", 0)],
)
def test_how_many_orders_a_minute_may_have(load: Load, levels: str, written: str | None, limit: int) -> None:
    environ = {"HL_NUM_GRIDS": levels, "HL_INVESTMENT_USD": "9000"}
    loaded = load(**environ, **({"HL_MAX_ORDERS_PER_MIN": written} if written else {})).common
    assert loaded.orders_per_min == limit


def test_a_minute_must_hold_a_whole_grid(load: Load) -> None:
    with pytest.raises(
        UsageError, match=r"max_orders_per_min 19 is below one whole grid of 20.*use at least 60, or off"
    ):
        load(HL_MAX_ORDERS_PER_MIN="19")


def test_limits_of_the_portfolio_reach_the_engine(load: Load) -> None:
    engine = make_engine()
    loaded = load(
        HL_MAX_PORTFOLIO_NOTIONAL="5000",
        HL_MAX_MARGIN_PCT="0.5",
        HL_MIN_LIQ_DISTANCE_PCT="0.1",
        HL_API_ERROR_THRESHOLD="7",
        HL_WS_STALE_AFTER_SEC="30",
        HL_DATA_HALT_SEC="off",
    ).common
    set_thresholds(engine, loaded)
    assert engine.portfolio_limits == PortfolioLimits(Decimal(5000), Decimal("0.5"), Decimal("0.1"))
    assert {breaker.trip_above for breaker in engine.breakers} == {7}
    assert (engine.feed_age.stale_ms, engine.feed_age.halt_ms) == (30_000, 0)


def test_a_speed_of_less_than_one_lot_is_refused(load: Load) -> None:
    with pytest.raises(UsageError, match=r"max_position_per_min 0\.000001 is less than one lot of BTC"):
        coin_config(load(HL_MAX_POSITION_PER_MIN="0.000001").common, INSTRUMENTS["BTC"])
