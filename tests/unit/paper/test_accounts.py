"""Positions, closed PnL, fees, margin, leverage, reduce-only."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pytest

from core.domain.orders import Side
from core.paper.answers.portfolio import clearinghouse_state
from core.paper.venue.orders import OrderStatus, TimeInForce
from core.paper.venue.positions import Position
from core.paper.venue.refusals import RefusedError
from tests.unit.paper.world import ALICE, BOB, FUNDS_MICRO, World, lots, price, quote, trade


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("start", "side", "size", "direction", "closed"),
    [
        (0, Side.BUY, 5, "Open Long", 0),
        (0, Side.SELL, 5, "Open Short", 0),
        (5, Side.BUY, 1, "Open Long", 0),
        (-5, Side.SELL, 1, "Open Short", 0),
        (5, Side.SELL, 2, "Close Long", 2 * 10),
        (-5, Side.BUY, 2, "Close Short", -2 * 10),
        (5, Side.SELL, 5, "Close Long", 5 * 10),
        (5, Side.SELL, 8, "Long > Short", 5 * 10),
        (-5, Side.BUY, 8, "Short > Long", -5 * 10),
    ],
)
def test_a_fill_names_its_direction_and_closes_at_the_entry_price(
    start: int, side: Side, size: int, direction: str, closed: int
) -> None:
    position = Position(lots=start, cost=start * 100)
    change = position.trade(side, 110, size)
    assert (change.start_lots, change.direction, change.closed_pnl) == (start, direction, closed)
    assert position.lots == start + side.sign * size


def test_after_a_flip_the_entry_is_the_trades_price() -> None:
    position = Position(lots=5, cost=500)
    position.trade(Side.SELL, 110, 8)
    assert (position.lots, position.cost) == (-3, -330)


def test_closed_pnl_in_parts_adds_up_exactly_though_the_entry_is_no_whole_number() -> None:
    position = Position()
    position.trade(Side.BUY, 100, 2)
    position.trade(Side.BUY, 101, 1)
    parts = [position.trade(Side.SELL, 100, 1).closed_pnl for _ in range(3)]
    assert sum(parts) == 300 - 301
    assert position.cost == 0


def test_a_maker_pays_a_third_of_the_takers_fee_and_closed_pnl_leaves_fees_out(world: World) -> None:
    world.sell(100_005, "0.1", user=BOB)
    world.buy(100_005, "0.1", TimeInForce.IOC)
    taker, maker = world.account().fills[-1], world.account(BOB).fills[-1]
    assert (taker.crossed, maker.crossed) == (True, False)
    assert (taker.fee, maker.fee) == (4_500_225, 1_500_075)
    assert (taker.closed_pnl, maker.closed_pnl) == (0, 0)
    assert taker.tid == maker.tid


def test_the_start_position_of_a_fill_is_the_end_of_the_one_before(world: World) -> None:
    for side in (Side.BUY, Side.BUY, Side.SELL, Side.SELL, Side.SELL):
        world.venue.market_order(ALICE, "BTC", side, lots("0.1"), world.now_ms)
        world.market(quote=quote(100_000, "1", 100_010, "1"))
    end = 0
    for fill in world.account().fills:
        assert fill.start_lots == end
        end += fill.side.sign * fill.lots
    assert end == world.account().lots("BTC")


def test_a_reduce_only_order_that_would_increase_is_refused(world: World) -> None:
    placed = world.place(Side.BUY, 100_000, "0.1", reduce_only=True)
    assert placed.error == "Reduce only order would increase position."
    assert placed.order.status is OrderStatus.REDUCE_ONLY_REJECTED


def test_a_reduce_only_order_larger_than_the_position_is_shrunk_to_it(world: World) -> None:
    world.buy(100_010, "0.1")
    order = world.place(Side.SELL, 100_020, "0.5", reduce_only=True).order
    assert (order.lots, order.remaining) == (lots("0.5"), lots("0.1"))


def test_a_reduce_only_taker_closes_and_never_flips(world: World) -> None:
    world.buy(100_010, "0.1")
    placed = world.place(Side.SELL, 99_000, "0.5", TimeInForce.IOC, reduce_only=True)
    assert (placed.order.filled, world.account().lots("BTC")) == (lots("0.1"), 0)


def test_a_resting_reduce_only_order_shrinks_with_the_position_and_ends_when_it_closes(world: World) -> None:
    world.buy(100_010, "0.2")
    order = world.place(Side.SELL, 100_020, "0.2", reduce_only=True).order
    world.sell(99_000, "0.15", TimeInForce.IOC)
    assert order.remaining == lots("0.05")
    world.sell(99_000, "0.05", TimeInForce.IOC)
    assert order.status is OrderStatus.REDUCE_ONLY_CANCELED
    assert [u.status for u in world.last.updates if u.order is order] == [OrderStatus.REDUCE_ONLY_CANCELED]


def test_of_two_reduce_only_orders_that_exceed_the_position_the_older_goes(world: World) -> None:
    world.buy(100_010, "0.1")
    older = world.place(Side.SELL, 100_020, "0.08", reduce_only=True).order
    newer = world.place(Side.SELL, 100_030, "0.08", reduce_only=True).order
    assert (older.status, newer.is_open) == (OrderStatus.REDUCE_ONLY_CANCELED, True)


def test_an_order_beyond_the_accounts_margin_is_refused_and_reported(world: World) -> None:
    world.account()
    placed = world.place(Side.BUY, 99_000, "2.1")
    assert placed.error == "Insufficient margin to place order."
    assert [u.status for u in world.last.updates] == [OrderStatus.MARGIN_REJECTED]
    assert not world.place(Side.BUY, 99_000, "2").error
    assert world.place(Side.BUY, 98_000, "0.1").error == "Insufficient margin to place order."


def test_an_order_that_reduces_needs_no_margin(world: World) -> None:
    world.buy(100_010, "1")
    world.buy(99_000, "0.9")
    assert not world.place(Side.SELL, 100_020, "1").error


def test_leverage_is_kept_within_the_coins_bounds_and_the_accounts_means(world: World) -> None:
    with pytest.raises(RefusedError, match=r"^Invalid leverage value$"):
        world.venue.set_leverage(ALICE, 0, 41, True)
    world.venue.set_leverage(ALICE, 0, 40, True)
    world.buy(100_010, "1")
    with pytest.raises(RefusedError, match=r"^Cannot switch leverage type with open position.$"):
        world.venue.set_leverage(ALICE, 0, 40, False)
    with pytest.raises(RefusedError, match=r"^Cross position does not have sufficient margin"):
        world.venue.set_leverage(ALICE, 0, 2, True)
    state = clearinghouse_state(world.venue, world.account(), "", world.now_ms)
    assert '"value":40' in _json(state)


@pytest.mark.parametrize("is_cross", [True, False])
def test_clearinghouse_numbers_obey_the_venues_identities(world: World, is_cross: bool) -> None:
    world.venue.set_leverage(ALICE, 0, 20, is_cross)
    world.buy(100_010, "0.03350", TimeInForce.IOC)
    world.market(quote=quote(99_990, "1", 100_000, "1"))
    account = world.account()
    mark = world.venue.mark_of("BTC")
    state = clearinghouse_state(world.venue, account, "", world.now_ms)
    summary, cross = state["marginSummary"], state["crossMarginSummary"]
    assert isinstance(summary, dict)
    assert isinstance(cross, dict)
    value = account.cash[""] + lots("0.0335") * mark
    assert _micro(summary["accountValue"]) == value
    assert _micro(summary["totalNtlPos"]) == lots("0.0335") * mark
    assert _micro(summary["accountValue"]) == _micro(summary["totalRawUsd"]) + lots("0.0335") * mark
    if is_cross:
        assert summary == cross
    else:
        collateral = lots("0.0335") * price(100_010) // 20
        assert _micro(cross["accountValue"]) == FUNDS_MICRO - account.fills[-1].fee - collateral


def _micro(text: object) -> int:
    assert isinstance(text, str)
    return int(Decimal(text) * 1_000_000)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def test_a_print_through_two_users_orders_pays_both(world: World) -> None:
    world.buy(100_005, "0.1", user=ALICE)
    world.buy(100_004, "0.1", user=BOB)
    world.market(trade(100_000, "0.2", Side.SELL))
    assert (world.account().lots("BTC"), world.account(BOB).lots("BTC")) == (lots("0.1"), lots("0.1"))
