"""What a grid is: its lines, its cells, and what each cell holds before any fill. In integers.

A grid is lines around a center and cells between them: cell ``j`` lies between line ``j`` and line ``j + 1``. Line 0 is the
center. A cell holds between nothing and one level's lots; an empty one wants to buy at its lower line, a full one to sell at
its upper.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

PPB = 10**9


class Spacing(StrEnum):
    """``ARITHMETIC``: the same distance between all lines. ``GEOMETRIC``: the same ratio."""

    ARITHMETIC = "arithmetic"
    GEOMETRIC = "geometric"


class Direction(StrEnum):
    """``LONG`` holds no short position: it begins with what its cells above the center sell. ``SHORT`` is its mirror."""

    NEUTRAL = "neutral"
    LONG = "long"
    SHORT = "short"


@dataclass(frozen=True, slots=True)
class GridRow:
    """What a grid was built from; with the fills of its orders it is the whole state of the grid.

    ``center`` in price units, the price of line 0; ``spacing_ppb`` the distance between lines as a fraction of the line that
    they are counted from (arithmetic) or of the line below (geometric), times 10**9; ``below`` and ``above``: cells on either
    side of the center; ``lots`` per cell; ``cap_long`` and ``cap_short``: the worst-case position allowed on either side, in
    lots, both positive.
    """

    coin: str
    generation: int
    center: int
    spacing_ppb: int
    below: int
    above: int
    lots: int
    cap_long: int
    cap_short: int
    created_ms: int
    spacing: Spacing = Spacing.ARITHMETIC
    direction: Direction = Direction.NEUTRAL
    entry: int = 0
    """A long grid's cells above the center, a short one's below it, that must first be bought or sold: the farthest ones."""
    is_endless: bool = False
    """Its cells go on beyond ``below`` and ``above``; those around the price are quoted."""
    jitter_ppb: int = 0
    """How much the size of a cell may differ from ``lots``, as a fraction times 10**9."""
    basis: str = ""
    """Names the settings that it was built from; a grid of other settings is replaced at the start."""
    reprice_ticks: int = 0
    """An order of the grid before stays where it is if it is no farther than so many ticks from a price of this one."""
    base: int = 0
    base_line: int = 0
    """The price of line ``base_line``, which the others are counted from; 0: they are counted from the center. So a grid that
    takes the lines of another has the very same ones.
    """

    @property
    def cells(self) -> range:
        """The cells of a grid with an end; those that an endless one quotes while the price is at its center."""
        return range(-self.below, self.above)

    def line(self, number: int) -> int:
        """The price of a line, the nearest whole price unit; not yet on the tick. 0 or less where there is none."""
        if self.base:
            return _line(self.spacing, self.base, self.spacing_ppb, number - self.base_line)
        return _line(self.spacing, self.center, self.spacing_ppb, number)

    @property
    def spacing_here_ppb(self) -> int:
        """The distance between lines as a fraction of the center (arithmetic) or of the line below, times 10**9."""
        if self.base and self.spacing is Spacing.ARITHMETIC:
            return self.base * self.spacing_ppb // self.center
        return self.spacing_ppb

    def cell_lots(self, cell: int) -> int:
        """What a full cell holds, rounded down to whole lots: the same at every look."""
        if not self.jitter_ppb:
            return self.lots
        return self.lots * (PPB + self.jitter_ppb * _spread(self.generation, cell) // PPB) // PPB

    @property
    def most_lots(self) -> int:
        """What no cell's size is above."""
        return -(-self.lots * (PPB + self.jitter_ppb) // PPB)

    def is_entry(self, cell: int) -> bool:
        """Whether the cell is to be traded before the grid can earn with it."""
        return self._is_reversed(cell) and cell in self.cells

    def start_lots(self, cell: int) -> int:
        """What a cell holds before any fill: nothing below the center, all above; in the entry and beyond it the other way."""
        if self.direction is Direction.NEUTRAL:
            return self.cell_lots(cell) if cell >= 0 else 0
        return self.cell_lots(cell) if (cell >= 0) is not self._is_reversed(cell) else 0

    def _is_reversed(self, cell: int) -> bool:
        """Whether the cell begins the other way round than a neutral grid's. Those beyond the entry are an endless grid's that
        its inventory doesn't reach: they wait for the price to come back to them.
        """
        match self.direction:
            case Direction.LONG:
                return cell >= self.above - self.entry
            case Direction.SHORT:
                return cell < self.entry - self.below
            case Direction.NEUTRAL:
                return False

    def nearest_line(self, price: int) -> int:
        """The number of the line nearest to ``price`` (price units); the lower one of two."""
        low, high = -1, 1
        while self.line(low) > max(price, 0):
            low *= 2
        while self.line(high) < price:
            high *= 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.line(middle) <= price else (low, middle)
        return low if price - self.line(low) <= self.line(high) - price else high

    @property
    def lowest(self) -> int:
        return self.line(-self.below)

    @property
    def highest(self) -> int:
        return self.line(self.above)


@lru_cache(maxsize=16_384)
def _line(spacing: Spacing, center: int, spacing_ppb: int, number: int) -> int:
    if spacing is Spacing.ARITHMETIC:
        return (center * (PPB + number * spacing_ppb) + PPB // 2) // PPB
    over, under = (PPB + spacing_ppb) ** abs(number), PPB ** abs(number)
    if number < 0:
        over, under = under, over
    return int((2 * center * over + under) // (2 * under))


def _spread(generation: int, cell: int) -> int:
    """Between -10**9 and 10**9, the same for the same cell (splitmix64's finalizer, a public-domain mixing function)."""
    mask = 2**64 - 1
    x = (generation * 1_000_003 + cell) * 0x9E3779B97F4A7C15 & mask
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & mask
    x = (x ^ x >> 27) * 0x94D049BB133111EB & mask
    return (x ^ x >> 31) % (2 * PPB + 1) - PPB
