"""Candles of one coin in all intervals, in price units and lots, on the clock that the prints carry (milliseconds UTC).

Intervals are aligned to 1970, so a week begins on Thursday as Hyperliquid's does; months are calendar months.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from core.domain.clock import DAY_MS

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS

MAX_CANDLES = 5000
"""As many as ``candleSnapshot`` reaches back."""

_MONTH = "1M"
_FIXED_MS = {
    "1m": _MINUTE_MS,
    "3m": 3 * _MINUTE_MS,
    "5m": 5 * _MINUTE_MS,
    "15m": 15 * _MINUTE_MS,
    "30m": 30 * _MINUTE_MS,
    "1h": _HOUR_MS,
    "2h": 2 * _HOUR_MS,
    "4h": 4 * _HOUR_MS,
    "8h": 8 * _HOUR_MS,
    "12h": 12 * _HOUR_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}
INTERVALS = (*_FIXED_MS, _MONTH)


def candle_start(interval: str, time_ms: int) -> int:
    """When the candle that ``time_ms`` falls into begins."""
    if interval != _MONTH:
        return time_ms - time_ms % _FIXED_MS[interval]
    day = datetime.fromtimestamp(time_ms / 1000, UTC)
    return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * 1000


def next_start(interval: str, start_ms: int) -> int:
    """When the candle after the one of ``start_ms`` begins."""
    if interval != _MONTH:
        return start_ms + _FIXED_MS[interval]
    return candle_start(_MONTH, start_ms + 31 * DAY_MS)


@dataclass(slots=True)
class Candle:
    start_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    micro: int = 0
    """The notional of its trades, micro-USDC."""
    trades: int = 0

    @staticmethod
    def flat(start_ms: int, price: int) -> Candle:
        return Candle(start_ms, price, price, price, price)

    def trade(self, price: int, lots: int) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.lots += lots
        self.micro += lots * price
        self.trades += 1

    def join(self, later: Candle) -> None:
        """Take in a piece of the same candle that followed."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.lots += later.lots
        self.micro += later.micro
        self.trades += later.trades


class _Series:
    """The newest candles of one interval without a gap: where nothing traded they are flat."""

    def __init__(self, interval: str, candles: deque[Candle]) -> None:
        self._interval = interval
        self.candles = candles

    def fold(self, piece: Candle) -> None:
        start = candle_start(self._interval, piece.start_ms)
        self.extend(start - 1)
        if self.candles and self.candles[-1].start_ms == start:
            self.candles[-1].join(piece)
        else:
            self.candles.append(replace(piece, start_ms=start))

    def extend(self, until_ms: int) -> None:
        """Add flat candles up to the one of ``until_ms``."""
        if not self.candles:
            return
        last = self.candles[-1]
        start = next_start(self._interval, last.start_ms)
        if self._interval != _MONTH:
            newest = candle_start(self._interval, until_ms)
            start = max(start, newest - (MAX_CANDLES - 1) * _FIXED_MS[self._interval])
        while start <= until_ms:
            self.candles.append(Candle.flat(start, last.close))
            start = next_start(self._interval, start)


class Candles:
    """A trade touches one candle, that of its minute; a minute that is over is folded into all intervals."""

    def __init__(self) -> None:
        self._series = {interval: _Series(interval, deque(maxlen=MAX_CANDLES)) for interval in INTERVALS}
        self.minute: Candle | None = None
        """The one that is still traded in, or was last."""

    def trade(self, time_ms: int, price: int, lots: int) -> Candle | None:
        """Count a trade; the minute that is over if this one began another."""
        start = time_ms - time_ms % _MINUTE_MS
        minute, over = self.minute, None
        if minute is None or minute.start_ms != start:
            if minute is not None:
                for series in self._series.values():
                    series.fold(minute)
                over = minute
            minute = self.minute = Candle.flat(start, price)
        minute.trade(price, lots)
        return over

    def all(self, interval: str, now_ms: int) -> list[Candle]:
        """Oldest first, the last one still open at ``now_ms``; none before the first trade."""
        return self._up_to_now(interval, deque(self._series[interval].candles, MAX_CANDLES), now_ms)

    def latest(self, interval: str, now_ms: int) -> Candle | None:
        """The one that is open at ``now_ms``."""
        known = self._series[interval].candles
        rows = self._up_to_now(interval, deque([known[-1]] if known else [], 1), now_ms)
        return rows[-1] if rows else None

    def _up_to_now(self, interval: str, candles: deque[Candle], now_ms: int) -> list[Candle]:
        if candles:
            candles[-1] = replace(candles[-1])
        view = _Series(interval, candles)
        if self.minute is not None:
            view.fold(self.minute)
        view.extend(now_ms)
        return list(candles)
