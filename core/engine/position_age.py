"""How long ago the exchange's position was last seen. Without it nobody would notice that fills are missing: nothing is quoted
on a position that isn't held against the exchange's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, notify
from core.domain.events import AccountObserved, Event, LoopLagged, RequestFailed, Tick
from core.engine.circuit_breaker import BreakerName

if TYPE_CHECKING:
    from core.engine.engine import Engine

LATE_MS = 20_000
"""Four looks that have failed, or that wait: nothing more is quoted. What rests stays until the feed's limit for silence."""


@dataclass(slots=True)
class PositionAge:
    late_ms: int = field(default_factory=lambda: LATE_MS)
    """Past it nothing new is quoted until it is seen again; 0: for ever."""
    _asked_mono_ms: int = 0
    """When the newest answer was asked for; 0 before the first."""
    failure: str = ""
    """Why the newest look failed; empty if it didn't."""
    _told: int = 0
    """1 once it was late, 2 once it was lost."""

    def age_ms(self, now: Instant) -> int:
        return now.mono_ms - self._asked_mono_ms if self._asked_mono_ms else 0

    def is_late(self, now: Instant) -> bool:
        return 0 < self.late_ms < self.age_ms(now)

    def is_lost(self, engine: Engine, now: Instant) -> bool:
        """Whether our orders are taken back, too: for as long as a silence of the stream would have to last for it."""
        return self.is_late(now) and 0 < engine.feed_age.halt_ms < self.age_ms(now)

    def heed(self, engine: Engine, event: Event, now: Instant) -> list[Effect]:
        """Told once when quoting pauses, once when orders are taken back, and once when it goes on."""
        match event:
            case AccountObserved():
                self._asked_mono_ms, self.failure = max(self._asked_mono_ms, event.asked_mono_ms), ""
            case RequestFailed(what="account"):
                self.failure = event.reason
            case LoopLagged() if self._asked_mono_ms:
                self._asked_mono_ms = now.mono_ms  # the silence was ours
            case Tick():
                pass
            case _:
                return []
        had, self._told = self._told, self.is_late(now) + self.is_lost(engine, now)
        if self._told > had:
            age_s, reason = self.age_ms(now) // 1000, why_unread(engine, now)
            return [
                notify(
                    "position_unread", "crit" if self._told > 1 else "warn", "", age_s=age_s, reason=reason
                )
            ]
        return [notify("position_read_again", "info")] if had and not self._told else []


def why_unread(engine: Engine, now: Instant) -> str:
    """What keeps the account from being read, as far as is known."""
    weight, info = engine.weight, engine.breakers[BreakerName.INFO]
    if weight.paused_ms:
        return (
            f"the exchange asked for a pause of {-(-weight.paused_ms // 1000)} s more ({weight.paused_why})"
        )
    if info.opened_mono_ms:
        return f"circuit breaker {info.name.value} is open: {info.reason}"
    if weight.limit and not engine.position_age.failure and weight.left <= weight.reserve:
        return f"this host has {weight.left} of {weight.limit} IP weight a minute left"
    return engine.position_age.failure or "no answer to a question for the account"
