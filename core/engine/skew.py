"""Inventory: how what is held makes one side smaller, stops it, or is brought down.

``r`` is the position over the target, which is the grid's whole budget in lots. All in integers; symmetric for long and short.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.grid import PPB
from core.engine.levels import EVEN, Scales

LEAST_PPB = 300_000_000
"""The side that adds to the position never shrinks below this, but for a one-sided grid, where it is gone."""
MOST_PPB = 1_200_000_000
STEP_PPB = 50_000_000
"""Sizes change in twentieths, so that a small fill doesn't touch every order."""
LEAVES_AT_PPB = 800_000_000
"""A one-sided grid quotes both sides again at this share of the limit that made it so."""
HARD_SHARE_PPB = 250_000_000
"""The hard limit brings the position down by at most this share of the target at a time."""


@dataclass(frozen=True, slots=True)
class SkewSettings:
    """As fractions of the target times 10**9; 0: off."""

    soft_ppb: int = 0
    """From here on the adding side gets smaller and the other one larger."""
    one_sided_ppb: int = 0
    """From here on the adding side is gone, until the position is down to ``LEAVES_AT_PPB`` of this."""
    hard_ppb: int = 0
    """From here on the position is brought down at the market's price, reduce-only."""


@dataclass(slots=True)
class Skew:
    settings: SkewSettings = field(default_factory=SkewSettings)
    is_one_sided: bool = False
    is_hard: bool = False
    """Past the hard limit at the last look."""

    def look(self, lots: int, target: int) -> Scales:
        """The scales for a position (signed lots), and whether the grid is one-sided now."""
        if target <= 0:
            return EVEN
        ratio = abs(lots) * PPB // target
        self.is_hard = bool(self.excess(lots, target))
        limit = self.settings.one_sided_ppb
        if limit:
            leaves = limit * LEAVES_AT_PPB // PPB
            self.is_one_sided = ratio > (leaves if self.is_one_sided else limit)
        else:
            self.is_one_sided = False
        return _scales(lots, ratio, self.settings.soft_ppb, self.is_one_sided)

    def excess(self, lots: int, target: int) -> int:
        """How many lots the hard limit wants closed now: 0 below it, at most a quarter of the target, rounded up to a lot."""
        hard = self.settings.hard_ppb
        if not hard or target <= 0 or abs(lots) * PPB < hard * target:
            return 0
        return min(abs(lots), -(-target * HARD_SHARE_PPB // PPB))

    def frees_at(self, target: int) -> int:
        """The most lots, held on either side, that lift the limit in force: the hard, the one-sided or the soft one."""
        if self.is_hard:
            return (self.settings.hard_ppb * target - 1) // PPB
        if self.is_one_sided:
            return ((self.settings.one_sided_ppb * LEAVES_AT_PPB // PPB + 1) * target - 1) // PPB
        return ((self.settings.soft_ppb + STEP_PPB) * target - 1) // PPB


def _scales(lots: int, ratio: int, soft: int, one_sided: bool) -> Scales:
    adding = reducing = PPB
    if soft and ratio > soft:
        over = (ratio - soft) // STEP_PPB * STEP_PPB
        adding, reducing = max(LEAST_PPB, PPB - over), min(MOST_PPB, PPB + over // 2)
    if one_sided:
        adding = 0
    return Scales(adding, reducing) if lots > 0 else Scales(reducing, adding)


def without_adding(lots: int, scales: Scales) -> Scales:
    """The scales with nothing on the side that would add to ``lots``."""
    return Scales(0, scales.sell_ppb) if lots > 0 else Scales(scales.buy_ppb, 0)
