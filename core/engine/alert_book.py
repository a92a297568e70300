"""Since when each alert holds and whether it is known; none comes and goes with a value that swings around its limit."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.view import Severity

SNOOZE_MS = 15 * 60_000
CALM_MS = 2_000
"""An alert that is back within this time never went: it has its beginning, and is as well known as before."""

OFF_AT = 0.8
"""A limit that was passed is kept again only below so much of it."""

GONE_AT = 0.2
"""Below so much of it a value doesn't swing around its limit: that is over at once."""

SAMPLES, APART_MS = 2, 200
"""Below it in so many looks, which are so far apart."""


@dataclass(slots=True)
class Limit:
    """Whether a value is past its limit, with hysteresis."""

    is_passed: bool = False
    _looks: int = 0
    _looked_mono_ms: int = 0

    def look(self, ratio: float, now: Instant) -> bool:
        """``ratio``: the value, of its limit."""
        if not self.is_passed:
            self.is_passed, self._looks = ratio > 1, 0
        elif ratio < GONE_AT:
            self.is_passed = False
        elif ratio >= OFF_AT:
            self._looks = 0
        elif not self._looks or now.mono_ms - self._looked_mono_ms >= APART_MS:
            self._looks, self._looked_mono_ms = self._looks + 1, now.mono_ms
            self.is_passed = self._looks < SAMPLES
        return self.is_passed


@dataclass(slots=True)
class Known:
    since_ms: int
    severity: Severity
    seen_ms: int
    snoozed_until_ms: int = 0


@dataclass(slots=True)
class AlertBook:
    known: dict[str, Known] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)
    _since_mono_ms: dict[str, int] = field(default_factory=dict)

    def is_past(self, key: str, ratio: float, now: Instant) -> bool:
        return self.limits.setdefault(key, Limit()).look(ratio, now)

    def stands_ms(self, key: str, holds: bool, now: Instant) -> int:
        """For how long a condition has held without a break; 0 at its first look, and while it doesn't."""
        if not holds:
            self._since_mono_ms.pop(key, None)
            return 0
        return now.mono_ms - self._since_mono_ms.setdefault(key, now.mono_ms)

    def saw(self, id_: str, severity: Severity, now: Instant) -> Known:
        """It holds now. One that has become worse is not as well known any more."""
        found = self.known.setdefault(id_, Known(now.wall_ms, severity, now.wall_ms))
        if severity is Severity.CRIT and found.severity is not Severity.CRIT:
            found.snoozed_until_ms = 0
        if found.snoozed_until_ms <= now.wall_ms:
            found.snoozed_until_ms = 0
        found.severity, found.seen_ms = severity, now.wall_ms
        return found

    def forget_others(self, holding: set[str], now: Instant) -> None:
        for id_ in [
            i for i, k in self.known.items() if i not in holding and now.wall_ms - k.seen_ms > CALM_MS
        ]:
            del self.known[id_]

    def acknowledge(self, now: Instant) -> list[str]:
        """An operator knows of what holds now: which ones."""
        holding = [(id_, k) for id_, k in self.known.items() if now.wall_ms - k.seen_ms <= CALM_MS]
        for _, known in holding:
            known.snoozed_until_ms = now.wall_ms + SNOOZE_MS
        return [id_ for id_, _ in holding]
