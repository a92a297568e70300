"""Orders whose answer is lost, cut short, damaged, or never awaited: sent once, settled by evidence (O1-O3, O19, O21, O22)."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain.orders import Side
from core.engine import intents
from core.paper.venue.orders import Order
from tests.faults.pace import BRISK, pace
from tests.faults.world import GRID, World

NO_UPDATES = {"kind": "ws_drop", "channel": "orderUpdates"}


def bid_of(world: World) -> Order:
    """The best one of ours."""
    return max((order for order in world.ours() if order.side is Side.BUY), key=lambda order: order.price)


async def start_and_fill(world: World, *faults: dict[str, Any]) -> set[str]:
    """A grid at rest, then ``faults``, then its best bid trades in full, so that a sell is sent. The cloids of before."""
    await world.start()
    before = set(world.watch.cloids)
    await world.faults(*faults)
    world.hit(bid_of(world).remaining)
    return before


def states(world: World, without: set[str]) -> list[str]:
    """Of every order that the journal has, but ``without``; oldest first."""
    rows = world.rows("SELECT cloid, state FROM orders ORDER BY created_ms, cloid")
    return [state for cloid, state in rows if cloid not in without]


async def doubted(world: World, count: int = 1) -> None:
    await world.until(lambda: len(world.told("order_unknown")) == count, "their fate is not known")


async def test_o01_an_order_whose_answer_was_lost_is_sent_once_and_found_in_the_list(world: World) -> None:
    await world.faults({"kind": "answer_lost", "action": "order", "count": 1}, NO_UPDATES)
    await world.start(resting=None)
    await doubted(world, GRID)
    assert len(world.ours()) == GRID
    await world.until(lambda: world.is_whole(), "the list shows them")
    await world.check("order_unknown", "order_settled")
    assert len(world.watch.cloids) == GRID, "sent again"


async def test_o01_an_order_whose_answer_was_lost_is_asked_about_by_its_cloid(world: World) -> None:
    with pace(BRISK):
        before = await start_and_fill(
            world,
            {"kind": "answer_lost", "action": "order", "count": 1},
            NO_UPDATES,
            {"kind": "http_500", "action": "frontendOpenOrders"},
        )
        await doubted(world)
        await world.until(lambda: world.told("order_settled"), "its status settles it")
        await world.check("order_unknown", "order_settled", "api_error")
        assert states(world, before) == ["open"]


async def test_o02_the_slot_of_an_order_that_never_arrived_is_free_once_that_is_proven(world: World) -> None:
    before = await start_and_fill(world, {"kind": "request_lost", "action": "order", "count": 1})
    await doubted(world)
    await world.until(lambda: len(states(world, before)) == 2, "its slot is free", within_s=13)
    await world.until(lambda: world.told("order_settled"), "it is told")
    (settled,) = world.told("order_settled")
    assert settled["state"] == "never_placed"
    await world.check("order_unknown", "order_settled")
    assert states(world, before) == ["never_placed", "open"]


@pytest.mark.real_time
@pytest.mark.parametrize("late_ms", [900, 2_500])
async def test_o02_an_order_that_hangs_on_its_way_is_placed_once_or_refused_for_its_age(
    world: World, late_ms: int
) -> None:
    with pace(BRISK):
        before = await start_and_fill(
            world, {"kind": "action_late", "action": "order", "delay_ms": late_ms, "status": 504, "count": 1}
        )
        await doubted(world)
        await world.until(lambda: world.told("order_settled"), "it is settled")
        await world.check("order_unknown", "order_settled")
        assert states(world, before) == (["open"] if late_ms < 1_200 else ["never_placed", "open"])


async def test_o02_an_order_that_may_still_arrive_is_not_held_for_absent(world: World) -> None:
    with pace(BRISK, {intents: {"EXPIRES_AFTER_MS": 6_000}}):
        before = await start_and_fill(
            world, {"kind": "action_late", "action": "order", "delay_ms": 4_000, "status": 504, "count": 1}
        )
        await doubted(world)
        await world.until(lambda: world.told("order_settled"), "it is settled")
        await world.check("order_unknown", "order_settled")
        assert states(world, before) == ["open"]


@pytest.mark.parametrize("mode", ["short", "types", "truncate", "garble"])
async def test_o03_an_answer_that_lacks_a_status_or_has_another_shape_is_nobodys(
    world: World, mode: str
) -> None:
    with pace(BRISK):
        await world.faults(
            {"kind": "http_corrupt", "action": "order", "mode": mode, "count": 1, "seed": 3}, NO_UPDATES
        )
        await world.start(resting=None)
        await world.until(lambda: world.told("order_unknown"), "not taken for what it isn't")
        await world.until(lambda: world.is_whole(), "evidence settles them")
        await world.check("order_unknown", "order_settled")
        assert len(world.watch.cloids) == GRID, "sent again"


async def test_o19_an_update_settles_an_order_whose_answer_was_lost_without_any_question(
    world: World,
) -> None:
    before = await start_and_fill(
        world,
        {"kind": "answer_lost", "action": "order", "count": 1},
        {"kind": "ws_delay", "channel": "orderUpdates", "delay_ms": 300},
        {"kind": "http_500", "action": "orderStatus"},
        {"kind": "http_500", "action": "frontendOpenOrders"},
    )
    await doubted(world)
    await world.until(lambda: states(world, before) == ["open"], "the stream tells of it")
    await world.check("order_unknown", "order_settled")
    assert len(world.watch.cloids) == GRID + 1, "sent again"


async def test_o21_a_batch_whose_answer_breaks_off_is_settled_order_by_order(world: World) -> None:
    with pace(BRISK):
        await world.faults({"kind": "http_truncate", "action": "order", "count": 1}, NO_UPDATES)
        await world.start(resting=None)
        await doubted(world, GRID)
        world.hit(bid_of(world).remaining)
        await world.until(lambda: world.told("fill"), "one of them trades meanwhile")
        truth = await world.check("order_unknown", "order_settled", "fill")
        assert len(truth["fills"]) == 1
        assert len(world.watch.cloids) == GRID + 1, "the sell alone was sent since"


async def test_o22_orders_committed_but_not_sent_when_it_was_killed_are_proven_absent_before_others_take_their_slots(
    world: World,
) -> None:
    with pace(BRISK):
        await world.faults({"kind": "action_late", "action": "order", "delay_ms": 60_000})
        await world.start(resting=None)
        await world.until(lambda: world.run.snapshots and states(world, set()), "the intents are durable")
        await world.crash()
        assert states(world, set()) == ["sent"] * GRID
        assert not world.watch.cloids
        await world.faults()
        await world.start(resting=None)
        await world.check("order_settled")
        assert states(world, set()) == ["never_placed"] * GRID + ["open"] * GRID


async def test_o22_orders_that_rested_unanswered_when_it_was_killed_are_its_own_after_the_start(
    world: World,
) -> None:
    await world.faults({"kind": "http_delay", "action": "order", "delay_ms": 60_000}, NO_UPDATES)
    await world.start(resting=None)
    await world.until(lambda: len(world.ours()) == GRID, "they rest")
    assert states(world, set()) == ["sent"] * GRID
    await world.crash()
    await world.faults(NO_UPDATES)
    await world.start(resting=None)
    await world.check()
    assert states(world, set()) == ["open"] * GRID, "sent again"
