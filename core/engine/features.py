"""What the market has been like, from bars of the mid: average true range, volatility, and two averages that tell a trend.

Bars are of time, not of rebuilds or ticks: how often the price is told, or the grid is built, changes nothing. Floats are fine
here (they are estimates); what leaves is whole parts per 10**9.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from core.domain.grid import PPB

ATR_SHARE = 0.001
"""Before the first bar has closed, a bar is thought to range over a thousandth of the price, times the initial multiplier."""

STILL_BARS_MAX = 10_000
"""After so many bars without a price nothing is left of what was before, whatever the settings."""


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    bar_ms: int = 60_000
    atr_bars: int = 14
    ewma_alpha: float = 0.12
    initial_multiplier: float = 1.0
    fast_bars: int = 12
    slow_bars: int = 48
    sigma: float = 0.0
    """A bar that moves by more standard deviations than this is a shock; 0: none is."""


@dataclass(slots=True)
class Features:
    settings: FeatureSettings = field(default_factory=FeatureSettings)
    bars: int = 0
    """Bars closed so far."""
    is_resumed: bool = False
    """Restored, and no price has come since: what was between isn't known."""
    _bar: int = 0
    _high: float = 0.0
    _low: float = 0.0
    _last: float = 0.0
    _close_before: float = 0.0
    _ranges: deque[float] = field(default_factory=deque)
    _variance: float = 0.0
    _fast: float = 0.0
    _slow: float = 0.0

    def note(self, mid_twice: int, now_ms: int) -> bool:
        """Take a mid (twice its price units) at a time of the venue's; whether a bar has closed."""
        price, bar = mid_twice / 2, now_ms // self.settings.bar_ms
        if not self._last:
            self._begin(price, bar)
            return False
        closed = bar > self._bar
        if closed:
            self._close()
            # A price that nobody told of didn't move: bars without one stand still.
            still = 0 if self.is_resumed else min(bar - self._bar - 1, STILL_BARS_MAX)
            for _ in range(still):
                self._high = self._low = self._last
                self._close()
            self._bar, self._high, self._low = bar, price, price
        self.is_resumed = False
        self._high, self._low, self._last = max(self._high, price), min(self._low, price), price
        return closed

    def is_before(self, ms: int) -> bool:
        """Whether the last price is of a bar that ended before a time of the venue's."""
        return bool(self._last) and self._bar < ms // self.settings.bar_ms

    def resume(self, mid_twice: int, now_ms: int) -> None:
        """Go on after a market was closed: how far it opens from where it closed is no bar's range, and no trend."""
        price, bar = mid_twice / 2, now_ms // self.settings.bar_ms
        self._fast *= price / self._last
        self._slow *= price / self._last
        self._bar, self._high, self._low, self._last, self._close_before = bar, price, price, price, price

    def _begin(self, price: float, bar: int) -> None:
        self._bar, self._high, self._low, self._last = bar, price, price, price
        self._close_before = self._fast = self._slow = price
        self._ranges = deque([ATR_SHARE * self.settings.initial_multiplier], self.settings.atr_bars)
        self._variance = (ATR_SHARE * self.settings.initial_multiplier) ** 2

    def _close(self) -> None:
        before, close = self._close_before, self._last
        self._ranges.append((max(self._high, before) - min(self._low, before)) / before)
        alpha = self.settings.ewma_alpha
        self._variance = alpha * (close / before - 1) ** 2 + (1 - alpha) * self._variance
        self._fast += (close - self._fast) * 2 / (self.settings.fast_bars + 1)
        self._slow += (close - self._slow) * 2 / (self.settings.slow_bars + 1)
        self._close_before = close
        self.bars += 1

    @property
    def atr_ppb(self) -> int:
        """The average true range of a bar, as a fraction of the price."""
        return round(PPB * sum(self._ranges) / len(self._ranges)) if self._ranges else 0

    @property
    def volatility_ppb(self) -> int:
        """The standard deviation of a bar's return (EWMA)."""
        return round(PPB * math.sqrt(self._variance))

    @property
    def trend_ppb(self) -> int:
        """The fast average less the slow one, as a fraction of the price; 0 until the slow one has seen enough bars."""
        if self.bars < self.settings.slow_bars:
            return 0
        return round(PPB * (self._fast - self._slow) / self._last)

    def shock(self, mid_twice: int) -> float:
        """By how many standard deviations a price is away from the close of the last bar, if it is too many; else 0."""
        if not self.settings.sigma or self.bars < self.settings.atr_bars or not self._variance:
            return 0.0
        moved = abs(mid_twice / 2 / self._close_before - 1) / math.sqrt(self._variance)
        return moved if moved > self.settings.sigma else 0.0

    def saved(self) -> str:
        """All of it as text for the journal, so that a restart needs no warm-up."""
        numbers = (self._last, self._close_before, self._variance, self._fast, self._slow, *self._ranges)
        whole = (self.settings.bar_ms, self.bars, self._bar)
        return " ".join(map(repr, (*whole, *numbers)))

    def restore(self, text: str) -> None:
        """What ``saved`` wrote, unless that was of bars of another length. Bars of the time between are not known: it goes on
        from where it was.
        """
        try:
            bar_ms, bars, bar = map(int, text.split()[:3])
            last, before, variance, fast, slow, *ranges = map(float, text.split()[3:])
        except ValueError:
            return
        is_sound = all(map(math.isfinite, (last, before, variance, fast, slow, *ranges)))
        if (
            not ranges
            or not is_sound
            or min(last, before) <= 0
            or variance < 0
            or bar_ms != self.settings.bar_ms
        ):
            return
        self.bars, self._bar, self.is_resumed = bars, bar, True
        self._last = self._high = self._low = last
        self._close_before, self._variance, self._fast, self._slow = before, variance, fast, slow
        self._ranges = deque(ranges, self.settings.atr_bars)
