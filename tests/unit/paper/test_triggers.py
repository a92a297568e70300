"""Take-profit and stop-loss orders: when they fire, what they become, and what takes them away."""

from __future__ import annotations

import pytest

from core.domain.orders import Side
from core.paper.answers.rows import Rows
from core.paper.venue.orders import Grouping, Order, OrderStatus, TimeInForce, WireOrder
from core.paper.venue.placing import Placed
from core.paper.venue.validation import StaticError
from tests.unit.paper.world import (
    ALICE,
    BOB,
    BTC,
    World,
    limit,
    lots,
    price,
    stop,
    take_profit,
    trade,
)

LONG = "0.1"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def long(world: World) -> World:
    world.buy(100_010, LONG)
    return world


def _add(world: World, *orders: WireOrder, grouping: Grouping = Grouping.NONE) -> list[Order]:
    placed = world.place_all(*orders, grouping=grouping)
    assert [result.error for result in placed] == [""] * len(orders)
    return [result.order for result in placed]


def _told(world: World) -> list[tuple[int, OrderStatus]]:
    return [(update.order.oid, update.status) for update in world.last.updates]


@pytest.mark.parametrize(
    ("order", "quiet", "firing"),
    [
        (stop(Side.SELL, 99_900, LONG), 99_901, 99_900),
        (take_profit(Side.SELL, 100_100, LONG), 100_099, 100_100),
        (stop(Side.BUY, 100_100, LONG, reduce_only=False), 100_099, 100_100),
        (take_profit(Side.BUY, 99_900, LONG, reduce_only=False), 99_901, 99_900),
    ],
    ids=["sell stop", "sell take-profit", "buy stop", "buy take-profit"],
)
def test_a_trigger_fires_when_the_mark_has_come_to_its_price_and_not_before(
    long: World, order: WireOrder, quiet: int, firing: int
) -> None:
    (waiting,) = _add(long, order)
    assert _told(long) == [(waiting.oid, OrderStatus.OPEN)]
    long.mid(quiet)
    assert waiting.is_open
    assert not long.last.fills
    long.mid(firing)
    assert _told(long) == [(waiting.oid, OrderStatus.TRIGGERED), (waiting.oid, OrderStatus.FILLED)]
    assert long.last.fills[0].oid == waiting.oid
    assert waiting.status is OrderStatus.FILLED


def test_an_untriggered_order_stands_in_no_book_and_reserves_no_margin(long: World) -> None:
    before = long.account().resting["BTC"].notional(Side.BUY)
    _add(long, stop(Side.BUY, 100_100, "5", reduce_only=False))
    assert long.account().resting["BTC"].notional(Side.BUY) == before
    assert long.venue.ledger.books["BTC"].bids.best == price(100_000)


def test_a_limit_order_on_a_trigger_rests_once_it_has_fired(long: World) -> None:
    (order,) = _add(long, stop(Side.SELL, 99_900, LONG, at=99_950))
    long.mid(99_900)
    assert _told(long) == [(order.oid, OrderStatus.TRIGGERED), (order.oid, OrderStatus.OPEN)]
    assert long.venue.ledger.books["BTC"].asks.levels[price(99_950)].own == lots(LONG)
    long.market(trade(99_950, "3", Side.BUY))
    assert order.status is OrderStatus.FILLED


def test_a_market_order_on_a_trigger_goes_no_further_than_its_limit(long: World) -> None:
    (order,) = _add(
        long, WireOrder(0, False, "99995", LONG, True, None, None, stop(Side.SELL, 99_900, LONG).trigger)
    )
    long.mid(99_900)
    assert order.status is OrderStatus.NO_LIQUIDITY_REJECTED
    assert long.account().lots("BTC") == lots(LONG)


@pytest.mark.parametrize(
    "order",
    [
        stop(Side.SELL, 100_005, LONG),
        take_profit(Side.SELL, 100_005, LONG),
        stop(Side.BUY, 100_000, LONG, reduce_only=False),
        take_profit(Side.BUY, 100_010, LONG, reduce_only=False),
    ],
)
def test_a_trigger_on_the_wrong_side_of_the_mark_is_refused(long: World, order: WireOrder) -> None:
    (placed,) = long.place_all(order, grouping=Grouping.NONE)
    assert (placed.error, placed.order.status) == ("Invalid TP/SL price.", OrderStatus.BAD_TRIGGER_REJECTED)
    assert _told(long) == [(placed.order.oid, OrderStatus.BAD_TRIGGER_REJECTED)]


def test_a_trigger_price_follows_the_tick(long: World) -> None:
    order = stop(Side.SELL, 99_900, LONG)
    assert order.trigger is not None
    off = WireOrder(0, False, "90000", LONG, True, None, None, type(order.trigger)("99900.5", True, False))
    assert long.place_all(off, grouping=Grouping.NONE)[0].error == "Price must be divisible by tick size."


def test_a_reduce_only_trigger_needs_a_position(world: World) -> None:
    (placed,) = world.place_all(stop(Side.SELL, 99_900, LONG), grouping=Grouping.NONE)
    assert placed.error == "Reduce only order would increase position."


def test_a_reduce_only_trigger_goes_with_the_position(long: World) -> None:
    (order,) = _add(long, stop(Side.SELL, 99_900, LONG))
    long.sell(100_000, LONG, TimeInForce.IOC)
    assert order.status is OrderStatus.REDUCE_ONLY_CANCELED


def test_a_trigger_order_can_be_cancelled_but_not_by_the_fast_way(long: World) -> None:
    (order,) = _add(long, stop(Side.SELL, 99_900, LONG))
    (error,) = long.venue.cancel(ALICE, ((0, order.oid),), long.now_ms, is_fast=True)
    assert error
    assert long.venue.cancel(ALICE, ((0, order.oid),), long.now_ms) == [""]
    long.mid(99_800)
    assert order.status is OrderStatus.CANCELED


def test_a_trigger_without_the_margin_for_its_order_ends_when_it_fires(world: World) -> None:
    (order,) = _add(world, stop(Side.BUY, 100_100, "40", reduce_only=False))
    world.mid(100_100)
    assert order.status is OrderStatus.MARGIN_REJECTED
    assert not world.account().fills


def test_triggers_fire_in_the_order_in_which_the_mark_meets_them(long: World) -> None:
    far, near = _add(long, stop(Side.SELL, 99_800, "0.01"), stop(Side.SELL, 99_900, "0.01"))
    long.mid(99_700)
    fired = [oid for oid, status in _told(long) if status is OrderStatus.TRIGGERED]
    assert fired == [near.oid, far.oid]


def _bracket(at: int = 99_990, size: str = LONG, tif: TimeInForce = TimeInForce.GTC) -> list[WireOrder]:
    return [
        limit(Side.BUY, at, size, tif),
        take_profit(Side.SELL, 100_200, size),
        stop(Side.SELL, 99_800, size),
    ]


def test_children_wait_for_their_parent_and_then_for_the_mark(world: World) -> None:
    parent, profit, loss = _add(world, *_bracket(), grouping=Grouping.NORMAL_TPSL)
    world.mid(100_300)
    assert (profit.is_open, profit.rests) == (True, False)
    world.mid(100_000)
    world.market(trade(99_990, "3", Side.SELL))
    assert parent.status is OrderStatus.FILLED
    world.mid(99_900)
    assert world.account().lots("BTC") == lots(LONG)
    world.mid(100_200)
    assert (profit.status, loss.status) == (OrderStatus.FILLED, OrderStatus.SIBLING_FILLED_CANCELED)
    assert world.account().lots("BTC") == 0


def test_children_of_a_parent_that_is_filled_at_once_wait_for_the_mark_alone(world: World) -> None:
    parent, profit, loss = _add(world, *_bracket(100_020, tif=TimeInForce.IOC), grouping=Grouping.NORMAL_TPSL)
    assert parent.status is OrderStatus.FILLED
    assert all(child.trigger is not None and not child.trigger.waits_for for child in (profit, loss))
    world.mid(99_800)
    assert (profit.status, loss.status) == (OrderStatus.SIBLING_FILLED_CANCELED, OrderStatus.FILLED)


def test_children_go_with_their_parent(world: World) -> None:
    parent, profit, loss = _add(world, *_bracket(), grouping=Grouping.NORMAL_TPSL)
    world.market(trade(99_990, "0.05", Side.SELL))
    assert parent.filled
    world.venue.cancel(ALICE, ((0, parent.oid),), world.now_ms)
    assert {profit.status, loss.status} == {OrderStatus.CANCELED}
    assert not world.account().open_orders


def test_children_of_a_refused_parent_are_never_made(world: World) -> None:
    placed = world.place_all(*_bracket(size="20"), grouping=Grouping.NORMAL_TPSL)
    assert [result.error for result in placed] == ["Insufficient margin to place order."] * 3
    assert len(world.last.updates) == 1


def test_the_take_profit_of_a_parent_is_held_against_the_price_that_it_is_bought_at(world: World) -> None:
    _, profit = world.place_all(
        limit(Side.BUY, 99_000, LONG), take_profit(Side.SELL, 99_500, LONG), grouping=Grouping.NORMAL_TPSL
    )
    assert not profit.error
    _, profit = world.place_all(
        limit(Side.BUY, 99_000, LONG), take_profit(Side.SELL, 98_900, LONG), grouping=Grouping.NORMAL_TPSL
    )
    assert profit.error == "Invalid TP/SL price."


def test_the_stop_of_a_position_closes_all_of_it_whatever_its_size_then(long: World) -> None:
    (order,) = _add(long, stop(Side.SELL, 99_900, "0"), grouping=Grouping.POSITION_TPSL)
    long.buy(100_010, "0.2")
    long.mid(99_900)
    assert order.filled == lots("0.3")
    assert long.account().lots("BTC") == 0


def test_the_targets_of_a_position_cancel_each_other(long: World) -> None:
    profit, loss = _add(
        long,
        take_profit(Side.SELL, 100_100, "0"),
        stop(Side.SELL, 99_900, "0"),
        grouping=Grouping.POSITION_TPSL,
    )
    long.mid(100_100)
    assert (profit.status, loss.status) == (OrderStatus.FILLED, OrderStatus.SIBLING_FILLED_CANCELED)


_STOP = stop(Side.SELL, 99_900, LONG)
_BUY = limit(Side.BUY, 99_000, LONG)


@pytest.mark.parametrize(
    ("grouping", "orders", "words"),
    [
        (Grouping.NORMAL_TPSL, [_STOP], "Main order cannot be trigger order."),
        (Grouping.NORMAL_TPSL, [_BUY], "Unexpected number of trigger orders"),
        (Grouping.NORMAL_TPSL, [_BUY, _BUY], "Unexpected number of trigger orders"),
        (Grouping.NORMAL_TPSL, [_BUY, _STOP, _STOP, _STOP], "Unexpected number of trigger orders"),
        (Grouping.POSITION_TPSL, [_BUY], "Unexpected number of trigger orders"),
        (
            Grouping.NORMAL_TPSL,
            [_BUY, stop(Side.SELL, 99_900, LONG, reduce_only=False)],
            "TP/SL orders must be reduce only.",
        ),
        (
            Grouping.POSITION_TPSL,
            [stop(Side.SELL, 99_900, LONG, reduce_only=False)],
            "TP/SL orders must be reduce only.",
        ),
        (Grouping.NONE, [stop(Side.SELL, 99_900, "0")], "Order has zero size."),
    ],
)
def test_orders_that_cannot_belong_together_fail_as_one(
    long: World, grouping: Grouping, orders: list[WireOrder], words: str
) -> None:
    with pytest.raises(StaticError) as refused:
        long.place_all(*orders, grouping=grouping)
    assert str(refused.value) == words
    assert not long.venue.take_batch().updates


def test_a_bracket_is_shown_as_recorded_ones_are(world: World) -> None:
    """The fields of the three rows of a bracket in the official SDK's recording of frontendOpenOrders."""
    parent, profit, loss = _add(world, *_bracket(), grouping=Grouping.NORMAL_TPSL)
    rows = Rows({"BTC": BTC})
    row = rows.full_order(parent, [profit, loss])
    assert (row["isTrigger"], row["triggerCondition"], row["orderType"]) == (False, "N/A", "Limit")
    assert row["children"] == [rows.full_order(profit), rows.full_order(loss)]
    shown = {
        key: value
        for key, value in rows.full_order(profit).items()
        if key not in ("oid", "timestamp", "cloid", "coin")
    }
    assert shown == {
        "side": "A",
        "limitPx": "90180.0",
        "sz": "0.1",
        "triggerCondition": "Price above 100200",
        "isTrigger": True,
        "triggerPx": "100200.0",
        "children": [],
        "isPositionTpsl": False,
        "reduceOnly": True,
        "orderType": "Take Profit Market",
        "origSz": "0.1",
        "tif": None,
    }
    assert rows.full_order(loss)["orderType"] == "Stop Market"
    assert rows.full_order(loss)["triggerCondition"] == "Price below 99800"
    assert "isTrigger" not in rows.open_order(loss)


def test_another_accounts_orders_are_no_business_of_a_bracket(world: World) -> None:
    _add(world, *_bracket(), grouping=Grouping.NORMAL_TPSL)
    placed: list[Placed] = world.place_all(*_bracket(), grouping=Grouping.NORMAL_TPSL, user=BOB)
    world.venue.cancel(ALICE, tuple((0, oid) for oid in world.account().open_orders), world.now_ms)
    assert all(result.order.is_open for result in placed)


def test_stops_that_are_placed_and_cancelled_for_ever_are_forgotten(world: World) -> None:
    world.buy(100_010, "0.1")
    (kept,) = world.place_all(stop(Side.SELL, 95_000, "0.1"), grouping=Grouping.NONE)
    for _ in range(1_000):
        (placed,) = world.place_all(stop(Side.SELL, 50_000, "0.1", 45_000), grouping=Grouping.NONE)
        assert world.venue.cancel(ALICE, ((0, placed.order.oid),), world.now_ms) == [""]
    assert len(world.venue.ledger.triggers) < 100
    world.mid(94_990)
    assert kept.order.status is OrderStatus.FILLED
