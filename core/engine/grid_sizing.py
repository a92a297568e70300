"""How large a grid's levels are, how much it may hold, and what a long or short one begins with."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from core.domain.grid import PPB, Direction, GridRow
from core.domain.instrument import Instrument
from core.engine.grid_settings import GridSettings


class GridImpossibleError(ValueError):
    """No grid can be built from these settings at this price; the text says what to change."""


def sized(settings: GridSettings, instrument: Instrument, grid: GridRow, profit_micro: int = 0) -> GridRow:
    """The grid with its lots and caps, both rounded down to whole lots at its center.

    With ``reinvests`` a profit enlarges the levels by its share; a loss doesn't make them smaller.

    Raises:
        GridImpossibleError: a level is below the venue's minimum or above the cap, or the lowest line is not above zero.
    """
    budget = settings.size_micro * 2 * settings.levels
    money = budget + max(0, profit_micro) * settings.leverage_ppb // PPB if settings.reinvests else budget
    lots = instrument.whole_lots(money // (2 * settings.levels) // grid.center)
    if grid.lowest <= 0:
        raise GridImpossibleError(
            f"{instrument.coin}: {grid.below} levels of {grid.spacing_ppb / 10**7:.3f} % reach below a price of 0; "
            "lower HL_NUM_GRIDS or HL_GRID_SPACING_PCT"
        )
    least = lots * (PPB - settings.jitter_ppb) // PPB
    if least < instrument.min_lots(instrument.round_price_down(grid.lowest) or grid.lowest):
        jittered = f" less {settings.jitter_ppb / 10**7:.1f} %" if settings.jitter_ppb else ""
        raise GridImpossibleError(
            f"{instrument.coin}: a level of {money / (2 * settings.levels) / 10**6:.2f} USD{jittered} is below the "
            "exchange's minimum of 10 USD; raise HL_INVESTMENT_USD or HL_LEVERAGE, or lower HL_NUM_GRIDS"
        )
    cap = settings.cap_micro // grid.center
    cap = min(cap, settings.cap_lots) if settings.cap_lots else cap
    if cap < lots:
        raise GridImpossibleError(
            f"{instrument.coin}: the position cap of {instrument.size_text(cap)} is below one level "
            f"({instrument.size_text(lots)}), so no order could rest; raise HL_MAX_POSITION_ABS or "
            "HL_MAX_SYMBOL_NOTIONAL, or lower HL_INVESTMENT_USD"
        )
    return replace(
        grid,
        lots=lots,
        cap_long=0 if grid.direction is Direction.SHORT else cap,
        cap_short=0 if grid.direction is Direction.LONG else cap,
        jitter_ppb=settings.jitter_ppb,
        reprice_ticks=settings.reprice_ticks,
        basis=settings.basis,
    )


def with_entry(grid: GridRow, position: int) -> GridRow:
    """A long or short grid with as many cells to be traded first as ``position`` (signed lots) doesn't hold already."""
    match grid.direction:
        case Direction.LONG:
            cells, held = range(grid.above), position
        case Direction.SHORT:
            cells, held = range(-1, -grid.below - 1, -1), -position
        case Direction.NEUTRAL:
            return grid
    needs = accumulate(grid.cell_lots(cell) for cell in cells)
    return replace(grid, entry=len(cells) - sum(need <= held for need in needs))
