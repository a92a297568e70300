"""Circuit Breaker: stops adding exposure while the exchange does not answer; cancels keep flowing."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.clock import Instant

TRIP_AFTER = 5
"""Requests without a usable answer since the last placement that was answered, or read of fills that reached its end."""

COOLDOWN_MS = 10_000
COOLDOWN_MAX_MS = 320_000


@dataclass(slots=True)
class CircuitBreaker:
    """Counts transport failures only: a refusal in the exchange's own words is an answer, not an outage."""

    streak: int = 0
    trips: int = 0
    open_until_mono_ms: int = 0
    reason: str = ""

    def is_open(self, now: Instant) -> bool:
        return now.mono_ms < self.open_until_mono_ms

    def success(self) -> None:
        self.streak = self.trips = 0

    def close(self) -> None:
        """The exchange answers again: no need to wait out the cooldown."""
        self.success()
        self.open_until_mono_ms = 0

    def failure(self, reason: str, now: Instant) -> bool:
        """Count one failure; whether it tripped the breaker. After the cooldown the next request is the probe."""
        self.streak += 1
        if self.streak < TRIP_AFTER or self.is_open(now):
            return False
        cooldown = min(COOLDOWN_MS * 2**self.trips, COOLDOWN_MAX_MS)
        self.trips = min(self.trips + 1, 5)
        self.open_until_mono_ms = now.mono_ms + cooldown
        self.reason = reason
        return True
