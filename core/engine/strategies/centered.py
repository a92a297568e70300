"""The grid around the price: as many cells on either side, and a new center when the price has left it."""

from __future__ import annotations

from core.domain.grid import PPB, GridRow
from core.engine.grid_calculator import SpacingChoice, spacing_floor
from core.engine.strategies.strategy import (
    Ask,
    grid_around,
    has_left,
    may_follow,
    on_the_lines_of,
    respaced,
    spacing_by_settings,
)

ALIKE_PPB = 50_000_000
"""A spacing that differs by less than a twentieth is the same: the new grid keeps the lines, and with them the orders."""


class CenteredGrid:
    def build(self, ask: Ask) -> GridRow:
        settings, price = ask.settings, ask.mid_twice // 2
        spacing = self.spacing(ask).ppb
        center = price + price * _bias(ask, spacing) // PPB
        if kept := _kept_lines(ask, center, spacing):
            center, spacing = kept
        return grid_around(ask, center, spacing, settings.levels, settings.levels)

    def outgrown(self, grid: GridRow, ask: Ask) -> str:
        reach = ask.settings.trailing.reach_ppb
        moved = abs(ask.mid_twice - 2 * grid.center) * PPB
        is_out = has_left(grid, ask.mid_twice) and ask.trails
        if is_out or (reach and moved > 2 * grid.center * reach):
            return "the price has left it" if may_follow(ask, grid) else ""
        return respaced(grid, ask)

    def spacing(self, ask: Ask) -> SpacingChoice:
        return spacing_by_settings(ask)


def _bias(ask: Ask, spacing_ppb: int) -> int:
    """A trend shifts the whole grid, by no more than half a spacing: no side moves alone, so none can cross the other."""
    most = min(ask.settings.bias_max_ppb, spacing_ppb // 2)
    return max(-most, min(most, ask.conditions.trend_ppb))


def _kept_lines(ask: Ask, center: int, spacing_ppb: int) -> tuple[int, int] | None:
    """Center and spacing on the lines of the grid before, if that is of the same kind."""
    before, settings = ask.before, ask.settings
    if before is None or before.spacing is not settings.spacing or settings.bias_max_ppb or before.is_endless:
        return None
    if abs(center - before.center) * PPB > before.center * before.spacing_ppb * 4 * settings.levels:
        return None
    moved = on_the_lines_of(before, center)
    _, floor = spacing_floor(settings, ask.mid_twice // 2, ask.instrument)
    if not floor <= moved.spacing_ppb <= settings.spacing_max_ppb:
        return None
    is_alike = abs(moved.spacing_ppb - spacing_ppb) * PPB <= ALIKE_PPB * spacing_ppb
    return (moved.center, moved.spacing_ppb) if is_alike else None
