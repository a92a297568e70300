"""The grid around the price: as many cells on either side, and a new center when the price has left it."""

from __future__ import annotations

from dataclasses import replace

from core.domain.grid import PPB, GridRow
from core.engine.grid_calculator import SpacingChoice, spacing_floor
from core.engine.strategies.strategy import (
    Ask,
    bare_grid,
    completed,
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
        bare = bare_grid(ask, center, spacing, settings.levels, settings.levels)
        return completed(ask, _on_kept_lines(ask, bare) or bare)

    def outgrown(self, grid: GridRow, ask: Ask) -> str:
        reach = ask.settings.trailing.reach_ppb
        moved = abs(ask.mid_twice - 2 * grid.center) * PPB
        is_out = has_left(grid, ask.mid_twice) and ask.trails
        is_far = reach and moved > 2 * grid.center * reach and not _is_nearest(grid, ask)
        if is_out or is_far:
            return "the price has left it" if may_follow(ask, grid) else ""
        return respaced(grid, ask)

    def spacing(self, ask: Ask) -> SpacingChoice:
        return spacing_by_settings(ask)


def _is_nearest(grid: GridRow, ask: Ask) -> bool:
    """Whether a new grid on the lines of this one would have the same center."""
    return not ask.settings.bias_max_ppb and grid.nearest_line(ask.mid_twice // 2) == 0


def _bias(ask: Ask, spacing_ppb: int) -> int:
    """A trend shifts the whole grid, by no more than half a spacing: no side moves alone, so none can cross the other."""
    most = min(ask.settings.bias_max_ppb, spacing_ppb // 2)
    return max(-most, min(most, ask.conditions.trend_ppb))


def _on_kept_lines(ask: Ask, bare: GridRow) -> GridRow | None:
    """The grid on the lines of the one before, if that is of the same kind."""
    before, settings = ask.before, ask.settings
    if before is None or before.spacing is not settings.spacing or settings.bias_max_ppb or before.is_endless:
        return None
    if abs(bare.center - before.center) * PPB > before.center * before.spacing_here_ppb * 4 * settings.levels:
        return None
    moved = on_the_lines_of(before, bare.center)
    _, floor = spacing_floor(settings, ask.mid_twice // 2, ask.instrument)
    kept = moved.spacing_here_ppb
    is_alike = abs(kept - bare.spacing_ppb) * PPB <= ALIKE_PPB * bare.spacing_ppb
    if not is_alike or not floor <= kept <= settings.spacing_max_ppb:
        return None
    return replace(
        bare,
        center=moved.center,
        spacing_ppb=moved.spacing_ppb,
        base=moved.base,
        base_line=moved.base_line,
    )
