"""Whether another program signs with our key: told by the order router, shown for a while."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.clock import Instant
from core.domain.router_events import KeyShared

SHOWN_MS = 3_600_000


@dataclass(slots=True)
class SharedKey:
    reason: str = ""
    told_mono_ms: int = 0

    def note(self, event: KeyShared, now: Instant) -> None:
        self.reason, self.told_mono_ms = event.reason, now.mono_ms

    def is_recent(self, now: Instant) -> bool:
        return bool(self.reason) and now.mono_ms - self.told_mono_ms < SHOWN_MS
