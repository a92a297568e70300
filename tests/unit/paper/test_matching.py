"""Price-time priority between users and the recorded market."""

from __future__ import annotations

import pytest

from core.domain.orders import Side
from core.paper.config import OrderSettings
from core.paper.market.step import Depth
from core.paper.venue.orders import OrderStatus, TimeInForce, WireOrder
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
    trade,
)


@pytest.fixture
def world() -> World:
    return World()


def test_an_order_waits_behind_the_recorded_size_at_its_price(world: World) -> None:
    order = world.buy(100_000, "0.1", TimeInForce.ALO)
    world.market(trade(100_000, "0.99999", Side.SELL))
    assert order.filled == 0
    world.market(trade(100_000, "0.05001", Side.SELL))
    assert order.filled == lots("0.05")
    world.market(trade(100_000, "5", Side.SELL))
    assert order.status is OrderStatus.FILLED


def test_recorded_size_that_arrives_later_stands_behind_the_order(world: World) -> None:
    order = world.buy(100_000, "0.1", TimeInForce.ALO)
    world.market(quote=quote(100_000, "3", 100_010, "1"))
    world.market(trade(100_000, "1.1", Side.SELL))
    assert order.status is OrderStatus.FILLED


def test_recorded_size_that_shrinks_is_taken_from_the_tail_first(world: World) -> None:
    order = world.buy(100_000, "0.1", TimeInForce.ALO)
    world.market(quote=quote(100_000, "3", 100_010, "1"))
    world.market(quote=quote(100_000, "1", 100_010, "1"))
    world.market(trade(100_000, "1", Side.SELL))
    assert order.filled == 0


def test_a_print_through_an_order_fills_it_at_its_own_price_first(world: World) -> None:
    near = world.buy(100_005, "0.1", TimeInForce.ALO)
    world.market(trade(99_990, "0.1", Side.SELL))
    assert near.status is OrderStatus.FILLED
    assert world.last.fills[0].price == price(100_005)


def test_a_print_of_the_other_side_fills_nothing(world: World) -> None:
    order = world.buy(100_005, "0.1", TimeInForce.ALO)
    world.market(trade(100_005, "5", Side.BUY))
    assert order.filled == 0


def test_the_printed_volume_of_a_recorded_trade_stays_the_recorded_volume(world: World) -> None:
    world.buy(100_005, "0.1", TimeInForce.ALO)
    batch = world.market(trade(99_990, "0.25", Side.SELL))
    assert [(p.price, p.lots, p.side) for p in batch.prints] == [
        (price(100_005), lots("0.1"), Side.SELL),
        (price(99_990), lots("0.15"), Side.SELL),
    ]
    assert batch.prints[0].tid == batch.fills[0].tid
    assert batch.prints[0].buyer == ALICE


def test_a_quote_that_crosses_an_order_trades_with_it_at_the_orders_price(world: World) -> None:
    order = world.buy(100_005, "0.3", TimeInForce.ALO)
    world.market(quote=quote(99_990, "1", 100_003, "0.2"))
    assert (order.filled, order.is_open) == (lots("0.2"), True)
    assert world.last.fills[0].price == price(100_005)
    world.market(quote=quote(99_990, "1", 100_003, "5"))
    assert order.status is OrderStatus.FILLED


def test_the_recorded_best_quote_removes_what_would_stand_in_front_of_it(world: World) -> None:
    world.market(quote=quote(99_900, "1", 99_910, "1"))
    book = world.venue.ledger.books["BTC"]
    assert (book.bids.best, book.asks.best) == (price(99_900), price(99_910))


def test_a_snapshot_says_what_stands_between_its_best_and_its_last_level(world: World) -> None:
    book = world.venue.ledger.books["BTC"]
    world.market(
        depth=Depth(
            bids=((price(100_000), lots("1")), (price(99_990), lots("2")), (price(99_980), lots("3"))),
            asks=((price(100_010), lots("1")), (price(100_020), lots("1"))),
        )
    )
    world.market(
        depth=Depth(
            bids=((price(100_000), lots("1")), (price(99_985), lots("2"))),
            asks=((price(100_010), lots("1")),),
        )
    )
    assert [row[0] for row in book.depth(Side.BUY, 9)] == [price(100_000), price(99_985), price(99_980)]
    assert [row[0] for row in book.depth(Side.SELL, 9)] == [price(100_010), price(100_020)]


def test_users_trade_with_each_other_by_price_then_time(world: World) -> None:
    first = world.sell(100_006, "0.1", user=ALICE)
    second = world.sell(100_006, "0.1", user=BOB)
    better = world.sell(100_005, "0.1", user=BOB)
    taker = world.buy(100_006, "0.25", TimeInForce.IOC, user="0x" + "c0" * 20)
    assert taker.status is OrderStatus.FILLED
    assert [better.filled, first.filled, second.filled] == [lots("0.1"), lots("0.1"), lots("0.05")]


def test_a_taker_walks_the_markets_levels_and_pays_their_prices(world: World) -> None:
    world.market(
        depth=Depth(
            bids=((price(100_000), lots("1")),),
            asks=((price(100_010), lots("0.2")), (price(100_020), lots("1"))),
        )
    )
    world.buy(100_030, "0.3", TimeInForce.IOC)
    assert [(f.price, f.lots) for f in world.last.fills] == [
        (price(100_010), lots("0.2")),
        (price(100_020), lots("0.1")),
    ]


def test_a_post_only_order_that_would_trade_is_refused_with_the_quote(world: World) -> None:
    placed = world.place(Side.BUY, 100_010, "0.1", TimeInForce.ALO)
    assert placed.error == "Post only order would have immediately matched, bbo was 100000@100010."
    assert placed.order.status is OrderStatus.BAD_ALO_REJECTED
    assert [u.status for u in world.last.updates] == [OrderStatus.BAD_ALO_REJECTED]


def test_an_ioc_order_leaves_nothing_behind(world: World) -> None:
    order = world.buy(100_010, "1.5", TimeInForce.IOC)
    assert (order.filled, order.status) == (lots("1"), OrderStatus.CANCELED)
    assert not world.account().open_orders


def test_an_ioc_order_without_a_match_is_refused(world: World) -> None:
    placed = world.place(Side.BUY, 100_009, "0.1", TimeInForce.IOC)
    assert placed.error == "Order could not immediately match against any resting orders."
    assert placed.order.status is OrderStatus.IOC_REJECTED
    assert len(world.last.updates) == 1


def test_a_gtc_order_takes_what_crosses_and_rests_with_the_remainder(world: World) -> None:
    order = world.buy(100_010, "1.5")
    assert (order.filled, order.remaining, order.status) == (lots("1"), lots("0.5"), OrderStatus.OPEN)
    assert world.venue.ledger.books["BTC"].bids.best == price(100_010)


def test_an_immediately_filled_order_is_reported_open_and_then_filled(world: World) -> None:
    world.buy(100_010, "0.5", TimeInForce.IOC)
    assert [(u.status, u.remaining) for u in world.last.updates] == [
        (OrderStatus.OPEN, lots("0.5")),
        (OrderStatus.FILLED, 0),
    ]


def test_an_own_resting_order_expires_when_its_owners_taker_meets_it(world: World) -> None:
    own = world.sell(100_005, "0.1")
    other = world.sell(100_006, "0.1", user=BOB)
    taker = world.buy(100_006, "0.1", TimeInForce.IOC)
    assert own.status is OrderStatus.SELF_TRADE_CANCELED
    assert own.filled == 0
    assert (other.status, taker.status) == (OrderStatus.FILLED, OrderStatus.FILLED)


def test_behind_the_last_known_level_lies_a_ladder_so_that_market_orders_fill(world: World) -> None:
    placed = world.venue.market_order(ALICE, "BTC", Side.BUY, lots("1.5"), world.now_ms)
    assert placed.order.filled == lots("1.5")
    prices = [fill.price for fill in world.account().fills]
    assert prices == sorted(prices)
    assert prices[-1] < price(100_110)


def test_fills_of_one_step_share_time_and_hash_but_not_the_trade_id(world: World) -> None:
    world.buy(100_005, "0.1", TimeInForce.ALO)
    world.buy(100_004, "0.1", TimeInForce.ALO)
    world.now_ms += 5
    fills = world.market(trade(99_990, "1", Side.SELL)).fills
    assert {(f.time_ms, f.hash) for f in fills} == {(world.now_ms, fills[0].hash)}
    assert len({f.tid for f in fills}) == 2
    assert all(0 < f.tid < 2**50 for f in fills)


def test_the_block_time_never_runs_backwards(world: World) -> None:
    world.now_ms -= 3_600_000
    order = world.buy(100_000, "0.1")
    assert order.created_ms >= world.now_ms + 3_600_000


def test_a_modified_order_gets_a_new_id_and_the_end_of_the_queue(world: World) -> None:
    old = world.buy(100_005, "0.1", TimeInForce.ALO)
    rival = world.buy(100_005, "0.1", TimeInForce.ALO, user=BOB)
    wire = _wire(at="100005", size="0.1")
    (result,) = world.venue.modify(ALICE, ((old.oid, wire),), always_place=False, now_ms=world.now_ms)
    assert result.placed is not None
    new = result.placed.order
    assert (old.status, new.oid > old.oid) == (OrderStatus.CANCELED, True)
    world.market(trade(100_005, "0.1", Side.SELL))
    assert (rival.filled, new.filled) == (lots("0.1"), 0)


def test_a_modify_of_a_filled_order_is_refused(world: World) -> None:
    old = world.buy(100_010, "0.1")
    (result,) = world.venue.modify(
        ALICE, ((old.oid, _wire("100000", "0.1")),), always_place=False, now_ms=world.now_ms
    )
    assert (result.placed, result.error) == (None, "Cannot modify canceled or filled order")


def test_a_resting_order_whose_account_can_no_longer_carry_it_is_cancelled_at_the_match(world: World) -> None:
    world.sell(100_000, "1", TimeInForce.IOC)
    poor = world.sell(100_900, "0.9")
    rich = world.sell(100_900, "0.1", user=BOB)
    world.mid(100_800)
    world.market(trade(100_900, "0.05", Side.BUY))
    assert (poor.status, poor.filled) == (OrderStatus.MARGIN_CANCELED, 0)
    assert rich.filled == lots("0.05")


def test_a_users_taker_passes_over_an_order_that_is_cancelled_for_margin(world: World) -> None:
    world.sell(100_000, "1", TimeInForce.IOC)
    poor = world.sell(100_900, "0.9")
    world.mid(100_800)
    taker = world.buy(100_900, "1.5", TimeInForce.IOC, user=BOB)
    assert (poor.status, poor.filled) == (OrderStatus.MARGIN_CANCELED, 0)
    assert taker.status is OrderStatus.FILLED


def test_an_order_that_only_closes_is_filled_however_poor_its_account(world: World) -> None:
    world.sell(100_000, "1", TimeInForce.IOC)
    closing = world.buy(99_000, "1")
    world.mid(108_000)
    world.market(trade(99_000, "2", Side.SELL))
    assert closing.status is OrderStatus.FILLED


def test_a_partial_fill_has_a_row_of_its_own_only_where_it_is_set_so() -> None:
    for tells in (False, True):
        settings = OrderSettings(tells_partial_fills=tells)
        world = World(Venue(UNIVERSE, FUNDS_MICRO, NOW_MS, settings=settings))
        order = world.buy(100_005, "0.1", TimeInForce.ALO)
        batch = world.market(trade(100_005, "0.04", Side.SELL))
        rows = [(update.order.oid, update.status, update.remaining) for update in batch.updates]
        assert rows == ([(order.oid, OrderStatus.OPEN, lots("0.06"))] if tells else [])


def _wire(at: str, size: str) -> WireOrder:
    return WireOrder(0, True, at, size, False, TimeInForce.ALO, None)
