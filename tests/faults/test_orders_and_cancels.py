"""Refusals, cancels in doubt, lists that are late, orders without a row, fills that are owed (O4-O9, O20), and a grid that is
replaced while nothing can be placed (C-1).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from core.domain.cloid import make_cloid
from core.domain.orders import Side
from core.paper.venue.batch import Batch
from core.paper.venue.orders import Order
from tests.faults.pace import BRISK, PROBING, pace
from tests.faults.world import GRID, World

NO_UPDATES = {"kind": "ws_drop", "channel": "orderUpdates"}
NO_STATUS = {"kind": "http_500", "action": "orderStatus"}


def best(world: World, side: Side) -> Order:
    return max((o for o in world.ours() if o.side is side), key=lambda o: o.price * side.sign)


def cloids(world: World) -> set[str]:
    """Of the orders of ours that rest."""
    return {str(order.cloid) for order in world.ours()}


def row_states(world: World, cloids: set[str]) -> set[str]:
    return {state for cloid, state in world.rows("SELECT cloid, state FROM orders") if cloid in cloids}


# -- refused (O4) --------------------------------------------------------------------------------------------


async def test_o04_a_refusal_of_a_whole_action_is_no_success_and_no_doubt(world: World) -> None:
    await world.act({"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 3})
    await world.faults({"kind": "agent_expired", "count": 1})  # nothing is sent before the orders then
    await world.start(resting=None)
    await world.until(lambda: len(world.told("order_rejected")) == GRID, "each is told to be refused")
    assert all("does not exist" in told["reason"] for told in world.told("order_rejected"))
    await world.check("order_rejected", halted="auth: ")
    assert (await world.control("resume"))["outcome"] == "done"
    await world.check("order_rejected")
    assert not world.told("order_unknown")
    assert len(world.rows("SELECT 1 FROM orders WHERE state = 'rejected'")) == GRID


async def test_o04_a_refusal_of_one_order_concerns_that_order_alone(world: World) -> None:
    await world.start()
    ask, bid = best(world, Side.SELL), best(world, Side.BUY)
    instrument = world.instrument()
    await world.faults({"kind": "ws_drop", "channel": "bbo"})
    asset = instrument.asset_id
    both = [{"asset": asset, "cloid": order.cloid} for order in (ask, bid)]
    await world.act({"type": "cancelByCloid", "cancels": both})
    world.move(100 * (ask.price + 20 - world.mid()) / world.mid())
    await world.until(lambda: len(world.told("order_cancelled")) == 2, "both are gone")
    await world.faults({"kind": "ws_drop", "channel": "bbo"}, NO_UPDATES)  # only the answer tells
    (told, *_) = await world.until(lambda: world.told("order_rejected"), "it would take: refused")
    assert told["severity"] == "info"
    await world.until(lambda: bid.price in [order.price for order in world.ours()], "the bid beside it rests")
    await world.faults()
    world.move(-0.01)
    await world.check("order_cancelled", "order_rejected")
    assert not world.told("order_unknown")
    assert {told["side"] for told in world.told("order_rejected")} == {"sell"}


# -- cancels (O5-O7) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["answer_lost", "http_truncate", "http_delay"])
async def test_o05_a_cancel_that_was_done_and_not_answered_is_one_until_the_exchange_says_what_became_of_it(
    world: World, fault: str
) -> None:
    with pace(BRISK):
        await world.start()
        first = cloids(world)
        await world.faults({"kind": fault, "action": "cancelByCloid", "count": 1}, NO_UPDATES, NO_STATUS)
        bids = {str(order.cloid) for order in world.ours() if order.side is Side.BUY}
        world.move(5)
        await world.until(lambda: bids - cloids(world), "a cancel is done")
        gone = bids - cloids(world)
        await world.turn()
        assert row_states(world, gone) == {"cancelling"}
        await world.until(lambda: world.snapshot.api.cancels_sent, "an answer to the first, or none")
        await world.turn()
        assert row_states(world, gone) == {"cancelling"}, "how much had traded isn't known"
        await world.check("grid_recentered")
        assert row_states(world, first) <= {"cancelled", "filled"}


@pytest.mark.real_time
async def test_o06_a_cancel_that_never_arrived_is_tried_again_and_its_orders_count_until_it_takes(
    world: World,
) -> None:
    with pace(BRISK):
        await world.start()
        first = cloids(world)
        await world.faults({"kind": "request_lost", "action": "cancelByCloid"}, NO_STATUS)
        world.move(5)
        await world.struck()
        await world.turn()
        assert row_states(world, cloids(world) & first) <= {"cancelling", "open"}, "rests, and counts"
        await world.faults({"kind": "request_lost", "action": "cancelByCloid", "count": 1})
        await world.struck()
        await world.check("grid_recentered")
        assert not first & cloids(world)
        assert row_states(world, first) <= {"cancelled", "filled"}


async def test_o06_a_halt_is_not_done_while_a_cancel_did_not_arrive(world: World) -> None:
    with pace(BRISK):
        await world.start()
        await world.faults({"kind": "request_lost", "action": "cancelByCloid", "count": 2})
        answer = await world.control("halt")
        assert "6 sent, 6 confirmed" in str(answer), answer
        assert await world.strikes() == [2]
        assert not world.ours()
        await world.check("halt", halted="operator")


async def test_o06_a_halt_beside_a_node_that_lags_is_not_refused_as_expired(world: World) -> None:
    await world.start()
    seen = len(world.run.snapshots)
    await world.faults({"kind": "rest_lag", "delay_ms": 7_000})
    await world.struck()
    await world.until(lambda: len(world.run.snapshots) > seen + 15, "stale times have come in")
    answer = await world.control("halt")
    assert "6 sent, 6 confirmed" in str(answer), answer
    assert not world.ours()
    await world.check("halt", halted="operator")


async def test_o07_a_cancel_refused_because_the_order_had_filled_leaves_the_fill_to_count(
    world: World,
) -> None:
    await world.start()
    bid = best(world, Side.BUY)
    await world.faults(
        {"kind": "ws_drop", "channel": "userFills"}, {"kind": "ws_delay", "channel": "orderUpdates"}
    )
    world.hit(bid.remaining)
    await world.control("halt")
    await world.check("halt", "fill", halted="operator")
    assert not world.told("late_fill"), "held for cancelled before its fill was there"
    assert row_states(world, {str(bid.cloid)}) == {"filled"}
    assert world.lots() == bid.lots


# -- lists that are late (O8) --------------------------------------------------------------------------------


async def test_o08_an_order_missing_from_lists_that_are_late_stays_and_nothing_takes_its_place(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "rest_lag", "action": "frontendOpenOrders"})
    sent = len(world.watch.cloids)
    world.hit(best(world, Side.BUY).remaining)
    await world.until(lambda: world.is_whole(), "the sell of it rests")
    for _ in range(3):
        answer = await world.control("resync")
        assert "resync done" in str(answer), answer
    await world.turn()
    assert len(world.watch.cloids) == sent + 1
    await world.check()
    assert len(world.watch.cloids) == sent + 1


# -- orders without a row (O9) -------------------------------------------------------------------------------


async def place_without_a_row(world: World, instance: str) -> str:
    """An order with GridBot's tag that this journal never held: it was restored from a backup, or is another's."""
    cloid = make_cloid(instance, "0ddb0071", 7)
    price = min(o.price for o in world.ours()) - 50
    world.watch.planted.add(cloid)
    await world.place_by_hand(Side.BUY, world.instrument().round_price_down(price), 100, cloid=cloid)
    return cloid


async def test_o09_an_order_of_this_instance_without_a_row_is_cancelled_at_the_start(world: World) -> None:
    await world.start()
    await world.crash()
    (instance,) = world.rows("SELECT value FROM meta WHERE key = 'instance'")[0]
    cloid = await place_without_a_row(world, instance)
    await world.start(resting=None)
    await world.until(lambda: cloid not in {o.cloid for o in world.ours()}, "it is cancelled")
    await world.check("orphan_order_cancelled")


async def test_o09_an_order_of_another_instance_halts_this_one_and_stays(world: World) -> None:
    await world.start()
    cloid = await place_without_a_row(world, "0ddba11e")
    await world.control("resync")
    await world.until(lambda: {o.cloid for o in world.ours()} == {cloid}, "what is ours goes")
    await world.crash()
    await world.start(resting=None)
    await world.until(lambda: world.run.snapshots and world.snapshot.coins, "it is up again")
    reasons = world.rows("SELECT reason FROM halts WHERE lifted_ms IS NULL")
    assert len(reasons) == 1
    assert reasons[0][0].startswith("another GridBot instance (0ddba11e)")
    await world.turn()
    assert {o.cloid for o in world.ours()} == {cloid}


# -- fills that are owed (O20) -------------------------------------------------------------------------------


async def test_o20_an_order_said_to_be_filled_keeps_its_slot_until_its_fills_are_there(world: World) -> None:
    await world.start()
    bid = best(world, Side.BUY)
    await world.faults(
        {"kind": "ws_drop", "channel": "userFills"}, {"kind": "http_500", "action": "userFillsByTime"}
    )
    sent = len(world.watch.cloids)
    world.hit(bid.remaining)
    await world.until(lambda: row_states(world, {str(bid.cloid)}) == {"awaiting_fills"}, "the stream says so")
    await world.struck()
    await world.turn()
    assert len(world.watch.cloids) == sent, "nothing is sent for a fill that isn't known"
    assert world.coin().fills.total == 0
    await world.check("fill")
    assert row_states(world, {str(bid.cloid)}) == {"filled"}
    assert len(world.watch.cloids) == sent + 1


# -- a grid is replaced (C-1) --------------------------------------------------------------------------------


@contextmanager
def counted(world: World) -> Iterator[list[int]]:
    """How many orders of ours rest after each change of the exchange's books."""
    counts: list[int] = []

    def look(_: Batch) -> None:
        counts.append(len(world.ours()))

    world.venue.listen(look)
    yield counts
    world.venue.leave(look)


@pytest.mark.parametrize("fault", ["request_lost", "http_500", "http_429"])
async def test_a_grid_is_replaced_without_a_naked_book_though_nothing_can_be_placed_for_a_while(
    world: World, fault: str
) -> None:
    failing: dict[str, Any] = {"kind": fault, "action": "order"}
    with pace(BRISK, PROBING), counted(world) as counts:
        await world.start()
        counts.clear()
        await world.faults(failing)
        world.move(5)
        await world.until(lambda: world.told("grid_recentered"), "a new grid")
        await world.struck()
        await world.until(lambda: world.told("order_settled") or world.told("circuit_break"), "it fails")
        assert world.ours(), "half of the old grid is there"
        await world.check("grid_recentered", "order_unknown")
    assert min(counts) > 0, counts
