"""Grid changes by command: a spacing or a number of levels, and what the change would do in orders."""

from __future__ import annotations

from dataclasses import replace

from core.domain.clock import Instant
from core.domain.commands import Action, Command
from core.domain.effects import Effect, SaveOverrides, notify
from core.domain.grid import PPB, GridRow
from core.domain.orders import OrderState
from core.domain.units import InexactNumberError, parse_decimal
from core.engine.coin import Coin
from core.engine.grid_calculator import GridImpossibleError, is_fit, wanted_levels
from core.engine.overrides import Overrides, pct
from core.engine.regridding import ask_of
from core.engine.strategies import STRATEGIES

CLEAR = "default"
"""The value that takes an override away."""

MOST_LEVELS = 500
SET = (Action.SET_SPACING, Action.SET_LEVELS)
PREVIEWS = (Action.SET_SPACING_PREVIEW, Action.SET_LEVELS_PREVIEW)


def set_refusal(coin: Coin, command: Command, now: Instant) -> str:
    """Why what was asked for can't be; empty if it can."""
    changed = _wish(coin, command, now)
    if isinstance(changed, str):
        return changed
    if not coin.known_mid_twice:
        return (
            f"{coin.name} has no price yet, so what the change would do is not known; try again in a moment"
        )
    settings = changed.apply(coin.config.grid)
    ask = ask_of(coin, settings, coin.known_mid_twice, now)
    strategy = STRATEGIES[settings.strategy]
    try:
        strategy.build(ask)
        override = strategy.spacing(ask).override
    except GridImpossibleError as error:
        return str(error)
    if changed.spacing_ppb and override:
        return f"{coin.name}: a spacing of {pct(changed.spacing_ppb)} would be {override}: {pct(strategy.spacing(ask).ppb)}"
    return ""


def _wish(coin: Coin, command: Command, now: Instant) -> Overrides | str:
    """What would be in force after the command, or why it can't be understood."""
    is_spacing = command.action in (Action.SET_SPACING, Action.SET_SPACING_PREVIEW)
    stamped = replace(coin.overrides, since_ms=now.wall_ms, by=command.origin)
    if is_spacing and coin.config.grid.strategy == "range":
        return (
            f"{coin.name} has its spacing from range_low and range_high; set the levels, or change the range"
        )
    if command.value == CLEAR:
        cleared = replace(stamped, spacing_ppb=0) if is_spacing else replace(stamped, levels=0)
        return cleared if cleared.spacing_ppb or cleared.levels else Overrides()
    if is_spacing:
        ppb = _fraction_ppb(command.value)
        return (
            replace(stamped, spacing_ppb=ppb)
            if ppb
            else (f"{command.value!r} is no spacing; write a fraction such as 0.001 (0.1 %), or {CLEAR}")
        )
    if command.value.isdecimal() and 1 <= int(command.value) <= MOST_LEVELS:
        return replace(stamped, levels=int(command.value))
    return f"{command.value!r} is no number of levels; write 1 to {MOST_LEVELS} (a side), or {CLEAR}"


def _fraction_ppb(text: str) -> int:
    try:
        value = parse_decimal(text)
    except InexactNumberError:
        return 0
    return int(value * PPB) if 0 < value < 1 else 0


def change_text(coin: Coin, command: Command, now: Instant) -> str:
    """What the change would do, in orders. Call it only if ``set_refusal`` has none."""
    changed = _wish(coin, command, now)
    assert isinstance(changed, Overrides), changed
    settings = changed.apply(coin.config.grid)
    if settings == coin.settings:
        return f"{coin.name}: nothing changes, it is so already"
    built = STRATEGIES[settings.strategy].build(ask_of(coin, settings, coin.known_mid_twice, now))
    cancels, places, keeps = _change_of_orders(coin, built)
    instrument = coin.config.instrument
    return (
        f"{coin.name}: spacing {pct(coin.settings.spacing_ppb)} -> {pct(settings.spacing_ppb)}, levels "
        f"{coin.settings.levels} -> {settings.levels} a side of {instrument.size_text(built.lots)}, from "
        f"{instrument.price_text(built.lowest)} to {instrument.price_text(built.highest)}: cancels {cancels}, "
        f"places {places}, keeps {keeps}"
    )


def _change_of_orders(coin: Coin, built: GridRow) -> tuple[int, int, int]:
    """Orders that would be cancelled, placed, and kept where they rest."""
    instrument = coin.config.instrument
    wanted = {(level.slot.side, level.price): level for level in wanted_levels(built, instrument, {})}
    least = max(instrument.min_lots(built.center), built.lots // 4)
    live = coin.live_grid_orders()
    kept = sum(
        o.state is OrderState.OPEN
        and not o.filled
        and (o.side, o.price) in wanted
        and is_fit(o, wanted[o.side, o.price], least)
        for o in live
    )
    return len(live) - kept, len(wanted) - kept, kept


def change_grid(coin: Coin, command: Command, now: Instant) -> list[Effect]:
    """Put the override in force; the ordinary plan does the rest. It holds until it is cleared, also after a restart."""
    changed = _wish(coin, command, now)
    assert isinstance(changed, Overrides), changed
    coin.overrides = changed
    text = changed.text(coin.config.grid)
    return [
        SaveOverrides(coin.name, changed.saved()),
        notify(
            "grid_override", "warn" if text else "info", coin.name, override=text or "none", by=command.origin
        ),
    ]
