"""What the cells of a grid want: to buy at their lower line until they are full, to sell what they hold at their upper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.domain.grid import PPB, Direction, GridRow
from core.domain.instrument import Instrument
from core.domain.orders import Side, Slot, Tif
from core.engine.risk_engine import Refusal


def slot_price(grid: GridRow, instrument: Instrument, side: Side, cell: int) -> int:
    """What a slot quotes: a buy at its cell's lower line rounded down, a sell at the upper rounded up (never aggressive)."""
    if side is Side.BUY:
        return instrument.round_price_down(grid.line(cell))
    return instrument.round_price_up(grid.line(cell + 1))


@dataclass(frozen=True, slots=True)
class Level:
    """A slot that should have an order now: what it should be. ``takes``: it may trade at once, up to ``worst``, the middle of
    its cell, or its own price if that is farther; ``reach``: an order that rests no farther away serves it as well. All in
    price units.
    """

    slot: Slot
    price: int
    lots: int
    takes: bool = False
    reach: int = 0
    worst: int = 0

    @property
    def tif(self) -> Tif:
        return Tif.IOC if self.takes else Tif.ALO


@dataclass(frozen=True, slots=True)
class Blocked:
    """A slot that should have an order and has none: what stops it."""

    level: Level
    why: Refusal

    @property
    def reason(self) -> str:
        return self.why.reason


@dataclass(frozen=True, slots=True)
class Scales:
    """How large the orders of either side may be, as a fraction of a level times 10**9."""

    buy_ppb: int = PPB
    sell_ppb: int = PPB


EVEN = Scales()


def wants_of_cell(
    grid: GridRow, instrument: Instrument, cell: int, traded: int | None, scales: Scales = EVEN
) -> list[Level]:
    """What a cell wants: to buy until it is full, and to sell what it holds. ``traded``: the signed sum of its fills, ``None``
    if it never traded. A scale below one leaves room in the cell, one above one lets it take, or give, more than its level;
    of a side whose scale is 0 nothing is wanted.
    """
    lots = grid.cell_lots(cell)
    held = grid.start_lots(cell) + (traded or 0)
    found: list[Level] = []
    if held < lots and scales.buy_ppb and (wanted := lots * scales.buy_ppb // PPB - held) > 0:
        found += _wish(grid, instrument, Side.BUY, cell, wanted, traded)
    if held > 0 and scales.sell_ppb and (wanted := held - lots + lots * scales.sell_ppb // PPB) > 0:
        found += _wish(grid, instrument, Side.SELL, cell, wanted, traded)
    return found


def _wish(
    grid: GridRow, instrument: Instrument, side: Side, cell: int, lots: int, traded: int | None
) -> tuple[Level, ...]:
    """One level; none where there is no price for it."""
    price, lots = slot_price(grid, instrument, side, cell), instrument.whole_lots(lots)
    if price <= 0 or not lots:
        return ()
    takes = bool(grid.entry) and traded is None and grid.is_entry(cell) and side is _entry_side(grid)
    reach = _reach(grid, instrument, cell, price) if grid.reprice_ticks else 0
    worst = (grid.line(cell) + grid.line(cell + 1)) // 2 if takes else 0
    return (Level(Slot(grid.generation, side, cell), price, lots, takes, reach, worst),)


def _reach(grid: GridRow, instrument: Instrument, cell: int, price: int) -> int:
    """Less than half a cell, so that no two levels, and no buy and sell, come to share a price."""
    return min(grid.reprice_ticks * instrument.tick(price), (grid.line(cell + 1) - grid.line(cell)) // 3)


def _entry_side(grid: GridRow) -> Side:
    return Side.BUY if grid.direction is Direction.LONG else Side.SELL


def nearest_first(cells: Iterable[int], around: int = 0) -> list[int]:
    return sorted(cells, key=lambda cell: (abs(2 * (cell - around) + 1), cell))


def cell_wants(
    grid: GridRow,
    instrument: Instrument,
    traded: Mapping[int, int],
    scales: Scales = EVEN,
    around: int = 0,
) -> list[Level]:
    """What all cells around a line want, nearest to it first; ``traded``: the signed sum of fills by cell."""
    cells = nearest_first(range(around - grid.below, around + grid.above), around)
    wants = (wants_of_cell(grid, instrument, cell, traded.get(cell), scales) for cell in cells)
    return [level for of_cell in wants for level in of_cell]


def wanted_levels(
    grid: GridRow,
    instrument: Instrument,
    traded: Mapping[int, int],
    scales: Scales = EVEN,
    around: int = 0,
) -> list[Level]:
    """As ``cell_wants``, without what is below the venue's minimum: it waits in its cell until it has grown."""
    wants = cell_wants(grid, instrument, traded, scales, around)
    return [w for w in wants if w.lots >= instrument.min_lots(w.price)]
