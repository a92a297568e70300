"""Funding: premiums and rates against recorded ones, payments on the hour."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from core.domain.orders import Side
from core.paper.venue.audit import audit
from core.paper.venue.funding import (
    HOUR_MS,
    ONE,
    CoinFunding,
    eight_hour_rate,
    hourly_rate,
    payment_micro,
    premium_of,
)
from core.paper.venue.orders import TimeInForce
from tests.unit.paper.world import ALICE, BOB, NOW_MS, World, lots, quote

DATA = Path(__file__).parent / "data"

# (oracle, impact bid, impact ask, premium) of the first dex and of a builder's, from one recorded frame of mainnet.
FIRST_DEX = [
    ("77605.0", "77558.0", "77559.0", "-0.0005927453"),
    ("2124.6", "2123.65", "2124.0", "-0.0002824061"),
    ("0.15536", "0.15542", "0.15596", "0.0003861998"),
    ("86.19", "86.14", "86.141", "-0.0005685114"),
    ("667.55", "667.251", "667.352", "-0.000296607"),
    ("0.109", "0.10892", "0.10905", "0.0"),
    ("1.0507", "1.0504", "1.05066", "-0.0000380699"),
]
BUILDER_DEX = [
    ("433.95", "433.577", "433.689", "-0.0007304989"),
    ("123.82", "124.0623", "124.1169", "0.0021773542"),
    ("190.93", "191.035", "191.169", "0.0009008537"),
    ("195.47", "195.417", "195.63", "0.0002736993"),
    ("29858.0", "29854.0", "29855.0", "-0.0001172215"),
]


def _scaled(text: str, decimals: int = 10) -> int:
    whole, _, fraction = text.lstrip("-").partition(".")
    return int(whole + fraction.ljust(decimals, "0")) * (-1 if text.startswith("-") else 1)


@pytest.mark.parametrize(
    ("row", "is_first_dex"),
    [(row, True) for row in FIRST_DEX] + [(row, False) for row in BUILDER_DEX],
)
def test_premiums_are_those_that_were_recorded(row: tuple[str, str, str, str], is_first_dex: bool) -> None:
    oracle, bid, ask = (_scaled(text) for text in row[:3])
    assert premium_of(bid, ask, oracle, is_first_dex=is_first_dex) == _scaled(row[3])


def test_eight_hour_rates_are_those_that_were_recorded_when_the_clamp_was_three_hundredths_of_a_percent() -> (
    None
):
    with (DATA / "funding_2023.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 34
    for row in rows:
        rate = eight_hour_rate(_scaled(row["premium"]), clamp=3 * ONE // 10_000)
        assert rate == _scaled(row["fundingRate"])


@pytest.mark.parametrize(
    ("average", "hourly"),
    [
        ("0.0", "0.0000125"),
        ("0.00029005", "0.0000125"),
        ("-0.0004", "0.0000125"),
        ("0.0006", "0.0000125"),
        ("0.0014", "0.0001125"),
        ("-0.0013", "-0.0001"),
        ("0.5", "0.04"),
        ("-0.5", "-0.04"),
    ],
)
def test_an_hour_pays_an_eighth_and_at_most_four_percent(average: str, hourly: str) -> None:
    assert hourly_rate(_scaled(average)) == _scaled(hourly)


def test_what_is_paid_is_rounded_against_the_account() -> None:
    assert payment_micro(3, 7, ONE // 10) == -3
    assert payment_micro(-3, 7, ONE // 10) == 2


def test_an_hour_is_the_average_of_its_samples() -> None:
    funding = CoinFunding(total=-7, samples=2)
    assert funding.average == -4
    funding.begin_hour()
    assert (funding.average, funding.rate) == (0, _scaled("0.0000125"))


def _to(world: World, moment_ms: int) -> None:
    """Let the clock run on in steps of five seconds."""
    while world.now_ms < moment_ms:
        world.now_ms = min(world.now_ms + 5_000, moment_ms)
        world.tick()


def test_on_the_hour_longs_pay_shorts_by_the_oracle() -> None:
    world = World()
    world.tick()
    world.buy(100_010, "1", TimeInForce.IOC)
    world.sell(100_000, "0.5", TimeInForce.IOC, user=BOB)
    world.venue.set_leverage(BOB, 0, 20, is_cross=True)
    before = world.account().cash[""], world.account(BOB).cash[""]
    hour = (NOW_MS // HOUR_MS + 1) * HOUR_MS
    _to(world, hour - 1)
    assert not world.account().history
    _to(world, hour + 70)
    oracle = world.venue.oracle_of("BTC")
    due = lots("1") * oracle // 80_000
    paid = before[0] - world.account().cash[""], before[1] - world.account(BOB).cash[""]
    assert paid[0] in (due, due + 1)
    assert paid[1] == -(lots("0.5") * oracle // 80_000)
    (row,) = world.account().history
    assert row.time_ms == hour + 70
    assert row.delta == {
        "type": "funding",
        "coin": "BTC",
        "usdc": f"-{paid[0] / 1e6}",
        "szi": "1.0",
        "fundingRate": "0.0000125",
        "nSamples": None,
    }
    (rate,) = world.venue.upkeep.funding_history("BTC")
    assert (rate.time_ms, rate.rate, rate.premium) == (hour + 70, _scaled("0.0000125"), 0)
    position = world.account().positions["BTC"]
    assert position.funding == position.funding_since_open == paid[0]
    _to(world, hour + HOUR_MS)
    assert len(world.account().history) == 2
    assert audit(world.venue).is_balanced


def test_a_premium_moves_the_rate() -> None:
    """The market states an oracle 0.14 % below its book, so the eighth of 0.09 % and interest's share are due."""
    world = World()
    world.tick()
    world.buy(100_010, "1", TimeInForce.IOC)
    hour = (NOW_MS // HOUR_MS + 1) * HOUR_MS
    while world.now_ms < hour:
        world.now_ms += 5_000
        world.market(quote=quote(100_140, "1", 100_150, "1"), oracle=100_000)
        world.tick()
    (rate,) = world.venue.upkeep.funding_history("BTC")
    assert rate.premium == _scaled("0.0014")
    assert rate.rate == pytest.approx(_scaled("0.0001125"), rel=0.01)


def test_funding_since_change_begins_anew_with_every_fill() -> None:
    world = World()
    world.tick()
    world.buy(100_010, "0.5", TimeInForce.IOC)
    _to(world, (NOW_MS // HOUR_MS + 1) * HOUR_MS)
    position = world.account().positions["BTC"]
    paid = position.funding
    assert paid > 0
    world.sell(100_000, "0.2", TimeInForce.IOC)
    assert (position.funding_since_open, position.funding_since_change) == (paid, 0)
    world.sell(100_000, "0.3", TimeInForce.IOC)
    assert (position.funding, position.funding_since_open) == (paid, 0)


def test_an_isolated_position_pays_from_its_own_margin() -> None:
    world = World()
    world.tick()
    world.venue.set_leverage(ALICE, 0, 10, is_cross=False)
    world.buy(100_010, "0.5", TimeInForce.IOC)
    position = world.account().positions["BTC"]
    margin = position.margin
    cross = world.venue.margin.cross_value(world.account(), "")
    _to(world, (NOW_MS // HOUR_MS + 1) * HOUR_MS)
    assert position.margin == margin - position.funding
    assert world.venue.margin.cross_value(world.account(), "") == cross


def test_who_holds_nothing_pays_nothing() -> None:
    world = World()
    world.place(Side.BUY, 90_000, "0.1")
    _to(world, (NOW_MS // HOUR_MS + 1) * HOUR_MS)
    assert not world.account().history
