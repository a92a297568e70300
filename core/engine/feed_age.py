"""How old the stream's last word is, and what that is told about."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.clock import Instant
from core.domain.effects import Effect, notify


@dataclass(slots=True)
class FeedAge:
    """How long ago the stream last said anything, on the clock that nobody sets."""

    stale_ms: int = 20_000
    """Past it the feed's breaker opens."""
    halt_ms: int = 120_000
    """Past it our orders are taken back until the stream is there again; 0: they stay."""
    _said_ms: int = -1
    _said_mono_ms: int = 0
    _has_halted: bool = False

    def heard(self, last_message_ms: int, now: Instant) -> None:
        if last_message_ms != self._said_ms:
            self._said_ms, self._said_mono_ms = last_message_ms, now.mono_ms

    def anew(self, now: Instant) -> None:
        """The process stood still: the silence was ours."""
        self._said_mono_ms = now.mono_ms

    def age_ms(self, now: Instant) -> int:
        return now.mono_ms - self._said_mono_ms if self._said_mono_ms else 0

    def is_stale(self, now: Instant) -> bool:
        return self.age_ms(now) > self.stale_ms

    def is_lost(self, now: Instant) -> bool:
        return 0 < self.halt_ms < self.age_ms(now)

    def look(self, now: Instant) -> list[Effect]:
        """Told once when orders are taken back, and once when they may come again."""
        had, self._has_halted = self._has_halted, self.is_lost(now)
        if self._has_halted and not had:
            return [notify("data_stale_halt", "crit", "", ws_age_s=self.age_ms(now) // 1000)]
        return [notify("data_resume", "info")] if had and not self._has_halted else []
