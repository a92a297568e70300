"""The requests of an account: what is counted, when they are spared, and what goes when they are spent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.causes import Cause, Failure
from core.domain.commands import Action
from core.domain.effects import AskRequestBudget, Effect
from core.domain.events import (
    CancelOutcome,
    Event,
    FillsCommitted,
    MarginMoved,
    PlaceOutcome,
    Refused,
    Resting,
)
from core.domain.orders import Order, Side
from core.domain.request_limits import IpWeight, RequestBudget, RequestBudgetObserved
from core.domain.router_events import DeadManAnswered
from core.engine.address_budget import (
    CANCELS_RESERVED,
    PACE_MS,
    THIN_BELOW_MS,
    AddressBudget,
    cancel_cap,
)
from core.engine.request_pace import MINUTE_MS, RequestPace, empty_in_ms
from core.engine.risk_engine import Rule
from core.engine.snapshot import build_snapshot
from core.engine.thrift import may_recenter, most_valuable, worth_resizing
from core.engine.why_not import frees, slots_without_order
from core.view import BudgetMode, Severity
from tests.unit.engine.builders import (
    MID,
    Bench,
    at,
    cancelled,
    fill,
    notices,
    of_kind,
    order,
    placed,
    quote,
    update,
)

ONE = BudgetMode.ONE_PER_10S


def told(cap: int, used: int) -> RequestBudgetObserved:
    return RequestBudgetObserved(RequestBudget(cap, used))


def known(cap: int = 10_000, used: int = 0) -> AddressBudget:
    found = AddressBudget()
    found.asked(at(0))
    found.heed(told(cap, used), at(0))
    return found


def answered(count: int, result: Refused | Resting | None = None) -> PlaceOutcome:
    return PlaceOutcome(tuple((f"c{n}", result or Resting(n)) for n in range(count)))


# -- what counts (protocol.md 7) ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "costs"),
    [
        (answered(40), 40),
        (answered(3, Refused("post only", Cause.POST_ONLY)), 3),
        (answered(3, Refused("not sent", Cause.LOCAL)), 0),
        (answered(3, Refused("no route", Cause.UNSENT)), 0),
        (answered(2, Refused("Action already expired", Cause.EXPIRED)), 10),
        (CancelOutcome((("a", ""), ("b", "never placed, already canceled, or filled"))), 2),
        (CancelOutcome((("a", ""), ("b", "")), Failure(Cause.UNSENT, "no route")), 0),
        (CancelOutcome((("a", ""),), Failure(Cause.UNANSWERED, "no answer")), 1),
        (MarginMoved("BTC", "margin"), 1),
        (DeadManAnswered(61_000), 1),
        (DeadManAnswered(0), 1),
    ],
)
def test_every_item_of_a_batch_counts_also_one_that_failed_and_none_that_never_left(
    event: Event, costs: int
) -> None:
    budget = known()
    budget.heed(event, at(1_000))
    assert budget.used == costs
    assert budget.left == 10_000 - costs


def test_each_usdc_traded_since_it_was_asked_gives_one() -> None:
    budget = known(used=5_000)
    old, new = fill(price=100_000_000), fill(price=100_000_000)
    old, new = replace(old, time_ms=at(-1).venue_ms), replace(new, time_ms=at(5).venue_ms)
    budget.heed(FillsCommitted((old,)), at(10))
    assert budget.cap == 10_000, "the exchange's answer has it already"
    budget.heed(FillsCommitted((new,)), at(10))
    assert budget.cap == 11_000


def test_what_was_sent_after_the_question_is_counted_on_whatever_the_answer_has_of_it() -> None:
    budget = known()
    budget.heed(answered(10), at(1))
    budget.asked(at(2))
    budget.heed(answered(7), at(3))
    budget.heed(told(10_000, 10), at(4))
    assert budget.used == 17


def test_cancels_have_a_larger_cap() -> None:
    assert [cancel_cap(cap) for cap in (10_000, 100_000, 2_864_574)] == [20_000, 200_000, 2_964_574]
    assert known(used=9_990).cancels_left == 10_010


def test_a_refusal_teaches_its_numbers() -> None:
    budget = AddressBudget()
    text = "Too many cumulative requests sent (97460 > 97456) for cumulative volume traded $87457.46."
    refused = PlaceOutcome(
        tuple((f"c{n}", Refused(text, Cause.RATE_ADDRESS)) for n in range(40)),
        Failure(Cause.RATE_ADDRESS, text),
    )
    effects = budget.heed(refused, at(0))
    assert (budget.cap, budget.used, budget.left) == (97_456, 97_420, 36), "refusals cost nothing"
    assert budget.mode is ONE
    assert notices(effects) == ["request_budget"]


@pytest.mark.parametrize(("limit", "cap"), [(20_000, 10_000), (197_456, 98_728), (300_000, 200_000)])
def test_a_cancel_that_is_refused_teaches_the_cap_behind_its_own(limit: int, cap: int) -> None:
    budget = AddressBudget()
    failure = Failure(Cause.RATE_ADDRESS, f"Too many cumulative requests sent ({limit + 1} > {limit})")
    budget.heed(CancelOutcome((("a", ""),), failure), at(0))
    assert (budget.cap, budget.used, budget.cancels_left) == (cap, limit, 0)


# -- how long it lasts ----------------------------------------------------------------------------------------------


def test_what_trading_gives_back_does_not_empty_it() -> None:
    assert empty_in_ms(1_000, 0, 1) is None
    assert empty_in_ms(1_000, -5, 1) is None
    assert empty_in_ms(1_000, 500 * 10**6, 3_600_000) == 7_200_000
    pace = RequestPace()
    pace.note(100, 100 * 10**6, at(0))
    assert pace.empty_in_ms(1_000, at(0)) is None


def test_a_steady_churn_lasts_as_long_as_the_division_says() -> None:
    pace = RequestPace()
    for minute in range(120):
        pace.note(10, 0, at(minute * MINUTE_MS))
    now = at(119 * MINUTE_MS)
    assert pace.sent_within(60, now) == 600
    assert pace.sent_within(1, now) == 10
    assert pace.empty_in_ms(6_000, now) == 600 * MINUTE_MS


def test_a_burst_fades_and_is_forgotten_after_an_hour() -> None:
    pace, before = RequestPace(), 0
    pace.note(600, 0, at(0))
    for minute in (15, 30, 45, 59):
        lasts = pace.empty_in_ms(6_000, at(minute * MINUTE_MS))
        assert lasts is not None
        assert lasts > before
        before = lasts
    assert pace.empty_in_ms(6_000, at(60 * MINUTE_MS)) is None
    assert pace.sent_within(60, at(60 * MINUTE_MS)) == 0


def test_the_first_grid_is_no_churn() -> None:
    budget = known()
    budget.heed(answered(120), at(0))
    empty_ms = budget.empty_in_ms(at(0))
    assert empty_ms is not None
    assert empty_ms > THIN_BELOW_MS
    assert budget.mode is BudgetMode.NORMAL


# -- the modes ------------------------------------------------------------------------------------------------------


def test_it_is_spared_when_it_would_not_last_and_no_more_when_it_does_again() -> None:
    budget = known()
    for minute in range(20):
        budget.heed(answered(40), at(minute * MINUTE_MS))
    seen = [budget.mode]
    for minute in range(20, 90):
        budget.heed(answered(0), at(minute * MINUTE_MS))
    assert [*seen, budget.mode] == [BudgetMode.THINNING, BudgetMode.NORMAL]


def test_little_that_is_left_is_spared_however_long_it_lasts_and_the_reserve_goes_one_by_one() -> None:
    budget = known()
    seen = []
    for used in (9_400, 9_501, 9_899, 9_900, 9_801, 9_799, 9_500, 8_999):
        budget.heed(told(10_000, used), at(0))
        seen.append(budget.mode.value)
    assert seen == ["normal", "thinning", "thinning", *["one_per_10s"] * 2, *["thinning"] * 2, "normal"]


def test_before_the_exchange_has_told_nothing_is_held_back() -> None:
    budget = AddressBudget()
    budget.heed(answered(50_000), at(0))
    assert (budget.mode, budget.empty_in_ms(at(0))) == (BudgetMode.NORMAL, None)


def test_one_order_goes_at_a_time_and_none_once_only_cancels_are_left() -> None:
    budget = known(used=10_000)
    assert budget.room(False, 20, at(0)) == 1
    assert budget.room(True, 20, at(0)) == 0, "one is on its way"
    budget.placed("SOL", at(0))
    assert budget.room(False, 20, at(PACE_MS - 1)) == 0
    assert budget.room(False, 20, at(PACE_MS)) == 1
    budget.heed(told(10_000, 20_000 - CANCELS_RESERVED), at(PACE_MS))
    assert budget.room(False, 20, at(PACE_MS)) == 0
    assert budget.in_turn(["BTC", "SOL", "ETH"]) == ["ETH", "BTC", "SOL"]


@pytest.mark.parametrize(
    ("left", "resting", "room"),
    [(101, 20, 1), (100, 20, 0), (100, 2, 0), (100, 1, 1), (1, 2, 0), (1, 0, 1), (0, 20, 1), (-50, 20, 1)],
)
def test_the_reserve_is_not_the_grids_unless_next_to_nothing_rests_that_could_earn_requests(
    left: int, resting: int, room: int
) -> None:
    budget = known(used=9_950)
    budget.heed(told(10_000, 10_000 - left), at(0))
    assert (budget.mode, budget.room(False, resting, at(0))) == (ONE, room)


def test_the_exchange_is_asked_more_often_the_less_is_left_and_seldom_while_nothing_is_sent() -> None:
    budget = known()
    idle = budget.read_every_ms
    budget.heed(answered(1), at(1))
    busy = budget.read_every_ms
    budget.heed(told(10_000, 9_700), at(1))
    thin = budget.read_every_ms
    budget.heed(told(10_000, 10_000), at(1))
    assert idle > busy > thin > budget.read_every_ms


# -- what the engine does -------------------------------------------------------------------------------------------


def tell(bench: Bench, used: int) -> list[Effect]:
    """The exchange is asked now, and answers at once."""
    bench.engine.requests.asked(bench.now)
    return bench.step(told(10_000, used), quote())


def spent_bench() -> Bench:
    """A whole grid whose requests are spent, and which would have to trade a lot to have some again."""
    bench = Bench().started()
    tell(bench, 15_000)
    return bench


def nearest(bench: Bench, side: Side) -> Order:
    """The grid's order of that side that is nearest to the price, of those that rested at the start."""
    return min((o for o in bench.live if o.side is side), key=lambda o: (o.created_ms, abs(o.price - MID)))


def test_the_exchange_is_asked_at_the_start_and_again() -> None:
    bench = Bench()
    assert of_kind(AskRequestBudget, bench.start()) or of_kind(AskRequestBudget, bench.after(1_000))
    assert not of_kind(AskRequestBudget, bench.after(1_000))
    assert of_kind(AskRequestBudget, bench.after(300_000))


def test_a_spent_account_places_one_order_every_ten_seconds_and_the_ladder_says_so() -> None:
    bench = spent_bench()
    first = placed(bench.trade(nearest(bench, Side.BUY)))
    assert len(first) == 1, "the first at once"
    bench.rest(first)
    assert placed(bench.trade(nearest(bench, Side.SELL))) == []
    waiting = slots_without_order(bench.coin, bench.now)
    assert waiting
    assert {blocked.why.rule for blocked in waiting} == {Rule.BUDGET}
    assert "or more traded" in frees(waiting[0], bench.coin.config.instrument, bench.now)
    assert placed(bench.after(PACE_MS // 2, quote())) == []
    assert len(placed(bench.after(PACE_MS, quote()))) == 1


def test_a_spent_account_cancels_at_once_all_the_same() -> None:
    bench = spent_bench()
    count = len(bench.live)
    assert len(cancelled(bench.ask(Action.HALT, id_="h"))) == count


def test_with_room_again_the_grid_is_whole_by_itself() -> None:
    bench = spent_bench()
    bench.rest(placed(bench.trade(nearest(bench, Side.BUY))))
    assert placed(bench.trade(nearest(bench, Side.SELL))) == []
    assert placed(tell(bench, 0))
    assert bench.engine.requests.mode is BudgetMode.NORMAL


def test_the_thinner_side_comes_first_then_the_nearest() -> None:
    bench = spent_bench()
    buys = sorted((o for o in bench.live if o.side is Side.BUY), key=lambda o: -o.price)
    for each in buys[:2]:
        bench.step(update(each, "canceled"))
    resting = [o.side for o in bench.live]
    levels = [level for level in bench.coin.wanted if level.slot not in bench.coin.orders.by_slot]
    bench.coin.thrift = ONE
    both = most_valuable(bench.coin, bench.coin.wanted)
    thin = min(Side, key=resting.count)
    assert both[0].slot.side is thin
    distances = [
        abs(2 * level.price - bench.coin.known_mid_twice) for level in both if level.slot.side is thin
    ]
    assert distances == sorted(distances)
    bench.coin.thrift = BudgetMode.NORMAL
    assert most_valuable(bench.coin, levels) == tuple(levels)


def test_a_grid_moves_less_often_while_thinning_and_not_at_all_once_spent() -> None:
    coin = Bench().started().coin
    coin.config = replace(coin.config, recenter_interval_ms=60_000)
    ages = (None, 60_000, 239_999, 240_000)
    seen = {}
    for mode in BudgetMode:
        coin.thrift = mode
        seen[mode] = [may_recenter(coin, age) for age in ages]
    assert seen == {
        BudgetMode.NORMAL: [True] * 4,
        BudgetMode.THINNING: [True, False, False, True],
        ONE: [False] * 4,
    }


def test_small_changes_of_size_are_not_worth_a_request() -> None:
    bench = Bench().started()
    coin, level = bench.coin, bench.coin.wanted[0]
    made = replace(order(1), slot=level.slot, price=level.price)
    small, large = replace(made, lots=level.lots * 9 // 10), replace(made, lots=level.lots * 2)
    moved = replace(small, price=level.price + 100)
    for mode, worth in (
        (BudgetMode.NORMAL, [small, large, moved]),
        (BudgetMode.THINNING, [large, moved]),
        (ONE, []),
    ):
        coin.thrift = mode
        assert worth_resizing(coin, [small, large, moved], [level]) == worth


@pytest.mark.parametrize(("used", "grade"), [(0, None), (9_700, Severity.WARN), (9_950, Severity.CRIT)])
def test_an_alert_says_how_much_is_left(used: int, grade: Severity | None) -> None:
    bench = Bench().started()
    tell(bench, used)
    found = build_snapshot(bench.engine, "paper", bench.now)
    alerts = [alert for alert in found.alerts if alert.id == "requests"]
    assert [alert.severity for alert in alerts] == ([grade] if grade else [])
    assert all(f"{10_000 - used:,} OF 10,000" in alert.text for alert in alerts)
    assert (found.budget.address_left, found.budget.mode) == (10_000 - used, bench.engine.requests.mode)
    assert found.budget.read_ms == bench.now.wall_ms


@pytest.mark.parametrize(
    ("is_ready", "wait_ms", "said"), [(False, 31_001, True), (False, 1_999, False), (True, 31_001, False)]
)
def test_what_is_not_quoted_yet_for_want_of_request_weight_is_an_alert(
    is_ready: bool, wait_ms: int, said: bool
) -> None:
    bench = Bench().started()
    bench.engine.feed.ready = is_ready
    bench.engine.weight = IpWeight(1_200, 120, 120, proof_wait_ms=wait_ms)
    alerts = [each for each in build_snapshot(bench.engine, "paper", bench.now).alerts if each.id == "weight"]
    assert [alert.text for alert in alerts] == (
        ["NOTHING IS QUOTED YET, WAITING FOR REQUEST WEIGHT: 32 s"] if said else []
    )
    assert all(alert.fix.startswith("120 of this host's 1200 a minute") for alert in alerts)


def test_a_pause_of_the_exchange_is_an_alert_and_in_the_snapshot() -> None:
    bench = Bench().started()
    bench.engine.weight = IpWeight(1_200, 17, 120, 4_200, "HTTP 429", True)
    found = build_snapshot(bench.engine, "paper", bench.now)
    (alert,) = [each for each in found.alerts if each.id == "weight"]
    assert alert.severity is Severity.WARN
    assert "PAUSED FOR 5 s: HTTP 429" in alert.text
    assert found.budget.paused_until_ms == bench.now.wall_ms + 4_200
    assert (found.budget.ip_left, found.budget.ip_reserve) == (17, 120)
