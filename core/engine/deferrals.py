"""Slots that the exchange doesn't want filled for now: when each is tried again."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.domain.orders import Slot
from core.engine.risk_engine import Refusal, Rule

DEFER_FIRST_MS = 200
DEFER_MAX_MS = 5_000
"""A slot whose order was refused, or cancelled by the exchange, is tried again after 0.2 s, doubling to 5 s: no loop."""

LASTING_MAX_MS = 60_000
"""For what doesn't pass with the market: an order that the coin's rules forbid."""


@dataclass(frozen=True, slots=True)
class Deferral:
    until_mono_ms: int
    step_ms: int
    reason: str


@dataclass(slots=True)
class Deferrals:
    by_slot: dict[Slot, Deferral] = field(default_factory=dict)

    def put_off(self, slot: Slot | None, reason: str, now: Instant, most_ms: int = DEFER_MAX_MS) -> None:
        """Keep a slot empty, longer each time up to ``most_ms``, until it has been quiet for a while. Without one nothing is
        kept.
        """
        if slot is not None:
            last = self.by_slot.get(slot)
            again = last is not None and now.mono_ms - last.until_mono_ms < DEFER_MAX_MS
            step = min(last.step_ms * 2, most_ms) if last and again else DEFER_FIRST_MS
            self.by_slot[slot] = Deferral(now.mono_ms + step, step, reason)

    def refusals(self, now: Instant) -> dict[Slot, Refusal]:
        """Slots whose next try is yet to come. Those that have been quiet for long are forgotten."""
        long_ago = now.mono_ms - DEFER_MAX_MS
        for slot in [slot for slot, d in self.by_slot.items() if d.until_mono_ms <= long_ago]:
            del self.by_slot[slot]
        return {
            slot: Refusal(Rule.REFUSED, d.reason, d.until_mono_ms)
            for slot, d in self.by_slot.items()
            if now.mono_ms < d.until_mono_ms
        }

    def clear(self) -> None:
        self.by_slot.clear()
