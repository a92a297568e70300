"""Settings that are each fine and can't be meant together. A rule is a pure function; a new one is added to ``RULES``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.runtime.settings.model import Settings

MIN_LEVEL_USD = Decimal(11)
"""The exchange's minimum is 10 USD, on the lowest line of the grid and after rounding down to lots."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The setting to change; ``why`` follows its name and value in a sentence, ``how`` leads to a value that would pass."""

    name: str
    why: str
    how: str
    passes: Any
    or_else: str = ""

    @property
    def text(self) -> str:
        return f"{self.why}; {self.how} {self.passes}" + (f", or {self.or_else}" if self.or_else else "")


Rule = Callable[[Settings], Contradiction | None]


def spacing_pays_its_fees(settings: Settings) -> Contradiction | None:
    round_trip = 2 * settings.maker_fee_pct
    if settings.grid_spacing_pct > round_trip:
        return None
    why = f"is not above the fees of a round trip ({round_trip}), so every round trip would lose money"
    passes = (round_trip * Decimal("1.25")) or Decimal("0.0005")
    return Contradiction("grid_spacing_pct", why, "use at least", passes)


def spacing_within_its_maximum(settings: Settings) -> Contradiction | None:
    most = settings.grid_spacing_max_pct
    if settings.grid_spacing_pct <= most:
        return None
    why = f"is above grid_spacing_max_pct ({most})"
    return Contradiction("grid_spacing_pct", why, "use at most", most, "raise the maximum")


def levels_reach_the_minimum(settings: Settings) -> Contradiction | None:
    levels = 2 * settings.num_grids
    size = settings.investment_usd * settings.leverage / levels
    if size >= MIN_LEVEL_USD:
        return None
    why = f"x leverage over {levels} levels makes {size:.2f} USD a level, below the exchange's minimum of 10 USD"
    passes = -(-MIN_LEVEL_USD * levels // settings.leverage)
    return Contradiction("investment_usd", why, "use at least", passes, "fewer levels")


def stop_band_has_room(settings: Settings) -> Contradiction | None:
    if not 0 < settings.stop_loss_high <= settings.stop_loss_low:
        return None
    why = f"is not above stop_loss_low ({settings.stop_loss_low})"
    return Contradiction("stop_loss_high", why, "raise it, or write", "off")


def levels_stay_above_zero(settings: Settings) -> Contradiction | None:
    spacing = settings.grid_spacing_pct
    if spacing * settings.num_grids < 1:
        return None
    passes = -(-1 // spacing) - 1
    why = f"levels of {spacing} reach a price of 0"
    return Contradiction("num_grids", why, "use at most", passes, "a smaller grid_spacing_pct")


def orders_go_after_new_ones_stop(settings: Settings) -> Contradiction | None:
    least = settings.ws_stale_after_sec
    if not 0 < settings.data_halt_sec < least:
        return None
    why = f"is below ws_stale_after_sec ({least}), so orders would be taken back before new ones stop"
    return Contradiction("data_halt_sec", why, "use at least", least, "off")


def orders_of_a_minute_hold_a_grid(settings: Settings) -> Contradiction | None:
    grid = 2 * settings.num_grids
    if not 0 < (settings.max_orders_per_min or 0) < grid:
        return None
    why = f"is below one whole grid of {grid} orders"
    return Contradiction("max_orders_per_min", why, "use at least", 3 * grid, "off")


RULES: tuple[Rule, ...] = (
    spacing_pays_its_fees,
    spacing_within_its_maximum,
    levels_reach_the_minimum,
    stop_band_has_room,
    levels_stay_above_zero,
    orders_go_after_new_ones_stop,
    orders_of_a_minute_hold_a_grid,
)


def contradictions(settings: Settings) -> tuple[Contradiction, ...]:
    """Everything that can't be meant together, worst first; empty if all is well."""
    return tuple(found for rule in RULES if (found := rule(settings)) is not None)
