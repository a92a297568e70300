"""Fills that the stream loses are an alert, and what it could not have told is none. A halt's open cancels are another."""

from __future__ import annotations

from core.domain.commands import Action
from core.domain.events import BackfillDone, FeedChanged, FillsCommitted
from core.domain.fills import FillSource
from core.domain.orders import Side
from core.engine.procedures import feed_ticket
from core.engine.snapshot import build_snapshot
from core.view import AlertView, Severity
from tests.unit.engine.builders import Bench, fill, update


def told(bench: Bench, count: int, source: FillSource, ms: int | None = None) -> None:
    """So many fills that come now; ``ms``: when they happened, if not now."""
    for _ in range(count):
        lots, number = bench.coin.ledger.lots, bench.next_oid()
        side = Side.SELL if lots > 0 else Side.BUY
        when = bench.ms if ms is None else ms
        made = fill(side, 1, start=lots, ms=when, trade_id=number, source=source)
        bench.step(FillsCommitted((made,)))
        bench.ms += 10


def found(bench: Bench, id_: str = "fill_source") -> AlertView | None:
    return next((a for a in build_snapshot(bench.engine, "paper", bench.now).alerts if a.id == id_), None)


def test_twenty_fills_of_which_none_came_live_are_an_alert_that_w_treats() -> None:
    bench = Bench().started()
    bench.ms += 1_000
    told(bench, 19, FillSource.REST)
    assert found(bench) is None, "too few to say"
    told(bench, 1, FillSource.RESOLVER)
    alert = found(bench)
    assert alert is not None
    assert (alert.severity, alert.key) == (Severity.WARN, "W")
    assert alert.text == "FILLS COME LATE: live 0 of the last 20, 0% of 20 (limit 95%)"
    told(bench, 19, FillSource.WS)
    assert found(bench) is not None, "one of the last twenty came late"
    told(bench, 1, FillSource.WS)
    assert found(bench) is None, "the stream tells all again"


def test_a_stream_that_loses_one_in_twenty_is_at_its_limit_and_not_past_it() -> None:
    bench = Bench().started()
    bench.ms += 1_000
    told(bench, 95, FillSource.WS)
    told(bench, 5, FillSource.REST)
    assert found(bench) is None
    told(bench, 1, FillSource.REST)
    alert = found(bench)
    assert alert is not None
    assert alert.text == "FILLS COME LATE: live 14 of the last 20, 94% of 100 (limit 95%)"
    told(bench, 2, FillSource.WS)
    assert found(bench) is not None, "it does not flap around its limit"


def test_what_happened_while_the_link_was_down_or_before_the_start_could_not_come_live() -> None:
    bench = Bench()
    told(bench, 30, FillSource.REST)
    bench.started()
    told(bench, 30, FillSource.REST, ms=0)
    assert found(bench) is None, "before the start"
    bench.ms += 1_000
    bench.step(FeedChanged(False, 1, "reset"))
    bench.ms += 1_000
    down_ms = bench.ms
    told(bench, 30, FillSource.REST)
    bench.step(FeedChanged(True, 2))
    told(bench, 30, FillSource.REST, ms=down_ms)
    bench.step(BackfillDone(feed_ticket(2), 60, 60, bench.now.venue_ms))
    told(bench, 30, FillSource.REST, ms=down_ms)
    assert found(bench) is None, "while it was down"
    bench.ms += 1_000
    told(bench, 20, FillSource.REST)
    assert found(bench) is not None, "since it is up"


def test_fills_that_the_stream_lost_before_it_broke_are_held_against_it_even_if_read_back_after() -> None:
    bench = Bench().started()
    bench.ms += 1_000
    lost_ms = bench.ms
    bench.ms += 1_000
    bench.step(FeedChanged(False, 1, "userFills told nothing"))
    told(bench, 20, FillSource.REST, ms=lost_ms)
    assert found(bench) is not None


def test_orders_that_may_rest_though_halted_are_an_alert_that_grows_grave_after_a_minute() -> None:
    bench = Bench().started()
    assert found(bench, "halt_orders:SOL") is None
    live = list(bench.live)
    bench.ask(Action.HALT)
    assert found(bench, "halt_orders:SOL") is None, "the exchange has a moment to confirm"
    bench.ms += 2_000
    alert = found(bench, "halt_orders:SOL")
    assert alert is not None
    assert (alert.severity, alert.key) == (Severity.WARN, "H")
    assert alert.text.startswith(f"SOL HALTED, {len(live)} ORDERS MAY REST")
    for _ in range(58):
        bench.ms += 1_000
        alert = found(bench, "halt_orders:SOL")
        assert alert is not None
    assert alert.severity is Severity.CRIT
    assert "not confirmed for 60 s" in alert.text
    for o in live:
        bench.step(update(o, "canceled", o.lots))
    assert bench.live == []
    assert found(bench, "halt_orders:SOL") is None
