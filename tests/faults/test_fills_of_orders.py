"""Fills and the orders that they belong to: early, late, doubted, cancelled, in part, too large (F7-F12)."""

from __future__ import annotations

import pytest

from core.domain.cloid import parse_cloid
from core.domain.orders import Side
from tests.faults.oddities import fill_anyway
from tests.faults.world import GRID, World


async def test_f07_a_fill_that_comes_before_the_answer_to_its_order_belongs_to_it(world: World) -> None:
    await world.faults({"kind": "http_delay", "action": "order", "delay_ms": 1_500})
    await world.start(resting=None)
    await world.until(lambda: len(world.ours()) == GRID, "they rest, unanswered")
    world.hit(100)
    (fill,) = await world.until(lambda: world.told("fill"), "it is told")
    assert world.snapshot.api.orders_sent == 0, "no answer has come yet"
    assert (fill["external"], parse_cloid(fill["cloid"]) is not None) == (False, True)
    await world.until(lambda: world.snapshot.api.orders_sent, "the answer comes")
    await world.check()
    assert world.coin().fills.external == 0
    assert not world.told("order_unknown")


@pytest.mark.real_time
async def test_f08_a_fill_of_an_order_whose_answer_was_lost_counts_and_nothing_takes_its_place_meanwhile(
    world: World,
) -> None:
    dark = [{"kind": "ws_drop", "channel": "orderUpdates"}, {"kind": "http_500", "action": "orderStatus"}]
    await world.faults({"kind": "answer_lost", "action": "order", "count": 1}, *dark)
    await world.start(resting=None)
    await world.until(lambda: len(world.told("order_unknown")) == GRID, "their fate is not known")
    await world.faults(*dark, {"kind": "http_500", "action": "frontendOpenOrders"})
    world.hit(100)
    (fill,) = await world.until(lambda: world.told("fill"), "one of them trades")
    assert not fill["external"]
    await world.turn()
    bought = world.rows("SELECT count(*) FROM orders WHERE side = 'buy'")
    assert bought == [(GRID // 2,)], "nothing takes a slot whose order may rest"
    await world.check("order_unknown", "fill")
    assert world.coin().fills.external == 0


async def test_f09_a_fill_that_was_on_its_way_when_its_order_was_cancelled_is_waited_for(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "ws_delay", "channel": "userFills", "delay_ms": 1_200})
    world.hit(100)
    await world.control("halt")
    await world.until(lambda: not world.ours(), "all are cancelled")
    states = "SELECT state, final_filled FROM orders WHERE final_filled > 0"
    assert world.rows(states) in ([("awaiting_fills", 100)], [("cancelled", 100)])
    await world.until(lambda: world.told("fill"), "then its fill comes")
    await world.check("halt", halted="operator")
    assert world.rows(states) == [("cancelled", 100)]
    assert world.coin().fills.external == 0
    assert not world.told("late_fill")


async def test_f09_a_fill_of_an_order_that_had_ended_moves_the_position_and_is_told(world: World) -> None:
    await world.start()
    order = next(order for order in world.ours() if order.side is Side.BUY)
    await world.control("halt")
    await world.until(lambda: world.is_halted("operator"), "it has ended")
    fill_anyway(world, order, 100)
    await world.until(lambda: world.told("late_fill"), "a late fill")
    await world.control("resume")
    await world.check("late_fill")
    assert world.coin().fills.external == 0
    assert world.lots() == 100


async def test_f10_dust_that_a_partial_fill_leaves_is_settled_and_comes_back_with_the_next_round(
    world: World,
) -> None:
    await world.start()
    bid = max((o for o in world.ours() if o.side is Side.BUY), key=lambda o: o.price)
    size, dust = bid.lots, 3
    world.hit(size - dust)
    await world.until(lambda: world.lots() == size - dust and world.is_whole(), "all but dust has traded")
    assert bid.remaining == dust
    await world.until(lambda: not bid.is_open, "dust is not left to rest")
    sells = [o for o in world.ours() if o.side is Side.SELL and o.lots == size - dust]
    assert len(sells) == 1, "what was bought is offered"
    world.hit(size - dust, side=Side.BUY)
    await world.until(lambda: world.lots() == 0 and world.is_whole(), "and sold")
    again = [o for o in world.ours() if o.side is Side.BUY and o.price == bid.price]
    assert [o.lots for o in again] == [size], "the cell wants its dust too"
    await world.check()
    assert world.rows("SELECT state FROM orders WHERE cloid = ?", bid.cloid) == [("cancelled",)]


async def test_f10_a_refill_below_the_least_order_waits_until_it_has_grown(world: World) -> None:
    await world.start()
    world.hit(3)
    await world.until(lambda: world.coin().fills.total == 1 and world.is_whole(), "three lots")
    assert len(world.ours()) == GRID, "too little to offer"
    world.hit(20)
    await world.until(lambda: world.coin().fills.total == 2 and world.is_whole(), "twenty more")
    assert [o.lots for o in world.ours() if o.side is Side.SELL and o.lots < 100] == [23]
    await world.check()
    assert not world.told("order_rejected")


async def test_f11_a_position_below_the_least_order_is_closed_in_one_attempt(world: World) -> None:
    await world.start()
    world.hit(3)
    await world.until(lambda: world.coin().fills.total == 1, "dust is held")
    answer = await world.control("flatten", "BTC")
    assert answer["ok"], answer
    assert world.lots() == 0
    assert world.rows("SELECT count(*) FROM orders WHERE purpose = 'flatten'") == [(1,)]
    await world.check(halted="flatten")


async def test_f12_an_order_that_fills_more_than_it_had_halts_its_coin_and_the_position_follows(
    world: World,
) -> None:
    await world.start()
    world.watch.outside_breach = True
    order = next(order for order in world.ours() if order.side is Side.BUY)
    fill_anyway(world, order, order.lots + 50)
    (overfill,) = await world.until(lambda: world.told("overfill"), "an alarm")
    assert overfill["severity"] == "crit"
    await world.check("overfill", "risk_halt", halted=f"order {order.cloid} filled")
    assert world.lots() == order.lots + 50
    await world.crash()
    await world.start(resting=None)
    await world.until(lambda: world.is_halted(f"order {order.cloid} filled"), "and stays halted")
