"""Orders sent and lots traded within a minute: counted when they happen, refused with the moment that frees them (X6)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.causes import Cause, Failure
from core.domain.commands import Action
from core.domain.events import PlaceOutcome, Refused, Unsettled
from core.domain.orders import Side
from core.engine.risk_engine import Exposure, RiskLimits, Rule, SpeedLimit, allow_order, is_reducing
from core.engine.velocity import WINDOW_MS, Velocity, Window
from core.engine.why_not import frees, slots_without_order
from tests.unit.engine.builders import MID, SOL, Bench, at, cancelled, make_engine, notices, placed, quote

BUY, SELL = Side.BUY, Side.SELL


def limited(orders: int = 0, lots: int = 0) -> Bench:
    bench = Bench()
    bench.coin.velocity.max_orders, bench.coin.velocity.max_lots = orders, lots
    return bench


def sent(bench: Bench) -> int:
    return bench.coin.velocity.orders.used(bench.now)


# -- the window ----------------------------------------------------------------------------------------------------


@given(
    rows=st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 50)), max_size=20).map(sorted),
    later=st.integers(0, 100_000),
    most=st.integers(0, 200),
)
def test_a_window_holds_the_last_minute_and_knows_when_it_will_have_room(
    rows: list[tuple[int, int]], later: int, most: int
) -> None:
    window = Window()
    now_ms = max([ms for ms, _ in rows], default=0) + later
    for ms, amount in rows:
        window.note(amount, at(ms).mono_ms)

    def by_hand(moment_ms: int) -> int:
        return sum(amount for ms, amount in rows if ms <= now_ms and moment_ms - ms < WINDOW_MS)

    assert window.used(at(now_ms)) == by_hand(now_ms)
    frees_ms = window.frees_at(most, at(now_ms)) - at(0).mono_ms
    assert frees_ms >= now_ms
    assert by_hand(frees_ms) <= most
    assert frees_ms == now_ms or by_hand(frees_ms - 1) > most, "not a moment later than need be"


# -- orders --------------------------------------------------------------------------------------------------------


def test_planning_spends_nothing_however_often_it_is_done() -> None:
    bench = limited(orders=6)
    orders = placed(bench.start())
    for _ in range(500):
        bench.after(100, quote())
    assert sent(bench) == 0, "the answer is not here: nothing is known to be sent"
    bench.rest(orders)
    for _ in range(500):
        bench.after(100, quote())
    assert sent(bench) <= 6
    assert not slots_without_order(bench.coin, bench.now)


@pytest.mark.parametrize(
    ("cause", "counts"),
    [
        (Cause.UNSENT, 0),
        (Cause.LOCAL, 0),
        (Cause.STORAGE, 0),
        (Cause.POST_ONLY, 6),
        (Cause.RATE_ADDRESS, 6),
        (Cause.UNANSWERED, 6),
    ],
)
def test_what_left_counts_whatever_became_of_it_and_what_did_not_leave_does_not(
    cause: Cause, counts: int
) -> None:
    bench = limited(orders=100)
    orders = placed(bench.start())
    doubt = Unsettled("?", cause) if cause is Cause.UNANSWERED else Refused("?", cause)
    failure = None if cause.is_answer else Failure(cause, "?")
    bench.step(PlaceOutcome(tuple((o.cloid, doubt) for o in orders), failure))
    assert sent(bench) == counts


def test_past_the_limit_new_orders_wait_and_say_when_they_go() -> None:
    bench = limited(orders=4)
    orders = placed(bench.start())
    assert len(orders) == 4
    bench.ms = 20_000
    assert placed(bench.rest(orders)) == []
    assert notices(bench.done).count("risk_block") == 1
    waiting = slots_without_order(bench.coin, bench.now)
    assert {b.why.rule for b in waiting} == {Rule.ORDER_VELOCITY}
    assert waiting[0].reason == "4 orders within a minute are the limit (4)"
    assert frees(waiting[0], SOL, bench.now) == "60.0 s"
    assert placed(bench.after(WINDOW_MS - 1, quote())) == []
    assert len(placed(bench.after(1, quote()))) == 2


def test_an_order_that_only_reduces_is_never_too_fast() -> None:
    bench = Bench().started()
    for buy in [o for o in bench.live if o.side is BUY]:
        bench.rest(placed(bench.trade(buy)))
    bench.settle_cancels(bench.ask(Action.HALT))
    bench.coin.velocity.max_orders = 1
    orders = placed(bench.ask(Action.RESUME, id_="r"))
    assert {o.side for o in orders} == {SELL}
    assert sum(o.lots for o in orders) == bench.coin.ledger.lots == 150
    assert {b.why.rule for b in slots_without_order(bench.coin, bench.now)} >= {Rule.ORDER_VELOCITY}


def test_a_limit_that_stops_levels_is_told_once_a_minute_and_not_at_every_step() -> None:
    bench = limited(orders=4)
    bench.rest(placed(bench.start()))
    for _ in range(50):
        bench.after(1_000, quote())
    assert notices(bench.done).count("risk_block") == 1


# -- lots ----------------------------------------------------------------------------------------------------------


def test_past_the_limit_of_traded_lots_nothing_is_added_until_they_are_a_minute_old() -> None:
    bench = limited(lots=100)
    bench.rest(placed(bench.start()))
    first, second = [o for o in bench.live if o.side is BUY][:2]
    bench.rest(placed(bench.trade(first)))
    bench.ms = 10_000
    bench.step(quote(MID - 15_000))
    bench.trade(second)
    waiting = slots_without_order(bench.coin, bench.now)
    assert {b.why.rule for b in waiting} == {Rule.POSITION_VELOCITY}
    assert waiting[0].reason == "100 lots traded within a minute (limit 100)"
    assert frees(waiting[0], SOL, bench.now) == "50.0 s"
    assert placed(bench.after(50_000, quote(MID - 15_000)))


def test_speed_never_refuses_what_reduces_and_calls_a_level_that_never_fits_too_large() -> None:
    limits = RiskLimits(1_000, 1_000, 1_000, speed=SpeedLimit(0, 40, 40, 7))
    assert allow_order(Exposure(100, 0, 0), SELL, 40, limits) is None
    refusal = allow_order(Exposure(100, 0, 0), BUY, 40, limits)
    assert refusal is not None
    assert (refusal.rule, refusal.value) == (Rule.POSITION_VELOCITY, 7)
    refusal = allow_order(Exposure(0, 0, 0), BUY, 41, limits)
    assert refusal is not None
    assert (refusal.rule, refusal.value) == (Rule.MAX_ORDER, 40)


@given(
    position=st.integers(-500, 500),
    buys=st.integers(0, 300),
    sells=st.integers(0, 300),
    side=st.sampled_from(Side),
    lots=st.integers(1, 200),
)
def test_reducing_is_all_of_it_after_all_others_of_its_side(
    position: int, buys: int, sells: int, side: Side, lots: int
) -> None:
    others = buys if side is BUY else sells
    assert is_reducing(Exposure(position, buys, sells), side, lots) is (
        -side.sign * position >= others + lots
    )


def test_a_new_grid_that_is_too_fast_to_be_placed_leaves_half_of_the_old_one_at_rest() -> None:
    bench = Bench(make_engine(cap_lots=1_000, cap_micro=10**12))
    bench.coin.velocity = Velocity(max_lots=120)
    bench.coin.config = replace(bench.coin.config, recenter_interval_ms=0)
    bench.started()
    for side in (Side.SELL, Side.BUY):
        mine = [o for o in bench.live if o.side is side]
        bench.rest(placed(bench.trade(min(mine, key=lambda o: abs(o.price - MID)))))
    for _ in range(8):
        out = bench.after(500, quote(MID + 70_000))
        while cancelled(out):
            out = bench.settle_cancels(out)
    assert bench.coin.grid is not None
    assert bench.coin.grid.generation == 2
    assert {b.why.rule for b in bench.coin.blocked} >= {Rule.POSITION_VELOCITY}
    assert {o.slot.generation for o in bench.live if o.slot} == {1}
