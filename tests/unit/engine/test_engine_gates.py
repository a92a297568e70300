"""The engine's step: what must be seen before it quotes, and what stops it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.effects import (
    AskOpenOrders,
    AskOrderStatus,
    Backfill,
    Notify,
    Place,
    SaveOrder,
)
from core.domain.events import (
    BackfillDone,
    FeedChanged,
    FillsCommitted,
    OpenOrdersObserved,
    RemoteOrder,
)
from core.domain.fills import FillSource
from core.domain.orders import OrderState, Side
from core.engine.procedures import feed_ticket
from tests.unit.engine.builders import (
    Bench,
    account,
    fill,
    notices,
    of_kind,
    order,
    placed,
    quote,
    update,
)

BUY, SELL = Side.BUY, Side.SELL


def listed(bench: Bench, *orders: RemoteOrder, ticket: str = "") -> OpenOrdersObserved:
    return OpenOrdersObserved(orders, bench.now.mono_ms, ticket)


# -- before the first order ----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["feed", "gap", "account", "orders", "quote"])
def test_nothing_is_quoted_until_everything_has_been_seen(missing: str) -> None:
    bench = Bench()
    if missing != "feed":
        bench.step(FeedChanged(True, 1))
    if missing not in ("feed", "gap"):
        bench.step(BackfillDone(feed_ticket(1), 0, 0, 0))
    if missing != "account":
        bench.step(account())
    if missing != "orders":
        bench.step(listed(bench))
    if missing != "quote":
        bench.step(quote())
    bench.after(1_000)
    assert of_kind(Place, bench.done) == []
    assert bench.coin.idle_reason


def test_rows_are_saved_as_sent_before_the_orders_are_placed() -> None:
    effects = Bench().start()
    first_place = next(n for n, e in enumerate(effects) if isinstance(e, Place))
    saved = {e.order.cloid: e.order.state for e in effects[:first_place] if isinstance(e, SaveOrder)}
    assert saved == {o.cloid: OrderState.SENT for o in placed(effects)}


def test_an_unresolved_order_of_an_earlier_run_blocks_its_slot_and_not_the_grid() -> None:
    bench = Bench()
    built = Bench().started()
    assert built.coin.grid is not None
    bench.coin.start_grid(built.coin.grid)
    old = replace(built.live[0].moved(OrderState.SENT), order_id=None, cloid=order(999).cloid)
    bench.coin.orders.restore(old, bench.now)
    orders = placed(bench.start())
    assert len(orders) == 5
    assert old.slot not in {o.slot for o in orders}
    assert of_kind(AskOrderStatus, bench.after(5_001)) == []
    asked = bench.step(account(0, bench.now)) + bench.after(0)
    assert of_kind(AskOrderStatus, asked) == [AskOrderStatus("SOL", old.cloid)]


# -- the feed (C-3) ------------------------------------------------------------------------------------------


def test_a_lost_feed_stops_new_exposure_until_the_gap_is_read_and_then_the_grid_goes_on() -> None:
    bench = Bench().started()
    bench.step(FeedChanged(False, 1, "reset"))
    hole = bench.live[0]
    bench.trade(hole)
    assert placed(bench.after(1_000, quote())) == []
    assert bench.coin.idle_reason == "no connection to the exchange"
    up = bench.step(FeedChanged(True, 2))
    assert of_kind(Backfill, up) == [Backfill(ticket="feed:2")]
    assert placed(bench.after(200, quote())) == []
    assert bench.coin.idle_reason == "the gap in fills is being read back"
    effects = bench.step(BackfillDone("feed:2", 10, 1, 0))
    assert len(placed(effects)) == 1


def test_the_receipt_of_a_reconnect_waits_for_the_orders_and_says_what_it_brought() -> None:
    bench = Bench().started()
    hole, gone = bench.live[0], bench.live[1]
    bench.step(FeedChanged(False, 1, "reset"))
    bench.ms += 7_000
    bench.step(FeedChanged(True, 2))
    bench.step(FillsCommitted((fill(of=hole, lots=hole.lots, source=FillSource.REST),)))
    effects = bench.step(BackfillDone("feed:2", 10, 1, 0))
    assert AskOpenOrders("receipt:2") in effects
    bench.step(update(gone, "canceled"))
    bench.step(OpenOrdersObserved((), bench.now.mono_ms, "receipt:2"))
    assert "ws_reconnected" not in notices(bench.done), "the list lacks orders: they are asked about first"
    for one in list(bench.coin.orders.live()):
        bench.step(update(one, "open"))
    (receipt,) = [e for e in of_kind(Notify, bench.done) if e.name == "ws_reconnected"]
    told = dict(receipt.fields)
    assert (told["gap_s"], told["fills_recovered"], told["duplicates"]) == (7.0, 1, 9)
    assert told["orders_settled"] == 2


def test_the_answer_to_an_older_connections_gap_does_not_open_the_newer_one() -> None:
    bench = Bench().started()
    for generation in (2, 3):
        bench.step(FeedChanged(False, generation - 1), FeedChanged(True, generation))
    bench.step(BackfillDone("feed:2", 0, 0, 0))
    assert not bench.engine.feed.ready
    bench.step(BackfillDone("feed:3", 0, 0, 0))
    assert bench.engine.feed.ready


def test_a_gap_that_could_not_be_read_is_read_again_and_nothing_is_quoted_meanwhile() -> None:
    bench = Bench()
    bench.step(FeedChanged(True, 1), BackfillDone("feed:1", 0, 0, 0, error="time-out"))
    assert not bench.engine.feed.ready
    assert Backfill(ticket="feed:1") not in bench.after(999)
    assert Backfill(ticket="feed:1") in bench.after(1)


def test_after_a_reconnect_the_fills_are_read_once_more_because_the_index_may_lag() -> None:
    bench = Bench().started()
    bench.after(100)
    bench.step(FeedChanged(False, 1))
    bench.connect(2)
    assert Backfill() not in bench.after(4_900)
    assert Backfill() in bench.after(100)


# -- a missing fill (F16) ------------------------------------------------------------------------------------


def test_a_fill_that_proves_another_missing_reads_back_at_once_and_stops_quoting_until_it_came() -> None:
    bench = Bench().started()
    effects = bench.step(FillsCommitted((fill(BUY, 7, start=10, ms=50, trade_id=2),)))
    assert "fill_sequence_gap" in notices(effects)
    assert [b.ticket for b in of_kind(Backfill, effects)] == ["chain"]
    assert bench.coin.idle_reason == "a fill is missing; reading it back"
    effects = bench.step(FillsCommitted((fill(BUY, 10, start=0, ms=40, trade_id=1),)))
    assert "fill_chain_whole" in notices(effects)
    assert bench.coin.idle_reason == ""
    assert bench.coin.ledger.lots == 17


@pytest.mark.parametrize("error", ["", "time-out"])
def test_a_missing_fill_is_looked_for_again_whether_the_read_failed_or_found_nothing(error: str) -> None:
    bench = Bench().started()
    bench.step(FillsCommitted((fill(BUY, 5, start=0, ms=50_000, trade_id=2),)))
    bench.step(FillsCommitted((fill(BUY, 7, start=10, ms=60_000, trade_id=3),)))

    def asked_for(until_ms: int, step_ms: int) -> list[int | None]:
        """From when on each look reads; none finds anything."""
        asked = []
        while bench.ms < until_ms:
            for read in of_kind(Backfill, bench.done):
                if read.ticket == "chain":
                    asked.append(read.since_ms)
                    bench.step(BackfillDone("chain", 0, 0, 0, error=error))
            bench.done.clear()
            bench.after(step_ms)
            bench.step(account(0, bench.now))
        return asked

    asked = asked_for(60_000, 500)
    assert 12 <= len(asked) <= 17, "every second at first, then every ten"
    assert set(asked) == {fill(ms=49_000).time_ms}
    assert 15 <= len(asked_for(1_860_000, 5_000)) <= 30, "half an hour later every two minutes"
