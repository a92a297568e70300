"""Margin tiers: the larger a position, the less leverage, and the more maintenance margin on what lies in the higher tiers.

The rate of a tier is half of the initial margin at its highest leverage; a deduction keeps the sum continuous at its bounds:
margin = notional * rate - deduction, deduction(k) = deduction(k-1) + lower(k) * (rate(k) - rate(k-1)).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import lcm
from typing import NamedTuple

from core.paper.market.listing import Tier


class MaintenanceTier(NamedTuple):
    """margin = (notional * ``rate`` - ``deduction``) / ``one``, from ``lower`` of notional on; all exact."""

    lower: int
    rate: int
    deduction: int
    one: int


@lru_cache(maxsize=1024)
def maintenance_tiers(tiers: tuple[Tier, ...]) -> tuple[MaintenanceTier, ...]:
    one = 2 * lcm(*(tier.max_leverage for tier in tiers))
    rates = [one // (2 * tier.max_leverage) for tier in tiers]
    deductions = [0]
    for (below, above), tier in zip(pairwise(rates), tiers[1:], strict=True):
        deductions.append(deductions[-1] + tier.lower_micro * (above - below))
    return tuple(
        MaintenanceTier(tier.lower_micro, rate, deduction, one)
        for tier, rate, deduction in zip(tiers, rates, deductions, strict=True)
    )


def tier_at(notional_micro: int, tiers: tuple[Tier, ...]) -> MaintenanceTier:
    return next(tier for tier in reversed(maintenance_tiers(tiers)) if notional_micro >= tier.lower)


def maintenance_micro(notional_micro: int, tiers: tuple[Tier, ...]) -> int:
    """Rounded down."""
    tier = tier_at(notional_micro, tiers)
    return (notional_micro * tier.rate - tier.deduction) // tier.one


def most_at(leverage: int, tiers: tuple[Tier, ...]) -> int | None:
    """The largest notional that may be held at ``leverage``; None if there is no bound."""
    return next((tier.lower_micro for tier in tiers if tier.max_leverage < leverage), None)
