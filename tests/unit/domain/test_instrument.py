"""Ticks, lots and the least notional, for every asset of a recorded market."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.instrument import MIN_NOTIONAL_MICRO, Instrument
from core.domain.units import InexactNumberError

UNIVERSE = json.loads((Path(__file__).parent / "data/meta_mainnet_2023-07-17.json").read_text())["universe"]
ASSETS = [
    Instrument(entry["name"], index, entry["szDecimals"], entry["maxLeverage"])
    for index, entry in enumerate(UNIVERSE)
]
PRICES = (
    "0.0000012",
    "0.00123",
    "0.99999",
    "1.00001",
    "9.9999",
    "10.001",
    "412.37",
    "99999",
    "100001",
    "149999.5",
)


def allowed_by_the_rule(price: Decimal, sz_decimals: int) -> bool:
    """The venue's rule in its own words: whole, or at most 5 significant figures and 6 - szDecimals decimals."""
    if price == price.to_integral_value():
        return True
    digits = price.normalize().as_tuple()
    assert isinstance(digits.exponent, int)
    return len(digits.digits) <= 5 and -digits.exponent <= 6 - sz_decimals


def test_the_recorded_market_has_assets_of_every_kind() -> None:
    assert len(ASSETS) == 28
    assert {asset.sz_decimals for asset in ASSETS} >= {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("asset", ASSETS, ids=lambda a: a.coin)
@pytest.mark.parametrize("text", PRICES)
def test_rounding_lands_on_neighbouring_valid_prices_of_every_asset(asset: Instrument, text: str) -> None:
    exact = int(Decimal(text).scaleb(asset.price_decimals))
    low, high = asset.round_price_down(exact), asset.round_price_up(exact)
    assert low <= exact <= high
    for price in filter(None, (low, high)):
        assert asset.is_valid_price(price)
        assert allowed_by_the_rule(asset.price_decimal(price), asset.sz_decimals)
    between = range(low + 1, high) if high - low <= 20_000 else range(low + 1, low + 2_000)
    assert not any(allowed_by_the_rule(asset.price_decimal(p), asset.sz_decimals) for p in between if p > 0)


@pytest.mark.parametrize(
    ("sz_decimals", "text", "valid"),
    [
        (5, "109755", True),
        (5, "109755.5", False),
        (5, "9755.5", True),
        (5, "123456", True),
        (1, "1234.5", True),
        (1, "1234.56", False),
        (1, "0.012345", False),
        (1, "0.01234", True),
        (2, "209.37", True),
        (2, "209.375", False),
    ],
)
def test_the_documented_examples_of_the_tick_rule_hold(sz_decimals: int, text: str, valid: bool) -> None:
    asset = Instrument("X", 0, sz_decimals, 3)
    try:
        price = asset.parse_price(text)
    except InexactNumberError:
        assert not valid
        return
    assert asset.is_valid_price(price) is valid


@pytest.mark.parametrize("price", [0, -1, -2_000_000])
def test_nothing_at_or_below_zero_is_a_price(price: int) -> None:
    asset = ASSETS[0]
    assert not asset.is_valid_price(price)
    assert asset.round_price_down(price) == 0
    assert asset.is_valid_price(asset.round_price_up(price))


@pytest.mark.parametrize("asset", ASSETS, ids=lambda a: a.coin)
@pytest.mark.parametrize("text", PRICES)
def test_the_fewest_lots_reach_the_least_notional_and_one_lot_less_does_not(
    asset: Instrument, text: str
) -> None:
    price = max(1, int(Decimal(text).scaleb(asset.price_decimals)))
    lots = asset.min_lots(price)
    assert lots * price >= MIN_NOTIONAL_MICRO
    assert (lots - 1) * price < MIN_NOTIONAL_MICRO


def test_lots_times_price_units_is_a_notional_in_millionths_of_a_dollar() -> None:
    for asset in ASSETS:
        assert asset.parse_size("1") * asset.parse_price("1") == 10**6


def test_a_price_or_size_finer_than_the_asset_allows_is_refused_not_rounded() -> None:
    btc = ASSETS[0]
    with pytest.raises(InexactNumberError):
        btc.parse_price("109755.55")
    with pytest.raises(InexactNumberError):
        btc.parse_size("0.000001")
    assert btc.round_size("0.12344999999") == 12_345
