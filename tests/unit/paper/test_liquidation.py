"""Liquidation: when, how much, at whose cost. The books balance throughout, for every step of the world checks them."""

from __future__ import annotations

import pytest

from core.domain.orders import Side
from core.paper.answers.rows import Rows
from core.paper.config import MoneySettings
from core.paper.venue.accounts import BACKSTOP_ADDRESS, Account
from core.paper.venue.margin import Held, Margin
from core.paper.venue.orders import HistoryRow, OrderStatus, TimeInForce
from core.paper.venue.venue import Venue
from tests.unit.paper.world import (
    ALICE,
    BOB,
    FUNDS_MICRO,
    NOW_MS,
    UNIVERSE,
    World,
    lots,
    price,
    quote,
)

CAROL = "0x" + "ca" * 20


def _fall(world: World, to: int, size: str = "100") -> None:
    """The market falls; a moment later it is seen."""
    world.now_ms += 3_000
    world.market(quote=quote(to - 5, size, to + 5, size), oracle=to, mark=to)
    world.tick(200)


def _liquidations(world: World, user: str = ALICE) -> list[HistoryRow]:
    return [row for row in world.account(user).history if row.delta["type"] == "liquidation"]


@pytest.fixture
def small() -> World:
    """ALICE has bought 0.9 BTC for 90,009 with a hundredth of it behind her."""
    world = World()
    world.venue.set_leverage(ALICE, 0, 40, is_cross=True)
    world.buy(100_010, "0.9", TimeInForce.IOC)
    world.account().deposit("", 2_400_000_000 - FUNDS_MICRO)
    return world


def test_above_maintenance_nothing_happens(small: World) -> None:
    order = small.buy(90_000, "0.001")
    _fall(small, 99_000)
    assert order.is_open
    assert not _liquidations(small)


def test_below_maintenance_orders_go_and_the_position_is_sold_in_the_book(small: World) -> None:
    order = small.buy(90_000, "0.001")
    _fall(small, 98_500)
    account = small.account()
    assert order.status is OrderStatus.LIQUIDATED_CANCELED
    assert account.lots("BTC") == 0
    fill = account.fills[-1]
    assert (fill.price, fill.lots, fill.crossed) == (price(98_495), lots("0.9"), True)
    assert fill.direction == "Liquidated Cross Long"
    assert fill.fee == fill.lots * fill.price * 45 // 100_000, "no clearance fee, but the taker's"
    assert Rows(UNIVERSE.instruments).fill(fill)["liquidation"] == {
        "liquidatedUser": ALICE,
        "markPx": "98500.0",
        "method": "market",
    }
    assert account.cash[""] > 0
    (row,) = _liquidations(small)
    value = 2_400_000_000 - 40_504_050 - lots("0.9") * price(1_510)
    assert row.delta == {
        "type": "liquidation",
        "liquidatedNtlPos": "88650.0",
        "accountValue": f"{value / 1e6}",
        "leverageType": "Cross",
        "liquidatedPositions": [{"coin": "BTC", "szi": "0.9"}],
    }


def test_both_sides_of_a_liquidation_trade_say_so(small: World) -> None:
    maker = small.place(Side.BUY, 98_501, "0.9", user=BOB).order
    small.market(quote=quote(98_500, "100", 98_510, "100"), oracle=98_500, mark=98_500)
    small.tick(200)
    assert maker.status is OrderStatus.FILLED
    taken = small.account(BOB).fills[-1]
    assert (taken.direction, taken.crossed) == ("Open Long", False)
    assert taken.liquidated == small.account().fills[-1].liquidated
    (event,) = small.last.liquidations
    assert (event.liquidated_user, event.liquidator, event.lid) == (ALICE, BACKSTOP_ADDRESS, 1)


def test_of_a_large_position_a_fifth_goes_first_and_all_if_that_was_not_enough() -> None:
    world = World()
    world.market(quote=quote(100_000, "100", 100_010, "100"))
    world.venue.set_leverage(ALICE, 0, 40, is_cross=True)
    world.buy(100_010, "2", TimeInForce.IOC)
    world.account().deposit("", 5_000_000_000 - FUNDS_MICRO)
    _fall(world, 98_700)
    assert world.account().lots("BTC") == lots("1.6")
    _fall(world, 98_600)
    assert world.account().lots("BTC") == lots("1.6"), "a fifth was enough for this mark"
    _fall(world, 98_300)
    assert world.account().lots("BTC") == 0, "within 30 seconds of the first part all goes"


def test_below_two_thirds_of_maintenance_the_backstop_takes_all(small: World) -> None:
    insurance = small.venue.ledger.backstop.cash[""]
    _fall(small, 98_000, size="0.001")
    account, backstop = small.account(), small.venue.ledger.backstop
    assert (account.lots("BTC"), account.cash[""]) == (0, 0)
    assert backstop.lots("BTC") == lots("0.9")
    left = 2_400_000_000 - 40_504_050 - lots("0.9") * price(2_010)
    assert backstop.cash[""] == insurance - lots("0.9") * price(98_000) + left
    fill = account.fills[-1]
    assert fill.liquidated is not None
    assert (fill.liquidated.method, fill.price, fill.fee) == ("backstop", price(98_000), 0)


def test_a_bankrupt_account_ends_at_nothing_and_the_backstop_pays(small: World) -> None:
    _fall(small, 90_000, size="0.001")
    assert small.account().cash[""] == 0
    assert small.venue.value_of(small.account()) == 0
    assert small.venue.margin.value(small.venue.ledger.backstop) < 1_000_000_000_000


def test_an_isolated_position_falls_alone() -> None:
    world = World()
    world.venue.set_leverage(ALICE, 0, 40, is_cross=False)
    world.buy(100_010, "0.5", TimeInForce.IOC)
    account = world.account()
    before = account.cash[""] + account.positions["BTC"].cost - account.positions["BTC"].margin
    _fall(world, 98_000, size="0.001")
    assert account.lots("BTC") == 0
    assert account.cash[""] == before
    (row,) = _liquidations(world)
    assert row.delta["leverageType"] == "Isolated"
    assert account.fills[-1].direction == "Liquidated Isolated Long"


def test_a_liquidation_order_reaches_no_further_than_the_margin_does() -> None:
    world = World()
    world.venue.set_leverage(ALICE, 0, 40, is_cross=False)
    world.buy(100_010, "0.5", TimeInForce.IOC)
    account = world.account()
    before = account.cash[""] + account.positions["BTC"].cost - account.positions["BTC"].margin
    world.now_ms += 3_000
    world.market(quote=quote(97_000, "100", 98_710, "100"), oracle=98_700, mark=98_700)
    world.tick(200)
    assert account.lots("BTC") == lots("0.5"), "97000 lies beyond what the margin can bear"
    assert world.last.updates[-1].status is OrderStatus.CANCELED
    _fall(world, 98_000, size="0.001")
    assert account.cash[""] == before


def test_without_insurance_the_most_profitable_and_leveraged_of_the_other_side_are_closed() -> None:
    world = World(Venue(UNIVERSE, FUNDS_MICRO, NOW_MS, money=MoneySettings(insurance_usd=0)))
    world.venue.set_leverage(ALICE, 0, 40, is_cross=True)
    world.buy(100_010, "0.9", TimeInForce.IOC)
    world.account().deposit("", 2_400_000_000 - FUNDS_MICRO)
    world.sell(100_000, "0.5", TimeInForce.IOC, user=BOB)
    world.sell(100_000, "0.5", TimeInForce.IOC, user=CAROL)
    world.account(CAROL).deposit("", 50_000_000_000)
    _fall(world, 99_900, size="0.001")
    _fall(world, 90_000, size="0.001")
    assert world.account().lots("BTC") == 0
    assert (world.account(BOB).lots("BTC"), world.account(CAROL).lots("BTC")) == (0, -lots("0.1"))
    fill = world.account(BOB).fills[-1]
    assert (fill.direction, fill.price) == ("Auto-Deleveraging", price(99_900)), "at the mark before"
    assert fill.liquidated is not None
    assert fill.liquidated.user == ALICE
    assert world.venue.ledger.backstop.lots("BTC") == 0


def test_a_closed_session_keeps_positions_from_the_book(small: World) -> None:
    small.now_ms += 3_000
    small.venue.ledger.books["BTC"].is_open = False
    small.market(oracle=98_500, mark=98_500)
    small.venue.ledger.books["BTC"].is_open = False
    small.tick(200)
    assert small.account().lots("BTC") == lots("0.9")
    assert not _liquidations(small)


def test_accounts_without_a_position_cost_a_check_nothing(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone may open accounts by the thousand; they must not slow down the others."""
    for number in range(50):
        small.account(f"0x{number:040x}")
    seen: list[str] = []
    held = Margin.held

    def spy(margin: Margin, account: Account, dex: str) -> list[Held]:
        seen.append(account.user)
        return held(margin, account, dex)

    monkeypatch.setattr(Margin, "held", spy)
    small.tick(200)
    assert set(seen) == {ALICE}
    small.sell(99_900, "0.9", TimeInForce.IOC)
    seen.clear()
    small.tick(200)
    assert not seen
