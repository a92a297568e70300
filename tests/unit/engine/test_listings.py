"""What the console lists of orders, fills, trips and funding: complete, worst first, and made anew only when it changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.causes import Cause
from core.domain.clock import DAY_MS
from core.domain.events import (
    CancelOutcome,
    FillsCommitted,
    FundingCommitted,
    OpenOrdersObserved,
    RemoteOrder,
)
from core.domain.fills import FillKind, FillSource, Funding
from core.domain.orders import OrderState, Purpose, Side
from core.engine.circuit_breaker import Breaker, BreakerName, Breakers
from core.engine.fill_tape import KEPT, FillTape, TapedFill
from core.engine.funding import FundingBook
from core.engine.snapshot import build_snapshot
from core.view import OrderShown, OrderView
from tests.unit.engine.builders import (
    INSTANCE,
    MID,
    OTHER_INSTANCE_CLOID,
    SOL,
    VENUE_0,
    Bench,
    at,
    fill,
    order,
    remote,
)


def listed(bench: Bench) -> tuple[OrderView, ...]:
    return build_snapshot(bench.engine, "paper", bench.now).orders


def strange(cloid: str | None, order_id: int, is_trigger: bool = False) -> RemoteOrder:
    return RemoteOrder("SOL", cloid, order_id, Side.SELL, MID + 50_000, 20, is_trigger)


def seen(bench: Bench, *more: RemoteOrder) -> None:
    rest = tuple(remote(each) for each in bench.live)
    bench.step(OpenOrdersObserved((*rest, *more), bench.now.mono_ms))


def test_every_live_order_is_listed_once_with_its_level_and_what_traded_of_it() -> None:
    bench = Bench().started()
    partly = bench.live[0]
    bench.trade(partly, lots=10)
    rows = {row.cloid: row for row in listed(bench)}
    assert set(rows) == {each.cloid for each in bench.coin.orders.live()}
    row = rows[partly.cloid]
    assert (row.state, row.filled, row.size) == (OrderShown.PARTIAL, Decimal("0.1"), Decimal("0.50"))
    assert partly.slot is not None
    assert row.slot == f"{partly.slot.side} {partly.slot.index}"
    assert row.purpose == "grid"
    assert row.since_ms == partly.created_ms


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (OrderState.SENT, OrderShown.IN_FLIGHT),
        (OrderState.OPEN, OrderShown.OPEN),
        (OrderState.CANCELLING, OrderShown.CANCELLING),
        (OrderState.UNKNOWN, OrderShown.UNKNOWN),
        (OrderState.AWAITING_FILLS, OrderShown.AWAITING_FILLS),
    ],
)
def test_each_state_has_its_word(state: OrderState, shown: OrderShown) -> None:
    bench = Bench()
    bench.coin.orders.add(replace(order(state=state), reason="no answer within 5 s", final_filled=10))
    (row,) = listed(bench)
    assert row.state is shown
    assert row.note == ("no answer within 5 s" if shown is OrderShown.UNKNOWN else "")


def test_a_stop_is_listed_at_the_price_at_which_it_fires() -> None:
    bench = Bench()
    stop = replace(order(side=Side.SELL, state=OrderState.OPEN), purpose=Purpose.STOP, trigger=MID - 300_000)
    bench.coin.orders.add(stop)
    (row,) = listed(bench)
    assert (row.price, row.purpose) == (Decimal(170), "stop")


def test_a_cancel_that_failed_comes_first_and_only_until_it_has_worked() -> None:
    bench = Bench().started()
    cloid = bench.live[2].cloid
    bench.coin.orders.start_cancel(cloid, bench.now)
    assert next(row for row in listed(bench) if row.cloid == cloid).state is OrderShown.CANCELLING
    bench.step(CancelOutcome(((cloid, "HTTP 502"),)))
    first = listed(bench)[0]
    assert (first.cloid, first.state, first.note) == (cloid, OrderShown.CANCEL_FAILED, "HTTP 502")
    bench.step(CancelOutcome(((cloid, ""),)))
    assert OrderShown.CANCEL_FAILED not in {row.state for row in listed(bench)}


def test_what_the_exchange_lists_and_we_dont_know_is_an_orphan_that_says_whose_it_is() -> None:
    bench = Bench().started()
    seen(bench, strange(None, 5), strange(OTHER_INSTANCE_CLOID, 6, is_trigger=True))
    orphans = {row.order_id: row for row in listed(bench) if row.state is OrderShown.ORPHAN}
    assert set(orphans) == {5, 6}
    assert orphans[5].note == "placed by hand or by another program: left alone"
    assert orphans[6].note == "of another GridBot (0badc0de): left alone"
    since = orphans[5].since_ms
    bench.after(5_000)
    seen(bench, strange(None, 5))
    (orphan,) = [row for row in listed(bench) if row.state is OrderShown.ORPHAN]
    assert orphan.since_ms == since, "it is as old as when it was first seen"
    seen(bench)
    assert all(row.state is not OrderShown.ORPHAN for row in listed(bench))


def test_one_of_ours_that_no_journal_knows_is_listed_while_it_is_being_cancelled() -> None:
    bench = Bench().started()
    seen(bench, strange(f"0x67726462{INSTANCE}000000ff00000001", 7))
    assert "second program" in listed(bench)[0].note or "being cancelled" in listed(bench)[0].note
    assert listed(bench)[0].state is OrderShown.ORPHAN


def test_nothing_is_made_anew_while_nothing_changed_and_one_change_makes_one_row() -> None:
    bench = Bench().started()
    before = listed(bench)
    bench.after(250)
    assert listed(bench) is before
    bench.trade(bench.live[0], lots=10)
    after = {row.cloid: row for row in listed(bench)}
    changed = [row.cloid for row in before if after.get(row.cloid) is not row]
    assert len(changed) == 1


# -- fills ----------------------------------------------------------------------------------------------------------


def test_a_fill_is_listed_as_it_was_journalled_with_how_long_it_took() -> None:
    bench = Bench().started()
    bench.ms = 4_000
    mine = fill(
        of=bench.live[0], lots=10, ms=3_900, trade_id=5, order_id=bench.live[0].order_id or 0, fee="0.02"
    )
    bench.step(FillsCommitted((replace(mine, closed_pnl=Decimal("1.5")),)))
    (row,) = build_snapshot(bench.engine, "paper", bench.now).fills
    assert (row.latency_ms, row.source, row.trade_id, row.note) == (100, "ws", 5, "")
    assert (row.fee_usd, row.pnl_usd, row.liquidity) == (Decimal("0.02"), Decimal("1.5"), "maker")
    assert row.cloid == bench.live[0].cloid


def test_a_fill_that_was_read_back_stands_where_it_happened_and_has_no_latency() -> None:
    bench = Bench().started()
    live, late = fill(ms=3_000, trade_id=2, start=10), fill(ms=1_000, trade_id=1, source=FillSource.REST)
    bench.step(FillsCommitted((live,)))
    bench.step(FillsCommitted((late,)))
    rows = build_snapshot(bench.engine, "paper", bench.now).fills
    assert [row.trade_id for row in rows] == [1, 2]
    assert rows[0].latency_ms is None
    assert rows[0].note == "external"


def test_a_liquidation_says_so() -> None:
    tape = FillTape()
    tape.take(SOL, [(replace(fill(), kind=FillKind.LIQUIDATION), True)], at(0))
    assert tape.newest[0].note == "liquidation"


def test_the_tape_keeps_the_newest_over_a_restart_and_no_more() -> None:
    tape = FillTape()
    tape.restore(
        [TapedFill(fill(trade_id=n, ms=n), VENUE_0 + n + 40, False) for n in range(150)], {"SOL": SOL}
    )
    tape.take(SOL, [(fill(trade_id=n, ms=n), False) for n in range(150, 300)], at(400))
    assert [row.trade_id for row in tape.newest] == list(range(300 - KEPT, 300))
    assert tape.newest[0].latency_ms == 40


# -- breakers and funding -------------------------------------------------------------------------------------------


def test_an_outage_is_one_trip_with_when_it_began_how_often_it_opened_and_what_closed_it() -> None:
    breakers = Breakers()
    breaker: Breaker = breakers[BreakerName.PLACE]
    breaker.failure(Cause.SERVER, "HTTP 502", at(0), at_once=True)
    breaker.failure(Cause.SERVER, "HTTP 503", at(20_000), at_once=True)
    (trip,) = breakers.trips()
    assert (trip.name, trip.opened_ms, trip.reason, trip.times) == ("place", at(0).wall_ms, "HTTP 503", 2)
    assert not trip.closed_ms
    breaker.success(at(50_000), by="alice")
    (trip,) = breakers.trips()
    assert (trip.closed_ms, trip.closed_by) == (at(50_000).wall_ms, "alice")


def test_trips_of_all_breakers_are_told_in_the_order_in_which_they_began_and_are_bounded() -> None:
    breakers = Breakers()
    for n in range(20):
        for name in (BreakerName.INFO, BreakerName.PLACE):
            breakers[name].failure(
                Cause.SERVER, "no", at(n * 1_000 + (name is BreakerName.PLACE)), at_once=True
            )
            breakers[name].success(at(n * 1_000 + 500))
    told = breakers.trips()
    assert [trip.opened_ms for trip in told] == sorted(trip.opened_ms for trip in told)
    assert len(told) == 16
    assert told[-1].name == "place"


def test_funding_is_summed_by_utc_day_newest_first_and_over_restarts() -> None:
    today = VENUE_0 - VENUE_0 % DAY_MS
    book = FundingBook.restore(Decimal(5), [], {today - n * DAY_MS: Decimal(n) for n in range(1, 10)})
    bench = Bench()
    bench.coin.ledger.funding = book
    for n, usd in enumerate(("-0.5", "0.2")):
        payment = Funding("a", "SOL", VENUE_0 + n, Decimal(usd), "0x", "")
        bench.step(FundingCommitted((payment,)))
    days = build_snapshot(bench.engine, "paper", bench.now).coins[0].funding_days
    assert days[0] == (today, Decimal("-0.3"))
    assert [day for day, _ in days] == [today - n * DAY_MS for n in range(7)]
