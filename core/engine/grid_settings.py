"""What the operator asks of a grid, as integers, and what of the market it may react to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from core.domain.grid import PPB, Direction, Spacing


class RangeExit(StrEnum):
    """What to do when the price has left the grid.

    ``HOLD``: wait for it. ``TRAIL``: follow with the grid. ``REDUCE``: close the position bit by bit. ``FLATTEN``: close it and
    halt.
    """

    HOLD = "hold"
    TRAIL = "trail"
    REDUCE = "reduce"
    FLATTEN = "flatten"


@dataclass(frozen=True, slots=True)
class Trailing:
    """When a grid follows the price. Prices in price units, 0: no limit."""

    reach_ppb: int = 0
    """How far the mid may leave the center, as a fraction times 10**9; 0: one spacing past the last line."""
    up: bool = True
    down: bool = True
    low: int = 0
    high: int = 0
    """The center never follows beyond these."""


@dataclass(frozen=True, slots=True)
class GridSettings:
    """Fractions as parts per 10**9; money in micro-USDC; prices in price units, 0: none."""

    levels: int
    """Per side."""
    spacing_ppb: int
    spacing_max_ppb: int
    round_trip_fee_ppb: int
    """Maker fee paid twice: a spacing below it loses money on every round trip."""
    size_micro: int
    """Notional of one level: investment times leverage over all levels."""
    cap_micro: int
    """Notional of the largest worst-case position on either side."""
    cap_lots: int = 0
    """The same in lots, if that is set; 0: only ``cap_micro`` holds."""
    strategy: str = "grid"
    spacing: Spacing = Spacing.ARITHMETIC
    direction: Direction = Direction.NEUTRAL
    range_low: int = 0
    range_high: int = 0
    edge_ppb: int = 0
    """What a round trip must earn beyond its fees."""
    min_width_ppb: int = 0
    """The least distance between the outermost lines."""
    jitter_ppb: int = 0
    reprice_ticks: int = 0
    leverage_ppb: int = PPB
    reinvests: bool = False
    widens: bool = False
    """The spacing grows with the market's volatility."""
    tightens: bool = False
    """A widened spacing shrinks as the price moves against the position."""
    bias_max_ppb: int = 0
    """How far a trend may shift the center; never more than half a spacing."""
    trailing: Trailing = field(default_factory=Trailing)
    closed_ppb: int = PPB
    """What the spacing is multiplied by, cap included, while the market is closed."""

    @property
    def basis(self) -> str:
        """Names these settings: a grid of others is replaced."""
        return _basis(self)


@lru_cache(maxsize=256)
def _basis(settings: GridSettings) -> str:
    return hashlib.blake2s(repr(settings).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the market has been like, as fractions of the price times 10**9."""

    atr_ppb: int = 0
    """The average true range of a bar."""
    volatility_ppb: int = 0
    """The standard deviation of a bar's return."""
    trend_ppb: int = 0
    """The fast average less the slow one: positive in an upward trend."""
    adverse_ppb: int = 0
    """How far the price has moved against the position since the last grid was built; 0 if it has moved with it."""


CALM = Conditions()
