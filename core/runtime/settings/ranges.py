"""What can't be meant together in a grid between two prices: it is judged by its own cells."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from core.runtime.settings.contradiction import Contradiction, rounded_down, rounded_up
from core.runtime.settings.model import Settings
from core.runtime.settings.values import LEAST, MOST

EXAMPLE = Decimal(90_000), Decimal(120_000)
"""Where no other price is written that tells what the coin costs."""

PRICES = (
    *("range_low", "range_high", "trigger_below", "trigger_above", "trailing_low", "trailing_high"),
    *("stop_loss_low", "stop_loss_high", "take_profit_low", "take_profit_high"),
)


def range_is_whole(settings: Settings) -> Contradiction | None:
    low, high = settings.range_low, settings.range_high
    if settings.default_strategy != "range" or 0 < low < high:
        return None
    below, above = _around_what_is_written(settings)
    if not low:
        why = "is no price, and strategy range needs two with the present one between them"
        beside = (("range_high", above),) if above != high else ()
        return Contradiction("range_low", why, "use for instance", below, beside=beside)
    why = f"is not above range_low ({low})" if high else "is no price, and strategy range needs one"
    beside = (("range_low", below),) if below != low else ()
    return Contradiction("range_high", why, "use for instance", above, beside=beside)


def _around_what_is_written(settings: Settings) -> tuple[Decimal, Decimal]:
    """A range near the coin's price, as far as the other prices that are written tell it, and a setting may be."""
    below, above = _near(settings)
    return (below, above) if below >= LEAST and above <= MOST else EXAMPLE


def _near(settings: Settings) -> tuple[Decimal, Decimal]:
    low, high = settings.range_low, settings.range_high
    if low:
        return low, rounded_up(low * Decimal("1.3"))
    if high:
        return rounded_down(high / Decimal("1.3")), high
    known = [price for price in (getattr(settings, name) for name in PRICES) if price]
    if not known:
        return EXAMPLE
    middle = (min(known) + max(known)) / 2
    return rounded_down(middle * Decimal("0.85")), rounded_up(middle * Decimal("1.15"))


def range_pays_its_fees(settings: Settings) -> Contradiction | None:
    """The narrowest cell is the topmost of an arithmetic range; of a geometric one all are alike."""
    low, high, cells = settings.range_low, settings.range_high, 2 * settings.num_grids
    if settings.default_strategy != "range" or not 0 < low < high:
        return None
    least = 2 * settings.maker_fee_pct + settings.min_edge_pct
    if high > _least_high(settings, cells, least):
        return None
    why = f"makes {cells} cells of which the narrowest is not above the fees of a round trip and the edge ({least})"
    passes = rounded_up(_least_high(settings, cells, least) * Decimal("1.01"))
    if passes <= min(MOST, 2 * high):
        return Contradiction("range_high", why, "use at least", passes, "fewer levels")
    levels = _most_levels(settings, least)
    if levels:
        why = f"makes {cells} cells, and the range has no room for so many above {least} each"
        return Contradiction("num_grids", why, "use at most", levels, "a wider range")
    high = rounded_up(_least_high(settings, 2, least) * Decimal("1.01"))
    return Contradiction("range_high", why, "use for instance", high, beside=(("num_grids", 1),))


def _least_high(settings: Settings, cells: int, least: Decimal) -> Decimal:
    """What ``range_high`` must be above; infinite if no arithmetic range has room."""
    if settings.grid_spacing_kind == "geometric":
        return settings.range_low * (1 + least) ** cells
    return settings.range_low / (1 - least * cells) if least * cells < 1 else Decimal("inf")


def _most_levels(settings: Settings, least: Decimal) -> int:
    """How many levels per side the range has room for."""
    low, high = settings.range_low, settings.range_high
    is_geometric = settings.grid_spacing_kind == "geometric"
    cells = (high / low).ln() / (1 + least).ln() if is_geometric else (high - low) / (least * high)
    return max(0, int((cells / 2).to_integral_value(ROUND_CEILING)) - 1)


def range_has_its_width(settings: Settings) -> Contradiction | None:
    """As the engine counts it: cells, each as wide as the narrowest."""
    low, high, cells = settings.range_low, settings.range_high, 2 * settings.num_grids
    if settings.default_strategy != "range" or not 0 < low < high:
        return None
    if settings.grid_spacing_kind == "geometric":
        width = cells * ((high / low) ** (Decimal(1) / cells) - 1)
    else:
        width = (high - low) / high
    passes = min(rounded_down(width * Decimal("0.999")), Decimal("0.999"))
    if settings.grid_min_width_pct < width:
        return None
    why = f"is more than the range from {low} to {high} covers ({rounded_down(width)})"
    return Contradiction("grid_min_width_pct", why, "use at most", passes, "widen the range")
