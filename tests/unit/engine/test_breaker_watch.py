"""What the engine does about failures: by their cause, in their class, and never more traffic for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.domain.causes import Cause, Failure
from core.domain.commands import Action
from core.domain.effects import (
    AskAccount,
    AskOpenOrders,
    AskOrderStatus,
    Backfill,
    Effect,
    LiftHalt,
    Notify,
    SaveHalt,
)
from core.domain.events import (
    BackfillDone,
    CancelOutcome,
    FeedChanged,
    LoopLagged,
    PlaceOutcome,
    Refused,
    RequestFailed,
    Resting,
    StorageRecovered,
    Tick,
    Unsettled,
)
from core.domain.orders import Order, OrderState
from core.engine.circuit_breaker import BreakerName
from core.engine.intents import cancel
from core.engine.snapshot import build_snapshot
from core.view import BreakerState, BreakerView, BudgetMode
from tests.unit.engine.builders import Bench, account, at, cancelled, notices, of_kind, placed, quote

READS = (AskAccount, AskOpenOrders, AskOrderStatus, Backfill)
PLACE, CANCEL, INFO, FEED, STORAGE, AUTH = BreakerName
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def state(bench: Bench, name: BreakerName) -> BreakerState:
    return bench.engine.breakers[name].state(bench.now)


def view(bench: Bench, name: BreakerName) -> BreakerView:
    return next(
        v for v in build_snapshot(bench.engine, "paper", bench.now).api.breakers if v.name == name.value
    )


def told(effects: Sequence[Effect], name: str) -> list[dict[str, object]]:
    return [dict(e.fields) for e in of_kind(Notify, effects) if e.name == name]


def unplaced(bench: Bench, orders: Sequence[Order], failure: Failure) -> list[Effect]:
    """No order of a placement got its own answer."""
    sent = failure.cause.was_sent and failure.cause is not Cause.AUTH
    doubt = Unsettled(failure.text, failure.cause) if sent else Refused(failure.text, failure.cause)
    return bench.step(PlaceOutcome(tuple((o.cloid, doubt) for o in orders), failure))


def without_an_answer(cause: Cause = Cause.UNSENT, times: int = 4) -> Bench:
    """A started grid one of whose orders has traded, and whose replacement can't be placed, again and again."""
    bench = Bench().started()
    effects = bench.trade(bench.live[0])
    for _ in range(times):
        orders = placed(effects)
        assert orders, "it tries again"
        unplaced(bench, orders, Failure(cause, "no route"))
        effects = bench.after(6_000, quote())
    return bench


# -- place ---------------------------------------------------------------------------------------------------------


def test_placements_that_are_not_answered_stop_new_placements_and_nothing_else() -> None:
    bench = without_an_answer(times=4)
    assert state(bench, PLACE) is OPEN
    assert placed(bench.after(1_000)) == []
    assert bench.coin.idle_reason == "circuit breaker place is open: no route"
    assert len(cancelled(bench.ask(Action.HALT, id_="h"))) == 5, "cancels flow"


def test_reads_that_are_answered_do_not_close_the_breaker_of_placements() -> None:
    bench = without_an_answer()
    bench.step(account(bench.coin.ledger.lots, bench.now))
    assert state(bench, PLACE) is OPEN


def test_a_flatten_closes_the_position_while_placing_is_stopped() -> None:
    bench = without_an_answer()
    position = bench.coin.ledger.lots
    bench.settle_cancels(bench.ask(Action.FLATTEN, "SOL", id_="f"))
    bench.listed(ticket="f")
    effects = bench.shows(position, "f")
    (order,) = placed(effects)
    assert order.reduce_only
    assert state(bench, PLACE) is OPEN


def test_the_probe_is_one_order_and_its_answer_lets_the_rest_go() -> None:
    bench = Bench()
    orders = placed(bench.start())
    assert len(orders) == 6
    for _ in range(4):
        unplaced(bench, orders, Failure(Cause.UNSENT, "no route"))
        orders = placed(bench.after(6_000, quote())) or orders
    assert state(bench, PLACE) is OPEN
    effects = bench.after(10_000, quote())
    (probe,) = placed(effects)
    assert told(effects, "circuit_probe") == [{"breaker": "place", "probe": "1 order"}]
    effects = bench.step(PlaceOutcome(((probe.cloid, Resting(1)),)))
    assert [e["breaker"] for e in told(effects, "circuit_reset")] == ["place"]
    assert len(placed(effects)) == 5


def test_a_probe_that_fails_opens_it_for_twice_as_long() -> None:
    bench = without_an_answer()
    (probe,) = placed(bench.after(10_000, quote()))
    effects = unplaced(bench, [probe], Failure(Cause.UNANSWERED, "no answer"))
    (trip,) = told(effects, "circuit_break")
    assert (trip["breaker"], trip["trips"], trip["cooldown_s"]) == ("place", 2, 20.0)
    assert placed(bench.after(19_000, quote())) == []


@pytest.mark.parametrize("cause", [Cause.POST_ONLY, Cause.MARGIN, Cause.MIN_NOTIONAL, Cause.REFUSED])
def test_what_the_exchange_refuses_in_business_is_never_an_outage(cause: Cause) -> None:
    bench = Bench()
    orders = placed(bench.start())
    for _ in range(10):
        bench.answer(orders, lambda _: Refused("no", cause))
        orders = placed(bench.after(6_000, quote()))
        assert orders
    assert bench.engine.breakers.api_error_streak == 0
    assert "circuit_break" not in notices(bench.done)


def test_a_refusal_in_business_is_the_answer_that_a_probe_waits_for() -> None:
    bench = without_an_answer()
    (probe,) = placed(bench.after(10_000, quote()))
    bench.answer([probe], lambda _: Refused("Insufficient margin", Cause.MARGIN))
    assert state(bench, PLACE) is CLOSED


def test_the_stream_that_comes_back_ends_the_cooldown_of_placements() -> None:
    bench = without_an_answer()
    bench.step(FeedChanged(False, 1, "reset"))
    assert state(bench, PLACE) is OPEN
    assert len(placed(bench.connect(2))) == 1, "the probe"


# -- limits --------------------------------------------------------------------------------------------------------


def test_one_429_stops_placements_and_routine_reads_for_as_long_as_it_says() -> None:
    bench = Bench().started()
    orders = placed(bench.trade(bench.live[0]))
    effects = unplaced(bench, orders, Failure(Cause.RATE_IP, "HTTP 429", retry_after_ms=30_000))
    assert {e["breaker"] for e in told(effects, "circuit_break")} == {"place", "info"}
    for _ in range(29):
        effects = bench.after(1_000, quote())
        assert placed(effects) == []
        assert not [e for e in effects if isinstance(e, READS)], "a 429 brings no traffic"
    effects = bench.after(1_000, quote())
    assert [e for e in effects if isinstance(e, READS)] == [AskAccount()], "the probe of the reads"


def test_a_spent_address_budget_stops_placements_alone_and_cancels_go_on() -> None:
    bench = Bench().started()
    orders = placed(bench.trade(bench.live[0]))
    unplaced(bench, orders, Failure(Cause.RATE_ADDRESS, "Too many cumulative requests sent (9001 > 9000)"))
    assert (state(bench, PLACE), state(bench, INFO), state(bench, CANCEL)) == (CLOSED, CLOSED, CLOSED)
    assert bench.engine.requests.mode is BudgetMode.ONE_PER_10S, "one truth, and it isn't a breaker's"
    assert bench.engine.requests.cap == 9_000
    assert cancelled(bench.ask(Action.HALT, id_="h"))


# -- reads ---------------------------------------------------------------------------------------------------------


def test_reads_that_fail_stop_placements_and_are_probed_by_one_read() -> None:
    bench = Bench().started()
    for _ in range(4):
        bench.step(RequestFailed("account", "time-out"))
    bench.trade(bench.live[0])
    assert bench.coin.idle_reason == "circuit breaker info is open: time-out"
    assert not [e for e in bench.after(2_000) if isinstance(e, READS)]
    effects = bench.after(500)
    assert [e for e in effects if isinstance(e, READS)] == [AskAccount()]
    assert told(effects, "circuit_probe") == [{"breaker": "info", "probe": "account"}]
    assert not [e for e in bench.after(1_000) if isinstance(e, READS)], "one probe at a time"
    effects = bench.step(account(bench.coin.ledger.lots, bench.now))
    assert [e["breaker"] for e in told(effects, "circuit_reset")] == ["info"]
    assert placed(effects)


def test_any_answered_read_ends_the_streak_of_failed_ones() -> None:
    bench = Bench().started()
    for _ in range(20):
        for _ in range(3):
            bench.step(RequestFailed("funding", "time-out"))
        bench.step(account(0, bench.now))
    assert "circuit_break" not in notices(bench.done)


def test_a_read_that_we_did_not_make_counts_for_nothing() -> None:
    bench = Bench().started()
    for _ in range(20):
        effects = bench.step(RequestFailed("account", "too many requests", "t", Cause.LOCAL))
    assert state(bench, INFO) is CLOSED
    assert notices(effects) == ["api_error"]


def test_the_limit_of_the_streak_can_be_set() -> None:
    bench = Bench().started()
    bench.engine.breakers.trip_above(1)
    bench.step(RequestFailed("account", "time-out"), RequestFailed("account", "time-out"))
    assert state(bench, INFO) is OPEN


# -- cancels -------------------------------------------------------------------------------------------------------


def test_cancels_that_fail_stop_new_placements_and_are_sent_all_the_same() -> None:
    bench = Bench().started()
    for number in range(4):
        orders = cancelled(cancel(bench.coin, [bench.live[number]], bench.now))
        failure = Failure(Cause.UNANSWERED, "no answer")
        bench.step(CancelOutcome(((orders[0].cloid, "no answer"),), failure))
    bench.trade(bench.live[5])
    assert bench.coin.idle_reason == "circuit breaker cancel is open: no answer"
    assert placed(bench.after(1_000)) == []
    assert cancelled(bench.ask(Action.HALT, id_="h"))


def test_what_a_rule_takes_back_does_not_wait_for_the_breaker_of_cancels() -> None:
    bench = Bench().started()
    for number in range(4):
        orders = cancelled(cancel(bench.coin, [bench.live[number]], bench.now))
        failure = Failure(Cause.UNANSWERED, "no answer")
        bench.step(CancelOutcome(((orders[0].cloid, "no answer"),), failure))
    assert state(bench, CANCEL) is OPEN
    bench.coin.alarm = "a rule of its own"
    resting = {o.cloid for o in bench.live if o.state is OrderState.OPEN}
    assert resting
    assert resting <= {o.cloid for o in cancelled(bench.after(100, quote()))}


def test_a_cancel_refused_in_the_exchanges_words_is_an_answer() -> None:
    bench = Bench().started()
    for _ in range(5):
        bench.step(CancelOutcome(((bench.live[0].cloid, "Order was never placed"),)))
    assert state(bench, CANCEL) is CLOSED


# -- auth ----------------------------------------------------------------------------------------------------------

REVOKED = Failure(Cause.AUTH, "User or API Wallet 0xabc does not exist.")


def refused_by_auth() -> tuple[Bench, list[Effect]]:
    bench = Bench().started()
    orders = placed(bench.trade(bench.live[0]))
    return bench, unplaced(bench, orders, REVOKED)


def test_a_signature_that_is_refused_halts_all_at_once_and_says_what_to_do() -> None:
    bench, effects = refused_by_auth()
    (row,) = of_kind(SaveHalt, effects)
    assert row.reason == bench.engine.halted
    assert "the key is of an approved agent of 0xaaaa" in row.reason
    assert row.reason.endswith("then resume")
    assert (state(bench, AUTH), state(bench, PLACE)) == (OPEN, CLOSED)
    assert view(bench, AUTH).cooldown_left_s is None


def test_a_refused_signature_is_not_tried_again_and_again() -> None:
    bench, effects = refused_by_auth()
    sent = 0
    for _ in range(120):
        if orders := cancelled(effects):
            sent += 1
            bench.step(CancelOutcome(tuple((o.cloid, REVOKED.text) for o in orders), REVOKED))
            for order in orders:  # the list shows that it rests
                bench.coin.orders.by_cloid[order.cloid] = order.moved(OrderState.OPEN)
        effects = bench.after(1_000, quote())
        assert placed(effects) == []
    assert 1 <= sent <= 6
    assert len(of_kind(SaveHalt, bench.done)) == 1, "whatever address the words name"
    assert cancelled(bench.ask(Action.HALT, id_="h")), "an operator may"


def test_to_resume_after_a_refused_signature_is_to_probe_it() -> None:
    bench, _ = refused_by_auth()
    effects = bench.ask(Action.RESUME, id_="r")
    assert bench.outcome("r")[0] == "done"
    assert of_kind(LiftHalt, effects)
    effects += bench.after(6_000, quote())
    (probe,) = placed(effects)
    again = unplaced(bench, [probe], REVOKED)
    assert bench.engine.halted.startswith("auth: ")
    assert of_kind(SaveHalt, again)


def test_a_stop_latches_no_halt_for_a_refused_signature() -> None:
    bench = Bench().started()
    bench.engine.desk.begin_stop("SIGTERM", bench.now)
    orders = bench.live
    bench.step(CancelOutcome(tuple((o.cloid, REVOKED.text) for o in orders), REVOKED))
    assert not bench.engine.halted


# -- feed and storage ----------------------------------------------------------------------------------------------


def silent(bench: Bench, ms: int) -> list[Effect]:
    """Time passes in ticks; the stream says nothing since the test began."""
    said = at(0).wall_ms
    out: list[Effect] = []
    for _ in range(ms // 1_000):
        bench.ms += 1_000
        out += bench.step(Tick(said, 1.0))
    return out


def test_how_long_the_stream_may_be_silent_is_as_written() -> None:
    bench = Bench().started()
    bench.engine.feed_age.stale_ms = 30_000
    bench.after(0)
    assert "circuit_break" not in notices(silent(bench, 30_000))
    (trip,) = told(silent(bench, 1_000), "circuit_break")
    assert trip["reason"] == "no message over the stream for 31 s (limit 30 s)"


def test_a_stream_silent_for_more_than_its_limit_stops_placements_until_it_speaks() -> None:
    bench = Bench().started()
    bench.after(0)
    assert "circuit_break" not in notices(silent(bench, 20_000))
    effects = silent(bench, 1_000)
    (trip,) = told(effects, "circuit_break")
    assert trip["breaker"] == "feed"
    assert trip["reason"] == "no message over the stream for 21 s (limit 20 s)"
    bench.trade(bench.live[0])
    assert bench.coin.idle_reason.startswith("circuit breaker feed is open")
    effects = bench.after(1_000)
    assert [e["breaker"] for e in told(effects, "circuit_reset")] == ["feed"]
    assert placed(effects)


def test_after_two_minutes_without_the_stream_our_orders_are_taken_back_until_it_is_there() -> None:
    bench = Bench().started()
    bench.after(0)
    effects = silent(bench, 120_000)
    assert cancelled(effects) == []
    effects = silent(bench, 1_000)
    assert len(cancelled(effects)) == 6
    assert told(effects, "data_stale_halt")
    assert "no market data for more than 120 s" in bench.coin.idle_reason
    bench.settle_cancels(effects)
    assert not bench.engine.halted, "nobody has to resume it"
    effects = bench.after(1_000, quote())
    assert told(effects, "data_resume")
    assert len(placed(effects)) == 6


def test_with_the_limit_off_orders_stay_however_long_the_stream_is_silent() -> None:
    bench = Bench().started()
    bench.engine.feed_age.halt_ms = 0
    bench.after(0)
    assert cancelled(silent(bench, 300_000)) == []


def test_a_process_that_stood_still_does_not_take_its_own_silence_for_the_streams() -> None:
    bench = Bench().started()
    bench.after(0)
    bench.ms += 3_600_000
    effects = bench.step(LoopLagged(3_600_000))
    effects += silent(bench, 1_000)
    assert "data_stale_halt" not in notices(effects)
    assert state(bench, FEED) is CLOSED


def test_connections_that_fail_again_and_again_open_it_and_the_read_gap_is_the_probe() -> None:
    bench = Bench().started()
    for _ in range(4):
        bench.step(FeedChanged(False, 1, "refused"))
    assert state(bench, FEED) is OPEN
    effects = bench.step(FeedChanged(True, 2))
    assert told(effects, "circuit_probe") == [{"breaker": "feed", "probe": "the fills of the gap"}]
    assert state(bench, FEED) is HALF_OPEN
    effects = bench.step(BackfillDone("feed:2", 0, 0, bench.now.venue_ms))
    assert [e["breaker"] for e in told(effects, "circuit_reset")] == ["feed"]


def test_placements_held_back_for_the_disk_count_for_storage_and_not_for_the_exchange() -> None:
    bench = without_an_answer(Cause.STORAGE)
    assert state(bench, STORAGE) is not CLOSED
    assert state(bench, PLACE) is CLOSED
    bench.step(StorageRecovered(2_000))
    assert state(bench, STORAGE) is CLOSED


def test_a_journal_that_cannot_be_written_is_shown_as_an_open_breaker_though_nothing_is_stepped() -> None:
    bench = Bench().started()
    bench.engine.storage_trouble = "disk full"
    shown = view(bench, STORAGE)
    assert (shown.state, shown.reason, shown.cooldown_left_s) == ("open", "disk full", None)


# -- what is shown -------------------------------------------------------------------------------------------------


def test_the_snapshot_shows_state_reason_streak_trips_and_cooldown_of_each() -> None:
    bench = without_an_answer()
    shown = view(bench, PLACE)
    assert (shown.state, shown.cause, shown.reason) == ("open", "unsent", "no route")
    assert (shown.streak, shown.trips, shown.cooldown_left_s) == (4, 1, 4.0)
    names = [v.name for v in build_snapshot(bench.engine, "paper", bench.now).api.breakers]
    assert names == ["place", "cancel", "info", "feed", "storage", "auth"]
    bench.ms += 4_000
    assert view(bench, PLACE).state == "half_open"


def test_a_slot_that_a_breaker_stops_says_when_the_probe_goes() -> None:
    bench = without_an_answer()
    levels = build_snapshot(bench.engine, "paper", bench.now).coins[0].grid.levels
    (missing,) = [level for level in levels if level.rule == "breaker"]
    assert missing.frees == "an answer to the probe that goes out in 4.0 s"
    assert missing.blocked_by == "circuit breaker place is open: no route"


@pytest.mark.parametrize(
    ("cause", "after"),
    [(Cause.SERVER, CLOSED), (Cause.RATE_IP, CLOSED), (Cause.RATE_ADDRESS, HALF_OPEN)],
)
def test_an_order_that_is_answered_also_ends_the_trouble_of_cancels_if_it_was_of_the_way(
    cause: Cause, after: BreakerState
) -> None:
    bench = Bench().started()
    for _ in range(4):
        bench.step(CancelOutcome((("0x1", "no answer"),), Failure(cause, "no answer")))
    assert state(bench, CANCEL) is OPEN
    bench.engine.breakers[CANCEL].end_cooldown(bench.now)
    orders = placed(bench.trade(bench.live[0]))
    bench.step(PlaceOutcome(tuple((o.cloid, Resting(9_000 + n)) for n, o in enumerate(orders))))
    assert state(bench, CANCEL) is after
