"""The grid between two prices: its lines stay where they are, wherever the price goes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext

from core.domain.grid import PPB, GridRow, Spacing
from core.engine.grid_calculator import SpacingChoice, spacing_floor
from core.engine.grid_sizing import GridImpossibleError
from core.engine.strategies.strategy import (
    Ask,
    bare_grid,
    completed,
    has_left,
    may_follow,
)


class FixedRangeGrid:
    """``2 x levels`` cells from ``range_low`` to ``range_high``. Where it trails, it moves by whole cells."""

    def build(self, ask: Ask) -> GridRow:
        low, cells = ask.settings.range_low, 2 * ask.settings.levels
        spacing = self.spacing(ask).ppb
        bare = bare_grid(ask, low, spacing, 0, cells)
        shift = self._shift(bare, ask)
        below = min(cells, max(0, bare.nearest_line(ask.mid_twice // 2) - shift))
        around = bare_grid(ask, bare.line(shift + below), spacing, below, cells - below)
        return completed(ask, replace(around, base=low, base_line=-shift - below))

    def outgrown(self, grid: GridRow, ask: Ask) -> str:
        is_out = ask.trails and has_left(grid, ask.mid_twice) and may_follow(ask, grid)
        return "the price has left the range" if is_out else ""

    def spacing(self, ask: Ask) -> SpacingChoice:
        settings, cells = ask.settings, 2 * ask.settings.levels
        low, high = settings.range_low, settings.range_high
        if settings.spacing is Spacing.ARITHMETIC:
            ppb = (high - low) * PPB // (low * cells)
        else:
            ppb = _ratio_ppb(Decimal(high) / low, cells)
        # The narrowest cell of an arithmetic range is its topmost, and ticks grow with the price.
        for price in (low, high):
            here = low * ppb // price if settings.spacing is Spacing.ARITHMETIC else ppb
            name, floor = spacing_floor(settings, price, ask.instrument)
            if here < floor:
                raise GridImpossibleError(
                    f"{ask.instrument.coin}: {cells} cells between {ask.instrument.price_text(low)} and "
                    f"{ask.instrument.price_text(high)} are {here / 10**7:.4f} % apart, and {name} ask for "
                    f"{floor / 10**7:.4f} %; lower HL_NUM_GRIDS or widen the range"
                )
        return SpacingChoice(ppb)

    @staticmethod
    def _shift(bare: GridRow, ask: Ask) -> int:
        """How many lines the range has moved: none, unless it trails and the price has left it."""
        out = has_left(bare, ask.mid_twice)
        if not out or not ask.trails or not may_follow(ask, bare):
            return 0
        line = bare.nearest_line(ask.mid_twice // 2)
        return line - bare.above + 1 if out > 0 else line - 1


def _ratio_ppb(ratio: Decimal, cells: int) -> int:
    """The cells-th root less one, rounded down so that the last line is not beyond the range."""
    with localcontext() as context:
        context.prec = 40
        return int((ratio ** (Decimal(1) / cells) - 1) * PPB)
