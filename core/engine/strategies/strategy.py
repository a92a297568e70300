"""What a strategy is: how a grid is built, and when another one should take its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from core.domain.grid import PPB, GridRow
from core.domain.instrument import Instrument
from core.engine.grid_calculator import SpacingChoice, compute_spacing
from core.engine.grid_settings import CALM, Conditions, GridSettings
from core.engine.grid_sizing import sized, with_entry

RESPACE_PPB = 250_000_000
"""A grid is built anew for its spacing alone once the one asked for differs by more than a quarter."""


@dataclass(frozen=True, slots=True)
class Ask:
    """All that a strategy may know. ``mid_twice``: twice the mid in price units; ``position``: signed lots."""

    settings: GridSettings
    instrument: Instrument
    mid_twice: int
    now_ms: int
    trails: bool = field(kw_only=True)
    """Whether a price that has left the grid is followed."""
    position: int = 0
    conditions: Conditions = CALM
    profit_micro: int = 0
    """What the coin has made, in micro-USDC."""
    before: GridRow | None = None

    @property
    def generation(self) -> int:
        return self.before.generation + 1 if self.before else 1


class Strategy(Protocol):
    """Pure: the same ask gives the same grid."""

    def build(self, ask: Ask) -> GridRow:
        """A new generation. Raises ``GridImpossibleError``."""
        ...

    def outgrown(self, grid: GridRow, ask: Ask) -> str:
        """Why another grid should take the place of ``grid`` now; empty if it shouldn't."""
        ...

    def spacing(self, ask: Ask) -> SpacingChoice:
        """The spacing that a grid built now would have. Raises ``GridImpossibleError``."""
        ...


def bare_grid(ask: Ask, center: int, spacing_ppb: int, below: int, above: int) -> GridRow:
    """Lines alone: no sizes, no caps."""
    return GridRow(
        coin=ask.instrument.coin,
        generation=ask.generation,
        center=center,
        spacing_ppb=spacing_ppb,
        below=below,
        above=above,
        lots=0,
        cap_long=0,
        cap_short=0,
        created_ms=ask.now_ms,
        spacing=ask.settings.spacing,
        direction=ask.settings.direction,
    )


def grid_around(ask: Ask, center: int, spacing_ppb: int, below: int, above: int) -> GridRow:
    """With sizes, caps and entry. Raises ``GridImpossibleError``."""
    return completed(ask, bare_grid(ask, center, spacing_ppb, below, above))


def completed(ask: Ask, bare: GridRow) -> GridRow:
    """Lines with sizes, caps and entry. Raises ``GridImpossibleError``."""
    return with_entry(sized(ask.settings, ask.instrument, bare, ask.profit_micro), ask.position)


def spacing_by_settings(ask: Ask) -> SpacingChoice:
    return compute_spacing(ask.settings, ask.mid_twice // 2, ask.instrument, ask.conditions)


def has_left(grid: GridRow, mid_twice: int) -> int:
    """-1 below the lowest line by more than a spacing, 1 above the highest by more, else 0."""
    if mid_twice > 2 * grid.line(grid.above + 1):
        return 1
    return -1 if mid_twice < 2 * grid.line(-grid.below - 1) else 0


def may_follow(ask: Ask, grid: GridRow) -> bool:
    """Whether the settings let the center move towards the price."""
    trailing, price = ask.settings.trailing, ask.mid_twice // 2
    if ask.mid_twice > 2 * grid.center:
        return trailing.up and (not trailing.high or price <= trailing.high)
    return trailing.down and (not trailing.low or price >= trailing.low)


def respaced(grid: GridRow, ask: Ask) -> str:
    """Whether volatility asks for quite another spacing than the grid has. Raises ``GridImpossibleError``.

    How much of it tightening takes back was decided when the grid was built: what it could take back is no reason for another,
    or a grid that was tightened would be widened again as soon as the price stands still.
    """
    if not ask.settings.widens:
        return ""
    calm = replace(ask.conditions, adverse_ppb=0)
    wide = spacing_by_settings(replace(ask, conditions=calm)).ppb
    tight = spacing_by_settings(replace(ask, conditions=replace(calm, adverse_ppb=PPB))).ppb
    now, share = grid.spacing_here_ppb, RESPACE_PPB * grid.spacing_here_ppb // PPB
    if tight - share <= now <= wide + share:
        return ""
    return f"the spacing is to be {wide / 10**7:.4f} %, it is {now / 10**7:.4f} %"


def on_the_lines_of(before: GridRow, center: int) -> GridRow:
    """The grid before with another of its own lines as its center: the one nearest to ``center``. Its orders may stay."""
    line = before.nearest_line(center)
    base = before.base or before.center
    return replace(before, center=before.line(line), base=base, base_line=before.base_line - line)
