"""One order in the place of another, when the answer, the change or the news of it is lost, late, refused or raced by a fill:
both are settled by evidence, and neither is doubled (O1 to O3, O10, O19, O21, O22).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.orders import Side
from core.paper.venue.orders import Order, OrderStatus
from tests.faults.pace import BRISK, pace
from tests.faults.world import GRID, World, living

NO_UPDATES = {"kind": "ws_drop", "channel": "orderUpdates"}
CHANGE = {"action": "batchModify", "count": 1}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Three levels a side, and a cap that leaves room for as many again; at rest."""
    with pace(BRISK):
        async with living(tmp_path, max_symbol_notional=Decimal(10_000)) as one:
            await one.start()
            yield one


async def respaced(world: World, *faults: dict[str, Any], spacing: str = "0.000833") -> list[Order]:
    """Under ``faults`` other lines are asked for, none of which is one of the old. What rested before."""
    await world.faults(*faults)
    before = world.ours()
    answer = await world.control("set_spacing", "BTC", spacing)
    assert answer["ok"], answer
    return before


def rows(world: World, orders: list[Order]) -> Counter[str]:
    """The states of those and of all other orders, as the journal has them."""
    names = {order.cloid for order in orders}
    found = world.rows("SELECT cloid, state FROM orders")
    return Counter(f"{'old' if cloid in names else 'new'} {state}" for cloid, state in found)


async def whole(world: World, old: list[Order], *events: str) -> None:
    """Everything settled: what rests is new, and each old order has come to its end."""
    await world.until(
        lambda: not {o.cloid for o in old} & {o.cloid for o in world.ours()}, "no old order rests", 15
    )
    await world.check(*events)
    found = rows(world, old)
    assert found["old cancelled"] + found["old filled"] == GRID, found
    assert not [state for state in found if state.split()[1] in ("sent", "unknown", "cancelling")], found


async def test_other_lines_cost_one_change_an_order_and_no_cancel(world: World) -> None:
    old = await respaced(world)
    await whole(world, old, "grid_recentered")
    assert rows(world, old) == {"old cancelled": GRID, "new open": GRID}
    assert world.snapshot.api.cancels_sent == 0
    assert {o.status for o in old} == {OrderStatus.CANCELED}


async def test_o01_a_change_whose_answer_was_lost_is_made_once_and_both_orders_are_asked_about(
    world: World,
) -> None:
    old = await respaced(world, {"kind": "answer_lost", **CHANGE}, NO_UPDATES)
    await whole(world, old, "order_unknown", "order_settled")
    assert rows(world, old) == {"old cancelled": GRID, "new open": GRID}, "sent again"


@pytest.mark.real_time
async def test_o19_updates_settle_both_orders_of_a_change_whose_answer_was_lost(world: World) -> None:
    old = await respaced(
        world,
        {"kind": "answer_lost", **CHANGE},
        {"kind": "ws_delay", "channel": "orderUpdates", "delay_ms": 300},
        {"kind": "http_500", "action": "orderStatus"},
        {"kind": "http_500", "action": "frontendOpenOrders"},
    )
    await world.until(
        lambda: rows(world, old) == {"old cancelled": GRID, "new open": GRID}, "the stream tells", 15
    )
    await whole(world, old, "order_unknown", "order_settled")


async def test_o02_orders_whose_change_never_arrived_rest_until_that_is_known_and_are_changed_again(
    world: World,
) -> None:
    old = await respaced(world, {"kind": "request_lost", **CHANGE})
    await world.until(lambda: world.told("order_unknown"), "its fate is not known")
    assert len(world.ours()) == GRID
    await whole(world, old, "order_unknown", "order_settled")
    assert rows(world, old)["new never_placed"] > 0


@pytest.mark.parametrize("late_ms", [900, 2_500])
async def test_o02_a_change_that_hangs_on_its_way_is_made_once_or_refused_for_its_age(
    world: World, late_ms: int
) -> None:
    old = await respaced(world, {"kind": "action_late", **CHANGE, "delay_ms": late_ms, "status": 504})
    await world.until(lambda: world.told("order_unknown"), "its fate is not known")
    await whole(world, old, "order_unknown")


async def test_changes_that_the_stream_keeps_to_itself_are_settled_by_questions(world: World) -> None:
    old = await respaced(world, NO_UPDATES)
    await world.until(
        lambda: rows(world, old) == {"old cancelled": GRID, "new open": GRID}, "the status tells", 15
    )
    await whole(world, old)


@pytest.mark.parametrize("mode", ["short", "types", "truncate", "garble"])
async def test_o03_an_answer_to_a_change_of_another_shape_is_nobodys(world: World, mode: str) -> None:
    old = await respaced(world, {"kind": "http_corrupt", **CHANGE, "mode": mode, "seed": 3}, NO_UPDATES)
    await world.until(lambda: world.told("order_unknown"), "not taken for what it isn't")
    await whole(world, old, "order_unknown", "order_settled")
    assert rows(world, old) == {"old cancelled": GRID, "new open": GRID}, "sent again"


async def test_a_server_error_in_place_of_an_answer_leaves_the_old_orders_until_evidence(
    world: World,
) -> None:
    old = await respaced(world, {"kind": "http_500", **CHANGE})
    await world.until(lambda: world.told("api_error"), "it is told")
    await whole(world, old, "api_error", "order_unknown")


async def test_a_fill_that_comes_before_its_orders_change_counts_and_nothing_comes_in_its_place(
    world: World,
) -> None:
    old = await respaced(world, {"kind": "action_late", **CHANGE, "delay_ms": 500, "status": 504})
    await world.until(lambda: rows(world, old)["new sent"] or rows(world, old)["new unknown"], "on its way")
    going = {c for (c,) in world.rows("SELECT cloid FROM orders WHERE state = 'cancelling'")}
    first = max((o for o in old if o.cloid in going and o.side is Side.BUY), key=lambda o: o.price)
    world.hit(sum(o.remaining for o in old if o.side is Side.BUY and o.price >= first.price))
    await whole(world, old, "fill")
    assert rows(world, old)["old filled"] >= 1
    assert rows(world, old)["new rejected"] + rows(world, old)["new never_placed"] >= 1
    assert len((await world.exchange.truth())["fills"]) == rows(world, old)["old filled"]


async def test_o10_a_market_that_moves_over_the_new_price_ends_the_old_order_and_refuses_the_new(
    world: World,
) -> None:
    await whole(world, await respaced(world, spacing="0.003"))
    old = await respaced(world, {"kind": "action_late", **CHANGE, "delay_ms": 500, "status": 504})
    await world.until(lambda: rows(world, old)["new sent"] or rows(world, old)["new unknown"], "on its way")
    world.move(0.1)
    await whole(world, old, "grid_recentered")
    reasons = [why for (why,) in world.rows("SELECT reason FROM orders WHERE state = 'rejected'")]
    assert "badAloPxRejected" in reasons, reasons


async def test_o22_changes_that_were_committed_and_not_sent_when_it_was_killed_leave_the_old_orders(
    world: World,
) -> None:
    old = await respaced(world, {"kind": "action_late", "action": "batchModify", "delay_ms": 60_000})
    await world.until(lambda: rows(world, old)["new sent"], "the rows are durable")
    await world.crash()
    found = rows(world, old)
    assert found["new sent"] == found["old cancelling"] > 0, "in one transaction"
    assert {o.cloid for o in world.ours()} == {o.cloid for o in old}
    await world.faults()
    await world.start(resting=None)
    await whole(world, old, "order_settled")
    assert rows(world, old)["new never_placed"] == found["new sent"]


async def test_o22_changes_that_were_made_unanswered_when_it_was_killed_are_known_after_the_start(
    world: World,
) -> None:
    old = await respaced(world, {"kind": "http_delay", **CHANGE, "delay_ms": 60_000}, NO_UPDATES)
    await world.until(lambda: {o.cloid for o in world.ours()} - {o.cloid for o in old}, "made")
    await world.crash()
    await world.faults(NO_UPDATES)
    await world.start(resting=None)
    await whole(world, old)
    assert rows(world, old) == {"old cancelled": GRID, "new open": GRID}, "sent again"
