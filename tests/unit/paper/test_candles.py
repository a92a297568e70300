"""Candles, the last 24 hours and the latest prints."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.orders import Side
from core.paper.answers.candles import INTERVALS, MAX_CANDLES, Candle, Candles, candle_start, next_start
from core.paper.answers.tape import Day, Tape
from core.paper.venue.batch import Batch
from core.paper.venue.orders import TradePrint
from tests.unit.paper.world import ALICE, BOB
from tests.wire.test_recorded_shapes import RECORDED

_MINUTE_MS = 60_000
_DAY_MS = 1440 * _MINUTE_MS


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


_NOW_MS = _ms("2026-11-24T14:47:12.345")


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        ("1m", "2026-11-24T14:47:00", "2026-11-24T14:48:00"),
        ("3m", "2026-11-24T14:45:00", "2026-11-24T14:48:00"),
        ("5m", "2026-11-24T14:45:00", "2026-11-24T14:50:00"),
        ("15m", "2026-11-24T14:45:00", "2026-11-24T15:00:00"),
        ("30m", "2026-11-24T14:30:00", "2026-11-24T15:00:00"),
        ("1h", "2026-11-24T14:00:00", "2026-11-24T15:00:00"),
        ("2h", "2026-11-24T14:00:00", "2026-11-24T16:00:00"),
        ("4h", "2026-11-24T12:00:00", "2026-11-24T16:00:00"),
        ("8h", "2026-11-24T08:00:00", "2026-11-24T16:00:00"),
        ("12h", "2026-11-24T12:00:00", "2026-11-25T00:00:00"),
        ("1d", "2026-11-24T00:00:00", "2026-11-25T00:00:00"),
        ("3d", "2026-11-24T00:00:00", "2026-11-27T00:00:00"),
        ("1w", "2026-11-19T00:00:00", "2026-11-26T00:00:00"),
        ("1M", "2026-11-01T00:00:00", "2026-12-01T00:00:00"),
    ],
)
def test_each_interval_begins_and_ends_where_it_should(interval: str, start: str, end: str) -> None:
    assert candle_start(interval, _NOW_MS) == _ms(start)
    assert next_start(interval, _ms(start)) == _ms(end)


def test_fourteen_intervals_are_known_and_weeks_begin_on_thursday() -> None:
    assert len(INTERVALS) == 14
    assert datetime.fromtimestamp(candle_start("1w", _NOW_MS) / 1000, UTC).strftime("%A") == "Thursday"


def test_a_recorded_candle_begins_and_ends_as_ours_would() -> None:
    for row in orjson.loads((RECORDED / "info_candleSnapshot__sdk.json").read_bytes()):
        assert candle_start(row["i"], row["t"]) == row["t"]
        assert next_start(row["i"], row["t"]) - 1 == row["T"]


_TRADES = st.lists(
    st.tuples(st.integers(0, 40 * _DAY_MS), st.integers(1, 1000), st.integers(1, 50)), min_size=1, max_size=40
)


@given(_TRADES, st.sampled_from(INTERVALS))
def test_candles_are_what_grouping_all_trades_gives(
    trades: list[tuple[int, int, int]], interval: str
) -> None:
    trades = sorted((_NOW_MS + after, price, lots) for after, price, lots in trades)
    candles = Candles()
    for time_ms, price, lots in trades:
        candles.trade(time_ms, price, lots)
    grouped: dict[int, list[tuple[int, int]]] = {}
    for time_ms, price, lots in trades:
        grouped.setdefault(candle_start(interval, time_ms), []).append((price, lots))
    expected = [
        Candle(
            start,
            rows[0][0],
            max(price for price, _ in rows),
            min(price for price, _ in rows),
            rows[-1][0],
            sum(lots for _, lots in rows),
            sum(price * lots for price, lots in rows),
            len(rows),
        )
        for start, rows in grouped.items()
    ]
    found = candles.all(interval, trades[-1][0])
    oldest = found[0].start_ms
    assert [candle for candle in found if candle.trades] == [c for c in expected if c.start_ms >= oldest]
    assert candles.latest(interval, trades[-1][0]) == found[-1] == expected[-1]
    assert all(next_start(interval, a.start_ms) == b.start_ms for a, b in pairwise(found))


def test_minutes_without_a_trade_are_flat_at_the_last_price() -> None:
    candles = Candles()
    candles.trade(_NOW_MS, 100, 5)
    candles.trade(_NOW_MS + 10, 90, 1)
    found = candles.all("1m", _NOW_MS + 3 * _MINUTE_MS)
    assert [(c.open, c.high, c.low, c.close, c.lots, c.trades) for c in found] == [
        (100, 100, 90, 90, 6, 2),
        *[(90, 90, 90, 90, 0, 0)] * 3,
    ]
    later = candles.latest("1m", _NOW_MS + 100_000 * _MINUTE_MS)
    assert later == Candle.flat(candle_start("1m", _NOW_MS + 100_000 * _MINUTE_MS), 90)


def test_no_more_than_five_thousand_are_kept() -> None:
    candles = Candles()
    candles.trade(_NOW_MS, 100, 1)
    candles.trade(_NOW_MS + 10_000 * _MINUTE_MS, 100, 1)
    found = candles.all("1m", _NOW_MS + 20_000 * _MINUTE_MS)
    assert len(found) == MAX_CANDLES
    assert found[-1].start_ms == candle_start("1m", _NOW_MS + 20_000 * _MINUTE_MS)


def _print(time_ms: int, price: int, lots: int) -> TradePrint:
    return TradePrint("BTC", Side.BUY, price, lots, time_ms, time_ms, "0x0", ALICE, BOB)


def test_the_day_forgets_what_is_older_than_twenty_four_hours() -> None:
    tape = Tape(["BTC"], 2)
    assert tape.day("BTC", _NOW_MS) == Day(0, 0, 0)
    for after, price in ((0, 100), (_MINUTE_MS, 110), (2 * _MINUTE_MS, 120)):
        tape.on_batch(Batch(prints=[_print(_NOW_MS + after, price, 2)]))
    assert tape.day("BTC", _NOW_MS + 2 * _MINUTE_MS) == Day(6, 660, 100)
    assert tape.day("BTC", _NOW_MS + _DAY_MS) == Day(4, 460, 100)
    assert tape.day("BTC", _NOW_MS + _DAY_MS + _MINUTE_MS) == Day(2, 240, 110)
    assert tape.day("BTC", _NOW_MS + 2 * _DAY_MS) == Day(0, 0, 120)
    assert [trade.price for trade in tape.prints("BTC")] == [120, 110]
