"""Stop-loss of one coin: a price band. Outside it the grid ends, and what is held is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from core.domain.clock import Instant
from core.domain.instrument import Instrument
from core.engine.halts import HaltRule
from core.engine.steady_mid import HOLD_MS

if TYPE_CHECKING:
    from core.engine.coin_config import CoinConfig

AGAIN_MS = 15_000
"""A position that is still there so long after a flatten has ended is flattened again."""


class PriceLimit(NamedTuple):
    """One that a price is past. ``price`` in price units."""

    rule: HaltRule
    is_low: bool
    price: int

    @property
    def setting(self) -> str:
        return f"HL_{self.rule.value.upper()}_{'LOW' if self.is_low else 'HIGH'}"

    def text(self, instrument: Instrument, mid: int) -> str:
        """What it would do to a run that starts at ``mid``, in price units."""
        name, price_text = self.setting.removeprefix("HL_").lower(), instrument.price_text
        return (
            f"{instrument.coin} at {price_text(mid)} is past {name} {price_text(self.price)}: a run would halt and close a "
            "position at once"
        )


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

    @classmethod
    def of(cls, config: CoinConfig) -> StopLoss:
        return cls(config.stop_low, config.stop_high, config.take_low, config.take_high)

    def beside(self, before: StopLoss) -> StopLoss:
        """Of its limits those that aren't ``before``'s."""
        names = ("low", "high", "take_low", "take_high")
        return StopLoss(
            *(value if (value := getattr(self, name)) != getattr(before, name) else 0 for name in names)
        )

    def is_outside(self, mid_twice: int) -> bool:
        return self.limit(mid_twice) is not None

    def limit(self, mid_twice: int) -> PriceLimit | None:
        """Which limit twice a price is past; at the limit itself it isn't."""
        if mid_twice < 2 * self.low:
            return PriceLimit(HaltRule.STOP_LOSS, True, self.low)
        if 0 < 2 * self.high < mid_twice:
            return PriceLimit(HaltRule.STOP_LOSS, False, self.high)
        if mid_twice < 2 * self.take_low:
            return PriceLimit(HaltRule.TAKE_PROFIT, True, self.take_low)
        if 0 < 2 * self.take_high < mid_twice:
            return PriceLimit(HaltRule.TAKE_PROFIT, False, self.take_high)
        return None

    def passed(self, mid_twice: int | None, instrument: Instrument, now: Instant) -> str:
        """Why the coin must stop; empty while the mid is inside the band, or has been outside for less than ``HOLD_MS``."""
        if mid_twice is None:
            return (
                ""  # a market of one side says neither that it is back inside nor that it has stayed outside
            )
        limit = self.limit(mid_twice)
        if limit is None:
            self._outside_since_ms = 0
            return ""
        self._outside_since_ms = self._outside_since_ms or now.mono_ms
        if now.mono_ms - self._outside_since_ms < HOLD_MS:
            return ""
        mid, price = instrument.price_text(mid_twice // 2), instrument.price_text(limit.price)
        where = "below" if limit.is_low else "above"
        return f"{limit.rule}: the mid {mid} is {where} {price} ({limit.setting})"
