"""Parking: one order goes, and its slot stays empty until an operator says otherwise, also after a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.commands import Action, Command, Origin
from core.domain.effects import Effect, SaveParked
from core.domain.events import CancelOutcome, CommandReceived, FeedChanged
from core.domain.orders import Order, Side
from core.engine.parked import Parked
from core.engine.snapshot import build_snapshot
from tests.unit.engine.builders import Bench, cancelled, of_kind, placed, quote, remote, update


def ask(bench: Bench, action: Action, value: str, id_: str = "cmd") -> list[Effect]:
    return bench.step(CommandReceived(Command(id_, action, "", Origin.CLI, value)))


def parked() -> tuple[Bench, Order]:
    bench = Bench().started()
    order = next(o for o in bench.live if o.side is Side.BUY)
    effects = ask(bench, Action.PARK, order.cloid)
    assert [o.cloid for o in cancelled(effects)] == [order.cloid]
    bench.settle_cancels(effects)
    return bench, order


def test_the_slot_of_a_parked_order_is_not_quoted_again_and_says_what_frees_it() -> None:
    bench, order = parked()
    assert order.slot is not None
    for _ in range(20):
        assert placed(bench.after(1_000, quote())) == []
    coin = build_snapshot(bench.engine, "paper", bench.now).coins[0]
    assert coin.parked == (f"buy {order.slot.index}",)
    (level,) = [level for level in coin.grid.levels if level.rule]
    assert (level.rule, level.blocked_by) == ("parked", "parked by an operator")
    assert "unpark" in level.frees
    assert bench.outcome()[0] == "done"


def test_what_is_parked_is_in_the_journal_and_is_read_back() -> None:
    bench, order = parked()
    assert order.slot is not None
    (row,) = of_kind(SaveParked, bench.done)
    assert row == SaveParked("SOL", f"buy:{order.slot.index}")
    assert Parked.restored(row.text) == bench.coin.parked
    assert Parked.restored("") == Parked()


def test_an_unparked_slot_is_quoted_again() -> None:
    bench, order = parked()
    effects = [*ask(bench, Action.UNPARK, "", "two"), *bench.after(10, quote())]
    (again,) = placed(effects)
    assert again.slot == order.slot
    assert of_kind(SaveParked, effects) == [SaveParked("SOL", "")]


def test_a_parked_level_stays_parked_in_the_next_generation_of_the_grid() -> None:
    bench, order = parked()
    assert order.slot is not None
    refused = bench.coin.parked.refusals(7)
    assert [(slot.generation, slot.side, slot.index) for slot in refused] == [(7, Side.BUY, order.slot.index)]


def test_a_foreign_order_is_refused_with_what_takes_it() -> None:
    bench = Bench().started()
    by_hand = replace(remote(bench.live[0]), cloid="0x" + "7" * 32, order_id=77)
    bench.listed(by_hand, ticket="")
    assert ask(bench, Action.PARK, by_hand.cloid or "") == bench.done[-2:]
    status, text = bench.outcome()
    assert status == "refused"
    assert "`gridbot cancel-all`" in text


@pytest.mark.parametrize(
    ("action", "value", "words"),
    [
        (Action.PARK, "0xabc", "is not in the books"),
        (Action.PARK, "", "no order is not in the books"),
        (Action.UNPARK, "", "no slot is parked"),
    ],
)
def test_what_can_not_be_parked_or_unparked_is_refused(action: Action, value: str, words: str) -> None:
    bench = Bench().started()
    ask(bench, action, value)
    assert bench.outcome()[0] == "refused"
    assert words in bench.outcome()[1]


def test_an_order_that_its_cancel_overtook_is_taken_out_of_its_parked_slot() -> None:
    bench = Bench()
    orders = placed(bench.start())
    order = next(o for o in orders if o.side is Side.BUY)
    ask(bench, Action.PARK, order.cloid)
    gone = "Order was never placed, already canceled, or filled."
    bench.step(CancelOutcome(((order.cloid, gone),)))
    assert order.cloid in [o.cloid for o in cancelled(bench.rest(orders))]


def test_a_cancel_that_did_not_take_is_sent_again_for_a_parked_slot_also_while_nothing_is_quoted() -> None:
    bench = Bench().started()
    order = next(o for o in bench.live if o.side is Side.BUY)
    ask(bench, Action.PARK, order.cloid)
    bench.step(CancelOutcome(((order.cloid, "429"),)))
    bench.done.clear()
    bench.step(FeedChanged(False, 1))
    for _ in range(3):
        bench.after(1_000)
        bench.step(update(bench.coin.orders.by_cloid[order.cloid], "open", order.lots))
    assert order.cloid in [o.cloid for o in cancelled(bench.done)]
