"""What is in effect where a setting is left to others, and which those are."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.runtime.settings.contradiction import rounded_down
from core.runtime.settings.model import Settings
from core.runtime.settings.options import condition
from core.runtime.settings.problem import setting_text


@dataclass(frozen=True, slots=True)
class Derived:
    """``value`` as one would write it; ``source``: what it follows from, after "from" in a sentence."""

    value: str
    source: str


def derived(settings: Settings, name: str) -> Derived | None:
    """``None`` if the setting says itself what is so."""
    match name:
        case "on_range_exit" if not settings.on_range_exit:
            return Derived(settings.range_exit.value, f"default_strategy {settings.default_strategy}")
        case "max_symbol_notional" if not settings.max_symbol_notional:
            return Derived(setting_text(settings.position_cap_usd), "investment_usd x leverage")
        case "max_orders_per_min" if settings.max_orders_per_min is None:
            return Derived(str(settings.orders_per_min), "num_grids: 300, or six whole grids if that is more")
        case "grid_spacing_pct" if settings.default_strategy == "range":
            return Derived(setting_text(_cell(settings)), "range_low, range_high and num_grids")
        case _:
            return None


def note(settings: Settings, name: str) -> str:
    """That a setting changes nothing as things are; empty if it may."""
    strategy = settings.default_strategy
    needs = condition(name, strategy)
    if needs.holds(settings) or derived(settings, name) is not None:
        return ""
    return f"no effect with strategy {strategy}" + (f" without {needs.text}" if needs.text else "")


def _cell(settings: Settings) -> Decimal:
    """The distance between the two lowest lines of a range, as a fraction; 0 for one that isn't whole."""
    low, high, cells = settings.range_low, settings.range_high, 2 * settings.num_grids
    if not 0 < low < high:
        return Decimal(0)
    if settings.grid_spacing_kind == "geometric":
        return rounded_down((high / low) ** (Decimal(1) / cells) - 1)
    return rounded_down((high - low) / cells / low)
