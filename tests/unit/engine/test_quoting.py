"""One coin's grid over time: fills, refusals, recentring, caps, and no loop."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from core.domain.effects import Effect, Notify, Place, SaveGrid
from core.domain.events import FillsCommitted, Quote, Refused, Resting, Unsettled
from core.domain.orders import OrderState, Side, Tif
from core.engine.risk_engine import Rule
from core.engine.velocity import Velocity
from tests.unit.engine.builders import (
    MID,
    VENUE_0,
    Bench,
    cancelled,
    coin_config,
    fill,
    make_engine,
    notices,
    of_kind,
    placed,
    quote,
    update,
)

BUY, SELL = Side.BUY, Side.SELL


def test_the_first_grid_is_post_only_within_the_cap_and_saved() -> None:
    bench = Bench()
    effects = bench.start()
    orders = placed(effects)
    assert [o.tif for o in orders] == [Tif.ALO] * 6
    assert len(of_kind(SaveGrid, effects)) == 1
    assert all(o.expires_ms == bench.now.venue_ms + 5_000 for o in orders)
    assert bench.coin.exposure.worst_long <= 150


def test_a_fill_is_answered_one_spacing_away_by_the_same_difference() -> None:
    bench = Bench().started()
    nearest = next(o for o in bench.live if o.side is BUY and o.price == MID - 10_000)
    (answer,) = placed(bench.trade(nearest))
    assert (answer.side, answer.price, answer.lots) == (SELL, MID, 50)
    bench.rest([answer])
    (back,) = placed(bench.trade(answer))
    assert (back.side, back.price, back.lots) == (BUY, MID - 10_000, 50)


def test_a_fill_in_parts_is_answered_once_it_is_worth_an_order() -> None:
    bench = Bench().started()
    nearest = next(o for o in bench.live if o.side is BUY and o.price == MID - 10_000)
    assert placed(bench.trade(nearest, 4)) == []
    (answer,) = placed(bench.trade(nearest, 2))
    assert (answer.side, answer.lots) == (SELL, 6)


def test_an_event_that_changes_nothing_wants_nothing() -> None:
    bench = Bench().started()
    assert placed(bench.step(quote())) == []
    assert cancelled(bench.after(200, quote(MID + 200))) == []


@pytest.mark.parametrize(
    "bad", [(MID, None), (None, MID), (None, None), (MID, MID), (MID + 100, MID), (0, MID)], ids=str
)
def test_a_one_sided_or_crossed_quote_makes_no_plan(bad: tuple[int | None, int | None]) -> None:
    bench = Bench()
    bench.engine.saw_account = bench.engine.saw_open_orders = True
    bench.connect()
    assert placed(bench.step(Quote("SOL", *bad, VENUE_0))) == []
    assert bench.coin.idle_reason == "waiting for a quote with both sides; what rests stays"


def test_a_second_batch_waits_for_the_answer_to_the_first() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.answer(orders[:0], lambda o: Resting(1))  # an answer to nothing frees the lane
    bench.coin.placing = {"another batch"}
    bench.step(update(orders[0], "canceled", 50))
    assert placed(bench.after(10_000)) == []
    bench.coin.placing = set()
    assert len(placed(bench.after(10))) == 1


def test_a_post_only_refusal_is_tried_again_with_growing_pauses_and_no_loop() -> None:
    bench = Bench()
    waiting = placed(bench.start())
    bench.rest(waiting[1:])
    tries, waiting = [], waiting[:1]
    while bench.ms < 30_000:
        if waiting:
            tries.append(bench.ms)
            bench.answer(waiting, lambda o: Refused("Post only order would have immediately matched"))
        waiting = placed(bench.after(100))
    gaps = [b - a for a, b in pairwise(tries)]
    assert gaps == [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000]
    assert bench.engine.breakers.api_error_streak == 0


def test_a_refusal_told_twice_counts_once_in_either_order() -> None:
    for update_first in (True, False):
        bench = Bench()
        first = placed(bench.start())[0]
        told = [
            lambda b=bench, o=first: b.step(update(o, "badAloPxRejected")),
            lambda b=bench, o=first: b.answer([o], lambda _: Refused("Post only order")),
        ]
        for tell in told if update_first else reversed(told):
            tell()
        assert notices(bench.done).count("order_rejected") == 1
        assert [d.step_ms for d in bench.coin.deferrals.by_slot.values()] == [200]
        (rejected,) = [e for e in bench.done if isinstance(e, Notify) and e.name == "order_rejected"]
        assert dict(rejected.fields)["reason"] == "Post only order", "in the exchange's own words"


def test_an_order_that_the_exchange_keeps_cancelling_is_not_replaced_in_a_loop() -> None:
    bench = Bench().started()
    target, sent = bench.live[0], 0
    bench.step(update(target, "marginCanceled", 50))
    while bench.ms < 30_000:
        for again in placed(bench.after(100)):
            sent += 1
            bench.rest([again])
            bench.step(update(again, "marginCanceled", 50))
    assert 5 <= sent <= 12
    assert "order_cancelled" in notices(bench.done)


def test_a_row_with_an_unknown_status_is_told_and_keeps_the_order_in_doubt() -> None:
    bench = Bench().started()
    bench.step(update(bench.live[0], "quantumSuspended"))
    assert bench.live[0].state is OrderState.UNKNOWN
    assert "order_unknown" in notices(bench.done)
    assert bench.engine.halted == bench.coin.halted == ""


def test_unknown_orders_block_their_slots_and_count_in_full() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.answer(orders, lambda o: Unsettled("time-out"))
    assert placed(bench.after(4_000, quote())) == []
    assert bench.coin.exposure.worst_long == bench.coin.exposure.worst_short == 150


# -- recentring ----------------------------------------------------------------------------------------------------------


def test_the_grid_moves_only_once_the_mid_has_left_it_and_its_interval_has_passed() -> None:
    bench = Bench().started()
    for mid, ms, moved in ((2_039_000, 61_000, False), (2_041_000, 0, True), (2_100_000, 59_000, False)):
        effects = bench.after(ms, quote(mid))
        assert bool(of_kind(SaveGrid, effects)) is moved, mid
    assert bench.coin.grid is not None
    assert (bench.coin.grid.generation, bench.coin.grid.center) == (2, 2_040_000), "a line of the old grid"


def test_a_grid_that_this_minutes_orders_could_not_replace_stays_until_they_can() -> None:
    """X6: a rebuild that the order velocity forbids to place must not cancel."""
    bench = Bench()
    bench.coin.config = replace(bench.coin.config, recenter_interval_ms=1_000)
    bench.coin.velocity = Velocity(max_orders=10)
    bench.started()
    assert cancelled(bench.after(5_000, quote(2_045_000))) == []
    assert len(bench.live) == 6
    assert cancelled(bench.after(56_000, quote(2_045_000)))
    assert bench.coin.grid is not None
    assert bench.coin.grid.generation == 2


def recentred() -> tuple[Bench, list[Effect]]:
    """A grid whose mid has left it upwards, and what that set off; the cap leaves room for both grids."""
    bench = Bench(make_engine(cap_micro=10**9)).started()
    return bench, bench.after(61_000, quote(2_045_000))


def generations(bench: Bench) -> set[int]:
    return {o.slot.generation for o in bench.live if o.slot}


def test_the_farthest_half_of_the_old_grid_goes_first_and_the_rest_when_a_new_order_rests() -> None:
    bench, effects = recentred()
    gone = cancelled(effects)
    assert len(gone) == 3
    left = [o for o in bench.live if o.slot and o.slot.generation == 1 and o not in gone]
    center = 2_045_000
    assert min(abs(o.price - center) for o in gone) >= max(
        abs(o.price - center) for o in left if o.state is OrderState.OPEN
    )
    fresh = placed(effects)
    assert fresh
    effects = bench.rest(fresh)
    assert len(cancelled(effects)) == 3
    bench.settle_cancels([*bench.done])
    assert generations(bench) == {2}


def test_a_new_grid_whose_placements_are_refused_leaves_half_of_the_old_one_resting() -> None:
    bench, effects = recentred()
    bench.settle_cancels(effects)
    for _ in range(40):
        effects = bench.answer(placed(effects), lambda _: Refused("not sent: no route")) + bench.after(400)
    resting = [o for o in bench.live if o.state is OrderState.OPEN]
    assert len(resting) == 3
    assert {o.slot.generation for o in resting if o.slot} == {1}


def test_a_new_grid_whose_placements_are_unanswered_leaves_half_of_the_old_one_resting() -> None:
    bench, effects = recentred()
    bench.settle_cancels(effects)
    bench.answer(placed(effects), lambda _: Unsettled("time-out"))
    bench.after(1_000)
    assert sum(o.state is OrderState.OPEN for o in bench.live) == 3


def test_old_orders_give_way_when_nothing_new_can_be_placed_beside_them() -> None:
    """A tight cap: all of the old grid's exposure must go before the new one may take its share."""
    bench = Bench().started()
    effects = bench.after(61_000, quote(2_045_000))
    for _ in range(4):
        effects = bench.settle_cancels(effects) + bench.rest(placed(effects)) + bench.after(300)
    bench.settle_cancels(bench.done)
    bench.rest(placed(bench.after(300)))
    assert generations(bench) == {2}


def test_a_late_fill_of_the_old_grid_moves_the_ledger_and_no_cell_of_the_new() -> None:
    bench = Bench().started()
    old = next(o for o in bench.live if o.side is SELL)
    bench.after(61_000, quote(2_045_000))
    bench.trade(old)
    assert bench.coin.ledger.lots == -50
    assert bench.coin.plan is not None
    assert bench.coin.plan.traded == {}


def test_a_compressed_spacing_is_told_once_per_change() -> None:
    bench = Bench(make_engine(spacing_ppb=100_000))
    bench.started()
    for n in range(5):
        bench.settle_cancels(bench.after(61_000, quote(MID + 30_000 * (n + 1))))
    assert bench.coin.grid is not None
    assert bench.coin.grid.generation == 6
    assert notices(bench.done).count("grid_compression_override") == 1


def test_settings_that_allow_no_grid_are_told_once_and_quote_nothing() -> None:
    bench = Bench(make_engine(size_micro=5_000_000))
    bench.start()
    bench.after(200, quote())
    assert of_kind(Place, bench.done) == []
    assert notices(bench.done).count("grid_impossible") == 1
    assert "HL_INVESTMENT_USD" in bench.coin.idle_reason


def test_a_grid_from_the_journal_that_was_built_with_a_higher_cap_is_not_used() -> None:
    """The operator lowered HL_MAX_POSITION_ABS and started again: the new cap must hold at once."""
    bench = Bench(make_engine(cap_lots=60))
    built = Bench().started().coin.grid
    assert built is not None
    bench.coin.start_grid(replace(built, cap_long=150, cap_short=150))
    bench.start()
    assert bench.coin.grid is not None
    assert (bench.coin.grid.cap_long, bench.coin.grid.cap_short, bench.coin.grid.generation) == (60, 60, 2)
    assert bench.coin.exposure.worst_long <= 60


def test_nothing_of_a_grid_rests_once_its_settings_allow_none() -> None:
    bench = Bench().started()
    bench.coin.config = coin_config(size_micro=5_000_000)
    effects = bench.after(200, quote())
    assert len(cancelled(effects)) == 6
    bench.settle_cancels(effects)
    assert placed(bench.after(61_000, quote())) == []


def test_a_grid_from_the_journal_with_the_same_settings_goes_on() -> None:
    bench = Bench()
    built = Bench().started().coin.grid
    assert built is not None
    bench.coin.start_grid(built, {-1: 50})
    bench.start(0)
    assert bench.coin.grid == built
    assert any(o.side is SELL and o.price == MID for o in bench.live), "what the cell has bought is sold"


# -- the cap -------------------------------------------------------------------------------------------------------------


def test_a_breach_from_outside_cancels_the_farthest_orders_of_the_increasing_side() -> None:
    bench = Bench().started()
    effects = bench.step(FillsCommitted((fill(BUY, 60, 0, trade_id=77),)))
    assert sorted(o.price for o in cancelled(effects)) == [MID - 30_000, MID - 20_000]
    assert "external" in str(of_kind(Notify, effects))
    bench.settle_cancels(effects)
    assert bench.coin.exposure.worst_long <= 150
    assert len([o for o in bench.live if o.side is SELL]) == 3


def test_a_breach_is_brought_back_even_while_nothing_new_may_be_quoted() -> None:
    bench = Bench().started()
    gap = fill(BUY, 60, start=500, trade_id=77)  # a fill before it is missing, so quoting stops
    effects = bench.step(FillsCommitted((gap,)))
    assert bench.coin.idle_reason == "a fill is missing; reading it back"
    assert len(cancelled(effects)) == 2


def test_a_grid_without_an_end_adds_no_short_past_its_cap_in_usd_however_far_the_price_has_risen() -> None:
    """Its cap was lots at the price that it was built at: at twice that price it sold twice as many USD."""
    bench = Bench(make_engine(strategy="endless")).started()
    most = Decimal(0)
    for step in range(1, 61):
        mid = MID + step * MID // 40
        bench.ms += 2_000
        for order in [o for o in bench.live if o.side is Side.SELL and o.price <= mid and step > 40]:
            bench.rest(placed(bench.trade(order)))
        for _ in range(3):
            out = bench.after(1, quote(mid))
            bench.settle_cancels(out)
            bench.rest(placed(out))
        most = max(most, Decimal(bench.coin.exposure.worst_short * mid).scaleb(-6))
    assert 200 < most <= 300 + 10, "but for what it held already while the price rose"
    assert any(b.why.rule is Rule.CAP for b in bench.coin.blocked)


def test_in_the_upper_part_of_a_range_its_cap_in_usd_is_fewer_lots_than_at_its_center() -> None:
    bench = Bench(make_engine(strategy="range", range_low=MID // 2, range_high=3 * MID, levels=10))
    out = bench.start()
    while orders := placed(out):
        out = bench.answer(orders, lambda _: Refused("no"))
    here = 5 * MID // 2
    bench.step(quote(here))
    for _ in range(20):
        out = bench.after(500, quote(here))
        bench.settle_cancels(out)
        bench.rest(placed(out))
    sells = [o for o in bench.live if o.side is Side.SELL]
    assert len(sells) == 1, (
        "five lines lie there or above, and three would be within the cap at the center's price"
    )
    assert sells[0].price == here, "a line"
    assert Decimal(bench.coin.exposure.worst_short * here).scaleb(-6) <= 300
    assert {b.why.rule for b in bench.coin.blocked if b.level.price > here} == {Rule.CAP}
