"""Which level may be without an order for as long as the market stands: judged by the rule it names, and by what the exchange
and the settings say of that rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.engine.risk_engine import Rule
from core.view import CoinView, LevelState, LevelView

_LASTING = {Rule.POST_ONLY, Rule.CAP, Rule.PORTFOLIO, Rule.MARGIN, Rule.LIQUIDATION}
"""They hold until the market or the position moves."""

_LEAST_SHARE = Decimal("0.3")
"""Of a level, that a grid past the soft limit alone wants its cells to hold at the very least."""
_LEAVES_AT = Decimal("0.8")
"""Of the limit that made the grid one-sided: below it both sides are quoted again."""
_ROUNDING = Decimal("0.01")
"""Of a level: sizes are whole lots."""


def has_its_order(level: LevelView, coin: CoinView) -> bool:
    """Whether a level rests, or waits for what only the market or the position brings."""
    if level.state in (LevelState.OPEN, LevelState.WAITING):
        return True
    if level.state is not LevelState.MISSING:
        return False
    if level.rule == Rule.OWN_ORDER:  # one of the other side may stay; one at the same price is about to go
        return not any(
            (other.side, other.price) == (level.side, level.price)
            for other in coin.grid.levels
            if other.state is not LevelState.MISSING
        )
    return level.rule in _LASTING


def is_leaned_away(
    level: LevelView, coin: CoinView, settings: Mapping[str, Any], level_size: Decimal
) -> bool:
    """The level would add to the position, and either its whole side is gone, past the limit for that, or its cell holds as
    much as the soft limit leaves it. ``settings`` as written; ``level_size`` of a full level of the present grid.
    """
    adds = "buy" if coin.position > 0 else "sell"
    if level.state is not LevelState.MISSING or level.rule != Rule.SKEW:
        return False
    if not coin.position or level.side != adds:
        return False
    held = abs(coin.position) / (2 * settings["num_grids"] * level_size)
    if coin.grid.one_sided:
        limit = Decimal(settings.get("max_skew_ratio", 0))
        return bool(limit) and held > _LEAVES_AT * limit
    soft = Decimal(settings.get("skew_soft", 0))
    shrinks_by = min(held - soft, 1 - _LEAST_SHARE)
    return bool(soft) and level.remaining <= (shrinks_by + _ROUNDING) * level_size
