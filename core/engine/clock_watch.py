"""This machine's clock against the exchange's: told of when they have differed for a while, and when they agree again.

Orders, nonces and expiries go by the exchange's clock, whatever this one says (``VenueClock``, T11). What goes wrong by it is
what people read and what begins and ends by the day: logs, days, sessions. What the exchange's clock says follows from the
times in its answers, from the actions that it refuses for their time, and from when it has done what was asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.clock import CLOCK_OFF_MS, Instant
from core.domain.effects import Effect, Severity, notify
from core.domain.events import Event, Tick

GRAVE_MS = 30_000
AGREES_MS = CLOCK_OFF_MS // 2
"""Told of, they must come so near again to be right."""

STANDS_MS = 10_000
"""For so long it must be so: one answer with an odd stamp is no clock that is wrong."""

SET_IT = "have it set by NTP (`timedatectl set-ntp true`); orders go by the exchange's clock meanwhile"


@dataclass(slots=True)
class ClockWatch:
    is_off: bool = False
    off_ms: int = 0
    """This machine's before the exchange's: + is ahead."""
    _is_grave: bool = False
    _otherwise_mono_ms: int | None = None
    """Since when it has been otherwise than was told."""
    _told_mono_ms: int = 0

    def heed(self, event: Event, now: Instant) -> list[Effect]:
        return self.look(now) if isinstance(event, Tick) else []

    def look(self, now: Instant) -> list[Effect]:
        self.off_ms = now.wall_ms - now.venue_ms
        off = abs(self.off_ms)
        is_grave = off >= GRAVE_MS
        if self.is_off == (off > (AGREES_MS if self.is_off else CLOCK_OFF_MS)) and is_grave <= self._is_grave:
            self._otherwise_mono_ms = None
            return []
        if self._otherwise_mono_ms is None:
            self._otherwise_mono_ms = now.mono_ms
        if now.mono_ms - self._otherwise_mono_ms < STANDS_MS:
            return []
        self._otherwise_mono_ms = None
        return self._agrees(now) if off <= AGREES_MS else self._differs(is_grave, now)

    def _differs(self, is_grave: bool, now: Instant) -> list[Effect]:
        if not self.is_off:
            self._told_mono_ms = now.mono_ms
        self.is_off, self._is_grave = True, self._is_grave or is_grave
        severity: Severity = "crit" if is_grave else "warn"
        return [notify("clock_off", severity, "", off_s=self.off_ms / 1000, reason=SET_IT)]

    def _agrees(self, now: Instant) -> list[Effect]:
        self.is_off = self._is_grave = False
        lasted_s = (now.mono_ms - self._told_mono_ms) / 1000
        return [notify("clock_agrees", "info", "", off_s=self.off_ms / 1000, lasted_s=lasted_s)]

    @property
    def is_grave(self) -> bool:
        return self.is_off and self._is_grave

    @property
    def text(self) -> str:
        """``THIS MACHINE'S CLOCK IS 30 s AHEAD OF THE EXCHANGE'S``."""
        where = "AHEAD OF" if self.off_ms > 0 else "BEHIND"
        return f"THIS MACHINE'S CLOCK IS {abs(self.off_ms) / 1000:,.0f} s {where} THE EXCHANGE'S"
