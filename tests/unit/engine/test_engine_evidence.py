"""The engine's step: whose an order is, whom a fault may touch, and what drift and overfills do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.effects import (
    AskAccount,
    AskOpenOrders,
    Backfill,
    CancelOrphan,
    SaveHalt,
)
from core.domain.events import (
    BackfillDone,
    FillsCommitted,
    OpenOrdersObserved,
    OrderNotFound,
    OrderUpdate,
    Refused,
    RemoteOrder,
    Unsettled,
    WireQuarantined,
)
from core.domain.instrument import Instrument
from core.domain.orders import OrderState, Side
from core.engine.coin import Coin
from tests.unit.engine.builders import (
    BOOT,
    INSTANCE,
    MID,
    OTHER_INSTANCE_CLOID,
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

BUY, SELL = Side.BUY, Side.SELL
ETH = Instrument("ETH", 1, 4, 25)
FOREIGN = RemoteOrder("SOL", "0x48424f54534548554436306163343632", 1, BUY, MID - 50_000, 10, False)


def listed(bench: Bench, *orders: RemoteOrder, ticket: str = "") -> OpenOrdersObserved:
    return OpenOrdersObserved(orders, bench.now.mono_ms, ticket)


# -- whose order it is (I5) ----------------------------------------------------------------------------------


def test_an_order_of_ours_without_a_row_is_cancelled_and_told() -> None:
    bench = Bench().started()
    orphan = f"0x67726462{INSTANCE}{BOOT}{4_000:08x}"
    effects = bench.step(listed(bench, replace(FOREIGN, cloid=orphan)))
    assert of_kind(CancelOrphan, effects) == [CancelOrphan("SOL", orphan)]
    assert "orphan_order_cancelled" in notices(effects)


def test_an_order_of_ours_in_a_coin_that_is_traded_no_more_is_cancelled_and_anothers_is_not() -> None:
    bench, left = Bench(), f"0x67726462{INSTANCE}b0070000{4_000:08x}"
    both = (("ETH", left), ("ETH", OTHER_INSTANCE_CLOID))
    effects = bench.step(OpenOrdersObserved((), bench.now.mono_ms, elsewhere=both))
    assert of_kind(CancelOrphan, effects) == [CancelOrphan("ETH", left)]
    assert "orphan_order_cancelled" in notices(effects)
    assert not bench.engine.halted


def test_a_new_order_in_another_coin_with_our_instance_is_a_copys() -> None:
    bench = Bench().started()
    new = f"0x67726462{INSTANCE}b0070000{4_000:08x}"
    effects = bench.step(OpenOrdersObserved((), bench.now.mono_ms, elsewhere=(("ETH", new),)))
    assert not of_kind(CancelOrphan, effects)
    assert bench.engine.halted.startswith("another copy of this state dir")


def test_foreign_orders_are_counted_and_left_alone() -> None:
    bench = Bench().started()
    effects = bench.step(listed(bench, FOREIGN, replace(FOREIGN, cloid=None), *map(remote, bench.live)))
    assert bench.coin.foreign_orders == 2
    assert cancelled(effects) == []
    assert of_kind(CancelOrphan, effects) == []


def test_another_instances_order_halts_the_account_and_stays_halted() -> None:
    bench = Bench().started()
    effects = bench.step(listed(bench, replace(FOREIGN, cloid=OTHER_INSTANCE_CLOID)))
    assert "0badc0de" in bench.engine.halted
    assert [h.coin for h in of_kind(SaveHalt, effects)] == [""]
    assert len(cancelled(effects)) == 6
    again = bench.step(listed(bench, replace(FOREIGN, cloid=OTHER_INSTANCE_CLOID)))
    assert of_kind(SaveHalt, again) == []


def test_a_list_shows_an_order_in_doubt_to_rest_and_its_absence_never_drops_one() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.answer(orders, lambda o: Unsettled("time-out"))
    bench.ms += 1_000
    bench.step(listed(bench, remote(orders[0])))
    assert [o.state for o in bench.live].count(OrderState.OPEN) == 1
    assert len(bench.live) == 6


def test_a_list_that_shows_an_order_we_hold_for_refused_is_believed() -> None:
    """What was never taken can be in no list, however late: the refusal was not about this order."""
    bench = Bench()
    orders = placed(bench.start())
    bench.answer(orders, lambda o: Refused("no"))
    bench.step(listed(bench, remote(orders[0], remaining=50)))
    assert [o.cloid for o in bench.live if o.state is OrderState.OPEN] == [orders[0].cloid]


def test_a_list_that_shows_an_order_we_hold_for_gone_is_believed_and_one_of_an_order_that_ended_is_late() -> (
    None
):
    bench = Bench().started()
    gone, ended = bench.live[:2]
    bench.step(update(ended, "canceled", 50))
    bench.coin.orders._store(gone.moved(OrderState.CANCELLED, "the exchange no longer knows it"))
    bench.step(listed(bench, remote(gone, 50), remote(ended, 50)))
    states = [bench.coin.orders.by_cloid[o.cloid].state for o in (gone, ended)]
    assert states == [OrderState.OPEN, OrderState.CANCELLED]


def test_a_late_fill_is_applied_in_full_and_told() -> None:
    bench = Bench().started()
    target = bench.live[0]
    bench.step(update(target, "canceled", 50))
    effects = bench.trade(target)
    assert "late_fill" in notices(effects)
    assert bench.coin.ledger.lots == 50 * target.side.sign
    assert target.slot is not None
    assert bench.coin.plan is not None
    assert bench.coin.plan.traded == {target.slot.index: 50 * target.side.sign}


def test_an_order_that_was_never_placed_frees_its_slot_and_is_told() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.answer(orders, lambda o: Unsettled("time-out"))
    bench.ms = 6_000
    bench.step(listed(bench))
    for ms in (6_100, 11_100):
        bench.ms = ms
        bench.step(*(OrderNotFound(o.cloid, bench.now.venue_ms) for o in orders))
    assert notices(bench.done).count("order_settled") == 6
    bench.rest(placed(bench.done)[6:])
    assert len(placed(bench.done)) == 12


def test_a_fill_for_a_coin_that_is_not_traded_or_an_answer_for_no_order_touches_nothing() -> None:
    bench = Bench().started()
    bench.step(FillsCommitted((fill(coin="DOGE"),)), OrderNotFound("0x1", bench.now.venue_ms))
    bench.step(WireQuarantined("userFills", "bad", "{"))
    assert bench.coin.counts.total == 0
    assert "wire_quarantined" in notices(bench.done)


@pytest.mark.parametrize(
    ("channel", "asks"),
    [("userFills", True), ("text", True), ("unnamed", True), ("bbo", False), ("userFills:foreign", False)],
)
def test_a_message_that_may_have_told_of_a_fill_is_made_up_for_at_once(channel: str, asks: bool) -> None:
    bench = Bench().started()
    bench.done.clear()
    bench.step(WireQuarantined(channel, "bad", "{"))
    assert (Backfill(ticket="quarantine") in bench.done) == asks


# -- isolation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where", ["questions", "apply_update", "apply_fills", "ledger_rows", "live_grid_orders"]
)
def test_an_exception_in_one_coin_halts_that_coin_loudly_and_no_other(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(make_engine(Instrument("SOL", 5, 2, 20), ETH))
    bench.start()
    original = getattr(Coin, where)

    def fail(self: Coin, *args: object, **named: object) -> object:
        if self.name == "ETH":
            raise RuntimeError("broken")
        return original(self, *args, **named)

    monkeypatch.setattr(Coin, where, fail)
    bench.step(quote(40_000_000, 1_000, "ETH"), quote())
    bench.step(account(), listed(bench), FillsCommitted((fill(coin="ETH"),)))
    bench.step(OrderUpdate("ETH", "0x1", 1, "open", 1, 1, 0))
    bench.after(100, quote())
    eth, sol = bench.engine.coins["ETH"], bench.coin
    assert "broken" in eth.halted
    assert "risk_halt" in notices(bench.done)
    assert (sol.halted, bench.engine.halted) == ("", "")
    assert len(sol.live_grid_orders()) == 6


# -- drift and equity ----------------------------------------------------------------------------------------


def test_a_drift_above_ten_percent_halts_the_coin_after_the_fills_were_read_and_a_second_look() -> None:
    bench = Bench().started()
    bench.ms = 40_000
    first = bench.step(account(10, bench.now))
    (read,) = of_kind(Backfill, first)
    bench.step(BackfillDone(read.ticket, 0, 0, 0))
    bench.ms = 45_000
    effects = bench.step(account(10, bench.now))
    assert "position_drift_detected" in notices(effects)
    assert bench.coin.halted == "position drift of 20.0 % (limit 10 %)"
    assert bench.coin.ledger.lots == 0, "never overwritten"
    bench.step(FillsCommitted((fill(BUY, 10, 0, trade_id=5),)))
    bench.ms = 50_000
    assert "position_drift_resolved" in notices(bench.step(account(10, bench.now)))
    assert bench.coin.halted, "found or not, an operator lifts a halt"


def test_a_suspicion_asks_for_the_fills_at_every_look_until_they_were_read() -> None:
    bench = Bench().started()
    for n in range(3):
        bench.ms = 40_000 + 5_000 * n
        (read,) = of_kind(Backfill, bench.step(account(10, bench.now)))
        bench.step(BackfillDone(read.ticket, 0, 0, 0, error="time-out"))
    assert not bench.coin.ledger.drift.declared


def test_a_drift_that_grows_with_each_withheld_fill_reads_the_whole_history_once() -> None:
    bench = Bench().started()
    bench.ms = 40_000
    bench.step(account(0, bench.now))
    agreed_ms = bench.now.venue_ms
    reads: list[Backfill] = []
    for n in range(8):
        bench.ms = 60_000 + 5_000 * n
        reads += (found := of_kind(Backfill, bench.step(account(1 + n, bench.now))))
        bench.step(*(BackfillDone(read.ticket, 0, 0, 0) for read in found))
    assert bench.coin.ledger.drift.declared
    since = [read.since_ms for read in reads if read.since_ms is not None]
    assert since.count(0) == 1
    assert len(since) > 3
    assert set(since) - {0} == {agreed_ms - 120_000}


def test_an_overfill_halts_the_coin_and_the_position_still_follows_the_exchange() -> None:
    bench = Bench().started()
    target = bench.live[0]
    bench.trade(target)
    bench.trade(target, 5)
    assert "overfill" in notices(bench.done)
    assert bench.coin.halted
    assert bench.coin.ledger.lots == 55


# -- time ----------------------------------------------------------------------------------------------------


def test_account_orders_and_fills_are_read_at_their_pace_and_no_faster() -> None:
    bench = Bench().started()
    bench.done.clear()
    for _ in range(600):
        bench.after(100)
    assert len(of_kind(AskAccount, bench.done)) in (12, 13)
    assert len(of_kind(AskOpenOrders, bench.done)) in (2, 3)
    assert len(of_kind(Backfill, bench.done)) in (3, 4)
