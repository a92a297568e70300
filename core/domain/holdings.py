"""What a grid's cells hold of the position, and from which of them a part that was closed beside their orders is taken.

Whatever was traded, ``position = believed + base``: what the cells stand for, and what no cell knows of (held before, or traded
by hand).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.domain.grid import Direction, GridRow


@dataclass(frozen=True, slots=True)
class CellPart:
    """What was taken from a cell of a grid."""

    coin: str
    generation: int
    cell: int
    signed_lots: int


def holding(grid: GridRow, cell: int, traded: int) -> int:
    """What a cell stands for in the position, signed lots; ``traded``: the signed sum of what it bought and sold."""
    match grid.direction:
        case Direction.NEUTRAL:
            return traded
        case Direction.LONG:
            return grid.start_lots(cell) + traded
        case Direction.SHORT:
            return grid.start_lots(cell) - grid.cell_lots(cell) + traded


def believed(grid: GridRow, traded: Mapping[int, int]) -> int:
    """What all cells stand for, signed lots."""
    return sum(holding(grid, cell, traded.get(cell, 0)) for cell in {*grid.cells, *traded})


def taken_from_cells(
    grid: GridRow, traded: Mapping[int, int], position: int, signed_lots: int
) -> dict[int, int]:
    """From which cells a part is taken that was closed at the market: signed lots by cell, none of them zero.

    ``position``: before it. What no cell knows of goes first, then what the cell whose turn would come last holds: of a long
    position that with the highest price, of a short one that with the lowest. What is left is nobody's.
    """
    sign = 1 if signed_lots > 0 else -1
    left = abs(signed_lots) - max(0, -sign * (position - believed(grid, traded)))
    found: dict[int, int] = {}
    for cell in sorted({*grid.cells, *traded}, reverse=sign < 0):
        if left <= 0:
            break
        lots = min(left, -sign * holding(grid, cell, traded.get(cell, 0)))
        if lots > 0:
            found[cell] = sign * lots
            left -= lots
    return found
