"""Grids by name. Another one is a module with a class like these and a line here."""

from __future__ import annotations

from core.engine.strategies.centered import CenteredGrid
from core.engine.strategies.endless import EndlessGrid
from core.engine.strategies.fixed_range import FixedRangeGrid
from core.engine.strategies.strategy import Ask, Strategy

STRATEGIES: dict[str, Strategy] = {
    "grid": CenteredGrid(),
    "range": FixedRangeGrid(),
    "endless": EndlessGrid(),
}

__all__ = ["STRATEGIES", "Ask", "Strategy"]
