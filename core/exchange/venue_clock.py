"""An estimate of the exchange's clock from the times in its answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from core.domain.clock import Instant

IMPLAUSIBLE_MS = 86_400_000
"""No nonce may be more than a day ahead of the exchange's clock: to follow a stamp farther off could spend them for good."""

AGREES_WITHIN_MS = 50.0
"""What a sample may differ beyond its own uncertainty before one of the two clocks must have been set."""

SET_BACK_AFTER_MS = 120_000.0
"""Stamps that are behind for so long are a clock that was set back; until then, those of a node that lags. To be ahead does no
harm meanwhile: actions expire later than was meant."""

BLOCK_MS = 1_000.0
"""By how much the time of what was done may be older than the moment it was asked for: blocks are dated at their beginning."""

_DURATIONS = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Never set; where there is one, it also goes on while the machine is suspended: what was known before that is old after it."""


def mono_ms() -> float:
    return time.clock_gettime_ns(_DURATIONS) / 1e6


def mono_us() -> int:
    return time.clock_gettime_ns(_DURATIONS) // 1_000


def _wall_ms() -> float:
    return time.time_ns() / 1e6


@dataclass(slots=True)
class VenueClock:
    """``now`` reads this host's clocks. The venue's is the monotonic one plus an offset, so that setting the host's clock
    changes nothing. The offset follows the answers with the shortest round trip.

    An answer's stamp was made between request and answer, so its middle is off by at most half the round trip. Before the first
    answer the host's UTC stands in.
    """

    offset_ms: float = field(default_factory=lambda: _wall_ms() - mono_ms())
    """Venue time minus monotonic time."""
    seen_ms: int = 0
    """The newest stamp in any answer: venue time that has certainly passed."""
    _best_rtt_ms: float = float("inf")
    _behind_since_ms: float | None = None
    """Monotonic time of the first of the stamps in a row that are behind the estimate; ``None`` if the last one wasn't."""

    def now(self) -> Instant:
        mono = mono_ms()
        return Instant(int(mono), int(_wall_ms()), int(mono + self.offset_ms))

    def observe(self, venue_ms: int, sent_mono_ms: float, received_mono_ms: float) -> None:
        """Take one stamp and the monotonic times around it; one that is days off is no clock's and is left alone."""
        if abs(venue_ms - (received_mono_ms + self.offset_ms)) > IMPLAUSIBLE_MS:
            return
        self.seen_ms = max(self.seen_ms, venue_ms)
        rtt = received_mono_ms - sent_mono_ms
        found = venue_ms - (sent_mono_ms + received_mono_ms) / 2
        was_set = abs(found - self.offset_ms) > (rtt + self._best_rtt_ms) / 2 + AGREES_WITHIN_MS
        if not (was_set and found < self.offset_ms):
            self._behind_since_ms = None
        elif self._behind_since_ms is None:
            self._behind_since_ms = received_mono_ms
            return
        elif received_mono_ms - self._behind_since_ms < SET_BACK_AFTER_MS:
            return
        self._best_rtt_ms *= 1.05  # an old good sample must not outvote clocks that have drifted since
        if rtt <= self._best_rtt_ms or rtt <= 5.0 or was_set:
            self._best_rtt_ms = rtt
            self.offset_ms = found

    def was_done(self, venue_ms: int, asked_mono_ms: float) -> None:
        """The exchange has done at ``venue_ms`` what was asked of it at that monotonic time. Nothing is done before it is asked
        for: an estimate by which it was is ahead, whichever nodes have said so, and gives way to the next stamp.
        """
        ahead_ms = asked_mono_ms + self.offset_ms - venue_ms
        if BLOCK_MS < ahead_ms <= IMPLAUSIBLE_MS:
            self.offset_ms -= ahead_ms
            self._best_rtt_ms, self._behind_since_ms = float("inf"), None

    def follow(self, venue_ms: int, sent_mono_ms: float, received_mono_ms: float) -> None:
        """Go by this stamp, whatever was known: the exchange has just refused what the estimate led to."""
        self._behind_since_ms = None
        self.seen_ms = max(self.seen_ms, venue_ms)
        self._best_rtt_ms = received_mono_ms - sent_mono_ms
        self.offset_ms = venue_ms - (sent_mono_ms + received_mono_ms) / 2
