"""What a watchdog makes of a heartbeat. Pure: it is told the time, and what was read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.runtime.heartbeat import Beat

AGAIN_MS = 60_000
"""While the bot stays silent the exchange is looked at so often for what may have been placed after all."""

STOOD_STILL_MS = 5_000
"""A look so long after the one before it: the watchdog itself was stopped, with the whole machine perhaps."""

GRACE_MS = 5_000
"""For so long the bot is waited for then: it thaws beside its watchdog, and beats within two seconds."""


KEPT_MS = 900_000
"""For so long orders that a stop has kept may rest without a bot: an upgrade takes a minute, one that fails is noticed."""


class Finding(StrEnum):
    NOTHING = "nothing"
    FIRST = "first"
    """A bot that is to be watched has begun: a heartbeat that wasn't there, or of another run."""
    RETURNED = "returned"
    """The bot that was taken for lost goes on."""
    AT_REST = "at_rest"
    """It has ended in order, or is halted with nothing resting: there is nothing to take back."""
    KEPT = "kept"
    """It has ended in order and left its grid's orders for the next start."""
    LOST = "lost"
    AGAIN = "again"


@dataclass(slots=True)
class Vigil:
    """``after_ms`` without a beat, on this process's own clock, is a bot that is lost."""

    after_ms: int
    last: Beat | None = None
    since_ms: int = 0
    """When the last beat was seen first."""
    acted_ms: int | None = None
    _is_at_rest: bool = False
    _looked_ms: int | None = None

    def look(self, beat: Beat | None, now_ms: int) -> Finding:
        before_ms, self._looked_ms = self._looked_ms, now_ms
        if beat is not None and (self.last is None or beat.mark != self.last.mark):
            return self._go_on(beat, now_ms)
        if before_ms is not None and now_ms - before_ms >= STOOD_STILL_MS:
            self.since_ms = max(self.since_ms, now_ms - self.patience_ms + GRACE_MS)
        if self.last is None or not self.last.leaves_orders or now_ms - self.since_ms < self.patience_ms:
            return Finding.NOTHING
        if self.acted_ms is None:
            self.acted_ms = now_ms
            return Finding.LOST
        if now_ms - self.acted_ms >= AGAIN_MS:
            self.acted_ms = now_ms
            return Finding.AGAIN
        return Finding.NOTHING

    @property
    def patience_ms(self) -> int:
        """How long the bot may be silent after its last beat."""
        return max(self.after_ms, KEPT_MS) if self.last is not None and self.last.is_kept else self.after_ms

    def _go_on(self, beat: Beat, now_ms: int) -> Finding:
        before, was_lost, was_at_rest = self.last, self.acted_ms is not None, self._is_at_rest
        self.last, self.since_ms, self.acted_ms = beat, now_ms, None
        self._is_at_rest = not beat.leaves_orders
        if was_lost:
            return Finding.RETURNED
        if beat.is_kept:
            return Finding.KEPT
        if self._is_at_rest:
            return Finding.NOTHING if was_at_rest else Finding.AT_REST
        is_another = before is None or before.is_kept or was_at_rest
        return Finding.FIRST if is_another else Finding.NOTHING
