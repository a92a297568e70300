"""The grid without an end: its lines go on in both directions, and the cells around the price are quoted."""

from __future__ import annotations

from dataclasses import replace

from core.domain.grid import GridRow
from core.engine.grid_calculator import SpacingChoice
from core.engine.strategies.strategy import Ask, grid_around, spacing_by_settings


class EndlessGrid:
    """The price never leaves it, and what its cells hold is never forgotten."""

    def build(self, ask: Ask) -> GridRow:
        levels = ask.settings.levels
        grid = grid_around(ask, ask.mid_twice // 2, self.spacing(ask).ppb, levels, levels)
        return replace(grid, is_endless=True)

    def outgrown(self, grid: GridRow, ask: Ask) -> str:
        return ""

    def spacing(self, ask: Ask) -> SpacingChoice:
        return spacing_by_settings(ask)
