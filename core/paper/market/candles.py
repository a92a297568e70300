"""Candles as a path of prints: each bar opens, touches its low and its high, and closes, with exactly its volume.

A rising bar falls to its low first, a falling one rises to its high first; the prints in between lie evenly on the way, each
at a valid tick. The volume is spread evenly over the prints, in whole lots. Whoever makes candles of the prints gets the bars
back, as long as a bar has a lot for every print.
"""

from __future__ import annotations

from array import array
from itertools import pairwise
from pathlib import Path

from core.domain.orders import Side
from core.paper.config import CorruptRecordingError
from core.paper.market.csvfile import Cells, timed_rows
from core.paper.market.made_book import depth_around, quote_after
from core.paper.market.numbers import Numbers
from core.paper.market.step import Depth, MarketTrade, Quote
from core.paper.market.tracks import RecordedStep

CANDLE_COLUMNS = ("t", "o", "h", "l", "c", "v")

_LEGS = (3, 5, 3)
"""Steps from the open to the first extreme, on to the second, on to the close."""
_POINTS = 1 + sum(_LEGS)
_ONE_MINUTE_MS = 60_000

_Bar = tuple[int, int, int, int, int]


class CandleTrack:
    """Twelve steps a bar, made when they are asked for: a year of minutes would not fit otherwise."""

    def __init__(self, numbers: Numbers, times: array[int], bars: array[int]) -> None:
        assert times, numbers.instrument.coin
        self._instrument = numbers.instrument
        self._times = times
        self._bars = bars
        self._bar_ms = min((b - a for a, b in pairwise(times)), default=_ONE_MINUTE_MS)

    @property
    def coin(self) -> str:
        return self._instrument.coin

    def __len__(self) -> int:
        return len(self._times) * _POINTS

    def time_ms(self, index: int) -> int:
        bar, point = divmod(index, _POINTS)
        return self._times[bar] + self._bar_ms * (2 * point + 1) // (2 * _POINTS)

    def step(self, index: int) -> RecordedStep:
        bar, point = divmod(index, _POINTS)
        price, aggressor = self._print(index)
        volume = self._bars[5 * bar + 4]
        lots = volume * (point + 1) // _POINTS - volume * point // _POINTS
        trades = (MarketTrade(price, lots, aggressor),) if lots else ()
        quote = quote_after(self._instrument, price, aggressor)
        return RecordedStep(self.time_ms(index), trades, depth_around(self._instrument, quote), quote)

    def quote(self, index: int) -> Quote:
        return quote_after(self._instrument, *self._print(index))

    def depth(self, index: int) -> Depth | None:
        return depth_around(self._instrument, self.quote(index))

    def _print(self, index: int) -> tuple[int, Side]:
        price = self._price(index)
        before = self._price(index - 1) if index else price
        if price == before:
            return price, Side.BUY if index % 2 else Side.SELL
        return price, Side.BUY if price > before else Side.SELL

    def _price(self, index: int) -> int:
        bar, point = divmod(index, _POINTS)
        opened, high, low, closed = self._bars[5 * bar : 5 * bar + 4]
        corners = (opened, low, high, closed) if closed >= opened else (opened, high, low, closed)
        for (start, end), steps in zip(pairwise(corners), _LEGS, strict=True):
            if point <= steps:
                return self._between(start, end, point, steps)
            point -= steps
        raise AssertionError(index)

    def _between(self, start: int, end: int, point: int, steps: int) -> int:
        """Part of the way, at the valid price on the side of ``start``; the ends as they are."""
        if point == 0:
            return start
        if point == steps:
            return end
        there = start + (end - start) * point // steps
        if end >= start:
            return max(start, self._instrument.round_price_down(there))
        return min(start, self._instrument.round_price_up(there))


def load_candles(path: Path, numbers: Numbers) -> CandleTrack:
    """Raises ``CorruptRecordingError``: the line that can't be read, and why."""
    times, bars = array("q"), array("q")
    for number, (time_ms, bar) in enumerate(
        timed_rows(path, CANDLE_COLUMNS, lambda cells: _bar(cells, numbers), "t"), start=2
    ):
        if times and time_ms == times[-1]:
            raise CorruptRecordingError(path, number, f"there are two bars of {time_ms}")
        times.append(time_ms)
        bars.extend(bar)
    if not times:
        raise CorruptRecordingError(path, 0, "it holds no rows")
    return CandleTrack(numbers, times, bars)


def _bar(cells: Cells, numbers: Numbers) -> _Bar:
    opened, high, low, closed = (numbers.nearest(cells[name]) for name in "ohlc")
    if not low <= min(opened, closed) or not high >= max(opened, closed):
        raise ValueError(
            f"the bar opens at {cells['o']} and closes at {cells['c']}, outside of {cells['l']} to {cells['h']}"
        )
    return opened, high, low, closed, numbers.volume_lots(cells["v"])
