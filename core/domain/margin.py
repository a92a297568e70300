"""Margin as Hyperliquid reckons it: tiers, maintenance margin, the price of liquidation, leverage, account modes. Exact.

The larger a position, the less leverage it may have, and the more maintenance margin what lies in the higher tiers needs: the
rate of a tier is half of the initial margin at its highest leverage, and a deduction keeps the sum continuous at its bounds
(Hyperliquid: margin tiers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from enum import StrEnum
from itertools import pairwise

_EXACT = Context(prec=50)


class MarginMode(StrEnum):
    ISOLATED = "isolated"
    CROSS = "cross"


class AccountMode(StrEnum):
    """How an account's money stands behind its positions. STANDARD: every dex has collateral of its own. UNIFIED: all dexs and
    the spot wallet share one balance.
    """

    STANDARD = "standard"
    UNIFIED = "unified"


_MODES = {
    "default": AccountMode.STANDARD,
    "disabled": AccountMode.STANDARD,
    "unifiedAccount": AccountMode.UNIFIED,
}


def account_mode(abstraction: str) -> AccountMode | None:
    """Of what ``userAbstraction`` answers; ``None`` for a mode whose equity and margin aren't known here."""
    return _MODES.get(abstraction)


@dataclass(frozen=True, slots=True)
class MarginTier:
    """From ``lower_usd`` of notional on, at most ``max_leverage``."""

    lower_usd: Decimal
    max_leverage: int


@dataclass(frozen=True, slots=True)
class Leverage:
    """What is set for a coin, whether or not anything is held of it."""

    mode: MarginMode
    value: int

    def __str__(self) -> str:
        return f"{self.mode.value} {self.value}x"


@dataclass(frozen=True, slots=True)
class HeldMargin:
    """An open position as the exchange margins it. ``used_usd`` of an isolated one has its unrealized profit in it;
    ``liquidation`` is the exchange's own price, ``None`` if there is none above zero.
    """

    coin: str
    leverage: Leverage
    size: Decimal
    value_usd: Decimal
    used_usd: Decimal
    liquidation: Decimal | None


def flat_tiers(max_leverage: int) -> tuple[MarginTier, ...]:
    """Of a coin without a margin table of its own."""
    return (MarginTier(Decimal(0), max_leverage),)


def whole_leverage(leverage: Decimal) -> int:
    """What the exchange is set to: it takes whole numbers, so a part counts as one more, and less than 1 as 1."""
    return max(1, int(leverage.to_integral_value(ROUND_CEILING)))


def liquidation_price(
    size: Decimal, mark: Decimal, margin_usd: Decimal, tiers: Sequence[MarginTier]
) -> Decimal | None:
    """Where the margin of a position of ``size`` (signed) has shrunk to its maintenance; ``None`` if not above zero.

    ``margin_usd`` is what stands behind it at ``mark``, unrealized profit included: an isolated position's own; a cross one's
    account value less the maintenance margin of the other positions.
    """
    assert size, "a position"
    side, lots = (1 if size > 0 else -1), abs(size)
    steps = _steps(tiers)
    for number, (lower, rate, deduction) in enumerate(steps):
        # margin + side * lots * (price - mark) = lots * price * rate - deduction
        left = _EXACT.subtract(_EXACT.multiply(side * lots, mark), margin_usd + deduction)
        price = _EXACT.divide(left, _EXACT.multiply(lots, side - rate))
        upper = steps[number + 1][0] if number + 1 < len(steps) else None
        value = price * lots
        if (value >= lower or not number) and (upper is None or value < upper):
            return price if price > 0 else None
    raise AssertionError("the tiers leave no gap")


def _steps(tiers: Sequence[MarginTier]) -> list[tuple[Decimal, Decimal, Decimal]]:
    """(lower bound, rate, deduction) of each tier, the lowest first."""
    rates = [_EXACT.divide(Decimal(1), Decimal(2 * tier.max_leverage)) for tier in tiers]
    deductions = [Decimal(0)]
    for (below, above), tier in zip(pairwise(rates), tiers[1:], strict=True):
        deductions.append(deductions[-1] + _EXACT.multiply(tier.lower_usd, above - below))
    bounds = [Decimal(0), *(tier.lower_usd for tier in tiers[1:])]
    return list(zip(bounds, rates, deductions, strict=True))
