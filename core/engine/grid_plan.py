"""The plan of one grid: what every cell wants, kept up to date cell by cell, and where that differs from what rests.

A fill changes one cell, an answer one slot: only those are looked at again. What comes out is what ``compute_grid_diff`` finds
when it looks at everything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.domain.grid import GridRow
from core.domain.instrument import Instrument
from core.domain.orders import Order, OrderState, Side, Slot
from core.engine.grid_calculator import is_fit
from core.engine.levels import EVEN, Level, Scales, wants_of_cell
from core.engine.order_manager import OrderManager
from core.engine.overrides import Overrides


def min_change_lots(grid: GridRow, instrument: Instrument) -> int:
    """A size that differs by less keeps its order."""
    return max(instrument.min_lots(grid.center), grid.lots // 4)


def is_near(grid: GridRow, line: int, mid_twice: int) -> bool:
    """Whether the mid is within three quarters of a cell of a line."""
    at = grid.line(line)
    beside = grid.line(line + (1 if mid_twice > 2 * at else -1))
    return 2 * abs(mid_twice - 2 * at) <= 3 * abs(beside - at)


@dataclass(slots=True)
class GridPlan:
    grid: GridRow
    instrument: Instrument
    traded: dict[int, int] = field(default_factory=dict)
    """Signed sum of fills by cell of this generation; a cell that never traded isn't in it."""
    overrides: Overrides | None = None
    """What an operator had set in the settings' place when it was built; ``None``: an earlier run built it."""
    is_asked_for: bool = False
    """An operator's other settings are why it took the place of the one before."""
    scales: Scales = EVEN
    around: int = 0
    """The line that an endless grid quotes around; 0: its center."""
    wants: dict[Slot, Level] = field(default_factory=dict)
    """What is worth the venue's least order."""
    waiting: dict[Slot, Level] = field(default_factory=dict)
    """What isn't yet."""
    missing: dict[Slot, Level] = field(default_factory=dict)
    """Wanted, and nothing live in the slot."""
    unwanted: dict[Slot, Order] = field(default_factory=dict)
    """Live, and not wanted, or not like this."""
    version: int = 0
    """Grows with every change of what is wanted."""
    _stale: set[int] = field(default_factory=set)
    _is_new: bool = True

    @property
    def cells(self) -> range:
        """The cells that are quoted."""
        return range(self.around - self.grid.below, self.around + self.grid.above)

    @property
    def min_change_lots(self) -> int:
        return min_change_lots(self.grid, self.instrument)

    # -- what changes ---------------------------------------------------------------------------------------------

    def add_traded(self, cell: int, signed_lots: int) -> None:
        self.traded[cell] = self.traded.get(cell, 0) + signed_lots
        self._stale.add(cell)

    def rescale(self, scales: Scales) -> None:
        if scales != self.scales:
            self.scales = scales
            self._stale.update(self.cells)

    def follow(self, mid_twice: int, orders: OrderManager) -> None:
        """Quote around a line near to the mid. For an endless grid alone: what its other cells hold, they keep.

        The line stays until another one is clearly nearer, so that a price halfway between two doesn't move orders at every
        tick; after a restart it is the one that the resting orders are around.
        """
        near = self.grid.nearest_line(mid_twice // 2)
        candidates = [n for n in range(near - 1, near + 2) if n == near or is_near(self.grid, n, mid_twice)]
        if self._is_new:
            rest = [slot.index for slot in orders.by_slot if slot.generation == self.grid.generation]
            middle = 2 * near if not rest else min(rest) + max(rest) + 1
            around = min(candidates, key=lambda n: (abs(2 * n - middle), n != near))
        else:
            around = self.around if self.around in candidates else near
        if around != self.around:
            before = self.cells
            self.around = around
            self._stale.update(set(before) ^ set(self.cells))

    def trade_by(self, instrument: Instrument) -> None:
        """The exchange trades by other rules: every order is looked at again."""
        self.instrument, self._is_new = instrument, True

    # -- what follows ---------------------------------------------------------------------------------------------

    def update(self, orders: OrderManager) -> None:
        """Look again at the cells and slots that changed."""
        slots = orders.take_touched()
        if self._is_new:
            self._is_new = False
            self._stale.update(self.cells)
            slots |= orders.by_slot.keys()
        if not slots and not self._stale:
            return
        for cell in self._stale:
            slots |= self._want(cell)
        self._stale.clear()
        for slot in slots:
            self._compare(slot, orders)
        self.version += 1

    def _want(self, cell: int) -> set[Slot]:
        """Write down what a cell wants now; the slots whose wish has changed."""
        slots = {Slot(self.grid.generation, side, cell) for side in Side}
        before = {slot: self.wants.pop(slot, None) for slot in slots}
        for slot in slots:
            self.waiting.pop(slot, None)
        if cell in self.cells:
            for level in wants_of_cell(self.grid, self.instrument, cell, self.traded.get(cell), self.scales):
                enough = level.lots >= self.instrument.min_lots(level.price)
                (self.wants if enough else self.waiting)[level.slot] = level
        return {slot for slot in slots if self.wants.get(slot) != before[slot]}

    def _compare(self, slot: Slot, orders: OrderManager) -> None:
        order, level = orders.live_at(slot), self.wants.get(slot)
        self.missing.pop(slot, None)
        self.unwanted.pop(slot, None)
        if order is None:
            if level is not None:
                self.missing[slot] = level
        elif level is None or not is_fit(order, level, self.min_change_lots) or self._is_odd(order):
            self.unwanted[slot] = order

    def _is_odd(self, order: Order) -> bool:
        """What it would trade can't be traded back."""
        return bool(order.remaining % self.instrument.lot_step)

    def adopt(self, orders: OrderManager) -> int:
        """Give orders of the grid before a slot of this one where they rest at its price, or near enough, so that they keep
        their place in the queue. Only what rests and has not traded: what traded belongs to the cell that it traded for. A grid
        that was asked for keeps none of another size than it wants.
        """
        least = 1 if self.is_asked_for else self.min_change_lots
        levels = {
            side: sorted((w for w in self.missing.values() if w.slot.side is side), key=lambda w: w.price)
            for side in Side
        }
        pairs = []
        for order in self.unwanted.values():
            is_old = order.slot is not None and order.slot.generation != self.grid.generation
            if is_old and order.state is OrderState.OPEN and not order.filled:
                mine = levels[order.side]
                at = bisect_left(mine, order.price, key=lambda w: w.price)
                for level in mine[max(0, at - 1) : at + 1]:
                    if is_fit(order, level, least):
                        pairs.append((abs(order.price - level.price), order.cloid, level.slot))
        moved: dict[str, Slot] = {}
        for _, cloid, slot in sorted(pairs):
            if cloid not in moved and slot not in moved.values():
                moved[cloid] = slot
        for cloid, slot in moved.items():
            orders.move_slot(cloid, slot)
        return len(moved)

    def in_order(self) -> list[Level]:
        """What is missing, nearest to the middle first; what takes comes before what would rest in its way."""
        middle = self.around
        return sorted(
            self.missing.values(),
            key=lambda w: (not w.takes, abs(2 * (w.slot.index - middle) + 1), w.slot.index),
        )

    def without_order(self, live: Iterable[Slot]) -> list[Level]:
        """All that a cell wants and that no order serves, nearest to the middle first."""
        served = set(live)
        wants = [w for w in (*self.wants.values(), *self.waiting.values()) if w.slot not in served]
        return sorted(wants, key=lambda w: (abs(2 * (w.slot.index - self.around) + 1), w.slot.index))
