"""Stop-loss of one coin: a price band. Outside it the grid ends, and what is held is closed."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.clock import Instant
from core.domain.instrument import Instrument
from core.engine.halts import HaltRule
from core.engine.steady_mid import HOLD_MS

AGAIN_MS = 15_000
"""A position that is still there so long after a flatten has ended is flattened again."""


@dataclass(slots=True)
class StopLoss:
    """``low`` and ``high`` in price units; 0: none."""

    low: int = 0
    high: int = 0
    take_low: int = 0
    take_high: int = 0
    attempts: int = 0
    last_mono_ms: int = 0
    """When the last flatten was under way; 0 before the first of this run."""
    _outside_since_ms: int = 0

    def is_outside(self, mid_twice: int) -> bool:
        return bool(self._limit(mid_twice))

    def _limit(self, mid_twice: int) -> tuple[HaltRule, str, int] | None:
        """Which limit a price is past: what it is, its setting and its price."""
        limits = (
            (mid_twice < 2 * self.low, HaltRule.STOP_LOSS, "LOW", self.low),
            (0 < 2 * self.high < mid_twice, HaltRule.STOP_LOSS, "HIGH", self.high),
            (mid_twice < 2 * self.take_low, HaltRule.TAKE_PROFIT, "LOW", self.take_low),
            (0 < 2 * self.take_high < mid_twice, HaltRule.TAKE_PROFIT, "HIGH", self.take_high),
        )
        return next(((kind, side, price) for passed, kind, side, price in limits if passed), None)

    def passed(self, mid_twice: int | None, instrument: Instrument, now: Instant) -> str:
        """Why the coin must stop; empty while the mid is inside the band, or has been outside for less than ``HOLD_MS``."""
        if mid_twice is None:
            return (
                ""  # a market of one side says neither that it is back inside nor that it has stayed outside
            )
        limit = self._limit(mid_twice)
        if limit is None:
            self._outside_since_ms = 0
            return ""
        self._outside_since_ms = self._outside_since_ms or now.mono_ms
        if now.mono_ms - self._outside_since_ms < HOLD_MS:
            return ""
        kind, side, price = limit
        where = "below" if side == "LOW" else "above"
        return (
            f"{kind}: the mid {instrument.price_text(mid_twice // 2)} is {where} {instrument.price_text(price)} "
            f"(HL_{kind.upper()}_{side})"
        )
