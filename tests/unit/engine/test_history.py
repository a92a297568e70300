"""The course of the account: one point for each minute that ended, whatever the clock does."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.domain.effects import SaveHistory
from core.engine.account_risk import AccountLook
from core.engine.history import MINUTES_KEPT, History
from core.view import HistoryPoint
from tests.unit.engine.builders import VENUE_0, Bench, account, at, make_engine, of_kind, quote

FIRST_MS = (VENUE_0 // 60_000 + 1) * 60_000
"""The end of the first minute."""


def _bench() -> Bench:
    bench = Bench()
    bench.connect()
    bench.after(10, account(), quote())
    return bench


def _point(minute: int, total: int = 5) -> HistoryPoint:
    return HistoryPoint(FIRST_MS + 60_000 * minute, Decimal(total), 0.0, 0, 0)


def test_each_minute_that_ends_leaves_one_point_and_one_row() -> None:
    bench = _bench()
    bench.after(1_000)
    coin = bench.coin
    coin.counts = replace(coin.counts, total=coin.counts.total + 7, maker=coin.counts.maker + 5)
    assert of_kind(SaveHistory, bench.after(57_000)) == []
    (saved,) = of_kind(SaveHistory, bench.after(2_000))
    assert saved.point == HistoryPoint(FIRST_MS, Decimal(0), 0.0, 7, 5)
    assert of_kind(SaveHistory, bench.after(1_000)) == []
    (second,) = of_kind(SaveHistory, bench.after(60_000))
    assert (second.point.time_ms, second.point.fills) == (FIRST_MS + 60_000, 0)
    assert bench.engine.history.points == (saved.point, second.point)


def test_nothing_is_written_before_the_account_was_seen() -> None:
    bench = Bench()
    for _ in range(3):
        assert of_kind(SaveHistory, bench.after(60_000)) == []


def test_minutes_without_a_report_are_missing_and_not_made_up() -> None:
    bench = _bench()
    bench.after(1_000)
    bench.after(60_000)
    bench.after(600_000)
    assert [p.time_ms - FIRST_MS for p in bench.engine.history.points] == [0, 600_000]


def test_what_the_journal_kept_is_gone_on_with_and_a_clock_set_back_writes_no_minute_twice() -> None:
    engine, history = make_engine(), History()
    engine.risk.may_judge, engine.risk.now = True, AccountLook(Decimal(1), Decimal(9), Decimal(0), Decimal(0))
    history.restore([_point(0), _point(1)])
    assert history.look(engine, at(0)) == []
    assert history.look(engine, at(60_000)) == [], "that minute is there already"
    assert history.look(engine, at(30_000)) == []
    (saved,) = history.look(engine, at(180_000))
    assert isinstance(saved, SaveHistory)
    assert saved.point == _point(2, total=9)
    assert history.points == (_point(0), _point(1), _point(2, total=9))


def test_the_oldest_point_goes_when_there_are_enough() -> None:
    history = History()
    history.restore(_point(minute) for minute in range(MINUTES_KEPT + 10))
    assert len(history.points) == MINUTES_KEPT
    assert history.points[0] == _point(10)
