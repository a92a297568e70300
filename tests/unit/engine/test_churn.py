"""What the walk along candles counts, beside what the engine itself sends while the same recorded market moves."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

import core.paper.market
from core.domain.events import Tick
from core.domain.grid import Direction
from core.domain.market_history import Candle
from core.engine.churn import Churn, count_churn
from core.engine.coin_config import CoinConfig
from core.engine.grid_settings import RangeExit
from tests.unit.engine.builders import MID, Bench, cancelled, coin_config, placed
from tests.unit.engine.venue import Venue

TRADES = Path(core.paper.market.__file__).parent / "data" / "hl_tick_2025-09-04_BTC_trades.csv.gz"
"""35 minutes of BTC on Hyperliquid, every trade."""

MINUTE_MS = 60_000

LEAST_MOVE = MID // 30_000
"""A tenth of the least spacing: the walk and the engine see the same moves, and of smaller ones there are many more."""

WITHIN = 1.3
"""The estimate is at most so many times as large as what the engine sends, nor smaller by as much, where every order trades
whole: what trades in parts sends more.
"""


@lru_cache(maxsize=1)
def path() -> tuple[tuple[int, int], ...]:
    """Time and price of each change that is worth one, the prices as if the first had been ``MID``."""
    found: list[tuple[int, int]] = []
    with gzip.open(TRADES, "rt") as rows:
        for row in csv.DictReader(rows):
            time_ms, price = int(row["time"]), float(row["px"])
            found.append((time_ms, round(price * 100)))
    first_ms, first = found[0]
    moved = [(time_ms - first_ms, MID * price // first) for time_ms, price in found]
    kept = moved[:1]
    for each in moved:
        if abs(each[1] - kept[-1][1]) >= LEAST_MOVE:
            kept.append(each)
    return tuple(kept)


def candles(moves: Iterable[tuple[int, int]]) -> list[Candle]:
    made: list[Candle] = []
    for time_ms, price in moves:
        start = time_ms - time_ms % MINUTE_MS
        if made and made[-1].start_ms == start:
            last = made[-1]
            made[-1] = replace(last, high=max(last.high, price), low=min(last.low, price), close=price)
        else:
            made.append(Candle(start, price, price, price, price, 1))
    return made


def sent_by_the_engine(config: CoinConfig) -> tuple[int, int]:
    """Orders that traded, and orders and cancels after the first grid."""
    bench = Bench()
    bench.coin.config = config
    venue = Venue(bench)
    venue.take(bench.start())
    venue.settle(1_000)
    first, filled = len(placed(bench.done)), len(venue.fills)
    start_ms = bench.ms
    for time_ms, price in path():
        bench.ms = start_ms + time_ms
        venue.take(bench.step(Tick(bench.now.wall_ms, 1.0)))
        venue.move(price)
        while venue.requests or venue.inbox:
            while venue.requests:
                venue.serve()
            while venue.inbox:
                venue.deliver()
    return len(venue.fills) - filled, len(placed(bench.done)) - first + len(cancelled(bench.done))


WIDE_CAP = {"cap_micro": 3_000_000_000}
GRIDS: dict[str, dict[str, Any]] = {
    "two levels of the least spacing": {"levels": 2, "spacing_ppb": 310_000},
    "ten levels of the least spacing": {"spacing_ppb": 310_000, **WIDE_CAP},
    "without an end": {"strategy": "endless", **WIDE_CAP},
    "without an end, capped": {"strategy": "endless"},
    "long": {"direction": Direction.LONG, **WIDE_CAP},
}


@pytest.mark.parametrize("name", GRIDS)
def test_it_agrees_with_the_engine_on_a_recorded_market(name: str) -> None:
    changes = {"spacing_ppb": 500_000, "levels": 10, **GRIDS[name]}
    config = replace(coin_config(**changes), recenter_interval_ms=0)
    fills, actions = sent_by_the_engine(config)
    counted = count_churn(config, candles(path()))
    assert fills / WITHIN <= counted.fills <= fills * WITHIN
    assert actions / WITHIN <= counted.actions <= actions * WITHIN


def walked(*prices: int, **changes: Any) -> Churn:
    """A candle of a minute for each price, from the one before."""
    rows = [
        Candle(at * MINUTE_MS, before, max(before, price), min(before, price), price, 1)
        for at, (before, price) in enumerate(zip((MID, *prices), prices, strict=False))
    ]
    config_changes = {
        name: changes.pop(name) for name in ("stop_low", "on_exit", "take_high") if name in changes
    }
    return count_churn(replace(coin_config(**changes), recenter_interval_ms=0, **config_changes), rows)


def test_each_level_that_is_passed_trades_once_and_sends_one_order() -> None:
    """Lines at 199, 198, 197: to 197.5 and back to 200.5, where what was bought at 198 and 199 was sold a dollar higher."""
    down = walked(1_975_000)
    assert (down.fills, down.refills, down.places, down.cancels) == (2, 2, 0, 0)
    assert down.traded_micro == 50 * (1_990_000 + 1_980_000)
    assert walked(1_975_000, 2_005_000).fills == 4
    assert walked(1_975_000, 2_005_000).actions == 4


def test_a_price_that_only_touches_a_level_does_not_trade_it() -> None:
    assert walked(1_990_000).fills == 0
    assert walked(1_989_900).fills == 1


def test_a_grid_that_is_left_is_built_anew_and_what_rests_already_is_kept() -> None:
    """Down to 195: three buys trade; past 196 a new grid on the same lines, whose sell at 197 rested already."""
    churn = walked(1_950_000)
    assert (churn.rebuilds, churn.fills) == (1, 3)
    assert churn.places + churn.cancels > 0
    assert walked(1_950_000, on_exit=RangeExit.HOLD).rebuilds == 0


def test_past_the_cap_nothing_trades() -> None:
    """300 USD are three levels; the grid that follows may buy no more of a fall."""
    assert walked(1_900_000, 1_800_000).fills == 3


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"stop_low": 1_960_000}, "HL_STOP_LOSS_LOW"),
        ({"on_exit": RangeExit.FLATTEN}, "HL_ON_RANGE_EXIT"),
    ],
)
def test_a_halt_ends_the_count_and_is_named(changes: dict[str, Any], name: str) -> None:
    churn = walked(1_990_000, 1_900_000, 2_000_000, 1_900_000, **changes)
    assert churn.ended == name
    assert churn.span_ms == 2 * MINUTE_MS
    assert churn.rebuilds == 0


def test_a_profit_that_is_taken_ends_it_too() -> None:
    assert walked(2_100_000, take_high=2_050_000).ended == "HL_TAKE_PROFIT_HIGH"


def test_a_price_at_a_limit_ends_nothing_as_it_halts_no_coin() -> None:
    assert walked(1_960_000, stop_low=1_960_000).ended == ""
    assert walked(1_959_900, stop_low=1_960_000).ended == "HL_STOP_LOSS_LOW"


def test_a_day_is_told_from_what_was_seen() -> None:
    assert Churn(span_ms=3_600_000).per_day(10) == 240
    assert Churn().per_day(10) == 0, "nothing was seen"
