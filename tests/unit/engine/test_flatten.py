"""One key gets you out (I7): cancel, close reduce-only, prove flat, whatever the exchange answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from core.domain.causes import Cause
from core.domain.commands import Action
from core.domain.effects import AskAccount, Effect, Place, SaveHalt
from core.domain.events import (
    FillsCommitted,
    OpenOrdersObserved,
    OrderNotFound,
    PlaceOutcome,
    Refused,
    RequestFailed,
    Traded,
    Unsettled,
)
from core.domain.fills import Fill
from core.domain.orders import Order, OrderState, Purpose, Side, Tif
from core.engine.flatten import Flatten
from tests.unit.engine.builders import (
    MID,
    Bench,
    account,
    cancelled,
    fill,
    make_engine,
    of_kind,
    placed,
    quote,
    remote,
    update,
)


@dataclass
class Exit:
    """A bench that holds ``lots`` and has been told to flatten; ``truth`` is the exchange's position."""

    bench: Bench
    truth: int

    @classmethod
    def of(cls, lots: int) -> Exit:
        bench = Bench(make_engine(position=lots))
        bench.started(lots)
        effects = bench.ask(Action.FLATTEN, "SOL")
        bench.settle_cancels(effects)
        return cls(bench, lots)

    @property
    def procedure(self) -> Flatten:
        (running,) = self.bench.engine.desk.running
        assert isinstance(running, Flatten)
        return running

    def shown(self) -> list[Order]:
        """The exchange shows its position; the orders sent then."""
        return placed(self.bench.step(account(self.truth, self.bench.now, "cmd")))

    def trade(self, of: Order, lots: int) -> None:
        self.bench.step(FillsCommitted((self._fill(of, lots),)))

    def _fill(self, of: Order, lots: int) -> Fill:
        one = fill(lots=lots, start=self.truth, ms=self.bench.ms, trade_id=self.bench.next_oid(), of=of)
        self.truth = one.end_lots
        return one

    def listed(self, *orders: Order) -> list[Effect]:
        rows = tuple(map(remote, orders))
        return self.bench.step(OpenOrdersObserved(rows, self.bench.now.mono_ms, "cmd"))

    def answer(self, of: Order, result: Traded | Refused | Unsettled) -> None:
        self.bench.step(PlaceOutcome(((of.cloid, result),)))

    def pause(self) -> None:
        self.bench.after(500, quote())


@pytest.mark.parametrize(("lots", "side"), [(40, Side.SELL), (-40, Side.BUY)])
def test_a_flatten_closes_reduce_only_within_its_slippage_and_proves_flat(lots: int, side: Side) -> None:
    out = Exit.of(lots)
    (close,) = out.shown()
    assert (close.side, close.lots, close.tif, close.reduce_only) == (side, 40, Tif.IOC, True)
    assert abs(close.price - MID) <= MID // 100 + 200
    out.answer(close, Traded(1, 40))
    out.trade(close, 40)
    out.pause()
    assert out.shown() == []
    out.listed()
    status, text = out.bench.outcome()
    assert status == "done"
    assert text == "CONFIRMED FLAT at 14:00:00 UTC, 0 orders, position 0 SOL"
    assert out.bench.coin.halted == "flatten"


def test_nothing_is_closed_before_the_grid_is_cancelled_and_the_first_cancel_leaves_with_the_key() -> None:
    bench = Bench(make_engine(position=40)).started(40)
    effects = bench.ask(Action.FLATTEN, "SOL")
    assert len(cancelled(effects)) == len(bench.live)
    assert of_kind(SaveHalt, effects) == [SaveHalt("SOL", "flatten")]
    assert placed(bench.step(account(40, bench.now, "cmd"))) == []


def test_a_partly_filled_close_is_followed_by_one_for_the_rest() -> None:
    out = Exit.of(40)
    (close,) = out.shown()
    out.answer(close, Traded(1, 15))
    out.trade(close, 15)
    out.pause()
    (again,) = out.shown()
    assert again.lots == 25


def test_after_an_upgrade_a_close_waits_longer_says_why_and_spends_no_attempt() -> None:
    out = Exit.of(40)
    upgrade = Refused("Only post-only orders allowed immediately after network upgrade", Cause.POST_ONLY_MODE)
    (close,) = out.shown()
    for _ in range(25):
        out.answer(close, upgrade)
        assert "only post-only orders after an upgrade" in out.bench.outcome()[1]
        assert AskAccount("cmd") not in out.bench.after(1_900, quote())
        out.bench.after(100, quote())
        (close,) = out.shown()
    assert out.bench.outcome()[0] == "running"
    out.answer(close, upgrade)
    out.bench.after(60_000)
    status, text = out.bench.outcome()
    assert status == "failed"
    assert "only post-only orders after an upgrade" in text


def test_a_refused_close_is_tried_again_a_bounded_number_of_times() -> None:
    out = Exit.of(40)
    tries = 0
    while out.bench.engine.desk.running:
        for close in out.shown():
            tries += 1
            out.answer(close, Refused("Order could not immediately match against any resting orders."))
        out.pause()
    assert tries == 20
    assert out.bench.outcome() == (
        "failed",
        "not flat after 20 attempts: SOL position +0.4 open, 0 orders not settled; flatten again",
    )


def test_a_grid_fill_that_races_the_close_is_closed_too() -> None:
    out = Exit.of(40)
    racing = replace(out.bench.coin.orders.by_cloid[placed(out.bench.done)[0].cloid])
    (close,) = out.shown()
    out.answer(close, Traded(1, 40))
    out.trade(close, 40)
    out.trade(racing, 10)
    out.pause()
    (again,) = out.shown()
    assert (again.side, again.lots) == (racing.side.opposite, 10)


def test_a_fill_between_the_look_at_the_position_and_the_list_of_orders_is_not_confirmed_as_flat() -> None:
    """An order in doubt when the position read 0 traded right after: the proof is void and begins again."""
    bench = Bench()
    orders = placed(bench.start())
    bench.rest(orders[1:])
    bench.answer(orders[:1], lambda o: Unsettled("time-out"))
    bench.settle_cancels(bench.ask(Action.FLATTEN, "SOL"))
    bench.after(2_000)
    bench.step(account(0, bench.now, "cmd"))
    bench.trade(orders[0])
    out = Exit(bench, bench.coin.ledger.lots)
    out.listed()
    assert bench.outcome()[0] == "running"
    out.pause()
    (close,) = out.shown()
    assert close.lots == 50


def test_a_close_whose_answer_was_lost_is_settled_before_the_next() -> None:
    out = Exit.of(40)
    (close,) = out.shown()
    out.answer(close, Unsettled("time-out"))
    out.pause()
    assert out.shown() == []
    out.bench.ms = 6_000
    for ms in (6_000, 11_000):
        out.bench.ms = ms
        out.bench.step(OpenOrdersObserved((), out.bench.now.mono_ms))
        out.bench.step(OrderNotFound(close.cloid, out.bench.now.venue_ms))
    assert out.bench.coin.orders.by_cloid[close.cloid].state is OrderState.NEVER_PLACED
    out.pause()
    (again,) = out.shown()
    assert again.cloid != close.cloid


def test_a_close_that_traded_does_not_wait_for_its_fills_to_go_on() -> None:
    """The exchange's position decides, not our stream: the feed may be what is broken."""
    out = Exit.of(40)
    (close,) = out.shown()
    out.answer(close, Traded(1, 40))
    out.truth = 0
    out.pause()
    assert out.procedure.phase == "read"


def test_orders_in_doubt_do_not_keep_the_position_open_but_keep_it_from_being_proved_flat() -> None:
    bench = Bench(make_engine(position=40))
    orders = placed(bench.start(40))
    bench.answer(orders, lambda o: Unsettled("time-out"))
    bench.ask(Action.FLATTEN, "SOL")
    bench.after(1_999)
    assert bench.outcome()[1] == "cancelling 5 orders"
    bench.after(1, quote())
    out = Exit(bench, 40)
    (close,) = out.shown()
    out.answer(close, Traded(1, 40))
    out.trade(close, 40)
    out.pause()
    out.shown()
    out.listed()
    assert bench.outcome()[0] == "running"


def test_fills_that_are_still_missing_do_not_keep_the_position_open() -> None:
    """An order that ended can trade no more; its fills may take as long as the exchange's index."""
    bench = Bench(make_engine(position=40)).started(40)
    orders = cancelled(bench.ask(Action.FLATTEN, "SOL"))
    for one in orders:
        bench.step(update(one, "canceled", one.lots - 10))
    bench.after(2_000, quote())
    assert len(Exit(bench, 40).shown()) == 1


def test_an_order_of_ours_in_the_last_list_begins_anew_and_foreign_ones_are_said() -> None:
    out = Exit.of(0)
    out.shown()
    ours = placed(out.bench.done)[0]
    out.listed(ours)
    assert out.procedure.phase == "pause"
    out.pause()
    out.shown()
    out.listed(replace(ours, cloid="0x48424f54534548554436306163343632"))
    assert out.bench.outcome()[1].endswith("; 1 orders that are not GridBot's were left alone")


def test_a_position_that_cannot_be_read_is_asked_for_again() -> None:
    out = Exit.of(40)
    out.bench.step(RequestFailed("account", "HTTP 500", "cmd"))
    assert "HTTP 500" in out.procedure.text
    out.pause()
    assert len(out.shown()) == 1


def test_without_a_quote_it_waits_for_one_and_does_not_count_that_as_an_attempt() -> None:
    out = Exit.of(40)
    out.bench.coin.quote = None
    assert out.shown() == []
    assert out.procedure.attempts == 0


def test_a_flatten_that_nobody_answers_ends_after_a_minute_and_stays_halted() -> None:
    out = Exit.of(40)
    while out.bench.engine.desk.running:
        assert out.bench.ms < 70_000
        out.bench.after(500)
    assert out.bench.outcome()[0] == "failed"
    assert out.bench.coin.halted == "flatten"


def test_a_second_flatten_of_the_coin_is_refused_and_one_without_a_coin_needs_a_single_one() -> None:
    out = Exit.of(40)
    out.bench.ask(Action.FLATTEN, "SOL", id_="again")
    assert out.bench.outcome("again") == ("refused", "SOL is being flattened already")


@pytest.mark.parametrize("halt_on_top", [False, True])
def test_after_a_flatten_the_resumed_grid_begins_anew_even_if_another_halt_came_on_top(
    halt_on_top: bool,
) -> None:
    """The cells' inventory was sold: an old cell that believes it is full would open a short."""
    bench = Bench().started()
    bench.trade(bench.live[0])
    bench.ask(Action.FLATTEN, "SOL")
    if halt_on_top:
        bench.engine.latch(bench.coin, "position drift of 20.0 % (limit 10 %)")
    bench.settle_cancels(bench.done)
    bench.engine.desk.running.clear()
    bench.ask(Action.RESUME, id_="r")
    bench.after(10, quote())
    assert bench.coin.grid is not None
    assert bench.coin.plan is not None
    assert (bench.coin.grid.generation, bench.coin.plan.traded) == (2, {})


def test_closing_orders_are_never_quoted_around_nor_cancelled_as_grid_orders() -> None:
    out = Exit.of(40)
    (close,) = out.shown()
    assert close.purpose is Purpose.FLATTEN
    assert close not in out.bench.live
    assert cancelled(out.bench.after(100, quote())) == []
    assert of_kind(Place, out.bench.after(100)) == []


def test_a_position_of_0_that_the_fills_deny_is_not_believed() -> None:
    """The exchange's view of the account may lag: CONFIRMED FLAT needs its word and ours."""
    out = Exit.of(40)
    out.bench.step(account(0, out.bench.now, "cmd"))
    assert out.procedure.phase == "pause"
    out.pause()
    (close,) = out.shown()
    assert close.lots == 40
