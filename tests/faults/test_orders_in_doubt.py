"""Orders whose answer is lost, late, short or wrong (O1-O9, O19-O22): one send, one order, settled by evidence."""

from __future__ import annotations

from typing import Any

from core.domain.cloid import make_cloid
from core.domain.orders import OrderState, Side
from tests.faults.world import GRID, World

SETTLED_WITHIN_S = 25.0
"""An order that may never have arrived needs its expiry and two answers five seconds apart."""


def states(world: World) -> dict[str, str]:
    if not world.run.snapshots:
        return {}  # the journal has no tables yet
    return dict(world.rows("SELECT cloid, state FROM orders"))


def count(world: World, state: OrderState) -> int:
    return list(states(world).values()).count(state.value)


async def whole_after_doubts(world: World) -> None:
    await world.until(world.is_whole, "every doubt is settled and the grid whole", SETTLED_WITHIN_S)


async def test_o01_a_placement_whose_answer_is_lost_is_sent_once_and_found_resting(world: World) -> None:
    await world.faults({"kind": "answer_lost", "action": "order", "count": 1})
    await world.start()
    await world.struck()
    assert world.told("order_unknown")
    assert len(world.watch.cloids) == GRID, "nothing was sent a second time"
    await world.check("order_unknown")


async def test_o02_a_placement_that_never_arrived_frees_its_slot_when_that_is_certain(world: World) -> None:
    await world.faults({"kind": "request_lost", "action": "order", "count": 1})
    await world.start(resting=None)
    await world.struck()
    await world.until(lambda: world.told("order_unknown"), "the orders are in doubt")
    lost = set(states(world))
    await whole_after_doubts(world)
    assert {states(world)[cloid] for cloid in lost} == {OrderState.NEVER_PLACED.value}
    assert not lost & world.watch.cloids
    await world.check("order_unknown", "order_settled")


async def test_o03_an_answer_with_too_few_statuses_names_no_order_wrongly(world: World) -> None:
    await world.faults({"kind": "http_corrupt", "action": "order", "mode": "short", "count": 1})
    await world.start()
    await world.struck()
    assert world.told("order_unknown")
    await world.check()
    rows = dict(world.rows("SELECT cloid, order_id FROM orders WHERE state = 'open'"))
    assert rows == {o.cloid: o.oid for o in world.ours()}, "each order has the id of its own"


async def test_o03_an_answer_of_other_types_names_no_order_wrongly(world: World) -> None:
    await world.faults({"kind": "http_corrupt", "action": "order", "mode": "types", "count": 1})
    await world.start(resting=None)
    await world.struck()
    await whole_after_doubts(world)
    await world.check()
    rows = dict(world.rows("SELECT cloid, order_id FROM orders WHERE state = 'open'"))
    assert rows == {o.cloid: o.oid for o in world.ours()}


async def test_o04_a_refusal_inside_an_http_200_is_a_refusal(world: World) -> None:
    await world.faults({"kind": "agent_expired", "count": 1})
    await world.start(resting=None)
    await world.struck()
    await world.until(lambda: count(world, OrderState.REJECTED) == GRID, "all of the batch is refused")
    assert not world.told("order_unknown"), "a definite refusal leaves no doubt"
    await world.until(lambda: world.told("order_rejected"), "it is told of")
    assert "API Wallet" in str(world.told("order_rejected")[0]["reason"])
    await world.check("order_rejected")


async def test_o05_a_cancel_that_landed_without_an_answer_ends_on_evidence_and_hurts_nobody(
    world: World,
) -> None:
    await world.start()
    await world.faults(
        {"kind": "answer_lost", "action": "cancelByCloid", "count": 1},
        {"kind": "ws_drop", "channel": "orderUpdates", "for_s": 1},
    )
    world.move(2)
    await world.struck()
    await whole_after_doubts(world)
    await world.check("grid_recentered")


async def test_o06_a_cancel_that_did_not_land_keeps_its_order_in_the_books_and_is_sent_again(
    world: World,
) -> None:
    await world.start()
    first = {o.cloid for o in world.ours()}
    await world.faults({"kind": "request_lost", "action": "cancelByCloid", "for_s": 1.5})
    halting = await world.control("halt")
    assert halting["ok"], halting
    await world.struck()
    assert not world.ours()
    assert {states(world)[c] for c in first if c is not None} == {OrderState.CANCELLED.value}
    await world.check(halted="operator")


async def test_o06_while_a_cancel_is_in_doubt_its_order_counts(world: World) -> None:
    await world.start()
    await world.faults({"kind": "request_lost", "action": "cancelByCloid"})
    world.move(2)
    await world.struck()
    await world.turn()
    resting = {o.cloid for o in world.ours()}
    live = {
        cloid for cloid, state in states(world).items() if state in ("open", "cancelling", "unknown", "sent")
    }
    assert resting <= live, "nothing that rests was dropped"
    await world.faults()
    await whole_after_doubts(world)
    await world.check()


async def test_o07_a_cancel_that_meets_a_fill_waits_for_the_fill(world: World) -> None:
    """``never placed, already canceled, or filled`` says nothing of how much had traded."""
    await world.start()
    await world.faults(
        {"kind": "ws_delay", "channel": "userFills", "delay_ms": 1_500},
        {"kind": "ws_delay", "channel": "orderUpdates", "delay_ms": 1_500},
    )
    bid = max((o for o in world.ours() if o.side is Side.BUY), key=lambda o: o.price)
    world.hit(bid.lots)
    halting = await world.control("halt")
    assert halting["ok"], halting
    assert states(world)[str(bid.cloid)] == OrderState.FILLED.value
    await world.check(halted="operator")
    assert world.coin().fills.total == 1


async def test_o08_a_list_of_open_orders_from_before_a_placement_drops_no_order(world: World) -> None:
    await world.start()
    await world.faults({"kind": "rest_lag", "action": "frontendOpenOrders", "delay_ms": 4_000})
    world.hit(10_000, 10_000)  # levels fill, so that new orders are placed that the list doesn't show
    await world.until(lambda: world.coin().fills.total >= 2, "it trades")
    for _ in range(3):
        await world.control("resync")
    await world.struck()
    await world.check()
    assert not world.told("orphan_order_cancelled")


async def test_o09_an_order_of_ours_without_a_row_is_cancelled_and_a_foreign_one_is_not(world: World) -> None:
    await world.start()
    (instance,) = [row[0] for row in world.rows("SELECT value FROM meta WHERE key = 'instance'")]
    (boot,) = [row[0] for row in world.rows("SELECT boot FROM boots")]
    await world.crash()
    price = world.instrument().round_price_down(world.mid() * 9 // 10)
    lost = make_cloid(instance, boot, 4_000)
    world.watch.planted.add(lost)
    await world.place_by_hand(Side.BUY, price, 200, cloid=lost)
    await world.place_by_hand(Side.BUY, price, 200)
    await world.start(resting=None)
    await world.until(lambda: all(o.cloid != lost for o in world.resting()), "the orphan is gone")
    await world.check("orphan_order_cancelled")


async def test_o09_an_order_of_another_instance_halts(world: World) -> None:
    await world.start()
    price = world.instrument().round_price_down(world.mid() * 9 // 10)
    other = make_cloid("0badc0de", "00000001", 1)
    world.watch.planted.add(other)
    await world.place_by_hand(Side.BUY, price, 200, cloid=other)
    await world.until(lambda: "another GridBot instance" in world.snapshot.halt_reason, "it halts")
    await world.until(lambda: {o.cloid for o in world.ours()} == {other}, "ours are cancelled, its isn't")


async def test_o19_an_order_whose_answer_is_lost_is_open_by_its_update(world: World) -> None:
    await world.start()
    await world.faults({"kind": "answer_lost", "action": "order", "count": 1})
    world.hit(10_000)
    await world.struck()
    await world.until(world.is_whole, "the update alone settles it", 3)
    await world.check()


async def test_o20_an_order_that_ended_waits_for_its_fills_and_asks_for_them(world: World) -> None:
    await world.start()
    bid = max((o for o in world.ours() if o.side is Side.BUY), key=lambda o: o.price)
    await world.faults({"kind": "ws_drop", "channel": "userFills", "count": 1})
    world.hit(bid.lots)
    await world.until(
        lambda: states(world)[str(bid.cloid)] == OrderState.AWAITING_FILLS.value, "it waits for its fills"
    )
    await world.until(lambda: states(world)[str(bid.cloid)] == OrderState.FILLED.value, "they came", 8)
    await world.check()
    assert world.rows("SELECT source FROM fills") in ([("resolver",)], [("rest",)])


async def test_o21_a_batch_that_breaks_off_in_its_answer_is_settled_order_by_order(world: World) -> None:
    await world.faults({"kind": "http_truncate", "action": "order", "count": 1})
    await world.start()
    await world.struck()
    told = world.told("order_unknown")
    assert len(told) == GRID
    assert len(world.watch.cloids) == GRID, "one send"
    await world.check("order_unknown")


async def _killed_with(world: World, *faults: dict[str, Any]) -> set[str]:
    """Crash while the first batch is on its way; the cloids of its rows."""
    await world.faults(*faults)
    await world.start(resting=None)
    await world.until(lambda: len(states(world)) == GRID, "the intents are durable")
    await world.struck()
    await world.crash()
    await world.faults()
    assert set(states(world).values()) <= {OrderState.SENT.value, OrderState.UNKNOWN.value}
    return set(states(world))


async def test_o22_a_kill_between_sending_and_the_answer_leaves_no_orphan_and_no_second_order(
    world: World,
) -> None:
    sent = await _killed_with(
        world,
        {"kind": "http_delay", "action": "order", "delay_ms": 4_000, "count": 1},
        {"kind": "ws_drop", "channel": "orderUpdates"},
    )
    await world.start()
    assert {o.cloid for o in world.ours()} == sent, "what rests is adopted"
    await world.check()


async def test_o22_a_kill_before_anything_arrived_frees_the_slots_only_when_that_is_certain(
    world: World,
) -> None:
    lost = await _killed_with(world, {"kind": "request_lost", "action": "order", "count": 1})
    await world.start(resting=None)
    await whole_after_doubts(world)
    assert {states(world)[cloid] for cloid in lost} == {OrderState.NEVER_PLACED.value}
    await world.check()
