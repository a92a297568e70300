"""How many orders and cancels a grid would have sent while the market moved as it did: a walk along its candles. All pure.

A candle is walked from its open to its nearer extreme, to the other one, and to its close. A price that passes a resting order
trades all of it, which sends the order of the other side; a price that leaves the grid builds a new one, which sends what
doesn't rest already and takes back what isn't wanted any more. Turns within a candle aren't seen, nor orders that trade in
parts, nor sizes and spacings that follow inventory and volatility: all of these cost more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.domain.clock import DAY_MS
from core.domain.grid import PPB, GridRow
from core.domain.market_history import Candle
from core.domain.orders import Side
from core.engine.coin_config import CoinConfig
from core.engine.grid_plan import is_near, min_change_lots
from core.engine.grid_settings import RangeExit
from core.engine.levels import nearest_first, slot_price
from core.engine.stop_loss import StopLoss
from core.engine.strategies import STRATEGIES, Ask
from core.engine.strategies.strategy import has_left

PARTS = 4
"""Of a candle, in time: at each of its four prices a grid may be built anew."""

Quoted = dict[tuple[Side, int], int]
"""Lots by side and price."""


@dataclass(slots=True)
class Churn:
    """Over ``span_ms``: orders that traded, grids after the first, what was sent and why, and the notional that traded."""

    span_ms: int = 0
    fills: int = 0
    rebuilds: int = 0
    refills: int = 0
    """Orders that followed a fill."""
    places: int = 0
    """Orders that new grids and moving windows sent; the first grid's don't count."""
    cancels: int = 0
    traded_micro: int = 0
    ended: str = ""
    """Why a halt would have ended it before the last candle; empty if none would have."""

    @property
    def actions(self) -> int:
        """What counts against an address: every order and every cancel, in batches or not."""
        return self.refills + self.places + self.cancels

    def per_day(self, count: int) -> float:
        return count * DAY_MS / self.span_ms if self.span_ms else 0.0


def count_churn(config: CoinConfig, candles: Sequence[Candle]) -> Churn:
    """What the grid of these settings would have done over ``candles``. Raises ``GridImpossibleError``."""
    walk = _Walk(config, candles[0].open)
    for at, candle in enumerate(candles):
        length = candles[at + 1].start_ms - candle.start_ms if at + 1 < len(candles) else 0
        for part, price in enumerate(_path(candle)):
            walk.go(price, candle.start_ms + part * length // PARTS)
            if walk.done.ended:
                walk.done.span_ms = candle.start_ms - candles[0].start_ms + length
                return walk.done
    walk.done.span_ms = candles[-1].start_ms - candles[0].start_ms
    return walk.done


def _path(candle: Candle) -> tuple[int, int, int, int]:
    first, second = (candle.low, candle.high) if candle.close >= candle.open else (candle.high, candle.low)
    return candle.open, first, second, candle.close


@dataclass(slots=True)
class _Walk:
    config: CoinConfig
    price: int
    done: Churn = field(default_factory=Churn)
    grid: GridRow = field(init=False)
    limits: StopLoss = field(init=False)
    flipped: set[int] = field(default_factory=set)
    """Cells that hold what they didn't in the beginning, or the other way round."""
    position: int = 0
    around: int = 0
    built_ms: int | None = None

    def __post_init__(self) -> None:
        self.limits = StopLoss.of(self.config)
        self._take(self._build(None, self.price, 0))

    def go(self, target: int, now_ms: int) -> None:
        """To ``target``, line by line, so that no grid is left further behind than it would be."""
        while self.price != target and not self.done.ended:
            way = target - self.price
            step = max(1, min(self.price, self.grid.center) * self.grid.spacing_here_ppb // PPB)
            before, self.price = self.price, self.price + max(-step, min(step, way))
            self._trade(before)
            self._follow()
            self._look(now_ms)

    # -- what trades ------------------------------------------------------------------------------------------------

    def _trade(self, before: int) -> None:
        """Everything between two prices that are one line apart, nearest first."""
        grid, instrument = self.grid, self.config.instrument
        side = Side.BUY if self.price < before else Side.SELL
        near = grid.nearest_line(before)
        cells = [cell for cell in range(near - 3, near + 3) if self._is_quoted(cell)]
        for cell in cells if side is Side.SELL else reversed(cells):
            at = slot_price(grid, instrument, side, cell)
            passed = self.price < at <= before if side is Side.BUY else before <= at < self.price
            if passed and side is self._side(cell):
                self._fill(side, cell, at)

    def _side(self, cell: int) -> Side:
        """A cell that holds its lots sells them, another one buys."""
        begins_full = bool(self.grid.start_lots(cell)) is not self.grid.is_entry(cell)
        return Side.SELL if begins_full is not (cell in self.flipped) else Side.BUY

    def _is_quoted(self, cell: int) -> bool:
        return self.around - self.grid.below <= cell < self.around + self.grid.above

    def _fill(self, side: Side, cell: int, price: int) -> None:
        lots = self.grid.cell_lots(cell)
        cap = self.grid.cap_long if side is Side.BUY else self.grid.cap_short
        if side.sign * self.position + lots > cap and side.sign * self.position >= 0:
            return
        self.position += side.sign * lots
        self.flipped ^= {cell}
        self.done.fills += 1
        self.done.refills += 1
        self.done.traded_micro += lots * price

    # -- what is built ----------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """An endless grid moves its window: what leaves it is cancelled, what enters it is sent."""
        if not self.grid.is_endless:
            return
        near = self.grid.nearest_line(self.price)
        if near == self.around or is_near(self.grid, self.around, 2 * self.price):
            return
        before = self._quoted()
        self.around = near
        self._count_change(before, self._quoted())

    def _look(self, now_ms: int) -> None:
        config = self.config
        self.done.ended = self._halt()
        is_soon = self.built_ms is not None and now_ms - self.built_ms < config.recenter_interval_ms
        if self.done.ended or is_soon or self.grid.is_endless:
            return
        strategy = STRATEGIES[config.grid.strategy]
        if strategy.outgrown(self.grid, self._ask(self.grid, self.price, now_ms)):
            before, self.built_ms = self._quoted(), now_ms
            self._take(self._build(self.grid, self.price, now_ms))
            self._count_change(before, self._quoted())
            self.done.rebuilds += 1

    def _halt(self) -> str:
        if limit := self.limits.limit(2 * self.price):
            return limit.setting
        has_left_it = not self.grid.is_endless and has_left(self.grid, 2 * self.price)
        return "HL_ON_RANGE_EXIT" if has_left_it and self.config.on_exit is RangeExit.FLATTEN else ""

    def _ask(self, before: GridRow | None, price: int, now_ms: int) -> Ask:
        trails = self.config.on_exit is RangeExit.TRAIL
        grid, instrument = self.config.grid, self.config.instrument
        return Ask(grid, instrument, 2 * price, now_ms, self.position, before=before, trails=trails)

    def _build(self, before: GridRow | None, price: int, now_ms: int) -> GridRow:
        return STRATEGIES[self.config.grid.strategy].build(self._ask(before, price, now_ms))

    def _take(self, grid: GridRow) -> None:
        """The grid with what it begins with bought or sold."""
        self.grid, self.around, self.flipped = grid, 0, set()
        for cell in grid.cells:
            if grid.is_entry(cell):
                self.position += self._side(cell).opposite.sign * grid.cell_lots(cell)

    def _quoted(self) -> Quoted:
        """What rests, as far as the caps let it."""
        found: Quoted = {}
        room = {
            Side.BUY: self.grid.cap_long - self.position,
            Side.SELL: self.grid.cap_short + self.position,
        }
        window = range(self.around - self.grid.below, self.around + self.grid.above)
        for cell in nearest_first(window, self.around):
            side = self._side(cell)
            lots = self.grid.cell_lots(cell)
            if lots <= room[side]:
                room[side] -= lots
                found[side, slot_price(self.grid, self.config.instrument, side, cell)] = lots
        return found

    def _count_change(self, before: Quoted, after: Quoted) -> None:
        """An order at the same price that is nearly as large keeps its place."""
        least = min_change_lots(self.grid, self.config.instrument)
        kept = sum(at in before and abs(before[at] - lots) < least for at, lots in after.items())
        self.done.cancels += len(before) - kept
        self.done.places += len(after) - kept
