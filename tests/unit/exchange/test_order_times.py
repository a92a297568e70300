"""Five moments of each order, and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.effects import Cancel, Modify, Notify, Place
from core.domain.events import FillsCommitted, Quote, Tick
from core.exchange.order_times import ACTIONS_KEPT, CANCELS_KEPT, ORDERS_SHOWN, Histogram, OrderTimes
from core.view import LatencyView, OrderTimesView, StageView
from tests.unit.exchange.samples import cloid, order


@dataclass
class Clock:
    us: int = 1_000_000

    def __call__(self) -> int:
        return self.us

    def after(self, us: int) -> None:
        self.us += us


@pytest.fixture
def clock() -> Clock:
    return Clock()


TICK = Tick(0, 0.0)


def quote(arrived_us: int) -> Quote:
    return Quote("BTC", 1, 2, 0, arrived_us)


def by_stage(view: LatencyView) -> dict[str, StageView]:
    return {stage.name: stage for stage in view.stages}


def test_each_moment_is_kept_for_each_order_of_an_action_and_each_stretch_counted_once(clock: Clock) -> None:
    times, orders = OrderTimes(clock), (order(1), order(2))
    clock.after(40)
    times.decided([Cancel(orders), Place(orders)], quote(1_000_000))
    clock.after(200)
    times.committed(orders)
    clock.after(30)
    times.sent(orders)
    clock.after(9_000)
    times.acked(orders)
    view = times.view()
    assert view.orders == tuple(
        OrderTimesView(each.cloid, "BTC", 1_000_000, 1_000_040, 1_000_240, 1_000_270, 1_009_270)
        for each in orders
    )
    assert {name: (stage.count, stage.worst_us) for name, stage in by_stage(view).items()} == {
        "tick_to_decision": (1, 40),
        "decision_to_commit": (1, 200),
        "commit_to_wire": (1, 30),
        "tick_to_wire": (1, 270),
        "wire_to_ack": (1, 9_000),
    }


def test_what_no_tick_caused_counts_from_its_decision(clock: Clock) -> None:
    times, orders = OrderTimes(clock), (order(1),)
    times.decided([Place(orders)], TICK)
    times.committed(orders)
    times.sent(orders)
    counts = {name: stage.count for name, stage in by_stage(times.view()).items()}
    assert counts["tick_to_decision"] == counts["tick_to_wire"] == 0
    assert counts["decision_to_commit"] == counts["commit_to_wire"] == 1


def test_an_order_that_is_answered_without_having_left_or_is_unknown_counts_for_nothing(clock: Clock) -> None:
    times = OrderTimes(clock)
    times.decided([Place((order(1),))], TICK)
    times.acked((order(1),))
    for tell in (times.committed, times.sent, times.acked):
        tell((order(9),))
        tell(())
    assert sum(stage.count for stage in times.view().stages) == 0


def test_what_goes_again_or_in_parts_counts_when_it_first_left(clock: Clock) -> None:
    times, orders = OrderTimes(clock), (order(1), order(2))
    times.decided([Place(orders)], TICK)
    for part in (orders[:1], orders[1:], orders):
        clock.after(10)
        times.sent(part)
    assert {each.sent_us for each in times.view().orders} == {1_000_010}


def test_the_newest_orders_are_shown_and_memory_is_bounded(clock: Clock) -> None:
    times = OrderTimes(clock)
    for number in range(3 * ACTIONS_KEPT):
        times.decided([Place((order(number),))], TICK)
    shown = [each.cloid for each in times.view().orders]
    assert shown == [cloid(number) for number in range(3 * ACTIONS_KEPT - ORDERS_SHOWN, 3 * ACTIONS_KEPT)]
    assert len(times._by_cloid) == len(times._trips) == ACTIONS_KEPT


def test_a_status_dates_from_what_asked_for_it_and_memory_is_bounded(clock: Clock) -> None:
    times, one = OrderTimes(clock), order(1)
    times.decided([Place((one,))], TICK)
    times.sent((one,))
    clock.after(5_000)
    times.cancelling((one,))
    clock.after(5_000)
    times.cancelling((one,))
    asked = {word: times.asked_us(one.cloid, word) for word in ("open", "canceled", "marginCanceled")}
    assert asked == {"open": 1_000_000, "canceled": 1_005_000, "marginCanceled": 1_000_000}
    assert times.asked_us(cloid(2), "canceled") == times.asked_us(None, "canceled") == 0
    times.cancelling(order(n) for n in range(2, CANCELS_KEPT + 2))
    assert times.asked_us(one.cloid, "canceled") == 1_000_000


def test_the_view_is_the_same_until_something_happened(clock: Clock) -> None:
    times = OrderTimes(clock)
    first = times.view()
    assert times.view() is first
    times.decided([Place((order(1),))], quote(999_999))
    assert times.view() is not first


@given(st.lists(st.integers(0, 60_000_000), min_size=2, max_size=200))
def test_a_quantile_is_at_most_an_eighth_above_one_of_the_durations_around_it(found: list[int]) -> None:
    histogram = Histogram()
    for us in found:
        histogram.add(us)
    ordered = sorted(found)
    for part in (0.5, 0.99):
        exact = ordered[max(0, -(-int(part * 1000) * len(ordered) // 1000) - 1)]
        assert exact <= histogram.quantile(part) <= max(exact * 9 / 8, exact + 1)
    assert histogram.quantile(1.0) == histogram.worst == ordered[-1]
    assert histogram.count == len(found)


def test_a_quantile_agrees_with_the_standard_librarys() -> None:
    histogram = Histogram()
    durations = [round(1.01**number) for number in range(1_000)]
    for us in durations:
        histogram.add(us)
    cuts = quantiles(durations, n=100)
    assert histogram.quantile(0.5) == pytest.approx(cuts[49], rel=0.15)
    assert histogram.quantile(0.99) == pytest.approx(cuts[98], rel=0.15)


def test_nothing_has_no_quantiles_and_an_hour_counts_as_a_minute() -> None:
    histogram = Histogram()
    assert (histogram.quantile(0.5), histogram.worst) == (0, 0)
    histogram.add(3_600_000_000)
    assert (histogram.count, histogram.worst) == (1, 3_600_000_000)


def test_an_actions_way_is_told_once_it_is_answered_with_what_set_it_off(clock: Clock) -> None:
    told: list[Notify] = []
    times, first, second = OrderTimes(clock, told.append), (order(1), order(2)), (order(3),)
    clock.after(40)
    times.decided([Place(first), Modify(((order(1), second[0]),))], quote(1_000_000))
    for moment in (times.committed, times.sent, times.acked):
        for orders in (first, second):
            clock.after(10)
            moment(orders)
    times.acked(first)
    rows = [dict(each.fields) for each in told]
    trace = cloid(1)[-16:]
    assert [each.name for each in told] == ["orders_sent", "orders_sent"]
    assert [(row["trace"], row["cause"], row["action"], row["cloids"]) for row in rows] == [
        (trace, "quote", "place", f"{trace} {cloid(2)[-16:]}"),
        (trace, "quote", "modify", cloid(3)[-16:]),
    ], "all actions of one decision have its trace"
    legs = ("tick_to_decision_us", "decision_to_commit_us", "commit_to_wire_us", "wire_to_ack_us")
    assert [rows[0][leg] for leg in legs] == [40, 10, 20, 20]


def test_an_action_without_an_answer_is_told_without_its_last_leg(clock: Clock) -> None:
    told: list[Notify] = []
    times, orders = OrderTimes(clock, told.append), (order(1),)
    times.unanswered(orders)
    times.decided([Place(orders)], FillsCommitted((), (), (), (), (), (), 0))
    times.unanswered(orders)
    assert told == [], "it never left"
    times.sent(orders)
    times.unanswered(orders)
    (row,) = [dict(each.fields) for each in told]
    assert "wire_to_ack_us" not in row
    assert row["cause"] == "fills_committed"
