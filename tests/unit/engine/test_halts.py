"""Which rule has halted, read from a reason as a journal holds it."""

from __future__ import annotations

import pytest

from core.engine.halts import HaltRule, rule_of
from core.engine.observations import COPY_HALT
from core.engine.ways_out import WAYS

KEPT = {
    "operator": HaltRule.OPERATOR,
    "flatten": HaltRule.FLATTEN,
    "position drift of 20.0 % (limit 10 %)": HaltRule.DRIFT,
    "drawdown: 120.00 USD below the highest profit, 12.00 % of the account (limit 12.00 %)": HaltRule.DRAWDOWN,
    "unrealized_dd: the open positions have lost 15.10 % of the account (limit 15.00 %)": HaltRule.UNREALIZED,
    "daily_pnl_stop: -50.00 USD since 00:00 UTC (limit -50)": HaltRule.DAILY_LOSS,
    "daily_pnl_take: 80.00 USD since 00:00 UTC (limit 80)": HaltRule.DAILY_TAKE,
    "funding_bleed: 12.00 USD paid within a day, 1.20 % of the account (limit 1 %)": HaltRule.FUNDING_BLEED,
    "stop_loss: the mid 189 is below 190 (HL_STOP_LOSS_LOW)": HaltRule.STOP_LOSS,
    "stop_loss: the stop at 190 that rested at the exchange has fired": HaltRule.STOP_LOSS,
    "take_profit: the mid 211 is above 210 (HL_TAKE_PROFIT_HIGH)": HaltRule.TAKE_PROFIT,
    "range_exit: the mid 189 is below the grid's last line 190 (HL_ON_RANGE_EXIT); halted before: auth: no agent": (
        HaltRule.RANGE_EXIT
    ),
    "auth: the exchange refuses our signature (no agent); see that ...": HaltRule.AUTH,
    COPY_HALT: HaltRule.COPY,
    "another GridBot instance (0badc0de) has orders on this account: stop one, then resume": (
        HaltRule.OTHER_INSTANCE
    ),
    "internal error: KeyError: 'stop_loss'": HaltRule.OTHER,
    "": HaltRule.OTHER,
}


@pytest.mark.parametrize(("reason", "rule"), KEPT.items())
def test_the_reason_of_a_halt_names_its_rule_for_as_long_as_a_journal_lives(
    reason: str, rule: HaltRule
) -> None:
    assert rule_of(reason) is rule


def test_a_word_that_only_begins_like_a_rule_is_none() -> None:
    for reason in ("operators disagree", "authorized by nobody", "stop_losses: many", "drawdowns"):
        assert rule_of(reason) is HaltRule.OTHER, reason


def test_every_rule_has_a_way_out_and_is_named_by_its_own_words() -> None:
    assert set(WAYS) == set(HaltRule)
    assert all(rule_of(f"{rule}: more") is rule for rule in HaltRule if rule)


def test_only_what_a_price_limit_or_the_range_asks_for_closes_a_position() -> None:
    closing = {rule for rule in HaltRule if rule.closes_position}
    assert closing == {HaltRule.STOP_LOSS, HaltRule.TAKE_PROFIT, HaltRule.RANGE_EXIT}
