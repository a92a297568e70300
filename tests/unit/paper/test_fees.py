"""Fees: rates by tier, dex and growth mode; cut at a millionth."""

from __future__ import annotations

import pytest

from core.domain.clock import DAY_MS
from core.paper.answers.rows import Rows
from core.paper.market.listing import Listing, Rules, Tier, Universe
from core.paper.venue.audit import audit
from core.paper.venue.fees import DayVolume, credited_volume, day_of, fee_micro, rate_for, tier_for
from core.paper.venue.orders import TimeInForce, WireOrder
from tests.unit.paper.world import ALICE, BOB, NOW_MS, UNIVERSE, World

TODAY = 20_000
USD = 1_000_000


def _listing(coin: str, *, has_growth_mode: bool = False) -> Listing:
    rules = Rules(coin, 5, (Tier(0, 40),), has_growth_mode=has_growth_mode)
    return Universe.of([rules]).listings[coin]


def _rates(volume_usd: int, listing: Listing) -> tuple[int, int]:
    tier = tier_for({TODAY - 1: DayVolume(taken=volume_usd * USD)}, TODAY)
    return rate_for(tier, listing, crossed=True), rate_for(tier, listing, crossed=False)


@pytest.mark.parametrize(
    ("volume_usd", "taker", "maker"),
    [
        (0, 45_000, 15_000),
        (5_000_000, 45_000, 15_000),
        (5_000_001, 40_000, 12_000),
        (25_000_001, 35_000, 8_000),
        (100_000_001, 30_000, 4_000),
        (500_000_001, 28_000, 0),
        (2_000_000_001, 26_000, 0),
        (7_000_000_001, 24_000, 0),
    ],
)
def test_rates_fall_with_the_volume_of_fourteen_days_as_documented(
    volume_usd: int, taker: int, maker: int
) -> None:
    assert _rates(volume_usd, _listing("BTC")) == (taker, maker)


def test_only_the_fourteen_days_before_today_count() -> None:
    much = DayVolume(made=6_000_000 * USD)
    assert tier_for({TODAY: much}, TODAY).taker == 45_000
    assert tier_for({TODAY - 15: much}, TODAY).taker == 45_000
    assert tier_for({TODAY - 14: much}, TODAY).taker == 40_000


def test_a_builders_dex_doubles_the_rates_at_a_deployers_share_of_one_and_growth_mode_takes_a_tenth() -> None:
    assert _rates(0, _listing("xyz:TSLA")) == (90_000, 30_000)
    assert _rates(0, _listing("xyz:TSLA", has_growth_mode=True)) == (9_000, 3_000)
    assert credited_volume(1_000, _listing("xyz:TSLA", has_growth_mode=True)) == 100


def test_fees_are_cut_toward_zero_at_a_millionth() -> None:
    """0.0195717 was charged as 0.019571."""
    assert fee_micro(43_492_666, 45_000) == 19_571
    assert fee_micro(43_492_666, 15_000) == 6_523
    assert fee_micro(43_492_666, -1_000) == -434


def test_what_is_traded_today_lowers_the_fees_of_tomorrow() -> None:
    world = World()
    account = world.account()
    today = day_of(NOW_MS)
    account.count_volume(today, 5_000_000 * USD, crossed=True)
    world.buy(100_010, "0.1", TimeInForce.IOC)
    world.now_ms += DAY_MS
    world.buy(100_010, "0.1", TimeInForce.IOC)
    first, second = (fill.fee for fill in world.account(ALICE).fills)
    assert (first, second) == (4_500_450, 4_000_400)
    assert account.days[today].taken == 5_000_000 * USD + 10_001 * USD


def test_a_builders_fee_comes_on_top_and_is_part_of_the_fills_fee() -> None:
    world = World()
    wire = WireOrder(0, True, "100010", "0.1", False, TimeInForce.IOC, None)
    world.venue.place(ALICE, (wire,), NOW_MS, builder=(BOB, 10))
    (fill,) = world.account().fills
    assert (fill.fee, fill.builder_fee) == (4_500_450 + 1_000_100, 1_000_100)
    row = Rows(UNIVERSE.instruments).fill(fill)
    assert (row["fee"], row["builderFee"]) == ("5.50055", "1.0001")
    assert audit(world.venue).is_balanced


def test_a_sub_account_shares_its_masters_volume_and_tier() -> None:
    world = World()
    world.account(BOB).master = ALICE
    world.account().count_volume(day_of(NOW_MS) - 1, 6_000_000 * USD, crossed=True)
    world.buy(100_010, "0.1", TimeInForce.IOC, user=BOB)
    assert world.account(BOB).fills[0].fee == 4_000_400
    assert world.account().days[day_of(NOW_MS)].taken == 10_001 * USD
    assert not world.account(BOB).days


def test_days_older_than_fourteen_are_forgotten() -> None:
    account = World().account()
    for day in range(TODAY, TODAY + 40):
        account.count_volume(day, 1, crossed=False)
    assert list(account.days) == list(range(TODAY + 25, TODAY + 40))
