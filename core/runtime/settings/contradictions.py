"""Settings that are each fine and can't be meant together. A rule is a pure function; a new one is added to ``RULES``."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import cast

from core.runtime.settings.contradiction import Contradiction, Rule, rounded_up
from core.runtime.settings.features import MOST_BARS, MOST_RATIO
from core.runtime.settings.model import Settings
from core.runtime.settings.problem import setting_text
from core.runtime.settings.ranges import range_has_its_width, range_is_whole, range_pays_its_fees
from core.runtime.settings.values import LEAST
from core.runtime.settings.watched import Watched

LEAST_SWITCH_S = 60
MIN_LEVEL_USD = Decimal(11)
"""The exchange's minimum is 10 USD, on the lowest line of the grid and after rounding down to lots."""


def spacing_pays_its_fees(settings: Settings) -> Contradiction | None:
    round_trip = 2 * settings.maker_fee_pct
    if settings.default_strategy == "range" or settings.grid_spacing_pct > round_trip:
        return None
    why = f"is not above the fees of a round trip ({round_trip}), so every round trip would lose money"
    passes = (round_trip * Decimal("1.25")) or Decimal("0.0005")
    return Contradiction("grid_spacing_pct", why, "use at least", passes)


def spacing_within_its_maximum(settings: Settings) -> Contradiction | None:
    most = settings.grid_spacing_max_pct
    if settings.default_strategy == "range" or settings.grid_spacing_pct <= most:
        return None
    spacing = settings.grid_spacing_pct
    why = f"is {setting_text(100 * spacing)} %, above grid_spacing_max_pct ({most})"
    or_else, meant = "raise the maximum", spacing / 100
    if 2 * settings.maker_fee_pct < meant <= most:
        or_else = f"{setting_text(meant)} if {setting_text(spacing)} % is meant, or {or_else}"
    return Contradiction("grid_spacing_pct", why, "use at most", most, or_else)


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
    if settings.default_strategy == "range" or settings.grid_spacing_kind == "geometric":
        return None
    if spacing * settings.num_grids < 1:
        return None
    passes = (1 / spacing).to_integral_value(ROUND_CEILING) - 1
    why = f"levels of {spacing} reach a price of 0"
    return Contradiction("num_grids", why, "use at most", passes, "a smaller grid_spacing_pct")


def spacing_pays_its_edge(settings: Settings) -> Contradiction | None:
    fees, edge, most = 2 * settings.maker_fee_pct, settings.min_edge_pct, settings.grid_spacing_max_pct
    if settings.default_strategy == "range" or not edge or fees + edge < most:
        return None
    why = f"and the fees of a round trip ({fees}) are not below grid_spacing_max_pct ({most})"
    if fees < most:
        passes = (most - fees) / 2
        passes = passes if passes >= LEAST else Decimal(0)
        return Contradiction("min_edge_pct", why, "use at most", passes, "raise the maximum")
    why = f"is not above the fees of a round trip and min_edge_pct ({fees + edge})"
    return Contradiction("grid_spacing_max_pct", why, "use at least", rounded_up((fees + edge) * 2))


def width_fits_its_levels(settings: Settings) -> Contradiction | None:
    most = settings.grid_spacing_max_pct * 2 * settings.num_grids
    if settings.default_strategy == "range" or settings.grid_min_width_pct <= most:
        return None
    why = f"is more than {2 * settings.num_grids} levels of grid_spacing_max_pct can cover ({most})"
    return Contradiction("grid_min_width_pct", why, "use at most", most, "more levels")


def trailing_has_room(settings: Settings) -> Contradiction | None:
    if not 0 < settings.trailing_high <= settings.trailing_low:
        return None
    why = f"is not above trailing_low ({settings.trailing_low})"
    return Contradiction("trailing_high", why, "raise it, or write", "off")


def take_band_has_room(settings: Settings) -> Contradiction | None:
    if not 0 < settings.take_profit_high <= settings.take_profit_low:
        return None
    why = f"is not above take_profit_low ({settings.take_profit_low})"
    return Contradiction("take_profit_high", why, "raise it, or write", "off")


def profit_above_is_taken_before_the_stop(settings: Settings) -> Contradiction | None:
    """Whichever is nearer closes the position, so the one behind it is written for nothing."""
    take, stop = settings.take_profit_high, settings.stop_loss_high
    if not 0 < stop <= take:
        return None
    why = f"is not below stop_loss_high ({stop}), which closes the position first"
    return Contradiction("take_profit_high", why, "lower it, or write", "off")


def profit_below_is_taken_before_the_stop(settings: Settings) -> Contradiction | None:
    take, stop = settings.take_profit_low, settings.stop_loss_low
    if not 0 < take <= stop:
        return None
    why = f"is not above stop_loss_low ({stop}), which closes the position first"
    return Contradiction("take_profit_low", why, "raise it, or write", "off")


def averages_differ(settings: Settings) -> Contradiction | None:
    if settings.trend_fast_ema < settings.trend_slow_ema:
        return None
    why = f"is not above trend_fast_ema ({settings.trend_fast_ema})"
    if settings.trend_fast_ema >= MOST_BARS:
        why = f"is not below trend_slow_ema ({settings.trend_slow_ema})"
        return Contradiction("trend_fast_ema", why, "use at most", settings.trend_slow_ema - 1)
    return Contradiction("trend_slow_ema", why, "use at least", settings.trend_fast_ema + 1)


def limits_of_inventory_are_in_order(settings: Settings) -> Contradiction | None:
    soft, hard = settings.skew_soft, settings.skew_hard
    if not hard or hard > soft:
        return None
    why, more = f"is not above skew_soft ({soft})", soft + Decimal("0.1")
    if more > MOST_RATIO:
        return Contradiction("skew_hard", why, "write", "off")
    return Contradiction("skew_hard", why, "use at least", more)


def orders_go_after_new_ones_stop(settings: Settings) -> Contradiction | None:
    least = settings.ws_stale_after_sec
    if not 0 < settings.data_halt_sec < least:
        return None
    why = f"is below ws_stale_after_sec ({least}), so orders would be taken back before new ones stop"
    return Contradiction("data_halt_sec", why, "use at least", least, "off")


def the_dead_man_switch_can_be_moved_on(settings: Settings) -> Contradiction | None:
    """Every third of it: shorter would spend the address's requests, and fire on a machine that is busy for a moment."""
    if not 0 < settings.dead_man_switch_sec < LEAST_SWITCH_S:
        return None
    why = "would fire, and cancel the stops too, when the machine or its link is busy for a moment"
    return Contradiction("dead_man_switch_sec", why, "use at least", LEAST_SWITCH_S, "off")


def orders_of_a_minute_hold_a_grid(settings: Settings) -> Contradiction | None:
    grid = 2 * settings.num_grids
    if not 0 < (settings.max_orders_per_min or 0) < grid:
        return None
    why = f"is below one whole grid of {grid} orders"
    return Contradiction("max_orders_per_min", why, "use at least", 3 * grid, "off")


def widened_levels_stay_above_zero(settings: Settings) -> Contradiction | None:
    spacing, levels = settings.grid_spacing_pct, settings.num_grids
    if settings.session_calendar == "always" or settings.closed_session != "widen":
        return None
    if settings.default_strategy == "range" or settings.grid_spacing_kind == "geometric":
        return None
    reach = spacing * levels
    if settings.closed_widen * reach < 1 or reach >= 1:
        return None
    why = f"takes {levels} levels of {spacing} to a price of 0"
    return Contradiction("closed_widen", why, "use at most", max(Decimal(1), Decimal("0.9") / reach))


def a_range_is_not_widened(settings: Settings) -> Contradiction | None:
    """Its lines are where the range has them."""
    is_widened = settings.session_calendar != "always" and settings.closed_session == "widen"
    if not is_widened or settings.default_strategy != "range":
        return None
    why = "has no effect on strategy range, whose levels are where its two prices put them"
    return Contradiction("closed_session", why, "use", "reduce", "keep")


RULES: tuple[Rule, ...] = (
    widened_levels_stay_above_zero,
    a_range_is_not_widened,
    range_is_whole,
    range_pays_its_fees,
    range_has_its_width,
    spacing_pays_its_edge,
    width_fits_its_levels,
    trailing_has_room,
    take_band_has_room,
    profit_above_is_taken_before_the_stop,
    profit_below_is_taken_before_the_stop,
    averages_differ,
    limits_of_inventory_are_in_order,
    spacing_pays_its_fees,
    spacing_within_its_maximum,
    levels_reach_the_minimum,
    stop_band_has_room,
    levels_stay_above_zero,
    orders_go_after_new_ones_stop,
    the_dead_man_switch_can_be_moved_on,
    orders_of_a_minute_hold_a_grid,
)


def contradictions(settings: Settings, without: frozenset[str] = frozenset()) -> Iterator[Contradiction]:
    """Everything that can't be meant together; rules that would look at a setting of ``without`` are passed over."""
    for rule in RULES:
        watched = Watched(settings)
        found = rule(cast("Settings", watched))
        if found is not None and not watched.seen & without:
            yield found
