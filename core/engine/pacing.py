"""Micro-windows: a re-quote waits a moment for what the market says next, so that one action carries what would have been two.

Only a re-quote waits. Cancels, what reduces the position and the orders that follow a fill go at once, and so does everything
while the market is moving: a maker that moves last is picked off.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.clock import Instant
from core.engine.features import Features

WINDOW_MAX_MS = 50
ROUND_TRIP_SHARE = 4
"""A window is this part of a round trip: within one the coin's next batch couldn't go anyway."""

WINDOW_LEAST_MS = 10
"""What a shorter one would gather, one turn of the loop does already."""

_SHARE_OF_NEW = 0.25
_REFERENCE_MS = 1_000
_CALM_SIGMAS, _WILD_SIGMAS = 1.0, 3.0
"""Moves within about a second up to which a window is whole, and from which on there is none."""


@dataclass(slots=True)
class RoundTrip:
    """From the decision to its answer, the journal's commit included, ms; a moving average. 0: none seen."""

    ms: float = 0.0

    def note(self, took_ms: int) -> None:
        took = float(max(took_ms, 0))
        self.ms = took if not self.ms else self.ms + (took - self.ms) * _SHARE_OF_NEW

    @property
    def window_ms(self) -> int:
        """In a calm market."""
        window = min(int(self.ms) // ROUND_TRIP_SHARE, WINDOW_MAX_MS)
        return window if window >= WINDOW_LEAST_MS else 0


@dataclass(slots=True)
class Pacing:
    """Of one coin."""

    until_mono_ms: int = 0
    """The end of its last window; 0: nothing has waited since the last batch."""
    _hurries: bool = True
    _reference_twice: int = 0
    _reference_mono_ms: int = 0
    _last_twice: int = 0

    def saw_mid(self, mid_twice: int | None, now: Instant) -> None:
        """Take a mid (twice its price units), if there is one."""
        if not mid_twice:
            return
        if not self._reference_twice or now.mono_ms - self._reference_mono_ms >= _REFERENCE_MS:
            self._reference_twice = self._last_twice or mid_twice
            self._reference_mono_ms = now.mono_ms
        self._last_twice = mid_twice

    def saw_fill(self) -> None:
        """What follows from it doesn't wait."""
        self._hurries, self.until_mono_ms = True, 0

    def sent(self, goes_on: bool) -> None:
        """``goes_on``: more of it is wanted as soon as this is answered, and doesn't wait once more."""
        self._hurries, self.until_mono_ms = goes_on, 0

    def waits(self, window_ms: int, is_wanted: bool, features: Features, now: Instant) -> bool:
        """Whether what is wanted waits for the end of a window, which begins when something is."""
        if not window_ms or not is_wanted or self._hurries:
            self.until_mono_ms = 0
            return False
        if not self.until_mono_ms:
            self.until_mono_ms = now.mono_ms + self._window_ms(window_ms, features)
        return now.mono_ms < self.until_mono_ms

    def _window_ms(self, window_ms: int, features: Features) -> int:
        sigma = features.volatility_ppb * (_REFERENCE_MS / features.settings.bar_ms) ** 0.5
        if not sigma or not self._reference_twice:
            return 0
        moved = abs(self._last_twice / self._reference_twice - 1) * 1e9 / sigma
        calm = (_WILD_SIGMAS - moved) / (_WILD_SIGMAS - _CALM_SIGMAS)
        return int(window_ms * min(max(calm, 0.0), 1.0))
