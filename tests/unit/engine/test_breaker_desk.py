"""The operator's hand on the circuit breakers: closed once the cause is gone, refused with the reason while it persists."""

from __future__ import annotations

from core.domain.causes import Cause, Failure
from core.domain.commands import Action, Command, Operator, Origin
from core.domain.effects import AskAccount, Notify
from core.domain.events import CommandReceived, FeedChanged, PlaceOutcome, Refused, RequestFailed
from core.engine.circuit_breaker import BreakerName
from core.view import BreakerState
from tests.unit.engine.builders import Bench, account, of_kind, placed


def broken(cause: Cause, wait_ms: int = 0) -> Bench:
    """Placing has failed for this cause often enough."""
    bench = Bench()
    (first, *_) = placed(bench.start())
    failure = Failure(cause, f"it failed: {cause}", wait_ms)
    for _ in range(5):
        bench.step(PlaceOutcome(((first.cloid, Refused("it failed", cause)),), failure))
    assert bench.engine.breakers[BreakerName.PLACE].state(bench.now) is BreakerState.OPEN
    return bench


def test_an_answer_of_the_exchange_closes_what_opened_for_want_of_one() -> None:
    bench = broken(Cause.SERVER)
    assert AskAccount("cmd") in bench.ask(Action.RESET_BREAKER)
    effects = bench.step(account(0, bench.now, "cmd"))
    assert bench.outcome() == ("done", "closed: place")
    assert bench.engine.breakers[BreakerName.PLACE].state(bench.now) is BreakerState.CLOSED
    told = [dict(n.fields) for n in of_kind(Notify, effects) if n.name == "circuit_reset"]
    assert [(t["breaker"], t["by"]) for t in told] == [("place", "the operator")]


def test_the_history_names_the_operator_who_closed_it() -> None:
    bench = broken(Cause.SERVER)
    command = Command("cmd", Action.RESET_BREAKER, "", Origin.TUI, by=Operator("alice", tty="pts/3"))
    bench.step(CommandReceived(command))
    bench.step(account(0, bench.now, "cmd"))
    (trip,) = bench.engine.breakers.trips()
    assert (trip.closed_by, bool(trip.closed_ms)) == ("operator alice@pts/3", True)


def test_without_an_answer_nothing_is_closed_and_the_cause_is_said() -> None:
    bench = broken(Cause.SERVER)
    bench.ask(Action.RESET_BREAKER)
    bench.step(RequestFailed("account", "HTTP 502", "cmd", Cause.SERVER))
    assert bench.outcome() == ("failed", "nothing was closed, the cause persists: HTTP 502")
    assert bench.engine.breakers[BreakerName.PLACE].state(bench.now) is BreakerState.OPEN


def test_an_exchange_that_asked_to_be_left_alone_is_left_alone() -> None:
    bench = broken(Cause.MAINTENANCE, 60_000)
    bench.engine.breakers[BreakerName.PLACE].failure(
        Cause.MAINTENANCE, "it failed: maintenance", bench.now, wait_ms=60_000
    )
    bench.ask(Action.RESET_BREAKER)
    status, text = bench.outcome()
    assert status == "refused"
    assert text == "place stays open: it failed: maintenance: left alone for 60 s more"


def test_a_stream_that_is_down_keeps_its_breaker_open() -> None:
    bench = Bench().started()
    for generation in range(1, 6):
        bench.step(FeedChanged(False, generation, "reset by peer"))
    assert bench.engine.breakers[BreakerName.FEED].state(bench.now) is BreakerState.OPEN
    bench.ask(Action.RESET_BREAKER)
    assert bench.outcome() == ("refused", "feed stays open: the stream is down: W reconnects it")


def test_with_every_breaker_closed_there_is_nothing_to_reset() -> None:
    bench = Bench().started()
    bench.ask(Action.RESET_BREAKER)
    assert bench.outcome() == ("refused", "every circuit breaker is closed")
