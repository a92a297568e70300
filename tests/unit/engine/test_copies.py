"""Orders with our instance and without a row: left from before a restored backup, or of a copy that trades beside us."""

from __future__ import annotations

from core.domain.commands import Action
from core.domain.effects import AskOpenOrders, Backfill, CancelOrphan, SaveHalt
from core.domain.events import OpenOrdersObserved, OrderUpdate, RemoteOrder, StopRequested
from core.domain.orders import Side
from core.engine.observations import COPY_HALT
from tests.unit.engine.builders import BOOT, INSTANCE, MID, VENUE_0, Bench, cancelled, notices, of_kind

OLD_BOOT = "0ddb0071"


def strange(number: int, boot: str = OLD_BOOT) -> RemoteOrder:
    return RemoteOrder("SOL", cloid(number, boot), 70 + number, Side.BUY, MID - 50_000, 10, False)


def cloid(number: int, boot: str = OLD_BOOT) -> str:
    return f"0x67726462{INSTANCE}{boot}{number:08x}"


def opened(number: int, boot: str = OLD_BOOT, status: str = "open") -> OrderUpdate:
    return OrderUpdate("SOL", cloid(number, boot), 70 + number, status, 10, 10, VENUE_0)


def look(bench: Bench, *orders: RemoteOrder) -> list[object]:
    return list(bench.step(OpenOrdersObserved(orders, bench.now.mono_ms)))


def test_what_the_first_look_shows_is_left_over_and_cancelled_as_often_as_it_takes() -> None:
    bench = Bench()
    for _ in range(3):
        assert CancelOrphan("SOL", cloid(1)) in look(bench, strange(1))
    assert not bench.engine.halted


def test_what_comes_later_is_a_copys_and_halts_everything() -> None:
    bench = Bench().started()
    effects = bench.step(OpenOrdersObserved((strange(1),), bench.now.mono_ms))
    assert SaveHalt("", COPY_HALT) in effects
    assert of_kind(CancelOrphan, effects) == [], "the other one would place it again"
    assert len(cancelled(effects)) == 6
    assert notices(effects).count("risk_halt") == 1


def test_an_order_of_this_very_run_is_never_a_copys() -> None:
    bench = Bench().started()
    assert CancelOrphan("SOL", cloid(99, BOOT)) in look(bench, strange(99, BOOT))
    assert not bench.engine.halted


def test_the_stream_makes_us_look_at_once() -> None:
    bench = Bench()
    assert AskOpenOrders() not in bench.step(opened(1)), "the first look comes anyway"
    bench.started()
    assert AskOpenOrders() in bench.step(opened(2))
    for known in (opened(3, BOOT), opened(4, status="canceled")):
        assert AskOpenOrders() not in bench.step(known)
    look(bench, strange(2))
    assert AskOpenOrders() not in bench.step(opened(5)), "halted for it already"


def test_after_a_resume_what_is_there_is_left_over_again() -> None:
    bench = Bench().started()
    look(bench, strange(1))
    bench.settle_cancels(bench.done)
    bench.ask(Action.RESUME)
    assert bench.outcome()[0] == "done"
    assert CancelOrphan("SOL", cloid(1)) in look(bench, strange(1))
    assert not bench.engine.halted
    look(bench, strange(1), strange(2))
    assert bench.engine.halted == COPY_HALT


def test_the_stop_of_a_run_that_a_copy_has_halted_leaves_the_copys_orders_to_it() -> None:
    bench = Bench().started()
    look(bench, strange(1))
    bench.settle_cancels(bench.done)
    bench.step(StopRequested("test"))
    bench.after(1_000)
    listed = OpenOrdersObserved((strange(1), strange(2)), bench.now.mono_ms, "stop")
    effects = bench.step(listed)
    assert of_kind(CancelOrphan, effects) == []
    assert [e.ticket for e in of_kind(Backfill, effects)] == ["stop:1"], (
        "none of its own is left: it goes on to the end"
    )
