"""Stopping: no new orders, cancel ours, drain, reconcile. It latches no halt, and it ends."""

from __future__ import annotations

from core.domain.effects import AskAccount, SaveHalt
from core.domain.events import FillsCommitted, StopRequested, Unsettled
from core.domain.orders import Side
from core.engine.procedures import Stop
from tests.unit.engine.builders import Bench, account, cancelled, fill, notices, of_kind, placed


def stop_of(bench: Bench) -> Stop:
    stop = bench.engine.desk.stopping
    assert stop is not None
    return stop


def test_a_stop_cancels_reads_once_more_agrees_and_latches_no_halt() -> None:
    bench = Bench().started()
    effects = bench.step(StopRequested("SIGTERM"))
    assert len(cancelled(effects)) == 6
    assert of_kind(SaveHalt, effects) == []
    bench.settle_cancels(effects)
    assert AskAccount(stop_of(bench).ticket) in bench.done
    bench.step(account(0, bench.now, stop_of(bench).ticket))
    assert (stop_of(bench).done, stop_of(bench).failed) == (True, False)
    assert bench.engine.halted == bench.coin.halted == ""


def test_a_stop_reads_again_while_a_fill_is_still_on_its_way() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.step(StopRequested("SIGTERM")))
    stop = stop_of(bench)
    bench.step(account(10, bench.now, stop.ticket))
    assert not stop.done
    bench.step(FillsCommitted((fill(Side.BUY, 10),)))
    bench.after(500)
    bench.step(account(10, bench.now, stop.ticket))
    assert (stop.done, stop.failed) == (True, False)


def test_a_stop_ends_in_any_case_and_says_what_it_could_not_prove() -> None:
    bench = Bench()
    bench.answer(placed(bench.start()), lambda o: Unsettled("time-out"))
    bench.step(StopRequested("SIGTERM"))
    for _ in range(60):
        bench.after(500)
    assert (stop_of(bench).done, stop_of(bench).failed) == (True, True)


def test_two_stops_are_one() -> None:
    bench = Bench().started()
    bench.step(StopRequested("SIGTERM"))
    assert notices(bench.step(StopRequested("SIGINT"))) == []
    assert len(bench.engine.desk.running) == 1
