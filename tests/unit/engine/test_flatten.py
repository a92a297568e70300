"""One key gets you out (I7): cancel, close reduce-only, prove flat, whatever the exchange answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from core.domain.causes import Cause, Failure
from core.domain.commands import Action, Command, Origin
from core.domain.effects import AskAccount, CancelForeign, Effect, Notify, Place, SaveHalt, SaveStanding
from core.domain.events import (
    BackfillDone,
    CommandReceived,
    FeedChanged,
    FillsCommitted,
    OpenOrdersObserved,
    OrderNotFound,
    PlaceOutcome,
    PlaceResult,
    Refused,
    RequestFailed,
    Resting,
    StopRequested,
    Traded,
    Unsettled,
)
from core.domain.fills import Fill
from core.domain.instrument import Instrument
from core.domain.orders import Order, OrderState, Purpose, Side, Tif
from core.engine.flatten import Flatten
from core.engine.procedures import feed_ticket
from core.engine.standing import restore_standing
from tests.unit.engine.builders import (
    MID,
    SOL,
    Bench,
    account,
    cancelled,
    fill,
    make_engine,
    notices,
    of_kind,
    placed,
    quote,
    remote,
    update,
)

ETH = Instrument("ETH", 1, 4, 25)


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
        bench.listed()
        return cls(bench, lots)

    @property
    def procedure(self) -> Flatten:
        (running,) = self.bench.engine.desk.running
        assert isinstance(running, Flatten)
        return running

    def shown(self, lots: int = 1_000) -> list[Order]:
        """The exchange shows its position and a book of so many lots; the orders sent then."""
        return placed(self.bench.shows(self.truth, lots=lots))

    def trade(self, of: Order, lots: int) -> None:
        self.bench.step(FillsCommitted((self._fill(of, lots),)))

    def _fill(self, of: Order, lots: int) -> Fill:
        one = fill(lots=lots, start=self.truth, ms=self.bench.ms, trade_id=self.bench.next_oid(), of=of)
        self.truth = one.end_lots
        return one

    def listed(self, *orders: Order) -> list[Effect]:
        rows = tuple(map(remote, orders))
        return self.bench.step(OpenOrdersObserved(rows, self.bench.now.mono_ms, "cmd"))

    def proven(self) -> list[Effect]:
        """No order is listed, and after that the exchange shows its position once more."""
        return [*self.listed(), *self.bench.step(account(self.truth, self.bench.now, "cmd"))]

    def answer(self, of: Order, result: PlaceResult) -> None:
        self.answered(of, result)

    def answered(self, of: Order, result: PlaceResult) -> list[Effect]:
        return self.bench.step(PlaceOutcome(((of.cloid, result),)))

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
    out.proven()
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


UPGRADE = Refused("Only post-only orders allowed immediately after network upgrade", Cause.POST_ONLY_MODE)


def test_after_an_upgrade_a_reduce_only_order_rests_at_the_touch_and_the_market_is_tried_again() -> None:
    out = Exit.of(40)
    for _ in range(25):
        (close,) = out.shown()
        assert close.tif is Tif.IOC
        (resting,) = placed(out.answered(close, UPGRADE))
        assert (resting.tif, resting.reduce_only, resting.lots) == (Tif.ALO, True, 40)
        assert resting.price == MID + 100
        status, text = out.bench.outcome()
        assert status == "running"
        assert "only post-only orders after an upgrade; sell 0.4 SOL reduce-only rests at 200.01" in text
        out.answer(resting, Resting(out.bench.next_oid()))
        assert cancelled(out.bench.after(4_900, quote())) == []
        taken = out.bench.after(100, quote())
        assert [o.cloid for o in cancelled(taken)] == [resting.cloid]
        out.bench.settle_cancels(taken)
        out.pause()
    out.bench.after(240_000)
    status, text = out.bench.outcome()
    assert (status, "only post-only orders after an upgrade" in text) == ("failed", True)


def test_an_order_that_rested_after_an_upgrade_is_cancelled_when_the_flatten_gives_up() -> None:
    out = Exit.of(40)
    (close,) = out.shown()
    (resting,) = placed(out.answered(close, UPGRADE))
    out.answer(resting, Resting(out.bench.next_oid()))
    done = out.bench.after(240_001)
    assert out.bench.outcome()[0] == "failed"
    assert [o.cloid for o in cancelled(done)] == [resting.cloid]


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
        "not flat after 20 attempts: +0.4 SOL (40 lots) left, worst price tried 198 (refused: Order could not immediately "
        "match against any resting orders.); still halted, F (`gridbot flatten SOL`) tries again",
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
    bench.listed()
    bench.after(2_000)
    bench.step(account(0, bench.now, "cmd"))
    bench.trade(orders[0])
    out = Exit(bench, bench.coin.ledger.lots)
    out.listed()
    assert bench.outcome()[0] == "running"
    out.pause()
    (close,) = out.shown()
    assert close.lots == 50


def closed() -> Exit:
    """Everything is sold, and the exchange has shown a position of 0."""
    out = Exit.of(40)
    (close,) = out.shown()
    out.answer(close, Traded(1, 40))
    out.trade(close, 40)
    out.pause()
    out.shown()
    assert out.procedure.phase == "verify"
    return out


def test_flat_is_not_confirmed_before_the_position_is_read_once_more_after_the_last_order_was_gone() -> None:
    """An order by hand trades while it is swept, and the stream is deaf: only the exchange's position tells."""
    out = closed()
    assert of_kind(AskAccount, out.listed()) == [AskAccount("cmd")]
    assert out.bench.outcome()[0] == "running"
    out.truth = 30
    out.bench.step(account(30, out.bench.now, "cmd"))
    assert out.bench.outcome()[0] == "running"
    assert "the exchange shows 0.3 SOL" in out.bench.outcome()[1]
    out.pause()
    (close,) = out.shown()
    assert close.lots == 30


def test_a_node_that_lags_proves_nothing() -> None:
    """A list has no time of its own; the account that is read after it has, and one of before the list tells on both."""
    out = closed()
    out.listed()
    late = account(0, out.bench.now, "cmd")
    out.bench.step(replace(late, venue_ms=late.venue_ms - 8_000))
    assert out.bench.outcome()[0] == "running"
    assert "the exchange shows what was 8 s ago" in out.bench.outcome()[1]
    out.bench.step(account(0, out.bench.now, "cmd"))
    assert out.bench.outcome()[0] == "running", "the list was of the node that lagged"
    out.pause()
    out.shown()
    out.proven()
    assert out.bench.outcome()[0] == "done"


def test_answers_to_earlier_questions_prove_nothing() -> None:
    """A list asked for before the position was closed comes late: orders placed since are not in it."""
    out = closed()
    before = out.bench.now
    out.bench.ms += 1
    assert of_kind(AskAccount, out.bench.step(OpenOrdersObserved((), before.mono_ms - 500, "cmd"))) == []
    assert of_kind(AskAccount, out.listed()) == [AskAccount("cmd")]
    out.bench.step(account(0, before, "cmd"))
    assert out.bench.outcome()[0] == "running"
    out.bench.step(account(0, out.bench.now, "cmd"))
    assert out.bench.outcome()[0] == "done"


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
    bench.listed()
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
    bench.listed()
    bench.after(2_000, quote())
    assert len(Exit(bench, 40).shown()) == 1


def test_an_order_of_ours_in_the_last_list_begins_anew() -> None:
    out = Exit.of(0)
    out.shown()
    out.listed(placed(out.bench.done)[0])
    assert out.procedure.phase == "pause"
    out.pause()
    out.shown()
    out.proven()
    assert out.bench.outcome()[1].startswith("CONFIRMED FLAT")


def test_foreign_orders_are_cancelled_before_the_position_is_read_and_their_number_is_said() -> None:
    bench = Bench(make_engine(position=40)).started(40)
    bench.settle_cancels(bench.ask(Action.FLATTEN, "SOL"))
    by_hand = replace(remote(placed(bench.done)[0]), cloid=None, order_id=77)
    waiting = replace(by_hand, order_id=78, is_trigger=True)
    elsewhere = replace(by_hand, coin="ETH", order_id=79)
    effects = bench.listed(by_hand, waiting, elsewhere)
    assert of_kind(CancelForeign, effects) == [CancelForeign((("SOL", 77), ("SOL", 78)))]
    (told,) = [dict(n.fields) for n in of_kind(Notify, effects) if n.name == "foreign_orders_cancelled"]
    assert told == {"orders": 2, "triggers": 1, "by": "flatten"}
    assert of_kind(AskAccount, effects), "the position is read once everything is cancelled"
    assert of_kind(CancelForeign, bench.listed(by_hand)) == [], "not again within two seconds"
    out = Exit(bench, 40)
    (close,) = out.shown()
    assert "2 orders that were not GridBot's were cancelled" in bench.outcome()[1]
    out.answer(close, Traded(1, 40))
    out.trade(close, 40)
    out.pause()
    out.shown()
    bench.listed(by_hand)
    assert bench.outcome()[0] == "running", "0 orders is not proven while one is listed"
    out.pause()
    out.shown()
    out.proven()
    assert bench.outcome()[1].endswith("position 0 SOL; 2 orders that were not GridBot's were cancelled")


def test_a_part_is_no_larger_than_what_the_book_holds_within_the_slippage() -> None:
    out = Exit.of(40)
    (close,) = out.shown(lots=15)
    assert close.lots == 15
    out.answer(close, Traded(1, 15))
    out.trade(close, 15)
    out.pause()
    (rest,) = out.shown(lots=15)
    assert rest.lots == 15


def test_against_an_empty_book_nothing_is_sent_and_no_attempt_is_spent() -> None:
    out = Exit.of(40)
    for _ in range(30):
        assert out.shown(lots=0) == []
        out.pause()
    assert out.procedure.attempts == 0
    (close,) = out.shown(lots=40)
    assert close.lots == 40


def test_the_slippage_widens_step_by_step_only_as_far_as_the_settings_allow() -> None:
    bench = Bench(make_engine(position=40))
    bench.coin.config = replace(bench.coin.config, slippage_max_ppb=25_000_000)
    bench.started(40)
    bench.settle_cancels(bench.ask(Action.FLATTEN, "SOL"))
    bench.listed()
    out, touch, prices = Exit(bench, 40), MID - 100, []
    for _ in range(4):
        (close,) = out.shown()
        prices.append((touch - close.price) * 1_000 // touch)
        out.answer(close, Refused("Order could not immediately match", Cause.NO_LIQUIDITY))
        out.pause()
    assert prices == [9, 19, 24, 24], "1 %, 2 %, then 2.5 %, each rounded towards the market"


def test_a_price_outside_the_exchanges_band_is_brought_nearer_to_the_market() -> None:
    out = Exit.of(40)
    (far,) = out.shown()
    out.answer(
        far, Refused("Order price cannot be more than 80% away from the reference price", Cause.PRICE_BAND)
    )
    out.pause()
    (near,) = out.shown()
    assert far.price < near.price < MID - 100


def test_an_exchange_that_has_enough_of_us_is_left_alone_for_as_long_as_it_asks_and_costs_no_attempt() -> (
    None
):
    out = Exit.of(40)
    (close,) = out.shown()
    busy = Failure(Cause.RATE_IP, "HTTP 429", 7_000)
    out.bench.step(PlaceOutcome(((close.cloid, Refused("not sent: HTTP 429", Cause.RATE_IP)),), busy))
    assert of_kind(AskAccount, out.bench.after(6_900, quote())) == []
    assert AskAccount("cmd") in out.bench.after(100, quote())
    assert out.procedure.attempts == 0


def test_what_is_too_small_for_an_order_is_said_after_one_try() -> None:
    out = Exit.of(40)
    (close,) = out.shown()
    out.answer(close, Refused("Order must have minimum value of $10.", Cause.MIN_NOTIONAL))
    status, text = out.bench.outcome()
    assert status == "failed"
    assert text.startswith("the rest is too small for an order")
    assert "+0.4 SOL (40 lots) left" in text


def test_a_flatten_that_is_under_way_is_in_the_journal_until_it_has_ended() -> None:
    out = Exit.of(40)
    assert out.bench.coin.saved_standing == "flattening new_grid"
    assert SaveStanding("SOL", "flattening new_grid") in out.bench.done
    (close,) = out.shown()
    out.answer(close, Traded(1, 40))
    out.trade(close, 40)
    out.pause()
    out.shown()
    out.proven()
    out.bench.after(200)
    assert out.bench.coin.saved_standing == "new_grid"


def test_a_start_goes_on_with_a_flatten_that_was_under_way_and_says_so() -> None:
    bench = Bench(make_engine(position=40))
    restore_standing(bench.coin, "flattening new_grid")
    bench.coin.halted = "flatten"
    bench.start(40)
    told = [n.name for n in of_kind(Notify, bench.after(200))]
    assert "flatten_resumed" in told
    assert bench.engine.desk.is_flattening("SOL")
    assert "flatten_resumed" not in [n.name for n in of_kind(Notify, bench.after(200))]


def interrupted() -> Bench:
    """A run that begins with a flatten which the one before it was in the midst of, the account not yet seen."""
    bench = Bench(make_engine(position=40))
    restore_standing(bench.coin, "flattening new_grid")
    bench.coin.halted = "flatten"
    return bench


@pytest.mark.parametrize(
    ("traded", "held"),
    [
        ([(Side.SELL, 40, 40)], 0),
        ([(Side.SELL, 40, 40), (Side.SELL, 30, 0)], -30),
        ([(Side.SELL, 40, 40), (Side.BUY, 40, 0)], 40),
        ([(Side.BUY, 5, 40)], 45),
        ([(Side.SELL, 50, 40)], -10),
    ],
)
def test_a_position_that_was_opened_by_hand_since_is_not_closed_by_the_flatten_of_an_earlier_run(
    traded: list[tuple[Side, int, int]], held: int
) -> None:
    bench = interrupted()
    fills = tuple(
        fill(side, lots, start, n, 50 + n, order_id=900 + n) for n, (side, lots, start) in enumerate(traded)
    )
    told = notices(bench.step(FillsCommitted(fills)))
    assert "flatten_not_resumed" in told
    bench.start(held)
    for _ in range(100):
        bench.after(500, quote())
    assert placed(bench.done) == []
    assert not bench.engine.desk.is_flattening("SOL")
    assert bench.coin.halted == "flatten"
    assert bench.coin.saved_standing == "new_grid"


def test_a_kill_between_the_row_of_a_trade_by_hand_and_the_look_at_it_leaves_the_position_alone() -> None:
    """The fill is in the journal, so that no read brings it again; the journal has marked it with its row."""
    bench = Bench(make_engine(position=-30))
    restore_standing(bench.coin, "by_hand flattening new_grid")
    bench.coin.halted = "flatten"
    bench.start(-30)
    told = [name for _ in range(80) for name in notices(bench.after(500, quote()))]
    assert told.count("flatten_not_resumed") == 1
    assert "flatten_resumed" not in told
    assert placed(bench.done) == []
    assert bench.coin.saved_standing == "new_grid"


def test_a_trade_by_hand_during_a_flatten_is_closed_too_and_a_start_goes_on_with_it() -> None:
    out = Exit.of(40)
    out.bench.step(FillsCommitted((fill(Side.BUY, 10, 40, 1, 50),)))
    assert SaveStanding("SOL", "flattening new_grid") in out.bench.done[-3:], (
        "the journal's mark is taken back"
    )
    out.truth = 50
    assert [o.lots for o in out.shown()] == [50]


def test_nothing_is_closed_at_a_start_before_the_fills_since_are_read() -> None:
    bench = interrupted()
    bench.step(FeedChanged(True, 1), account(-30, bench.now), quote())
    assert "flatten_resumed" not in notices(bench.after(200))
    bench.step(FillsCommitted((fill(Side.SELL, 70, 40, 1, 50),)))
    bench.step(BackfillDone(feed_ticket(1), 1, 1, bench.now.venue_ms), account(-30, bench.now))
    assert "flatten_resumed" not in notices(bench.after(200))


def test_a_position_whose_change_no_fill_explains_is_left_alone_at_a_start() -> None:
    bench = interrupted()
    bench.start(-30)
    told = [name for _ in range(80) for name in notices(bench.after(500, quote()))]
    assert "flatten_not_resumed" in told
    assert "flatten_resumed" not in told
    assert placed(bench.done) == []


def test_a_part_closed_by_hand_leaves_the_rest_to_the_next_start() -> None:
    bench = interrupted()
    bench.step(FillsCommitted((fill(Side.SELL, 10, 40, 1, 50),)))
    bench.start(30)
    assert "flatten_resumed" in notices(bench.after(200))


def test_a_stop_in_the_midst_of_a_flatten_leaves_it_to_the_next_start() -> None:
    out = Exit.of(40)
    out.bench.step(StopRequested("SIGTERM"))
    assert out.bench.coin.saved_standing == "flattening new_grid"


def test_flatten_of_all_closes_every_coin_under_one_command_with_a_line_for_each() -> None:
    bench = Bench(make_engine(SOL, ETH, position=40)).started(40)
    effects = bench.step(CommandReceived(Command("all", Action.FLATTEN, "", Origin.CLI, "all")))
    bench.settle_cancels(effects)
    assert {h.coin for h in of_kind(SaveHalt, effects)} == {""}
    bench.listed(ticket="all:SOL")
    bench.listed(ticket="all:ETH")
    (close,) = placed(bench.shows(40, "all:SOL"))
    bench.step(account(0, bench.now, "all:ETH"))
    assert bench.outcome("all")[0] == "running"
    assert {name for name in ("SOL", "ETH") if bench.engine.desk.is_flattening(name)} == {"SOL", "ETH"}
    out = Exit(bench, 40)
    assert close.coin == "SOL"
    out.answer(close, Traded(1, 40))
    out.trade(close, 40)
    bench.step(FillsCommitted((replace(fill(Side.SELL, 40, 40, 5, 99), coin="ETH"),)))
    out.pause()
    for name in ("SOL", "ETH"):
        bench.step(account(0, bench.now, f"all:{name}"))
        bench.listed(ticket=f"all:{name}")
        bench.step(account(0, bench.now, f"all:{name}"))
    status, text = bench.outcome("all")
    assert status == "done"
    assert [row.split(" at ")[0] for row in text.split("\n")] == [
        "SOL: CONFIRMED FLAT",
        "ETH: CONFIRMED FLAT",
    ]
    assert all(row.partition("UTC, ")[2].startswith("0 orders, position 0") for row in text.split("\n"))


def test_a_flatten_of_all_takes_back_what_the_flatten_of_one_coin_that_it_takes_over_left_resting() -> None:
    """Nobody looked after it: the flatten of all waited for its end until its own minute was over."""
    bench = Bench(make_engine(SOL, ETH, position=40)).started(40)
    bench.settle_cancels(bench.ask(Action.FLATTEN, "SOL"))
    bench.listed()
    out = Exit(bench, 40)
    (close,) = out.shown()
    (resting,) = placed(out.answered(close, Refused("post only", Cause.POST_ONLY_MODE)))
    out.answer(resting, Resting(77))
    effects = bench.step(CommandReceived(Command("all", Action.FLATTEN, "", Origin.CLI, "all")))
    assert [o.cloid for o in cancelled(effects) if o.purpose is Purpose.FLATTEN] == [resting.cloid]
    bench.settle_cancels(effects)
    bench.listed(ticket="all:SOL")
    assert [o.lots for o in placed(bench.shows(40, "all:SOL"))] == [40]


def test_the_end_of_a_flatten_of_all_leaves_the_flatten_of_one_coin_to_the_next_start() -> None:
    """The coin's part of it had ended, and its operator had begun another."""
    bench = Bench(make_engine(SOL, ETH)).started()
    bench.settle_cancels(bench.step(CommandReceived(Command("all", Action.FLATTEN, "", Origin.CLI, "all"))))

    def prove(name: str) -> None:
        bench.listed(ticket=f"all:{name}")
        bench.step(account(0, bench.now, f"all:{name}"))
        bench.listed(ticket=f"all:{name}")
        bench.step(account(0, bench.now, f"all:{name}"))

    prove("SOL")
    bench.ask(Action.FLATTEN, "SOL", id_="again")
    assert bench.outcome("again")[0] == "running"
    prove("ETH")
    assert bench.outcome("all")[0] != "running"
    assert "flattening" in bench.coin.saved_standing
    assert "flattening" not in bench.engine.coins["ETH"].saved_standing


def test_a_position_that_cannot_be_read_is_asked_for_again() -> None:
    out = Exit.of(40)
    out.bench.step(RequestFailed("account", "HTTP 500", "cmd"))
    assert "HTTP 500" in out.procedure.text
    out.pause()
    assert len(out.shown()) == 1


def test_without_a_quote_it_waits_for_one_and_does_not_count_that_as_an_attempt() -> None:
    out = Exit.of(40)
    out.bench.coin.quote = None
    assert out.shown(lots=0) == []
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
    sent = len(placed(out.bench.done))
    for number in range(10):
        out.bench.ask(Action.FLATTEN, "SOL", id_=f"again{number}")
    assert out.bench.outcome("again9") == ("refused", "SOL is being flattened already: cancelling 0 orders")
    assert len(placed(out.bench.done)) == sent
    two = Bench(make_engine(SOL, ETH))
    two.ask(Action.FLATTEN)
    assert two.outcome()[0] == "refused"
    assert "`gridbot flatten --all`" in two.outcome()[1]


def test_after_a_flatten_of_all_the_resumed_grids_begin_anew() -> None:
    """It latches one halt for all coins, not one of each: the cells' inventory is gone all the same."""
    bench = Bench(make_engine(SOL, ETH)).started()
    bench.trade(bench.live[0])
    bench.settle_cancels(bench.step(CommandReceived(Command("all", Action.FLATTEN, "", Origin.CLI, "all"))))
    bench.engine.desk.running.clear()
    bench.ask(Action.RESUME, id_="r")
    bench.after(10, quote())
    assert bench.coin.grid is not None
    assert bench.coin.plan is not None
    assert (bench.coin.grid.generation, bench.coin.plan.traded) == (2, {})


def test_to_resume_all_ends_a_flatten_of_all_that_a_restart_would_have_gone_on_with() -> None:
    bench = Bench(make_engine(SOL, ETH, position=40))
    for coin in bench.engine.coins.values():
        restore_standing(coin, "flattening new_grid")
    bench.engine.halted = "flatten"
    bench.connect()
    bench.ask(Action.RESUME, id_="r")
    assert bench.outcome("r")[0] == "done"
    bench.step(OpenOrdersObserved((), bench.now.mono_ms), account(40, bench.now), quote())
    assert "flatten_resumed" not in notices(bench.after(200))


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
