"""Stop-loss of one coin: a price band. Outside it the grid ends, and what is held is closed."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.clock import Instant
from core.domain.instrument import Instrument
from core.engine.steady_mid import HOLD_MS

STOP_LOSS = "stop_loss"
"""How the reason of its halt begins."""

AGAIN_MS = 15_000
"""A position that is still there so long after a flatten has ended is flattened again."""


def is_stop_loss(halted: str) -> bool:
    return halted.startswith(STOP_LOSS)


@dataclass(slots=True)
class StopLoss:
    """``low`` and ``high`` in price units; 0: none."""

    low: int = 0
    high: int = 0
    attempts: int = 0
    last_mono_ms: int = 0
    """When the last flatten was under way; 0 before the first of this run."""
    _outside_since_ms: int = 0

    def is_outside(self, mid_twice: int) -> bool:
        return mid_twice < 2 * self.low or (self.high > 0 and mid_twice > 2 * self.high)

    def passed(self, mid_twice: int | None, instrument: Instrument, now: Instant) -> str:
        """Why the coin must stop; empty while the mid is inside the band, or has been outside for less than ``HOLD_MS``."""
        if mid_twice is None:
            return (
                ""  # a market of one side says neither that it is back inside nor that it has stayed outside
            )
        if not self.is_outside(mid_twice):
            self._outside_since_ms = 0
            return ""
        self._outside_since_ms = self._outside_since_ms or now.mono_ms
        if now.mono_ms - self._outside_since_ms < HOLD_MS:
            return ""
        below = mid_twice < 2 * self.low
        limit = instrument.price_text(self.low if below else self.high)
        return (
            f"{STOP_LOSS}: the mid {instrument.price_text(mid_twice // 2)} is {'below' if below else 'above'} {limit} "
            f"(HL_STOP_LOSS_{'LOW' if below else 'HIGH'})"
        )
