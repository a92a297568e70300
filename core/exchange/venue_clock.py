"""An estimate of the exchange's clock from the times in its answers."""

from __future__ import annotations

import time
from dataclasses import dataclass

from core.domain.clock import Instant


@dataclass(slots=True)
class VenueClock:
    """``now`` reads this host's clocks; the offset follows the answers with the shortest round trip.

    An answer's stamp was made between request and answer, so its middle is off by at most half the round trip.
    """

    offset_ms: float = 0.0
    _best_rtt_ms: float = float("inf")

    def now(self) -> Instant:
        wall = time.time_ns() // 1_000_000
        return Instant(time.monotonic_ns() // 1_000_000, wall, wall + round(self.offset_ms))

    def observe(self, venue_ms: int, sent_wall_ms: float, received_wall_ms: float) -> None:
        rtt = max(0.0, received_wall_ms - sent_wall_ms)
        self._best_rtt_ms *= 1.05  # an old good sample must not outvote a clock that has drifted since
        if rtt <= self._best_rtt_ms or rtt <= 5.0:
            self._best_rtt_ms = rtt
            self.offset_ms = venue_ms - (sent_wall_ms + received_wall_ms) / 2
