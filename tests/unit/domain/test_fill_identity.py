"""What makes a fill the same fill: nothing less, nothing more (I2)."""

from __future__ import annotations

from dataclasses import replace

from core.domain.fills import FillSource
from core.domain.orders import Side
from tests.unit.engine.builders import fill


def test_fills_of_one_order_millisecond_price_and_size_differ_by_trade_id() -> None:
    assert len({fill(trade_id=n).key for n in (1, 2, 3)}) == 3


def test_one_trade_id_at_another_time_or_coin_is_another_fill() -> None:
    one = fill()
    assert len({one.key, replace(one, time_ms=one.time_ms + 1).key, replace(one, coin="ETH").key}) == 3


def test_source_and_raw_text_do_not_make_another_fill() -> None:
    one = fill()
    assert replace(one, source=FillSource.REST, raw="{}").key == one.key


def test_system_rows_without_a_trade_id_are_told_apart_by_what_they_say() -> None:
    one = fill(trade_id=0)
    others = [
        replace(one, start_lots=10),
        replace(one, side=Side.SELL),
        replace(one, lots=11),
        replace(one, hash="0x1"),
    ]
    assert len({one.key, *(other.key for other in others)}) == 5


def test_a_fill_tells_the_position_after_it() -> None:
    assert fill(Side.BUY, 10, start=-4).end_lots == 6
    assert fill(Side.SELL, 10, start=-4).end_lots == -14


def test_only_the_live_stream_counts_as_ws() -> None:
    assert [source.counts_as_ws for source in FillSource] == [True, False, False, False]
