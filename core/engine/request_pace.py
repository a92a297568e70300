"""How fast an account's requests are used: what was sent, less what trading gave back, over the last hour. All integers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from core.domain.clock import Instant

MINUTE_MS = 60_000
HOUR_MINUTES = 60

LEAST_MINUTES = 15
"""What was sent in a shorter run counts as if it had lasted so long: the first grid is no churn."""

MICRO = 10**6


def empty_in_ms(left: int, net_micro: int, over_ms: int) -> int | None:
    """When ``left`` requests are used up if ``net_micro`` millionths of one go in ``over_ms``; ``None`` if they don't fall."""
    if net_micro <= 0:
        return None
    return max(left, 0) * MICRO * over_ms // net_micro


@dataclass(slots=True)
class RequestPace:
    """By the minute; the newest weighs sixty times what is an hour old does, so that what has ended fades."""

    _began_minute: int | None = None
    _minutes: deque[list[int]] = field(default_factory=deque)
    """Minute, requests sent, micro-USDC traded; oldest first."""

    def note(self, sent: int, traded_micro: int, now: Instant) -> None:
        minute = self._look(now)
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append([minute, 0, 0])
        self._minutes[-1][1] += sent
        self._minutes[-1][2] += traded_micro

    def sent_within(self, minutes: int, now: Instant) -> int:
        """In this minute and those before it, so many together."""
        minute = self._look(now)
        return sum(sent for at, sent, _ in self._minutes if at > minute - minutes)

    def empty_in_ms(self, left: int, now: Instant) -> int | None:
        """When ``left`` is used up at the present churn; ``None`` if it doesn't fall."""
        minute = self._look(now)
        began = minute if self._began_minute is None else self._began_minute
        covered = min(max(minute - began + 1, LEAST_MINUTES), HOUR_MINUTES)
        weights = sum(HOUR_MINUTES - age for age in range(covered))
        net = sum(
            (sent * MICRO - micro) * (HOUR_MINUTES - (minute - at)) for at, sent, micro in self._minutes
        )
        return empty_in_ms(left, net, weights * MINUTE_MS)

    def _look(self, now: Instant) -> int:
        """This minute; those that are an hour old are forgotten."""
        minute = now.mono_ms // MINUTE_MS
        if self._began_minute is None:
            self._began_minute = minute
        while self._minutes and self._minutes[0][0] <= minute - HOUR_MINUTES:
            self._minutes.popleft()
        return minute
