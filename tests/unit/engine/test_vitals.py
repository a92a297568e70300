"""What the engine does about the health of its host: it stops quoting, says why, and looks anew before it goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.commands import Action
from core.domain.effects import AskAccount, AskBook, AskOpenOrders, Backfill, Effect
from core.domain.events import (
    BackfillDone,
    BookObserved,
    Event,
    LoopLagged,
    OpenOrdersObserved,
    Quote,
    RequestFailed,
    StorageRecovered,
    Tick,
)
from core.domain.orders import OrderState
from core.engine.snapshot import build_snapshot
from core.engine.vitals import REREAD_EVERY_MS, SLOW_FOR_MS
from core.view import Severity
from tests.unit.engine.builders import MID, Bench, account, cancelled, notices, placed, quote, remote


def started() -> Bench:
    bench = Bench().started()
    bench.done.clear()
    return bench


def tick(bench: Bench, commit_ms: int = 0, backlog: int = 0) -> list[Effect]:
    return bench.step(Tick(bench.now.wall_ms, 1.0, commit_ms, backlog))


def fresh(bench: Bench, mid: int = MID) -> Quote:
    return replace(quote(mid), time_ms=bench.now.venue_ms)


def move_away(bench: Bench) -> list[Effect]:
    """A price at which another grid is wanted."""
    bench.coin.wants_new_grid = True
    return bench.step(fresh(bench, MID + 30_000))


def idle_reason(bench: Bench) -> str:
    return build_snapshot(bench.engine, "paper", bench.now).coins[0].idle_reason


def answers(bench: Bench) -> dict[str, Event]:
    """What the three reads that a look anew asks for come back with."""
    ticket = bench.engine.vitals.ticket
    listed = tuple(remote(o) for o in bench.live if o.state is OrderState.OPEN)
    return {
        "fills": BackfillDone(ticket, 0, 0, bench.now.venue_ms),
        "orders": OpenOrdersObserved(listed, bench.now.mono_ms, ticket),
        "account": account(0, bench.now, ticket),
    }


def test_a_commit_that_took_long_stops_quoting_for_five_seconds() -> None:
    bench = started()
    assert notices(tick(bench, commit_ms=1_000)) == []
    assert notices(tick(bench, commit_ms=1_001)) == ["slow_commit"]
    assert idle_reason(bench) == "the disk is slow: a commit took 1001 ms"
    assert placed(move_away(bench)) == []
    bench.ms += SLOW_FOR_MS - 1
    assert placed(move_away(bench)) == []
    bench.ms += 1
    move_away(bench)
    assert idle_reason(bench) == ""


def test_a_disk_that_stays_slow_is_told_once_and_counts_from_its_last_slow_commit() -> None:
    bench = started()
    told = [*notices(tick(bench, 2_000))]
    for _ in range(4):
        bench.ms += SLOW_FOR_MS - 1
        told += notices(tick(bench, 3_000))
    assert told.count("slow_commit") == 1
    assert idle_reason(bench) == "the disk is slow: a commit took 3000 ms"


def test_orders_that_rest_stay_while_the_disk_is_slow() -> None:
    bench = started()
    assert cancelled(tick(bench, commit_ms=5_000)) == []
    assert len(bench.live) == 6


def test_a_backlog_stops_quoting_until_it_is_worked_off() -> None:
    bench = started()
    assert notices(tick(bench, backlog=1_000)) == []
    assert notices(tick(bench, backlog=1_001)) == ["backlog"]
    assert placed(move_away(bench)) == []
    tick(bench, backlog=100)
    assert idle_reason(bench) == "the core is behind: 100 messages wait"
    tick(bench, backlog=99)
    assert idle_reason(bench) == ""


@pytest.mark.parametrize(
    ("event", "name", "why"),
    [
        (LoopLagged(5_000), "loop_lag", "the process stood still"),
        (StorageRecovered(5_000), "storage_recovered", "the journal can be written again"),
    ],
)
def test_after_a_gap_nothing_is_quoted_until_all_of_it_is_read_anew(
    event: Event, name: str, why: str
) -> None:
    bench = started()
    bench.ms += 5_000
    effects = bench.step(event)
    assert notices(effects) == [name]
    ticket = bench.engine.vitals.ticket
    for ask in (AskAccount(ticket), AskOpenOrders(ticket), Backfill(ticket=ticket), AskBook("SOL")):
        assert ask in effects
    for what, answer in answers(bench).items():
        assert placed(move_away(bench)) == [], what
        assert idle_reason(bench) == f"{why}; reading the account anew", what
        bench.step(answer)
    move_away(bench)
    assert idle_reason(bench) == ""


def test_a_read_that_fails_is_asked_for_again() -> None:
    bench = started()
    bench.step(LoopLagged(5_000))
    ticket, known = bench.engine.vitals.ticket, answers(bench)
    bench.step(known["fills"], RequestFailed("account", "no answer", ticket), known["orders"])
    assert AskAccount(ticket) not in bench.after(REREAD_EVERY_MS - 1)
    effects = bench.after(1)
    assert AskAccount(ticket) in effects
    assert not {Backfill(ticket=ticket), AskOpenOrders(ticket)} & set(effects)


def test_what_was_asked_for_before_the_gap_is_no_answer() -> None:
    bench = started()
    old = answers(bench)
    bench.ms += 5_000
    bench.step(LoopLagged(5_000), *old.values())
    assert bench.engine.vitals.unread == {"fills", "orders", "account"}


def test_a_price_from_before_or_in_the_gap_is_no_price() -> None:
    bench = started()
    bench.ms += 5_000
    bench.step(LoopLagged(5_000))
    bench.step(*answers(bench).values())
    assert bench.coin.mid_twice is None
    stale = replace(quote(MID + 90_000), time_ms=bench.now.venue_ms - 1_000)
    bench.step(stale)
    assert bench.coin.mid_twice is None
    assert idle_reason(bench) == "waiting for a quote with both sides; what rests stays"
    bench.step(fresh(bench))
    assert bench.coin.mid_twice == 2 * MID


def test_a_quiet_market_is_priced_from_the_book_asked_for_after_the_gap() -> None:
    bench = started()
    bench.ms += 5_000
    bench.step(LoopLagged(5_000))
    bench.step(BookObserved(quote(MID + 7), bench.now.mono_ms - 1))
    assert bench.coin.mid_twice is None
    assert AskBook("SOL") in bench.after(REREAD_EVERY_MS)
    bench.step(BookObserved(quote(MID + 7), bench.now.mono_ms))
    assert bench.coin.mid_twice == 2 * (MID + 7)
    assert AskBook("SOL") not in bench.after(REREAD_EVERY_MS)
    bench.step(BookObserved(quote(MID + 9), bench.now.mono_ms))
    assert bench.coin.mid_twice == 2 * (MID + 7), "beside a live stream the book is a witness only"


def test_while_the_journal_cannot_be_written_ours_are_taken_back_and_the_screen_says_so() -> None:
    bench = started()
    bench.engine.storage_trouble = "database or disk is full"
    shown = build_snapshot(bench.engine, "paper", bench.now)
    (alert,) = shown.alerts
    assert (alert.severity, alert.text, alert.fix) == (
        Severity.CRIT,
        "JOURNAL CANNOT BE WRITTEN: database or disk is full",
        "free disk space",
    )
    assert shown.coins[0].idle_reason == "the journal cannot be written: database or disk is full"
    effects = bench.after(200)
    assert len(cancelled(effects)) == 6
    bench.settle_cancels(effects)
    assert placed(move_away(bench)) == []
    bench.step(StorageRecovered(9_000))
    bench.step(*answers(bench).values())
    assert len(placed(bench.step(fresh(bench)))) == 6
    assert build_snapshot(bench.engine, "paper", bench.now).alerts == ()


def test_getting_out_is_possible_while_the_disk_is_slow_or_full() -> None:
    bench = Bench().started(position=40)
    bench.engine.storage_trouble = "database or disk is full"
    tick(bench, commit_ms=9_000)
    bench.settle_cancels(bench.done)
    bench.ask(Action.FLATTEN, "SOL")
    bench.settle_cancels(bench.after(200))
    bench.listed()
    bench.shows(40)
    (closing,) = [o for o in placed(bench.done) if o.reduce_only]
    assert closing.lots == 40
