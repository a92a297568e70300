"""The stop that rests at the exchange: what it covers, how it changes, when it goes, and what happens if it can't be had."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.causes import Cause
from core.domain.commands import Action
from core.domain.effects import CancelOrphan, Effect, Notify
from core.domain.events import (
    FillsCommitted,
    OpenOrdersObserved,
    Refused,
    RemoteOrder,
    Resting,
    StopRequested,
    Unsettled,
    Waiting,
)
from core.domain.orders import Order, OrderState, Purpose, Side, Slot
from core.engine.grid_calculator import build_filtered_levels
from core.engine.levels import Level
from core.engine.protection import CALM_MS, UNCOVERED_MS, live_stops, stop_price
from core.engine.quoting import gate_of
from core.engine.risk_engine import Exposure, Rule
from core.engine.snapshot import build_snapshot
from core.view import StopState, StopView
from tests.unit.engine.builders import (
    INSTANCE,
    MID,
    OTHER_INSTANCE_CLOID,
    SOL,
    Bench,
    account,
    cancelled,
    fill,
    notices,
    of_kind,
    placed,
    quote,
    remote,
    update,
)

LOW, HIGH = 1_900_000, 2_100_000
"""190 and 210 USD; the mid is 200 and the grid's lines are 1 USD apart."""


def bench(low: int = LOW, high: int = HIGH) -> Bench:
    """A grid that rests, of a coin with stops, nothing held."""
    made = Bench()
    made.coin.config = replace(made.coin.config, stop_low=low, stop_high=high)
    return made.started()


def stops(effects: list[Effect]) -> list[Order]:
    return [o for o in placed(effects) if o.purpose is Purpose.STOP]


def gone(effects: list[Effect]) -> list[Order]:
    return [o for o in cancelled(effects) if o.purpose is Purpose.STOP]


def grid(effects: list[Effect]) -> list[Order]:
    return [o for o in placed(effects) if o.purpose is Purpose.GRID]


def bid(of: Bench) -> Order:
    """The best one."""
    return max((o for o in of.live if o.side is Side.BUY), key=lambda o: o.price)


def view(of: Bench) -> StopView:
    return build_snapshot(of.engine, "paper", of.now).coins[0].stop


def idle(of: Bench) -> str:
    return of.coin.idle_reason


def holding(of: Bench) -> Order:
    """A bid has traded, and the stop for it rests."""
    wanted = of.trade(bid(of))
    (stop,) = stops(wanted)
    of.answer([stop], lambda _: Waiting())
    of.rest(grid(wanted))
    return of.coin.orders.by_cloid[stop.cloid]


def test_while_nothing_is_held_no_stop_is_wanted() -> None:
    one = bench()
    assert not live_stops(one.coin)
    assert view(one) == StopView()


def test_what_was_bought_gets_a_stop_for_it_and_for_what_the_bids_may_still_add() -> None:
    one = bench()
    (stop,) = stops(one.trade(bid(one)))
    assert (stop.side, stop.trigger, stop.reduce_only, stop.slot) == (Side.SELL, LOW, True, None)
    assert stop.lots == one.coin.exposure.worst_long == 150
    assert stop.price == 1_710_000, "a tenth below"
    assert view(one).state is StopState.PLACING
    one.answer([stop], lambda _: Waiting())
    assert view(one) == StopView(
        StopState.RESTING,
        SOL.price_decimal(LOW),
        SOL.size_decimal(150),
        distance=Decimal(10),
        distance_pct=Decimal(5),
    )


def test_what_was_sold_short_gets_its_stop_above() -> None:
    one = bench()
    best = min((o for o in one.live if o.side is Side.SELL), key=lambda o: o.price)
    (stop,) = stops(one.trade(best))
    assert (stop.side, stop.trigger, stop.price) == (Side.BUY, HIGH, 2_310_000)


def test_a_side_without_a_configured_stop_gets_none_and_says_so() -> None:
    one = bench(low=0)
    assert not stops(one.trade(bid(one)))
    assert view(one).reason == "none is configured for this side"
    assert not one.coin.idle_reason


def test_a_stop_between_two_ticks_fires_no_later_than_configured() -> None:
    low, high = 1_900_037, 2_100_037
    assert stop_price(SOL, Side.SELL, low, high) > low
    assert stop_price(SOL, Side.BUY, low, high) < high
    assert SOL.is_valid_price(stop_price(SOL, Side.SELL, low, high))
    assert SOL.is_valid_price(stop_price(SOL, Side.BUY, low, high))


def test_a_stop_counts_in_no_worst_case_and_takes_no_slot() -> None:
    one = bench()
    before = one.coin.exposure
    holding(one)
    after = one.coin.exposure
    assert after.open_sells <= before.open_sells + 50, "the ask for what was bought, not the stop"
    assert len(one.live) == 6


def test_a_larger_stop_rests_before_the_smaller_one_goes() -> None:
    one = bench()
    small = holding(one)
    by_hand = one.step(fills(one, 200))
    assert not gone(by_hand)
    wanted = by_hand + one.after(1_100)
    (large,) = stops(wanted)
    assert large.lots >= 250
    assert not gone(wanted)
    assert gone(one.answer([large], lambda _: Waiting())) == [one.coin.orders.by_cloid[small.cloid]]


def test_a_stop_that_is_too_large_is_replaced_once_it_has_been_for_a_while() -> None:
    one = bench()
    holding(one)
    halted = one.ask(Action.HALT)
    one.settle_cancels(halted)
    assert not stops(one.after(CALM_MS - 1_000))
    (exact,) = stops(one.after(1_500))
    assert exact.lots == one.coin.ledger.lots
    assert len(gone(one.answer([exact], lambda _: Waiting()))) == 1


def test_a_refused_stop_is_tried_ever_less_often_and_nothing_is_quoted_that_adds() -> None:
    one = bench()
    wanted = one.trade(bid(one))
    tries, told = stops(wanted), list[Effect]()
    pending = list(tries)
    for _ in range(600):
        if pending:
            told += one.answer(pending, lambda _: Refused("Too many open orders."))
        pending = stops(one.after(200))
        tries += pending
    assert 6 <= len(tries) <= 9, "120 s of 1, 2, 4 … 60 s"
    crit = [e for e in of_kind(Notify, told) if e.name == "stop_refused"]
    assert len(crit) == len(tries) - len(pending)
    assert {e.severity for e in crit} == {"crit"}
    assert one.coin.idle_reason == "no stop rests at 190: Too many open orders."
    assert all(o.state is OrderState.CANCELLING for o in one.live if o.side is Side.BUY)
    assert any(o.state is OrderState.OPEN for o in one.live if o.side is Side.SELL), "what reduces stays"
    assert (view(one).state, view(one).price, view(one).reason) == (
        StopState.MISSING,
        SOL.price_decimal(LOW),
        "Too many open orders.",
    )
    alerts = [alert.id for alert in build_snapshot(one.engine, "paper", one.now).alerts]
    assert "stop:SOL" in alerts


def test_once_a_refused_stop_rests_the_grid_is_quoted_again() -> None:
    one = bench()
    (stop,) = stops(one.trade(bid(one)))
    one.answer([stop], lambda _: Refused("Too many open orders."))
    one.after(200)
    assert one.coin.idle_reason
    (again,) = stops(one.after(1_100))
    one.answer([again], lambda _: Waiting())
    assert not one.coin.idle_reason


def test_a_first_refusal_because_nothing_is_left_to_reduce_is_a_race_and_no_alarm() -> None:
    one = bench()
    (stop,) = stops(one.trade(bid(one)))
    told = one.answer(
        [stop], lambda _: Refused("Reduce only order would increase position. asset=5", Cause.REDUCE_ONLY)
    )
    assert [e.severity for e in of_kind(Notify, told) if e.name == "stop_refused"] == ["warn"]


def test_a_stop_in_doubt_is_asked_about_and_not_sent_twice() -> None:
    one = bench()
    (stop,) = stops(one.trade(bid(one)))
    one.answer([stop], lambda _: Unsettled("time-out"))
    assert not stops(one.after(2_000))
    assert not idle(one)
    assert not stops(one.after(UNCOVERED_MS))
    assert idle(one) == "no stop rests at 190: time-out"
    one.step(update(stop, "open", stop.lots))
    assert not idle(one)
    assert view(one).state is StopState.RESTING


def test_a_stop_that_was_never_placed_after_all_is_placed_anew() -> None:
    one = bench()
    (stop,) = stops(one.trade(bid(one)))
    one.answer([stop], lambda _: Unsettled("time-out"))
    one.coin.orders._store(one.coin.orders.by_cloid[stop.cloid].moved(OrderState.NEVER_PLACED))
    assert len(stops(one.after(1_100))) == 1


def test_past_the_stop_none_is_sent_the_exchange_would_refuse_it() -> None:
    one = bench()
    one.step(quote(LOW - 1_000))
    assert not stops(one.trade(bid(one)))
    assert view(one).reason == "the price is past it; the position is being closed"


def test_levels_that_would_trade_beyond_the_stop_are_not_quoted_and_say_why() -> None:
    one = bench(low=MID - 25_000, high=0)
    assert sorted(o.price for o in one.live if o.side is Side.BUY) == [MID - 20_000, MID - 10_000]
    blocked = [lv for lv in build_snapshot(one.engine, "paper", one.now).coins[0].grid.levels if lv.rule]
    assert [(lv.rule, lv.blocked_by) for lv in blocked] == [("stop", "is not before the stop at 197.5")]


def test_the_level_at_the_stop_itself_is_beyond_it() -> None:
    one = bench()
    assert one.coin.grid is not None
    at_stop = Level(Slot(1, Side.BUY, -9), LOW, 50)
    before = Level(Slot(1, Side.BUY, -8), LOW + 1_000, 50)
    gate = replace(gate_of(one.coin, one.coin.grid, one.now), exposure=Exposure(0, 0, 0))
    within, beyond = build_filtered_levels([at_stop, before], gate)
    assert within == (before,)
    assert [b.why.rule for b in beyond] == [Rule.STOP]


@pytest.mark.parametrize("is_fill", [False, True])
def test_an_order_that_late_evidence_finds_beyond_the_stop_goes_too(is_fill: bool) -> None:
    one = Bench()
    orders = placed(one.start())
    far = min(orders, key=lambda o: o.price)
    one.answer(orders, lambda o: Refused("said to be refused") if o is far else Resting(one.next_oid()))
    one.coin.config = replace(one.coin.config, stop_low=far.price + 100)
    assert cancelled(one.after(10_000, quote())) == [], "nothing is known to rest beyond it"
    wanted = one.trade(far, 1) if is_fill else one.step(update(far, "open", 50))
    assert [o.cloid for o in cancelled(wanted)] == [far.cloid]


def test_a_stop_that_trades_moves_the_ledger_and_halts_the_coin() -> None:
    one = bench()
    stop = holding(one)
    told = one.trade(stop, 50)
    assert one.coin.ledger.lots == 0
    assert one.coin.halted == "stop_loss: the stop at 190 that rested at the exchange has fired"
    assert notices(told).count("stop_fired") == 1
    assert notices(told).count("risk_halt") == 1
    one.step(update(stop, "triggered", 50), update(stop, "filled"))
    assert not live_stops(one.coin), "it was larger than what was held: no more fills of it will come"


def test_a_stop_whose_order_of_another_name_trades_halts_by_its_status() -> None:
    one = bench()
    stop = holding(one)
    one.step(update(stop, "triggered", stop.lots))
    assert one.coin.halted.startswith("stop_loss: the stop at 190")


def test_told_of_again_after_the_operator_resumed_an_old_stop_halts_nothing() -> None:
    one = bench()
    stop = holding(one)
    one.trade(stop, 50)
    one.step(update(stop, "filled"))
    one.step(account(0, one.now))
    one.coin.halted = ""
    one.step(update(stop, "triggered", 0))
    assert not one.coin.halted


def test_flat_is_proven_by_both_books_before_a_stop_goes() -> None:
    one = bench()
    stop = holding(one)
    one.settle_cancels(one.ask(Action.HALT))
    out = one.step(fills(one, -50))
    assert one.coin.ledger.lots == 0
    assert not gone(out), "the ledger alone proves nothing"
    one.ms += 10
    assert not gone(one.step(account(50, one.now)))
    assert [o.cloid for o in gone(one.step(account(0, one.now)))] == [stop.cloid]


def test_a_flat_account_whose_bids_may_trade_keeps_its_stop() -> None:
    one = bench()
    holding(one)
    one.step(fills(one, -50))
    one.ms += 10
    assert not gone(one.step(account(0, one.now)))


def test_a_look_that_left_before_the_last_fill_proves_no_flat() -> None:
    one = bench()
    holding(one)
    one.settle_cancels(one.ask(Action.HALT))
    asked = one.now
    one.ms += 100
    one.step(fills(one, -50))
    assert not gone(one.step(account(0, asked)))


def test_a_stop_that_the_operator_turned_off_goes() -> None:
    one = bench()
    stop = holding(one)
    one.coin.config = replace(one.coin.config, stop_low=0)
    assert [o.cloid for o in gone(one.after(200))] == [stop.cloid]


def test_a_stop_at_another_price_takes_the_old_ones_place_when_it_rests() -> None:
    one = bench()
    old = holding(one)
    one.coin.config = replace(one.coin.config, stop_low=LOW + 10_000)
    wanted = one.after(1_100)
    (new,) = stops(wanted)
    assert new.trigger == LOW + 10_000
    assert not gone(wanted)
    assert view(one).reason == "another rests until the new one does"
    assert [o.cloid for o in gone(one.answer([new], lambda _: Waiting()))] == [old.cloid]


def test_a_stop_that_the_exchange_shrank_below_what_is_held_is_placed_anew() -> None:
    one = bench()
    stop = holding(one)
    one.ms += 2_000
    listed = OpenOrdersObserved(
        tuple(remote(o, 20 if o.purpose is Purpose.STOP else None) for o in all_live(one)), one.now.mono_ms
    )
    (again,) = stops(one.step(listed))
    assert again.cloid != stop.cloid


def test_a_list_without_the_stop_asks_for_its_fate() -> None:
    one = bench()
    stop = holding(one)
    one.ms += 10_000
    without = tuple(remote(o) for o in all_live(one) if o.purpose is not Purpose.STOP)
    one.step(OpenOrdersObserved(without, one.now.mono_ms))
    one.after(200)
    assert stop.cloid in one.coin.orders.doubts


def test_while_the_bot_stops_it_waits_until_what_is_held_is_protected() -> None:
    one = bench()
    wanted = one.trade(bid(one))
    (stop,) = stops(wanted)
    one.settle_cancels(one.step(StopRequested("test")))
    one.rest(grid(wanted))
    one.settle_cancels(one.after(200))
    assert one.engine.desk.stopping is not None
    one.step(OpenOrdersObserved((), one.now.mono_ms, "stop"))
    assert one.engine.desk.stopping.phase == "cancel"
    one.answer([stop], lambda _: Waiting())
    one.step(OpenOrdersObserved((trigger(stop.cloid),), one.now.mono_ms, "stop"))
    assert one.engine.desk.stopping.phase == "read", "the stop itself stays and is not waited for"


def test_a_stop_of_lost_books_is_cancelled_only_when_ours_rests() -> None:
    lost = f"0x67726462{INSTANCE}0ddb001500000001"
    one = bench()
    (stop,) = stops(one.trade(bid(one)))
    listed = OpenOrdersObserved((*(remote(o) for o in one.live), trigger(lost)), one.now.mono_ms)
    one.engine.orphans = {lost}
    assert not of_kind(CancelOrphan, one.step(listed))
    one.answer([stop], lambda _: Waiting())
    assert [o.cloid for o in of_kind(CancelOrphan, one.step(listed))] == [lost]


def test_a_stop_of_another_instance_is_no_sign_that_it_lives() -> None:
    one = bench()
    one.step(OpenOrdersObserved((trigger(OTHER_INSTANCE_CLOID),), one.now.mono_ms))
    assert not one.engine.halted


def trigger(cloid: str) -> RemoteOrder:
    return RemoteOrder("SOL", cloid, 555, Side.SELL, LOW, 50, True)


def all_live(of: Bench) -> list[Order]:
    return list(of.coin.orders.live())


def fills(of: Bench, lots: int) -> FillsCommitted:
    """So many lots bought (sold, below 0) by hand."""
    side = Side.BUY if lots > 0 else Side.SELL
    start = of.coin.ledger.lots
    return FillsCommitted((fill(side, abs(lots), start, of.ms, of.next_oid(), order_id=of.next_oid()),))
