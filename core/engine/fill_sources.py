"""Whether fills come live: of those that the stream could have told, how many it told, and how many had to be read back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.domain.fills import Fill

RECENT = 100
NOW = 20
"""What the stream does now: fewer fills say nothing of it, and so many live ones in a row say that it is whole again."""

MOST_LATE = 0.05
"""Of the recent ones: a read that was quicker than the stream is no trouble."""


@dataclass(slots=True)
class FillSources:
    """Of this run. A fill of a time when the link was down could not come live, and says nothing of the stream."""

    came_live: deque[bool] = field(default_factory=lambda: deque(maxlen=RECENT))
    """Of the recent fills, the oldest first."""
    _is_up: bool = False
    _first_up_ms: int = 0
    """Venue time, as all here."""
    _up_ms: int = 0
    _down_ms: int = 0

    def up(self, now: Instant) -> None:
        """From now on the stream should tell everything."""
        self._is_up, self._up_ms = True, now.venue_ms
        self._first_up_ms = self._first_up_ms or now.venue_ms

    def down(self, now: Instant) -> None:
        self._is_up, self._down_ms = False, now.venue_ms

    def saw(self, fills: Iterable[Fill]) -> None:
        """New fills, in whatever way they came."""
        for fill in fills:
            is_live = fill.source.counts_as_ws
            if is_live or self._could_come_live(fill.time_ms):
                self.came_live.append(is_live)

    def _could_come_live(self, time_ms: int) -> bool:
        if not self._first_up_ms or time_ms < self._first_up_ms:
            return False
        if not self._down_ms or time_ms < self._down_ms:
            return True
        return self._is_up and time_ms >= self._up_ms

    @property
    def live_now(self) -> int:
        """Of the last ``NOW``."""
        return sum(list(self.came_live)[-NOW:])

    @property
    def trouble(self) -> float:
        """The share that came late, of what is allowed: above 1 the stream is broken; 0 once the last ones all came live."""
        if len(self.came_live) < NOW or self.live_now == NOW:
            return 0.0
        return self.came_live.count(False) / len(self.came_live) / MOST_LATE
