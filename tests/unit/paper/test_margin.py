"""Margin: tiers, reservations, isolated positions, several dexs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import orjson
import pytest

from core.domain.orders import Side
from core.paper.answers.portfolio import clearinghouse_state
from core.paper.config import MoneySettings
from core.paper.market.listing import MarginMode, Rules, Tier, Universe
from core.paper.market.step import MarketStep
from core.paper.venue.accounts import UNIFIED
from core.paper.venue.orders import OrderStatus, TimeInForce
from core.paper.venue.positions import Leverage, Position
from core.paper.venue.refusals import RefusedError
from core.paper.venue.tiers import maintenance_micro, most_at
from core.paper.venue.venue import Venue
from tests.unit.paper.world import (
    ALICE,
    BOB,
    FUNDS_MICRO,
    NOW_MS,
    UNIVERSE,
    World,
    lots,
    quote,
    trade,
)

USD = 1_000_000
TESTNET_BTC = (Tier(0, 40), Tier(10_000 * USD, 25), Tier(50_000 * USD, 10))


def test_maintenance_margin_by_tier_is_what_was_measured() -> None:
    """On testnet: 12073.655 * 0.02 - 75 = 166.4731."""
    assert maintenance_micro(12_073_655_000, TESTNET_BTC) == 166_473_100


def test_maintenance_margin_is_continuous_at_the_bounds_of_tiers() -> None:
    for tier in TESTNET_BTC[1:]:
        below, at = (maintenance_micro(tier.lower_micro - n, TESTNET_BTC) for n in (1, 0))
        assert at - below <= 1
    assert maintenance_micro(100_000 * USD, TESTNET_BTC) == (125 + 40_000 // 50 + 50_000 // 20) * USD


def test_leverage_bounds_the_size_of_a_position() -> None:
    assert [most_at(leverage, TESTNET_BTC) for leverage in (40, 26, 25, 10)] == [
        10_000 * USD,
        10_000 * USD,
        50_000 * USD,
        None,
    ]


def _listed(*rules: Rules, money: MoneySettings | None = None) -> Venue:
    venue = Venue(Universe.of(rules), FUNDS_MICRO, NOW_MS, money=money or MoneySettings())
    for listing in venue.universe.listings.values():
        venue.step(MarketStep(listing.coin, (), None, quote(100_000, "100", 100_010, "100")), NOW_MS)
    return venue


def _buy(venue: Venue, coin: str, size: str, user: str = ALICE) -> None:
    placed = venue.market_order(user, coin, Side.BUY, lots(size), NOW_MS)
    assert not placed.error, placed.error


def test_the_leverage_that_was_never_set_is_a_setting_but_no_more_than_the_coins() -> None:
    coins = (Rules("BTC", 5, (Tier(0, 40),)), Rules("ETH", 4, (Tier(0, 3),)))
    venue = _listed(*coins, money=MoneySettings(default_leverage=7))
    account = venue.see(ALICE)
    assert [venue.margin.leverage(account, rules.coin).value for rules in coins] == [7, 3]


def test_an_order_beyond_the_tier_of_the_leverage_is_refused_and_so_is_more_leverage_for_a_large_position() -> (
    None
):
    venue = _listed(Rules("BTC", 5, TESTNET_BTC))
    venue.set_leverage(ALICE, 0, 25, is_cross=True)
    placed = venue.market_order(ALICE, "BTC", Side.BUY, lots("0.6"), NOW_MS)
    assert placed.error == "Order would cause position to exceed margin tier limit at current leverage"
    assert placed.order.status is OrderStatus.MAX_POSITION_REJECTED
    _buy(venue, "BTC", "0.3")
    with pytest.raises(RefusedError, match=r"^Invalid leverage value$"):
        venue.set_leverage(ALICE, 0, 40, is_cross=True)


def test_bids_and_asks_reserve_each_for_themselves_unless_set_otherwise() -> None:
    for strict, reserved in ((True, 2), (False, 1)):
        world = World(Venue(UNIVERSE, FUNDS_MICRO, NOW_MS, money=MoneySettings(reserves_both_sides=strict)))
        world.buy(100_000, "0.1")
        world.sell(100_020, "0.1")
        margin = world.venue.margin.initial(world.account(), "")
        assert (
            margin == (500_000_000 if reserved == 1 else 500_000_000 + 500_100_000) + (1 - strict) * 100_000
        )


def test_an_order_against_the_position_reserves_only_for_what_lies_beyond_its_double() -> None:
    world = World()
    world.buy(100_010, "0.1")
    margin, account = world.venue.margin, world.account()
    held = margin.initial(account, "")
    world.sell(100_020, "0.19")
    assert margin.initial(account, "") == held
    world.sell(100_020, "0.11")
    assert margin.initial(account, "") == pytest.approx(2 * held, rel=1e-3)


def test_withdrawable_leaves_a_tenth_of_the_notional_however_high_the_leverage() -> None:
    """From a recorded account: 179.007426 less a tenth of 47.66235 is 174.241191."""
    state = _recorded_cross()
    assert state["withdrawable"] == "174.241191"


def _venue_at(rules: Rules, mark: str) -> Venue:
    venue = Venue(Universe.of([rules]), 0, NOW_MS)
    at = venue.instruments[rules.coin].parse_price(mark)
    venue.step(MarketStep(rules.coin, (), None, None, at, at), NOW_MS)
    return venue


def _recorded_cross() -> dict[str, object]:
    """An account of mainnet, 2026: 0.00061 BTC long for 50.49083, with 131.345076 of raw cash."""
    venue = _venue_at(Rules("BTC", 5, (Tier(0, 40),)), "78135.0")
    account = venue.see(ALICE)
    account.cash[""] = 131_345_076
    account.positions["BTC"] = Position(61, 50_490_830, 0, 4_156, 4_156, -221)
    state: dict[str, object] = orjson.loads(orjson.dumps(clearinghouse_state(venue, account, "", NOW_MS)))
    return state


def test_a_recorded_cross_account_is_reproduced() -> None:
    summary = {
        "accountValue": "179.007426",
        "totalNtlPos": "47.66235",
        "totalRawUsd": "131.345076",
        "totalMarginUsed": "2.383117",
    }
    assert _recorded_cross() == {
        "marginSummary": summary,
        "crossMarginSummary": summary,
        "crossMaintenanceMarginUsed": "0.595779",
        "withdrawable": "174.241191",
        "assetPositions": [
            {
                "type": "oneWay",
                "position": {
                    "coin": "BTC",
                    "szi": "0.00061",
                    "leverage": {"type": "cross", "value": 20},
                    "entryPx": "82771.8",
                    "positionValue": "47.66235",
                    "unrealizedPnl": "-2.82848",
                    "returnOnEquity": "-1.1203935447",
                    "liquidationPx": None,
                    "marginUsed": "2.383117",
                    "maxLeverage": 40,
                    "cumFunding": {
                        "allTime": "0.004156",
                        "sinceOpen": "0.004156",
                        "sinceChange": "-0.000221",
                    },
                },
            }
        ],
        "time": NOW_MS,
    }


def test_a_recorded_isolated_account_is_reproduced() -> None:
    """The documentation's example: 0.0335 ETH long at 2986.3, isolated with 20x."""
    venue = _venue_at(Rules("ETH", 4, (Tier(0, 50),)), "2985.9")
    account = venue.see(ALICE)
    account.leverages["ETH"] = Leverage(20, is_cross=False)
    account.positions["ETH"] = Position(335, 335 * 298_630, 100_041_050 - 95_059_824, 514_085_417)
    account.cash[""] = 13_009_454_678
    state = orjson.loads(orjson.dumps(clearinghouse_state(venue, account, "", NOW_MS)))
    (row,) = state["assetPositions"]
    liquidation = row["position"].pop("liquidationPx")
    assert row["position"].pop("returnOnEquity").startswith("-0.0026789")
    assert Decimal(liquidation) == pytest.approx(Decimal("2866.26936529"), abs=Decimal("0.00002"))
    assert row["position"] == {
        "coin": "ETH",
        "szi": "0.0335",
        "leverage": {"type": "isolated", "value": 20, "rawUsd": "-95.059824"},
        "entryPx": "2986.3",
        "positionValue": "100.02765",
        "unrealizedPnl": "-0.0134",
        "marginUsed": "4.967826",
        "maxLeverage": 50,
        "cumFunding": {"allTime": "514.085417", "sinceOpen": "0.0", "sinceChange": "0.0"},
    }
    assert state["marginSummary"] == {
        "accountValue": "13109.482328",
        "totalNtlPos": "100.02765",
        "totalRawUsd": "13009.454678",
        "totalMarginUsed": "4.967826",
    }
    assert state["crossMarginSummary"] == {
        "accountValue": "13104.514502",
        "totalNtlPos": "0.0",
        "totalRawUsd": "13104.514502",
        "totalMarginUsed": "0.0",
    }
    assert (state["crossMaintenanceMarginUsed"], state["withdrawable"]) == ("0.0", "13104.514502")


def test_the_liquidation_price_counts_with_the_tier_that_the_position_has_there() -> None:
    """At the price told, and not before, the account's value has come down to its maintenance margin."""
    venue = _venue_at(Rules("BTC", 5, TESTNET_BTC), "100000.0")
    account = venue.see(ALICE)
    account.positions["BTC"] = Position(60_000, 60_000 * 1_000_000)
    account.cash[""] = 20_000 * USD - 60_000 * USD
    state = orjson.loads(orjson.dumps(clearinghouse_state(venue, account, "", NOW_MS)))
    told = Decimal(state["assetPositions"][0]["position"]["liquidationPx"])
    value = 20_000 - 60_000 + Decimal("0.6") * told
    assert value == pytest.approx(
        Decimal(maintenance_micro(int(value * 0 + told * 600_000), TESTNET_BTC)) / USD
    )
    assert told * Decimal("0.6") < 50_000, "in the second tier, though the position is in the third now"


@pytest.fixture
def isolated() -> World:
    world = World()
    world.venue.set_leverage(ALICE, 0, 10, is_cross=False)
    world.buy(100_010, "0.5", TimeInForce.IOC)
    return world


def test_an_isolated_position_sets_its_margin_aside_and_frees_it_by_parts(isolated: World) -> None:
    account = isolated.account()
    position = account.positions["BTC"]
    assert position.margin == 5_000_500_000
    assert (
        isolated.venue.margin.cross_value(account, "") == FUNDS_MICRO - 5_000_500_000 - account.fills[0].fee
    )
    isolated.sell(100_000, "0.1", TimeInForce.IOC)
    assert position.margin == 4_000_400_000
    isolated.sell(100_000, "0.4", TimeInForce.IOC)
    assert (position.margin, position.raw) == (0, 0)


def test_a_flip_sets_margin_aside_for_the_new_side_alone(isolated: World) -> None:
    isolated.sell(100_000, "0.6", TimeInForce.IOC)
    assert isolated.account().positions["BTC"].margin == 1_000_000_000


def test_isolated_margin_can_be_added_and_taken_within_bounds(isolated: World) -> None:
    venue, position = isolated.venue, isolated.account().positions["BTC"]
    venue.update_isolated_margin(ALICE, 0, 1_000 * USD)
    assert position.margin == 6_000_500_000
    for micro, text in (
        (0, "Update to isolated margin cannot be zero."),
        (5_000 * USD, "Account does not have sufficient margin available for increase."),
        (-1_000 * USD, "Position does not have sufficient margin for reduction."),
    ):
        with pytest.raises(RefusedError, match=f"^{text}$"):
            venue.update_isolated_margin(ALICE, 0, micro)
    venue.update_isolated_margin(ALICE, 0, -900 * USD)
    assert position.margin == 5_100_500_000
    isolated.sell(100_000, "0.5", TimeInForce.IOC)
    with pytest.raises(RefusedError, match=r"^Cannot update margin for empty position.$"):
        venue.update_isolated_margin(ALICE, 0, USD)
    with pytest.raises(RefusedError, match=r"^Position does not use isolated margin.$"):
        venue.update_isolated_margin(BOB, 0, USD)


def test_topping_up_brings_a_position_to_the_leverage_asked_for(isolated: World) -> None:
    isolated.venue.top_up_isolated_margin(ALICE, 0, Fraction("7.5"))
    held = isolated.venue.margin.held_in(isolated.account(), "BTC")
    assert held.margin_used == -(-held.value * 2 // 15)
    before = held.position.margin
    isolated.venue.top_up_isolated_margin(ALICE, 0, Fraction(9))
    assert held.position.margin == before


def test_less_leverage_on_an_isolated_position_wants_more_margin_in_it(isolated: World) -> None:
    with pytest.raises(RefusedError, match=r"^Isolated position does not .* add margin to the position\.$"):
        isolated.venue.set_leverage(ALICE, 0, 9, is_cross=False)
    isolated.venue.update_isolated_margin(ALICE, 0, 1_000 * USD)
    isolated.venue.set_leverage(ALICE, 0, 9, is_cross=False)


@pytest.mark.parametrize(("mode", "may_remove"), [("strictIsolated", False), ("noCross", True)])
def test_where_cross_margin_is_not_allowed(mode: MarginMode, may_remove: bool) -> None:
    venue = _listed(Rules("xyz:TSLA", 5, (Tier(0, 10),), margin_mode=mode))
    asset = venue.instruments["xyz:TSLA"].asset_id
    with pytest.raises(RefusedError, match=r"^Cross margin is not allowed for this asset\.$"):
        venue.set_leverage(ALICE, asset, 5, is_cross=True)
    _buy(venue, "xyz:TSLA", "0.1")
    assert venue.see(ALICE).positions["xyz:TSLA"].margin == 1_000_100_000
    venue.update_isolated_margin(ALICE, asset, 100 * USD)
    if may_remove:
        venue.update_isolated_margin(ALICE, asset, -99 * USD)
    else:
        with pytest.raises(RefusedError, match=r"^Cannot remove isolated margin for this asset\."):
            venue.update_isolated_margin(ALICE, asset, -100 * USD)


def test_open_orders_keep_the_kind_of_margin_unless_set_otherwise() -> None:
    for strict in (True, False):
        money = MoneySettings(refuses_switch_with_orders=strict)
        world = World(Venue(UNIVERSE, FUNDS_MICRO, NOW_MS, money=money))
        world.buy(99_000, "0.1")
        if strict:
            with pytest.raises(RefusedError, match=r"^Cannot switch leverage type with open position\.$"):
                world.venue.set_leverage(ALICE, 0, 20, is_cross=False)
        else:
            world.venue.set_leverage(ALICE, 0, 20, is_cross=False)


def test_every_dex_has_its_own_margin_but_in_the_unified_mode() -> None:
    venue = _listed(Rules("BTC", 5, (Tier(0, 40),)), Rules("xyz:GOLD", 5, (Tier(0, 20),)))
    _buy(venue, "BTC", "1.8")
    account = venue.see(ALICE)
    assert venue.margin.free(account, "") < 1_000 * USD
    assert venue.margin.free(account, "xyz") == FUNDS_MICRO
    assert venue.market_order(ALICE, "BTC", Side.BUY, lots("0.5"), NOW_MS).error
    account.abstraction = UNIFIED
    assert venue.margin.free(account, "") == venue.margin.free(account, "xyz") > FUNDS_MICRO
    _buy(venue, "BTC", "0.5")


def test_a_resting_order_whose_margin_is_gone_is_not_matched() -> None:
    world = World()
    world.buy(100_010, "1")
    order = world.buy(99_900, "0.9")
    assert world.venue.margin.may_match(order, world.account())
    world.account().pay("", -700 * USD)
    assert not world.venue.margin.may_match(order, world.account())
    world.account().pay("", 700 * USD)
    world.market(trade(99_900, "0.9", Side.SELL))
    assert order.status is OrderStatus.FILLED
