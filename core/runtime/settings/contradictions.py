"""Settings that are each fine and can't be meant together. A rule is a pure function; a new one is added to ``RULES``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, cast

from core.runtime.settings.model import Settings
from core.runtime.settings.problem import setting_text

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
    def fix(self) -> str:
        return f"{self.how} {setting_text(self.passes)}" + (f", or {self.or_else}" if self.or_else else "")


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
    passes = (MIN_LEVEL_USD * levels / settings.leverage).to_integral_value(ROUND_CEILING)
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
    passes = (1 / spacing).to_integral_value(ROUND_CEILING) - 1
    why = f"levels of {spacing} reach a price of 0"
    return Contradiction("num_grids", why, "use at most", passes, "a smaller grid_spacing_pct")


RULES: tuple[Rule, ...] = (
    spacing_pays_its_fees,
    spacing_within_its_maximum,
    levels_reach_the_minimum,
    stop_band_has_room,
    levels_stay_above_zero,
)


def contradictions(settings: Settings, without: frozenset[str] = frozenset()) -> Iterator[Contradiction]:
    """Everything that can't be meant together; rules that would look at a setting of ``without`` are passed over."""
    for rule in RULES:
        watched = _Watched(settings)
        found = rule(cast("Settings", watched))
        if found is not None and not watched.seen & without:
            yield found


class _Watched:
    """Settings that know what was asked of them: a rule needn't name what it reads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.seen: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.seen.add(name)
        return getattr(self._settings, name)
