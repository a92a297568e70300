"""Grid changes by command: a spacing or a number of levels, and what the change would do in orders."""

from __future__ import annotations

from dataclasses import replace

from core.domain.clock import Instant
from core.domain.commands import CLEAR, MOST_LEVELS, Action, Command
from core.domain.effects import Effect, SaveOverrides, notify
from core.domain.grid import PPB, Direction, GridRow
from core.domain.orders import OrderState, Side, Tif
from core.domain.units import InexactNumberError, parse_decimal
from core.engine.coin import Coin
from core.engine.grid_calculator import is_fit
from core.engine.grid_settings import GridSettings
from core.engine.grid_sizing import GridImpossibleError
from core.engine.levels import wanted_levels
from core.engine.overrides import Overrides, pct
from core.engine.regridding import ask_of
from core.engine.strategies import STRATEGIES

SET = (Action.SET_SPACING, Action.SET_LEVELS)
SET_PREVIEWS = (Action.SET_SPACING_PREVIEW, Action.SET_LEVELS_PREVIEW)


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
    stamped = replace(coin.overrides, since_ms=now.wall_ms, by=command.asked_by)
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


def changes_nothing(coin: Coin, command: Command, now: Instant) -> bool:
    """Neither the grid nor what of it is overridden. Call it only if ``set_refusal`` has none."""
    changed, present = _wish(coin, command, now), coin.overrides
    assert isinstance(changed, Overrides), changed
    same = (changed.spacing_ppb, changed.levels) == (present.spacing_ppb, present.levels)
    return same and changed.apply(coin.config.grid) == coin.settings


def change_text(coin: Coin, command: Command, now: Instant) -> str:
    """What the change would do, in orders. Call it only if ``set_refusal`` has none."""
    changed = _wish(coin, command, now)
    assert isinstance(changed, Overrides), changed
    settings = changed.apply(coin.config.grid)
    if settings == coin.settings:
        return f"{coin.name}: nothing changes, it is so already"
    built = STRATEGIES[settings.strategy].build(ask_of(coin, settings, coin.known_mid_twice, now))
    changed_orders = _change_of_orders(coin, built)
    waits = coin.halted or coin.idle_reason or coin.waiting_for
    later = f"; all of it once it is quoted again ({waits})" if waits else ""
    return f"{coin.name}: {_shape_text(coin, settings, built)}: {changed_orders}{later}"


def _shape_text(coin: Coin, settings: GridSettings, built: GridRow) -> str:
    """The lines before and after. A range has its spacing from its ends, and an endless grid has none."""
    text, before = coin.config.instrument.price_text, coin.grid
    is_range = settings.strategy == "range"
    was = before.spacing_here_ppb if is_range and before else coin.settings.spacing_ppb
    becomes = built.spacing_here_ppb if is_range else settings.spacing_ppb
    ends = f"from {text(built.lowest)} to {text(built.highest)}"
    if built.is_endless:
        ends += " and on both ways"
    way = "" if settings.direction is Direction.NEUTRAL else f"{settings.direction.value}, "
    each = (
        f"{2 * coin.settings.levels} -> {2 * settings.levels} cells"
        if is_range
        else (f"levels {coin.settings.levels} -> {settings.levels} a side")
    )
    size = coin.config.instrument.size_text(built.lots)
    return f"{way}spacing {_rounded(was)} -> {_rounded(becomes)}, {each} of {size}, {ends}"


def _rounded(ppb: int) -> str:
    """A spacing to a ten-thousandth of a percent."""
    return pct(round(ppb, -3))


def _change_of_orders(coin: Coin, built: GridRow) -> str:
    """Orders that would be cancelled, placed, and kept where they rest; and what a long or short grid takes at once."""
    instrument = coin.config.instrument
    wanted = {(level.slot.side, level.price): level for level in wanted_levels(built, instrument, {})}
    live = coin.live_grid_orders()
    kept = sum(
        o.state is OrderState.OPEN
        and not o.filled
        and (o.side, o.price) in wanted
        and is_fit(o, wanted[o.side, o.price], 1)
        for o in live
    )
    taking = [level for level in wanted.values() if level.tif is not Tif.ALO]
    text = f"cancels {len(live) - kept}, places {len(wanted) - kept}, keeps {kept}"
    if not taking:
        return text
    verb = "buys" if taking[0].slot.side is Side.BUY else "sells"
    size = instrument.size_text(sum(level.lots for level in taking))
    slip = pct(coin.config.slippage_ppb)
    return f"{text}; {verb} {size} at the market with {len(taking)} of them, up to {slip} past the best price"


def change_grid(coin: Coin, command: Command, now: Instant) -> list[Effect]:
    """Put the override in force; the ordinary plan does the rest. It holds until it is cleared, also after a restart."""
    changed = _wish(coin, command, now)
    assert isinstance(changed, Overrides), changed
    coin.overrides = changed
    text = changed.text(coin.config.grid)
    return [
        SaveOverrides(coin.name, changed.saved()),
        notify(
            "grid_override",
            "warn" if text else "info",
            coin.name,
            override=text or "none",
            by=command.asked_by,
        ),
    ]
