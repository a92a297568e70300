"""What may halt a coin or all. A halt's reason is kept, told and shown as text: which rule it is, is read here alone."""

from __future__ import annotations

from enum import StrEnum

from core.view import DRIFT_HALT


class HaltRule(StrEnum):
    """The words that a reason begins with. They are in journals: none is ever written otherwise."""

    OPERATOR = "operator"
    FLATTEN = "flatten"
    DRIFT = DRIFT_HALT
    DRAWDOWN = "drawdown"
    UNREALIZED = "unrealized_dd"
    DAILY_LOSS = "daily_pnl_stop"
    DAILY_TAKE = "daily_pnl_take"
    FUNDING_BLEED = "funding_bleed"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    RANGE_EXIT = "range_exit"
    AUTH = "auth"
    CRASH_LOOP = "crash_loop"
    DELISTED = "delisted"
    SIZE_DECIMALS = "size_decimals"
    COPY = "another copy of this state dir"
    OTHER_INSTANCE = "another GridBot instance"
    OTHER = ""
    """What has a sentence of its own: an internal error, an overfill, a fill that is told in two ways."""

    @property
    def closes_position(self) -> bool:
        """Whether what is held is closed, again if need be, until it is proven closed."""
        return self in (HaltRule.STOP_LOSS, HaltRule.TAKE_PROFIT, HaltRule.RANGE_EXIT)

    @property
    def is_price_limit(self) -> bool:
        """Whether it is for a price that a coin's stop-loss or take-profit names."""
        return self in (HaltRule.STOP_LOSS, HaltRule.TAKE_PROFIT)


INTERNAL = "internal error"
"""How the reason begins of a coin that a bug has halted."""

OPERATOR, FLATTEN = HaltRule.OPERATOR.value, HaltRule.FLATTEN.value
"""Reasons asked for by an operator; every other one is a rule's."""


def rule_of(reason: str) -> HaltRule:
    """Which rule has halted. A rule's words end where its reason ends, at a colon or at a blank."""
    return next(rule for rule in HaltRule if not rule or _begins(reason, rule.value))


def _begins(reason: str, words: str) -> bool:
    return reason.startswith(words) and reason[len(words) :][:1] in ("", ":", " ")


def closes_position(reason: str) -> bool:
    return rule_of(reason).closes_position
