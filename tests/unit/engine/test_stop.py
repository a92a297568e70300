"""Stopping: no new orders, cancel ours, drain, reconcile. It latches no halt, and it ends."""

from __future__ import annotations

import pytest

from core.domain.commands import KEEP_ORDERS, Action, Command
from core.domain.effects import (
    AskAccount,
    AskFunding,
    AskOpenOrders,
    AskTransfers,
    CancelOrphan,
    DisarmDeadMan,
    Effect,
    SaveHalt,
)
from core.domain.events import (
    BackfillDone,
    CommandReceived,
    FillsCommitted,
    OpenOrdersObserved,
    RemoteOrder,
    RequestFailed,
    StopRequested,
    Tick,
    Unsettled,
)
from core.domain.orders import OrderState, Side
from core.domain.request_limits import IpWeight
from core.domain.router_events import DeadManAnswered
from core.domain.sessions import clock_text
from core.engine.dead_man import CLEARS_WITHIN_MS
from core.engine.stop import READ_MS, SETTLE_MS, WEIGHT_MOST_MS, Stop
from tests.unit.engine.builders import Bench, account, cancelled, fill, notices, of_kind, placed, remote


def stop_of(bench: Bench) -> Stop:
    stop = bench.engine.desk.stopping
    assert stop is not None
    return stop


def none_listed(bench: Bench) -> None:
    """The exchange lists no order of ours any more."""
    bench.step(OpenOrdersObserved((), bench.now.mono_ms, stop_of(bench).command.id))


def fills_read(bench: Bench) -> None:
    bench.step(BackfillDone(stop_of(bench).ticket, 0, 0, 0))


def test_a_stop_cancels_proves_it_reads_the_last_fills_agrees_and_latches_no_halt() -> None:
    bench = Bench().started()
    effects = bench.step(StopRequested("SIGTERM"))
    assert len(cancelled(effects)) == 6
    assert of_kind(SaveHalt, effects) == []
    bench.settle_cancels(effects)
    assert AskOpenOrders(stop_of(bench).command.id) in bench.done
    none_listed(bench)
    fills_read(bench)
    assert AskAccount(stop_of(bench).ticket) in bench.done
    bench.step(account(0, bench.now, stop_of(bench).ticket))
    assert (stop_of(bench).done, stop_of(bench).failed) == (True, False)
    assert bench.engine.halted == bench.coin.halted == ""


def test_a_stop_looks_for_what_was_paid_since_the_last_look_once_and_waits_for_none_of_it() -> None:
    """Else an export of the journal would lack the funding of minutes until the next start."""
    bench = Bench().started()
    bench.settle_cancels(bench.step(StopRequested("SIGTERM")))
    looks = AskFunding(), AskTransfers()
    before = [bench.done.count(look) for look in looks]
    none_listed(bench)
    assert [bench.done.count(look) for look in looks] == [count + 1 for count in before]
    fills_read(bench)
    bench.step(account(0, bench.now, stop_of(bench).ticket))
    assert stop_of(bench).done
    assert [bench.done.count(look) for look in looks] == [count + 1 for count in before]


def test_a_stop_does_not_end_while_the_exchange_lists_an_order_of_ours() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.step(StopRequested("SIGTERM")))
    ours = RemoteOrder(
        "SOL", "0x67726462" + bench.engine.instance + "00000000" + "00000001", 5, Side.BUY, 1, 1, False
    )
    effects = bench.step(OpenOrdersObserved((ours,), bench.now.mono_ms, stop_of(bench).command.id))
    assert CancelOrphan("SOL", str(ours.cloid)) in effects
    assert stop_of(bench).phase == "cancel"
    assert AskOpenOrders(stop_of(bench).command.id) in bench.after(1_000)


def test_a_stop_reads_again_while_a_fill_is_still_on_its_way() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.step(StopRequested("SIGTERM")))
    none_listed(bench)
    stop = stop_of(bench)
    fills_read(bench)
    bench.step(account(10, bench.now, stop.ticket))
    assert not stop.done
    bench.step(FillsCommitted((fill(Side.BUY, 10),)))
    bench.after(500)
    fills_read(bench)
    bench.step(account(10, bench.now, stop.ticket))
    assert (stop.done, stop.failed) == (True, False)


def test_a_position_read_before_the_last_fills_ends_no_stop() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.step(StopRequested("SIGTERM")))
    none_listed(bench)
    bench.step(account(0, bench.now, stop_of(bench).ticket))
    assert not stop_of(bench).done


def test_a_read_that_fails_at_the_end_is_repeated() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.step(StopRequested("SIGTERM")))
    none_listed(bench)
    fills_read(bench)
    bench.step(RequestFailed("account", "HTTP 502", stop_of(bench).ticket))
    bench.after(500)
    fills_read(bench)
    bench.step(account(0, bench.now, stop_of(bench).ticket))
    assert (stop_of(bench).done, stop_of(bench).failed) == (True, False)


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


def without_weight(bench: Bench, ms: int) -> list[Effect]:
    """So long, a tick a second, the host has none left for a read; what was wanted meanwhile."""
    asked: list[Effect] = []
    for left_ms in range(ms, 0, -1_000):
        weight = IpWeight(1_200, 40, proof_wait_ms=left_ms)
        bench.ms += 1_000
        asked += bench.step(Tick(bench.now.wall_ms, 0.0, weight=weight))
    return asked


def test_a_stop_waits_for_request_weight_says_so_asks_once_and_ends_well() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.step(StopRequested("SIGTERM")))
    asked = without_weight(bench, WEIGHT_MOST_MS - 2_000)
    stop = stop_of(bench)
    assert asked.count(AskOpenOrders(stop.command.id)) <= 1
    assert stop.text.endswith("; waiting for request weight: 1 s")
    assert not stop.done
    none_listed(bench)
    fills_read(bench)
    bench.step(account(0, bench.now, stop.ticket))
    assert (stop.done, stop.failed) == (True, False)


def test_a_stop_waits_for_request_weight_no_longer_than_half_a_minute() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.step(StopRequested("SIGTERM")))
    without_weight(bench, SETTLE_MS + READ_MS + WEIGHT_MOST_MS + 4_000)
    assert (stop_of(bench).done, stop_of(bench).failed) == (True, True)


def listed(bench: Bench) -> None:
    """The exchange lists what rests of the grid."""
    orders = tuple(remote(order) for order in bench.live if order.state is OrderState.OPEN)
    bench.step(OpenOrdersObserved(orders, bench.now.mono_ms, stop_of(bench).command.id))


def test_one_that_keeps_the_orders_cancels_none_and_says_how_many_stay() -> None:
    bench = Bench().started()
    effects = bench.step(CommandReceived(Command("end", Action.STOP, value=KEEP_ORDERS)))
    assert cancelled(effects) == []
    assert bench.outcome("end")[0] == "running"
    listed(bench)
    fills_read(bench)
    effects = bench.step(account(0, bench.now, stop_of(bench).ticket))
    assert (stop_of(bench).done, stop_of(bench).failed) == (True, False)
    assert "orders_kept" in notices(effects)
    status, text = bench.outcome("end")
    assert (status, text.split(";")[0]) == ("done", "stopped")
    assert "6 orders of the grid stay" in text
    assert cancelled(bench.after(1_000)) == []


def test_one_that_keeps_the_orders_waits_for_each_that_is_in_doubt() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.answer(orders[:1], lambda o: Unsettled("time-out"))
    bench.rest(orders[1:])
    bench.step(CommandReceived(Command("end", Action.STOP, value=KEEP_ORDERS)))
    listed(bench)
    assert stop_of(bench).phase == "cancel"
    assert stop_of(bench).text == "settling 1 orders"
    bench.rest(orders[:1])
    listed(bench)
    assert stop_of(bench).phase == "read"


def test_one_that_keeps_the_orders_takes_back_what_a_halt_has_taken_back() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.HALT))
    bench.step(CommandReceived(Command("end", Action.STOP, value=KEEP_ORDERS)))
    listed(bench)
    fills_read(bench)
    bench.step(account(0, bench.now, stop_of(bench).ticket))
    assert "0 orders of the grid stay" in bench.outcome("end")[1]


@pytest.mark.parametrize(("coin", "value"), [("SOL", ""), ("", "some")])
def test_a_stop_is_of_every_coin_and_keeps_all_or_none(coin: str, value: str) -> None:
    bench = Bench().started()
    bench.step(CommandReceived(Command("end", Action.STOP, coin, value=value)))
    assert bench.outcome("end")[0] == "refused"
    assert bench.engine.desk.stopping is None


def test_a_stop_that_is_asked_for_again_ends_at_once_and_says_what_is_left() -> None:
    bench = Bench().started()
    bench.trade(next(order for order in bench.live if order.side is Side.BUY))
    bench.step(StopRequested("SIGINT"))
    assert not stop_of(bench).done
    bench.step(StopRequested("SIGTERM again", at_once=True))
    stop = stop_of(bench)
    assert (stop.done, stop.failed) == (True, True)
    said = stop.text
    assert said.startswith("stopped at once (SIGTERM again), without the exchange's last word")
    bench.step(StopRequested("SIGTERM again", at_once=True))
    assert stop.text == said, "whatever else comes in the same turn"
    assert "SOL +0.5 open" in stop.text
    assert "orders still rest" in stop.text
    assert bench.engine.halted == bench.coin.halted == ""


def test_a_stop_that_has_ended_well_stays_so_however_often_it_is_asked_for() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.step(StopRequested("SIGINT")))
    none_listed(bench)
    fills_read(bench)
    bench.step(account(0, bench.now, stop_of(bench).ticket))
    bench.step(StopRequested("SIGINT again", at_once=True))
    assert (stop_of(bench).done, stop_of(bench).failed, stop_of(bench).text) == (True, False, "stopped")


def armed(bench: Bench, for_ms: int = 60_000) -> str:
    """The exchange's dead man's switch is, for so long from now; the time of day at which it fires."""
    bench.engine.dead_man.after_ms = for_ms
    bench.engine.dead_man.until_ms = bench.now.venue_ms + for_ms
    return clock_text(bench.now.wall_ms + for_ms)


def agrees(bench: Bench, lots: int = 0) -> None:
    """All that a stop reads."""
    fills_read(bench)
    bench.step(account(lots, bench.now, stop_of(bench).ticket))


def test_a_stop_ends_when_the_dead_mans_switch_is_off_and_says_nothing_of_it() -> None:
    bench = Bench().started()
    armed(bench)
    bench.step(CommandReceived(Command("end", Action.STOP, value=KEEP_ORDERS)))
    listed(bench)
    bench.after(200)
    assert bench.done.count(DisarmDeadMan()) == 1, "while it reads"
    agrees(bench)
    assert not stop_of(bench).done
    assert bench.outcome("end") == ("running", "taking the exchange's dead man's switch back")
    bench.step(DeadManAnswered(0))
    assert (stop_of(bench).done, stop_of(bench).is_clean) == (True, True)
    status, text = bench.outcome("end")
    assert (status, "switch" in text) == ("done", False)


def test_a_stop_that_leaves_it_armed_has_failed_and_says_when_it_fires_and_what_it_takes() -> None:
    bench = Bench().started()
    fires = armed(bench)
    bench.step(CommandReceived(Command("end", Action.STOP, value=KEEP_ORDERS)))
    listed(bench)
    agrees(bench)
    for _ in range(CLEARS_WITHIN_MS // 1_000 + 1):
        bench.after(1_000)
        bench.step(DeadManAnswered(0, "HTTP 502", is_definite=False))
    stop = stop_of(bench)
    assert (stop.done, stop.failed, stop.is_clean) == (True, False, False)
    status, text = bench.outcome("end")
    assert status == "failed"
    assert text.startswith("stopped; 6 orders of the grid stay at the exchange")
    assert (
        f"isn't known to be off (HTTP 502): by {fires} it may cancel every order of the account, 6 orders of"
        in text
    )


def test_one_at_once_says_so_too() -> None:
    bench = Bench().started()
    fires = armed(bench)
    bench.step(StopRequested("SIGINT"))
    bench.step(StopRequested("SIGINT", at_once=True))
    assert (stop_of(bench).done, stop_of(bench).failed) == (True, True)
    assert (
        f"by {fires} it may cancel every order of the account, 6 orders of the grid among"
        in stop_of(bench).sentence
    )


def test_the_first_that_asks_begins_in_order_whatever_it_says() -> None:
    bench = Bench().started()
    assert len(cancelled(bench.step(StopRequested("SIGINT again", at_once=True)))) == 6
    assert not stop_of(bench).done
