"""What operators ask for: halt, resume, resync, reconnect, poll, stop. One id acts once, and every procedure ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.domain.commands import Action, Command
from core.domain.effects import (
    AskAccount,
    AskOpenOrders,
    Backfill,
    Effect,
    LiftHalt,
    Reconnect,
    SaveAction,
    SaveHalt,
)
from core.domain.events import (
    BackfillDone,
    CancelOutcome,
    CommandReceived,
    FeedChanged,
    FillsCommitted,
    OpenOrdersObserved,
    RequestFailed,
    Resting,
    StopRequested,
    Unsettled,
)
from core.domain.fills import FillSource
from core.domain.instrument import Instrument
from core.engine.operator_desk import COMMANDS_KEPT, PREVIEWS_KEPT
from tests.unit.engine.builders import (
    SOL,
    Bench,
    account,
    cancelled,
    fill,
    make_engine,
    of_kind,
    placed,
    quote,
)

ETH = Instrument("ETH", 1, 4, 25)


def _proofs(effects: list[Effect]) -> list[AskOpenOrders]:
    """Lists that a command has asked for."""
    return [effect for effect in of_kind(AskOpenOrders, effects) if effect.ticket]


# -- halt and resume -----------------------------------------------------------------------------------------


def test_a_halt_latches_cancels_at_once_and_ends_when_each_cancel_is_confirmed() -> None:
    bench = Bench().started()
    effects = bench.ask(Action.HALT)
    assert of_kind(SaveHalt, effects) == [SaveHalt("", "operator")]
    assert len(cancelled(effects)) == 6
    assert bench.outcome() == ("running", "6 of 6 cancels not yet confirmed; FLAT SOL")
    asked = bench.settle_cancels(effects)
    assert AskOpenOrders("cmd") in asked
    bench.step(OpenOrdersObserved((), bench.now.mono_ms, "cmd"))
    assert bench.outcome() == ("done", "HALTED, FLAT SOL; 6 sent, 6 confirmed")
    assert placed(bench.after(60_000, quote())) == []


def test_a_halt_cancels_what_is_on_its_way_at_once_and_again_when_it_turns_out_to_rest_after_all() -> None:
    bench = Bench()
    orders = placed(bench.start())
    assert len(cancelled(bench.ask(Action.HALT))) == 6
    bench.step(CancelOutcome(tuple((o.cloid, "Order was never placed") for o in orders)))
    effects = bench.answer(orders, lambda o: Resting(bench.next_oid()))
    assert len(cancelled(effects)) == 6


def test_a_halt_cancels_orders_in_doubt_and_a_second_one_sends_the_cancels_again() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.answer(orders, lambda o: Unsettled("time-out"))
    assert len(cancelled(bench.ask(Action.HALT, id_="first"))) == 6
    bench.after(1_000)
    assert len(cancelled(bench.ask(Action.HALT, id_="second"))) == 6


def test_a_held_key_sends_the_cancels_once_a_second_and_one_list_a_second_proves_it_all() -> None:
    """Forty halts in three seconds, each with a list of its own, took the address's whole weight: no position could be read."""
    bench = Bench().started()

    def held(numbers: range) -> list[Effect]:
        return [e for n in numbers for e in (*bench.ask(Action.HALT, id_=str(n)), *bench.after(33))]

    effects = held(range(30))
    assert len(cancelled(effects)) == 6
    assert _proofs(effects) == []
    settled = bench.settle_cancels(effects)
    proofs = _proofs([*settled, *held(range(30, 60)), *bench.after(10)])
    assert len(proofs) == 2
    bench.step(OpenOrdersObserved((), bench.now.mono_ms, proofs[-1].ticket))
    assert {bench.outcome(str(number))[0] for number in range(60)} == {"done"}
    assert bench.engine.desk.running == []


def test_a_list_that_was_asked_for_before_a_halt_proves_nothing_for_it() -> None:
    bench = Bench().started()
    first = bench.settle_cancels(bench.ask(Action.HALT, id_="first"))
    (asked,) = _proofs(first)
    bench.after(500)
    bench.ask(Action.HALT, id_="second")
    bench.step(OpenOrdersObserved((), bench.now.mono_ms, asked.ticket))
    assert bench.outcome("first")[0] == "done"
    assert bench.outcome("second")[0] == "running"
    (asked,) = _proofs(bench.after(500))
    bench.step(OpenOrdersObserved((), bench.now.mono_ms, asked.ticket))
    assert bench.outcome("second")[0] == "done"


def test_a_halted_coin_counts_fills_and_quotes_nothing() -> None:
    bench = Bench().started()
    bench.ask(Action.HALT)
    target = bench.live[0]
    assert placed(bench.trade(target)) == []
    assert bench.coin.ledger.lots == 50 * target.side.sign


def test_a_halt_with_an_order_in_doubt_ends_after_a_minute_and_says_what_is_open() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.answer(orders, lambda o: Unsettled("time-out"))
    bench.ask(Action.HALT)
    bench.after(60_001)
    status, text = bench.outcome()
    assert status == "failed"
    assert text.startswith("HALTED, but 6 of 6 cancels not yet confirmed")
    assert bench.engine.halted == "operator"


def test_a_resume_ends_a_halt_that_still_waits_so_that_it_does_not_wait_for_the_new_grid() -> None:
    bench = Bench().started()
    effects = bench.ask(Action.HALT, id_="h")
    bench.ask(Action.RESUME, id_="r")
    assert bench.outcome("h") == ("failed", "resumed before every cancel was confirmed")
    assert bench.outcome("r")[0] == "done"
    bench.settle_cancels(effects)
    bench.after(1_000)
    assert bench.outcome("h")[0] == "failed"
    assert bench.engine.desk.running == []


def test_a_resume_lifts_the_halt_durably_and_the_grid_is_quoted_again() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.HALT, id_="h"))
    effects = bench.ask(Action.RESUME, id_="r")
    assert of_kind(LiftHalt, effects) == [LiftHalt("", "cli")]
    assert len(placed([*effects, *bench.after(10_000)])) == 6


def test_a_halt_of_one_coin_leaves_the_other_trading() -> None:
    bench = Bench(make_engine(SOL, ETH))
    bench.start()
    bench.rest(placed(bench.step(quote(40_000_000, 1_000, "ETH"))))
    bench.ask(Action.HALT, "eth")
    assert (bench.engine.halted, bench.coin.halted) == ("", "")
    assert bench.engine.coins["ETH"].halted == "operator"


def test_resuming_one_coin_of_a_halted_account_is_refused_instead_of_claimed() -> None:
    bench = Bench(make_engine(SOL, ETH))
    bench.start()
    bench.ask(Action.HALT, id_="h")
    bench.ask(Action.RESUME, "SOL", id_="r")
    assert bench.outcome("r") == ("refused", "every coin is halted: resume them all, without naming a coin")
    assert bench.engine.halted


def test_resuming_the_only_coin_by_name_resumes_the_account() -> None:
    bench = Bench().started()
    bench.ask(Action.HALT, id_="h")
    bench.ask(Action.RESUME, "SOL", id_="r")
    assert bench.engine.halted == ""


def test_an_operators_halt_does_not_hide_the_reason_of_a_rule() -> None:
    bench = Bench().started()
    bench.trade(target := bench.live[0])
    bench.trade(target, 5)
    reason = bench.coin.halted
    bench.ask(Action.HALT, "SOL")
    assert bench.coin.halted == reason


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda b: b.step(FeedChanged(False, 1)), "no live connection"),
        (
            lambda b: [b.step(RequestFailed("x", "time-out")) for _ in range(5)],
            "circuit breaker info is open",
        ),
        (lambda b: b.ask(Action.FLATTEN, "SOL", id_="f"), "a flatten is under way"),
        (lambda b: b.step(StopRequested("SIGTERM")), "the bot is stopping"),
    ],
)
def test_a_resume_that_would_not_be_safe_is_refused_with_the_reason(
    spoil: Callable[[Bench], object], words: str
) -> None:
    bench = Bench().started()
    bench.ask(Action.HALT, id_="h")
    spoil(bench)
    bench.ask(Action.RESUME, id_="r")
    status, text = bench.outcome("r")
    assert status == "refused"
    assert words in text
    assert bench.engine.halted


def test_a_coin_that_drifts_is_not_resumed() -> None:
    bench = Bench().started()
    for ms in (40_000, 45_000):
        bench.ms = ms
        for read in of_kind(Backfill, bench.step(account(10, bench.now))):
            bench.step(BackfillDone(read.ticket, 0, 0, 0))
    bench.ask(Action.RESUME)
    assert "drifts by 20.00 %" in bench.outcome()[1]


def test_nothing_halted_nothing_resumed() -> None:
    bench = Bench().started()
    bench.ask(Action.RESUME)
    assert bench.outcome() == ("refused", "nothing is halted")


# -- ids -----------------------------------------------------------------------------------------------------


def test_one_id_acts_once_however_often_it_arrives() -> None:
    bench = Bench().started()
    bench.ask(Action.HALT)
    assert bench.ask(Action.HALT) == []
    bench.settle_cancels(bench.done)
    assert bench.ask(Action.HALT) == []
    assert len([a for a in of_kind(SaveAction, bench.done) if a.outcome == "started"]) == 1


def test_an_unknown_coin_is_refused_with_the_names_of_those_traded() -> None:
    bench = Bench().started()
    bench.ask(Action.HALT, "DOGE")
    assert bench.outcome() == ("refused", "DOGE is not traded here; coins: SOL")
    assert bench.live
    assert of_kind(SaveHalt, bench.done) == []


# -- resync, poll, reconnect ---------------------------------------------------------------------------------


def test_a_resync_ends_with_the_drift_once_fills_orders_and_position_have_answered() -> None:
    bench = Bench().started()
    effects = bench.ask(Action.RESYNC)
    assert {type(e) for e in effects} >= {Backfill, AskOpenOrders, AskAccount}
    bench.ms += 120
    bench.step(BackfillDone("cmd", 3, 0, 0), OpenOrdersObserved((), 0, "cmd"))
    assert bench.outcome()[0] == "running"
    bench.step(account(0, bench.now, "cmd"))
    assert bench.outcome() == ("done", "resync done in 120 ms, SOL drift 0")


@pytest.mark.parametrize(
    "failure", [BackfillDone("cmd", 0, 0, 0, error="time-out"), RequestFailed("account", "time-out", "cmd")]
)
def test_a_resync_whose_read_fails_says_so(failure: BackfillDone | RequestFailed) -> None:
    bench = Bench().started()
    bench.ask(Action.RESYNC)
    bench.step(failure)
    assert bench.outcome() == ("failed", "resync failed: time-out")


def test_a_poll_tells_what_it_saw_and_a_failed_one_why() -> None:
    bench = Bench().started()
    (read,) = of_kind(Backfill, bench.ask(Action.POLL))
    assert read.since_ms == bench.now.venue_ms - 3_600_000
    bench.step(BackfillDone("cmd", 31, 2, 0))
    assert bench.outcome() == ("done", "fills of the last hour: 31 seen, 2 new")
    bench.ask(Action.POLL, id_="two")
    bench.step(BackfillDone("two", 0, 0, 0, error="HTTP 500"))
    assert bench.outcome("two") == ("failed", "the fills could not be read: HTTP 500")


def test_a_reconnect_ends_when_a_newer_connection_has_read_its_gap() -> None:
    bench = Bench().started()
    assert of_kind(Reconnect, bench.ask(Action.RECONNECT))
    bench.step(BackfillDone("feed:1", 0, 0, 0))
    assert bench.outcome()[0] == "running"
    bench.ms += 1_500
    bench.step(FeedChanged(False, 1), FeedChanged(True, 2))
    bench.step(FillsCommitted((fill(source=FillSource.SNAPSHOT),)), BackfillDone("feed:2", 9, 0, 0))
    assert bench.outcome() == (
        "done",
        "reconnected in 1.5 s: 9 fills read over REST, 1 new with those that the stream began with",
    )


@pytest.mark.parametrize("action", [Action.RESYNC, Action.POLL, Action.RECONNECT])
def test_what_is_never_answered_ends_after_half_a_minute_and_says_so(action: Action) -> None:
    bench = Bench().started()
    bench.ask(action)
    bench.after(30_000)
    assert bench.outcome()[0] == "running"
    bench.after(1)
    assert bench.outcome()[0] == "failed"
    assert bench.engine.desk.running == []


def test_a_command_with_another_case_of_the_coin_is_the_same_coin() -> None:
    bench = Bench().started()
    bench.step(CommandReceived(Command("x", Action.HALT, "sol")))
    assert bench.coin.halted == "operator"


def test_looks_push_out_no_action_so_that_its_id_never_acts_twice() -> None:
    bench = Bench().started()
    bench.ask(Action.POLL, id_="script")
    for n in range(COMMANDS_KEPT + PREVIEWS_KEPT):
        bench.ask(Action.FLATTEN_PREVIEW, "SOL", id_=f"look-{n}")
    assert bench.ask(Action.POLL, id_="script") == []
    assert len(bench.engine.desk.outcomes) == 1 + PREVIEWS_KEPT
    for n in range(COMMANDS_KEPT):
        bench.ask(Action.POLL, id_=f"poll-{n}")
    assert "script" not in bench.engine.desk.outcomes
    assert len(bench.engine.desk.outcomes) == COMMANDS_KEPT + PREVIEWS_KEPT
