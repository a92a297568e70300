"""A price is a price when it stays: one odd quote moves no grid and passes no limit."""

from __future__ import annotations

from dataclasses import dataclass

HOLD_MS = 1_000
"""How long a price must stand where it changes what the bot is to do."""

JUMP_PCT = 3
"""A mid that is farther than this from the one before must hold; markets that crash pass through prices on the way."""


@dataclass(slots=True)
class SteadyMid:
    """Mids as twice their price units, so that half-ticks stay whole; 0: none yet."""

    steady: int = 0
    _jumped_to: int = 0
    _jumped_mono_ms: int = 0

    @property
    def is_in_doubt(self) -> bool:
        """Whether the last mid that was taken is far from the one before and hasn't held yet."""
        return bool(self._jumped_to)

    def is_believed(self, mid_twice: int, now_mono_ms: int) -> bool:
        """Take a mid; whether a grid may be built on it."""
        if not self.steady or not _is_far(mid_twice, self.steady):
            self.steady, self._jumped_to = mid_twice, 0
            return True
        if not self._jumped_to or _is_far(mid_twice, self._jumped_to):
            self._jumped_to, self._jumped_mono_ms = mid_twice, now_mono_ms
        if now_mono_ms - self._jumped_mono_ms < HOLD_MS:
            return False
        self.steady, self._jumped_to = mid_twice, 0
        return True


def _is_far(mid_twice: int, other: int) -> bool:
    return 100 * abs(mid_twice - other) > JUMP_PCT * other
