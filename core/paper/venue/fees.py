"""What a fill pays. Rates in units of 10**-8 of the notional.

From Hyperliquid's documentation (Fees, as of August 2026): perpetual rates by the volume of the 14 days before today,
evaluated at the end of the UTC day; a builder's dex scales them by its deployer's share; growth mode takes a tenth. Staking and
referral discounts don't exist here, nor do rebates for a share of all makers' volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from core.domain.clock import DAY_MS
from core.paper.market.listing import FIRST_DEX, Listing

RATE_DECIMALS = 8
DEPLOYER_SCALE_PERCENT = 100
"""``deployerFeeScale`` of every builder dex: 1.0."""
KEPT_DAYS = 15
"""Today and the fourteen days before."""

_ONE: int = 10**RATE_DECIMALS
_GROWTH_DIVISOR = 10
_USD = 1_000_000


class FeeTier(NamedTuple):
    above_micro: int
    taker: int
    maker: int


TIERS = (
    FeeTier(-1, 45_000, 15_000),
    FeeTier(5_000_000 * _USD, 40_000, 12_000),
    FeeTier(25_000_000 * _USD, 35_000, 8_000),
    FeeTier(100_000_000 * _USD, 30_000, 4_000),
    FeeTier(500_000_000 * _USD, 28_000, 0),
    FeeTier(2_000_000_000 * _USD, 26_000, 0),
    FeeTier(7_000_000_000 * _USD, 24_000, 0),
)


@dataclass(slots=True)
class DayVolume:
    """What an account traded in one UTC day, micro-USDC."""

    taken: int = 0
    made: int = 0

    def add(self, micro: int, *, crossed: bool) -> None:
        if crossed:
            self.taken += micro
        else:
            self.made += micro


def day_of(time_ms: int) -> int:
    """Days since 1970, UTC."""
    return time_ms // DAY_MS


def tier_for(volumes: dict[int, DayVolume], today: int) -> FeeTier:
    """By the 14 days before ``today``, which itself doesn't count."""
    traded = sum(v.taken + v.made for day, v in volumes.items() if today - KEPT_DAYS < day < today)
    return next(tier for tier in reversed(TIERS) if traded > tier.above_micro)


def rate_for(tier: FeeTier, listing: Listing, *, crossed: bool) -> int:
    rate = tier.taker if crossed else tier.maker
    if listing.dex != FIRST_DEX:
        share = DEPLOYER_SCALE_PERCENT
        rate = rate * (100 + share if share < 100 else 2 * share) // 100
    return rate // _GROWTH_DIVISOR if listing.rules.has_growth_mode else rate


def credited_volume(notional_micro: int, listing: Listing) -> int:
    """What a fill counts toward volumes and request budgets: growth mode credits a tenth."""
    return notional_micro // _GROWTH_DIVISOR if listing.rules.has_growth_mode else notional_micro


def builder_rate(tenths_of_bp: int) -> int:
    """A builder's fee is given in tenths of a basis point."""
    return tenths_of_bp * _ONE // 100_000


def fee_micro(notional_micro: int, rate: int) -> int:
    """Cut toward zero at 10**-6 USDC."""
    fee = abs(notional_micro * rate) // _ONE
    return fee if rate >= 0 else -fee
