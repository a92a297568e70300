"""Outside the grid: whether the price has left it, since when, and what it costs to wait."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, notify
from core.domain.grid import GridRow
from core.engine.grid_settings import RangeExit
from core.engine.halts import HaltRule
from core.engine.steady_mid import HOLD_MS
from core.engine.strategies.strategy import has_left

if TYPE_CHECKING:
    from core.engine.coin import Coin

PART_PPB = 250_000_000
"""``reduce`` closes a quarter of what is held at a time."""


@dataclass(slots=True)
class Leaving:
    side: int = 0
    """1: the price is above the grid, -1: below, 0: inside."""
    since_mono_ms: int = 0
    has_reduced: bool = False
    """Whether parts of the position have been closed since the price left: the cells hold them still."""

    def look(self, coin: Coin, now: Instant) -> list[Effect]:
        """Take the last price that is believed: outside past the outermost line by a spacing, inside on the lines again."""
        before, grid, twice = self.side, coin.grid, coin.steady_mid.steady
        if grid is None or grid.is_endless or not twice:
            self.side = 0
        elif not before or not _is_inside(grid, twice):
            self.side = has_left(grid, twice) or before
        else:
            self.side = 0
        if self.side == before:
            return []
        self.since_mono_ms = now.mono_ms
        return [_event(coin, self.side)]

    @property
    def where(self) -> str:
        """``above`` or ``below``; empty inside."""
        return _word(self.side) if self.side else ""

    def has_held(self, now: Instant) -> bool:
        """Whether the price has been outside for long enough to act on."""
        return bool(self.side) and now.mono_ms - self.since_mono_ms >= HOLD_MS

    def is_back(self, coin: Coin) -> bool:
        """Whether the price is inside again, by a mid that is believed, and parts were closed while it was outside."""
        twice, grid = coin.steady_mid.steady, coin.grid
        return self.has_reduced and not self.side and grid is not None and _is_inside(grid, twice)

    def reduces(self, coin: Coin, now: Instant) -> bool:
        return coin.config.on_exit is RangeExit.REDUCE and self.has_held(now)

    def halts(self, coin: Coin, now: Instant) -> str:
        """Why the position must be closed and the coin halted; empty if it mustn't."""
        if coin.config.on_exit is not RangeExit.FLATTEN or not self.has_held(now) or coin.grid is None:
            return ""
        if coin.wants_new_grid:
            return ""  # an operator has resumed: the next grid begins anew
        instrument, mid = coin.config.instrument, coin.steady_mid.steady // 2
        edge = coin.grid.highest if self.side > 0 else coin.grid.lowest
        return (
            f"{HaltRule.RANGE_EXIT}: the mid {instrument.price_text(mid)} is {_word(self.side)} the grid's last line "
            f"{instrument.price_text(edge)} (HL_ON_RANGE_EXIT)"
        )


def _is_inside(grid: GridRow, twice: int) -> bool:
    return 2 * grid.lowest <= twice <= 2 * grid.highest


def _word(side: int) -> str:
    return "above" if side > 0 else "below"


def loss_per_pct(coin: Coin) -> Decimal:
    """What one percent further away from the grid costs at the present position, in USD; negative if it earns."""
    if not coin.leaving.side:
        return Decimal(0)
    notional = Decimal(coin.ledger.lots * coin.steady_mid.steady).scaleb(-6) / 2
    return -coin.leaving.side * notional / 100


def _event(coin: Coin, side: int) -> Effect:
    instrument, grid = coin.config.instrument, coin.grid
    mid = instrument.price_text(coin.steady_mid.steady // 2)
    if not side or grid is None:
        return notify("back_in_range", "info", coin.name, mid=mid)
    return notify(
        "out_of_range",
        "warn",
        coin.name,
        mid=mid,
        side=_word(side),
        edge=instrument.price_text(grid.highest if side > 0 else grid.lowest),
        policy=coin.config.on_exit.value,
        loss_per_pct_usd=f"{loss_per_pct(coin):.2f}",
    )
