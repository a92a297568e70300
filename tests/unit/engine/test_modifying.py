"""A resting order becomes another level in one action: which ones may, what counts meanwhile, and what settles both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.domain.causes import Cause
from core.domain.effects import AskOrderStatus, Cancel, Effect, Modify, Place, SaveOrder
from core.domain.events import FillsCommitted, PlaceOutcome, PlaceResult, Refused, Resting, Unsettled
from core.domain.grid import PPB
from core.domain.orders import Order, OrderState, Side, Slot
from core.engine import modifying, quoting
from core.engine.circuit_breaker import BreakerName
from core.engine.levels import Level, Scales
from core.engine.modifying import pair
from core.engine.order_manager import ASK_AGAIN_MS, OrderManager
from core.engine.skew import Skew, SkewSettings
from core.engine.velocity import Velocity
from tests.unit.engine.builders import (
    MID,
    Bench,
    at,
    fill,
    make_engine,
    of_kind,
    order,
    placed,
    quote,
    update,
)
from tests.unit.engine.venue import ACTIONS, Venue

BUY, SELL = Side.BUY, Side.SELL
WIDE = {"cap_micro": 10**9}
"""Room for two grids."""


def level(price: int, side: Side = BUY, index: int = 0) -> Level:
    return Level(Slot(2, side, index), price, 50)


def modifies(effects: list[Effect]) -> list[tuple[Order, Order]]:
    return [pair for effect in of_kind(Modify, effects) for pair in effect.pairs]


def replaced(effects: list[Effect], result: PlaceResult, old: str = "") -> PlaceOutcome:
    """One answer to every change in ``effects``."""
    pairs = modifies(effects)
    return PlaceOutcome(
        tuple((new.cloid, result) for _, new in pairs), None, tuple((o.cloid, old) for o, _ in pairs)
    )


def outspread(bench: Bench | None = None) -> tuple[Bench, list[Effect]]:
    """A grid that rests and is to have wider lines, and what that set off."""
    bench = bench or Bench(make_engine(**WIDE)).started()
    bench.coin.overrides = replace(bench.coin.overrides, spacing_ppb=8_000_000)
    return bench, bench.after(61_000, quote())


def resized() -> tuple[Bench, list[Effect]]:
    """A grid whose adding side is to rest smaller after a trade by hand."""
    bench = Bench(make_engine(**WIDE)).started()
    bench.coin.skew = Skew(SkewSettings(soft_ppb=PPB // 5))
    one = fill(BUY, 210, 0, bench.ms, 77, order_id=1)
    return bench, bench.step(FillsCommitted((one,)))


# -- which becomes which -------------------------------------------------------------------------------------------------


def test_each_level_gets_the_nearest_order_of_its_side_and_each_order_one_level() -> None:
    orders = [order(1, price=100), order(2, price=110), order(3, price=200), order(4, SELL, price=101)]
    found = pair([level(104), level(105), level(102), level(99, index=3)], orders)
    assert [(o.price, w.price) for o, w in found] == [(100, 104), (110, 105), (200, 102)]
    assert pair([level(105)], orders[:2])[0][0].price == 100, "of two as near the lower"
    assert pair([level(100, SELL)], orders[:3]) == ()


@pytest.mark.parametrize("seen", ["without an id", "traded in part", "in doubt"])
def test_only_an_order_of_which_all_is_known_is_modified(seen: str) -> None:
    bench = Bench(make_engine(**WIDE)).started()
    odd = min((o for o in bench.live), key=lambda o: o.price)
    if seen == "without an id":
        bench.coin.orders.by_cloid[odd.cloid] = bench.coin.orders._live[odd.cloid] = replace(
            odd, order_id=None
        )
    elif seen == "traded in part":
        bench.trade(odd, 3)
    else:
        bench.coin.orders._begin_doubt(odd.cloid, bench.now)
    _, effects = outspread(bench)
    assert modifies(effects)
    assert odd.cloid not in {old.cloid for old, _ in modifies(effects)}
    assert odd.cloid in {o.cloid for effect in of_kind(Cancel, effects) for o in effect.orders}


def test_a_new_grid_takes_the_old_ones_place_order_by_order_and_the_nearest_half_waits_for_proof() -> None:
    bench, effects = outspread()
    first = modifies(effects)
    assert len(first) == 3
    assert not of_kind(Cancel, effects)
    assert not of_kind(Place, effects), "what the other half will become isn't placed beside it"
    assert all(new.slot and new.slot.generation == 2 and old.side is new.side for old, new in first)
    resting = [o for o in bench.live if o.state is OrderState.OPEN]
    assert len(resting) == 3, "the book is not naked while placing is not proven (C-1)"
    second = modifies(bench.step(replaced(effects, Resting(bench.next_oid()))))
    assert {old.cloid for old, _ in second} == {o.cloid for o in resting}


def test_both_rows_are_saved_before_the_change_in_one_step() -> None:
    _, effects = outspread()
    (change,) = of_kind(Modify, effects)
    saved = {e.order.cloid: (e.order.state, n) for n, e in enumerate(effects) if isinstance(e, SaveOrder)}
    for old, new in change.pairs:
        assert saved[old.cloid][0] is old.state is OrderState.CANCELLING
        assert saved[new.cloid][0] is new.state is OrderState.SENT
        assert max(saved[old.cloid][1], saved[new.cloid][1]) < effects.index(change)


def test_a_level_of_another_size_is_changed_in_its_slot_and_both_count() -> None:
    bench, effects = resized()
    pairs = modifies(effects)
    assert [(o.side, o.lots, n.lots) for o, n in pairs] == [(BUY, 50, 25)] * 3
    assert all(o.slot == n.slot and o.price == n.price for o, n in pairs)
    assert not of_kind(Cancel, effects)
    assert bench.coin.exposure.open_buys == 3 * (50 + 25)
    assert {bench.coin.orders.by_slot[n.slot] for _, n in pairs if n.slot} == {n.cloid for _, n in pairs}


def test_what_is_placed_in_the_same_step_takes_its_room_before_changes_of_size_do() -> None:
    coin = Bench(make_engine(**WIDE)).started().coin
    assert coin.plan is not None
    coin.plan.rescale(Scales(PPB // 2, PPB))
    coin.plan.update(coin.orders)
    old = list(coin.plan.unwanted.values())
    gate = quoting.gate_of(coin, coin.plan.grid, at(0))
    gate = replace(gate, limits=replace(gate.limits, cap_long=coin.exposure.worst_long + 60))
    assert len(modifying.resizing(coin, coin.plan, gate, (), old).pairs) == 2, "25 lots each"
    beside = (level(MID - 200_000, index=-9),)
    assert modifying.resizing(coin, coin.plan, gate, beside, old).pairs == ()


def test_what_does_not_fit_beside_the_old_orders_is_cancelled_and_placed() -> None:
    bench, effects = outspread(Bench().started())
    assert not modifies(effects), "the cap holds one grid alone"
    assert of_kind(Cancel, effects)
    assert bench.coin.exposure.worst_long <= 150


def test_a_probe_of_the_breaker_is_a_placement_and_changes_nothing_that_rests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(make_engine(**WIDE)).started()
    monkeypatch.setattr("core.engine.acting._room", lambda *_: 1)
    _, effects = outspread(bench)
    assert not modifies(effects)
    assert [len(batch.orders) for batch in of_kind(Place, effects)] == [1, 1]


def test_nothing_is_changed_while_the_breaker_of_placements_is_open() -> None:
    bench = Bench(make_engine(**WIDE)).started()
    breaker = bench.engine.breakers[BreakerName.PLACE]
    breaker.failure(Cause.SERVER, "HTTP 500", at(61_000), at_once=True)
    _, effects = outspread(bench)
    assert not [e for e in effects if isinstance(e, ACTIONS)]
    assert {o.state for o in bench.live} == {OrderState.OPEN}


def test_an_order_that_can_be_changed_waits_while_another_batch_is_unanswered() -> None:
    bench = Bench(make_engine(**WIDE)).started()
    bench.coin.placing = {"another batch"}
    _, effects = outspread(bench)
    assert not [e for e in effects if isinstance(e, ACTIONS)]
    bench.coin.placing = set()
    assert len(modifies(bench.after(10))) == 3


def test_a_change_counts_as_one_order_of_this_minute() -> None:
    bench, effects = outspread()
    before = bench.coin.velocity.orders.used(bench.now)
    bench.step(replaced(effects, Resting(bench.next_oid())))
    assert bench.coin.velocity.orders.used(bench.now) - before == 3


def test_no_more_is_changed_than_this_minutes_orders_allow() -> None:
    bench = Bench(make_engine(**WIDE)).started()
    bench.coin.skew = Skew(SkewSettings(soft_ppb=PPB // 5))
    bench.coin.velocity = Velocity(max_orders=2)
    effects = bench.step(FillsCommitted((fill(BUY, 210, 0, bench.ms, 77, order_id=1),)))
    assert len(modifies(effects)) == 2


# -- what settles it -----------------------------------------------------------------------------------------------------


def test_the_answer_places_the_new_order_and_the_update_ends_the_old_one() -> None:
    bench, effects = resized()
    (old, new), *_ = modifies(effects)
    for n, (_, each) in enumerate(modifies(effects)):
        bench.step(
            PlaceOutcome(((each.cloid, Resting(500 + n)),), None, ((modifies(effects)[n][0].cloid, ""),))
        )
    orders = bench.coin.orders
    assert orders.by_cloid[old.cloid].state is OrderState.CANCELLING, "an answer settles nothing (ADR 3)"
    assert orders.by_cloid[new.cloid].state is OrderState.OPEN
    for each, _ in modifies(effects):
        bench.step(update(each, "canceled", 50))
    assert orders.by_cloid[old.cloid].state is OrderState.CANCELLED
    assert bench.coin.exposure.open_buys == 75
    assert not orders.doubles


def test_a_fill_of_the_old_order_in_the_race_is_its_cells_and_the_new_one_was_never_placed() -> None:
    bench, effects = resized()
    (old, new), *_ = modifies(effects)
    bench.trade(old)
    assert bench.coin.plan is not None
    assert bench.coin.plan.traded[old.slot.index if old.slot else 0] == 50
    gone = Refused("Cannot modify canceled or filled order", Cause.GONE)
    bench.step(replaced(effects, gone, gone.reason))
    assert bench.coin.orders.by_cloid[new.cloid].state is OrderState.REJECTED
    assert bench.coin.orders.by_cloid[old.cloid].state is OrderState.FILLED
    assert bench.coin.ledger.lots == 260


@pytest.mark.parametrize(
    "result",
    [
        Refused("Cannot modify canceled or filled order", Cause.GONE),
        Refused("Error placing new order during modify: Post only order would have ...", Cause.POST_ONLY),
        Unsettled("no answer"),
    ],
    ids=lambda r: r.reason[:12],
)
def test_of_an_old_order_whose_successor_was_not_placed_the_status_is_asked_at_once(
    result: Refused | Unsettled,
) -> None:
    bench, effects = resized()
    pairs = modifies(effects)
    bench.step(replaced(effects, result, result.reason))
    asked = {e.cloid for e in of_kind(AskOrderStatus, bench.after(10))}
    assert {old.cloid for old, _ in pairs} <= asked
    states = {bench.coin.orders.by_cloid[new.cloid].state for _, new in pairs}
    assert states == {OrderState.UNKNOWN if isinstance(result, Unsettled) else OrderState.REJECTED}
    assert all(bench.coin.orders.by_cloid[old.cloid].state is OrderState.CANCELLING for old, _ in pairs)
    held = sum(o.remaining for o in bench.live if o.side is BUY)
    assert bench.coin.exposure.open_buys == held == 150 + (75 if isinstance(result, Unsettled) else 0)
    assert not modifies(bench.after(10)), "neither is sent again"


def test_an_old_order_that_still_rests_has_its_slot_back_and_is_changed_again() -> None:
    bench, effects = resized()
    pairs = modifies(effects)
    bench.step(replaced(effects, Refused("not sent: no route", Cause.UNSENT), "not sent: no route"))
    bench.after(ASK_AGAIN_MS)
    again: list[Effect] = []
    for old, _ in pairs:
        again += bench.step(update(old, "open", 50))
    assert {old.cloid for old, _ in modifies(again)} & {old.cloid for old, _ in pairs}
    slots = [o.slot for o in bench.live if o.state in (OrderState.OPEN, OrderState.SENT)]
    assert len(slots) == len(set(slots))


def test_what_waits_for_proof_is_not_doubled_while_a_change_of_unknown_fate_may_prove_it() -> None:
    bench, effects = outspread()
    first = modifies(effects)
    failed = bench.step(replaced(effects, Unsettled("time-out"), "time-out"))
    failed += bench.after(1_000, quote())
    assert not of_kind(Place, failed), "what the other half will become isn't placed beside it"
    assert not of_kind(Cancel, failed)
    assert not modifies(failed)
    assert len([o for o in bench.live if o.state is OrderState.OPEN]) == 3
    waiting = {o.cloid for o in bench.live if o.state is OrderState.OPEN}
    told = bench.step(update(first[0][1], "open", order_id=4_711))
    told += bench.step(*(update(o, "open", 50) for o, _ in first))
    assert {old.cloid for old, _ in modifies(told)} == waiting, "placing is proven"


def test_where_nothing_on_its_way_could_prove_a_new_grid_one_level_is_placed_beside_the_old() -> None:
    bench, effects = outspread()
    first = modifies(effects)
    sent = bench.step(replaced(effects, Unsettled("time-out"), "time-out"))
    sent += bench.step(*(update(new, "perpMarginRejected") for _, new in first))
    assert len(placed(sent)) == 1
    assert not of_kind(Cancel, sent)


def test_after_a_kill_between_the_rows_and_the_bytes_evidence_alone_settles_both() -> None:
    _, effects = resized()
    (old, new), *_ = modifies(effects)
    for rows in ((old, new), (new, old)):
        book = OrderManager()
        for row in rows:
            book.restore(row, at(0))
        assert book.by_cloid[new.cloid].state is OrderState.UNKNOWN
        assert book.by_cloid[old.cloid].state is OrderState.CANCELLING
        assert book.exposure() == (75, 0)
        assert old.slot is not None
        assert book.by_slot[old.slot] == new.cloid, "the slot is the new one's"
        assert {o.cloid for o in book.due_questions(at(0))} == {old.cloid, new.cloid}
        book.apply_update(update(old, "canceled", 50), at(10))
        book.apply_update(update(new, "open", order_id=4_711), at(20))
        assert [(o.cloid, o.state) for o in book.live()] == [(new.cloid, OrderState.OPEN)]
        assert not book.doubles


def test_a_halt_cancels_old_and_new_alike_while_a_change_is_on_its_way_and_each_once() -> None:
    """I7: whether the change is ever made is not waited for."""
    bench, effects = resized()
    pairs = modifies(effects)
    bench.engine.halted = "a rule"
    halt = bench.after(10)
    gone = [o.cloid for effect in of_kind(Cancel, halt) for o in effect.orders]
    assert {o.cloid for pair_ in pairs for o in pair_} <= set(gone)
    assert len(gone) == len(set(gone))
    assert not of_kind(Cancel, bench.after(10))


def test_a_halt_does_not_cancel_what_a_change_has_taken_away() -> None:
    bench, effects = resized()
    bench.step(replaced(effects, Resting(bench.next_oid())))
    bench.engine.halted = "a rule"
    halt = bench.after(10)
    gone = {o.cloid for effect in of_kind(Cancel, halt) for o in effect.orders}
    assert not gone & {old.cloid for old, _ in modifies(effects)}


# -- what it saves -------------------------------------------------------------------------------------------------------


def spent(bench: Bench, venue: Venue, begin: list[Effect]) -> tuple[int, int]:
    """Actions, and units of the address's budget, until all is as it is wanted."""
    sent = len(bench.done) - len(begin)
    venue.take(begin)
    venue.settle(10_000)
    actions = [e for e in bench.done[sent:] if isinstance(e, Place | Cancel | Modify)]
    units = sum(len(e.pairs) if isinstance(e, Modify) else len(e.orders) for e in actions)
    wanted = {(w.slot.side, w.price) for w in bench.coin.wanted}
    assert {(b.order.side, b.order.price) for b in venue.resting()} == wanted
    return len(actions), units


def at_rest() -> tuple[Bench, Venue]:
    bench = Bench(make_engine(levels=20, cap_micro=10**10))
    bench.coin.config = replace(bench.coin.config, recenter_interval_ms=0)
    venue = Venue(bench)
    venue.take(bench.start())
    venue.settle(2_000)
    assert len(venue.resting()) == 40
    return bench, venue


def other_lines() -> tuple[int, int]:
    bench, venue = at_rest()
    bench.coin.overrides = replace(bench.coin.overrides, spacing_ppb=8_000_000)
    return spent(bench, venue, bench.after(1_000, quote()))


def far_away() -> tuple[int, int]:
    """The price has gone up through all of the grid and beyond."""
    bench, venue = at_rest()
    venue.move(MID * 14 // 10)
    return spent(bench, venue, [])


def other_sizes() -> tuple[int, int]:
    bench, venue = at_rest()
    bench.coin.skew = Skew(SkewSettings(soft_ppb=PPB // 5))
    one = fill(BUY, 1_400, 0, bench.ms, 77, order_id=1)
    venue.position = one.end_lots
    return spent(bench, venue, bench.step(FillsCommitted((one,))))


@pytest.mark.parametrize(
    ("scene", "before", "now"), [(other_lines, 72, 36), (other_sizes, 40, 20), (far_away, 62, 42)]
)
def test_changes_cost_half_the_units_of_cancels_and_placements(
    scene: Callable[[], tuple[int, int]], before: int, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``far_away``: one of two old sides is changed; the other has traded, so its orders are new."""
    _, units = scene()
    assert units == now
    with monkeypatch.context() as patch:
        patch.setattr(quoting, "is_modifiable", lambda *_: False)
        patch.setattr(modifying, "is_modifiable", lambda *_: False)
        _, units_before = scene()
    assert units_before == before
