"""What these tests take for a whole grid: a hole isn't one, whatever the screen says of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.engine.risk_engine import Rule
from core.view import CoinView, GridView, LevelState, LevelView, RunState
from tests.faults.wholeness import has_its_order, is_leaned_away

SETTINGS = {"num_grids": 10, "skew_soft": Decimal("0.25"), "max_skew_ratio": Decimal("0.6")}
FULL = Decimal(10)
"""A level, so a budget of 200."""


def missing(rule: str, side: str = "buy", left: str = "10") -> LevelView:
    return LevelView(side, Decimal(100), FULL, Decimal(left), LevelState.MISSING, "why", rule, "freed by")


def held(position: str, one_sided: str = "", *levels: LevelView) -> CoinView:
    grid = GridView(one_sided=one_sided, levels=levels)
    return CoinView("HYPE", RunState.RUNNING, position=Decimal(position), grid=grid)


@pytest.mark.parametrize("rule", Rule)
def test_only_rules_that_the_market_or_the_position_ends_leave_a_level_without_an_order(rule: Rule) -> None:
    lasting = {"post_only", "cap", "portfolio", "margin", "liquidation", "own_order"}
    assert has_its_order(missing(rule.value), held("0")) is (rule.value in lasting)


def test_a_level_behind_an_own_order_at_its_own_price_is_a_hole() -> None:
    level = missing("own_order")
    resting = replace(level, state=LevelState.OPEN, rule="")
    assert not has_its_order(level, held("0", "", level, resting))
    assert has_its_order(level, held("0", "", level, replace(resting, side="sell")))


@pytest.mark.parametrize(
    ("level", "coin", "is_honest"),
    [
        (missing("skew"), held("121", "held"), True),
        (missing("skew"), held("97", "held"), True),
        (missing("skew"), held("95", "held"), False),
        (missing("skew", "sell"), held("121", "held"), False),
        (missing("skew", "sell"), held("-121", "held"), True),
        (missing("skew", left="3"), held("110"), True),
        (missing("skew", left="3.2"), held("110"), False),
        (missing("skew"), held("121"), False),
        (missing("skew", left="1"), held("51"), False),
        (missing("skew", left="1"), held("0"), False),
        (missing("queued", left="1"), held("110"), False),
    ],
    ids=[
        "past the limit",
        "not yet down to eight tenths of it",
        "below them",
        "the side that reduces",
        "the side that adds to a short position",
        "a cell that holds its share",
        "a cell that holds less than its share",
        "an empty cell past the soft limit alone",
        "under the soft limit by more than it lacks",
        "nothing held",
        "another rule",
    ],
)
def test_a_grid_leans_as_far_as_its_limits_say_and_no_further(
    level: LevelView, coin: CoinView, is_honest: bool
) -> None:
    assert is_leaned_away(level, coin, SETTINGS, FULL) is is_honest


def test_without_limits_no_grid_leans() -> None:
    settings = {"num_grids": 10}
    assert not is_leaned_away(missing("skew"), held("121", "held"), settings, FULL)
    assert not is_leaned_away(missing("skew", left="1"), held("110"), settings, FULL)
