"""Grid Calculator: spacing with collapse protection (C-4), what cells want, and the difference to what rests.

A fill at a line flips its cell, and the replacement one spacing away follows from the difference; there is no second path that
places orders. All in integers: price units, lots, and parts per 10**9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.domain.grid import PPB
from core.domain.instrument import Instrument
from core.domain.orders import Order, Side, Slot, Tif
from core.engine.grid_settings import CALM, Conditions, GridSettings
from core.engine.grid_sizing import GridImpossibleError
from core.engine.levels import Blocked, Level
from core.engine.plan_validator import MIN_GAP_TICKS, OwnPrices, Quotes
from core.engine.risk_engine import Exposure, Refusal, RiskLimits, Rule, allow_order

MIN_TICKS = 3
"""Neighbouring lines stay this many ticks apart, whatever the settings (C-4)."""

LEAST_TIGHTENING_PPB = 600_000_000
"""Loss-drift tightening takes back at most four tenths of the spacing (C-4)."""


@dataclass(frozen=True, slots=True)
class SpacingChoice:
    """The spacing in force, and why it isn't the one asked for (empty if it is)."""

    ppb: int
    override: str = ""


def compute_spacing(
    settings: GridSettings, price: int, instrument: Instrument, conditions: Conditions = CALM
) -> SpacingChoice:
    """The spacing that the settings ask for under ``conditions``, raised to its floors and never above the cap.

    Asked for: the configured one; with ``widens`` it grows by half the average true range and 2.5 standard deviations of a bar;
    with ``tightens`` it shrinks again, to no less than the configured one, as the price moves against the position. Floors:
    ``MIN_TICKS`` ticks at ``price``, the fees of a round trip and the edge wanted beyond them, and the least width of the grid.

    All of it is multiplied by ``closed_ppb`` in the end.

    Raises:
        GridImpossibleError: a floor lies above the cap.
    """
    found = _open_spacing(settings, price, instrument, conditions)
    return replace(found, ppb=found.ppb * settings.closed_ppb // PPB)


def _open_spacing(
    settings: GridSettings, price: int, instrument: Instrument, conditions: Conditions
) -> SpacingChoice:
    name, floor = spacing_floor(settings, price, instrument)
    if floor > settings.spacing_max_ppb:
        raise GridImpossibleError(
            f"{instrument.coin}: the spacing may not be under {floor / 10**7:.4f} % ({name}) nor over "
            f"{settings.spacing_max_ppb / 10**7:.4f} % (HL_GRID_SPACING_MAX_PCT); raise the maximum"
        )
    asked = _asked_spacing(settings, conditions)
    if asked < floor:
        above = {name: least for name, least in _floors(settings, price, instrument).items() if least > asked}
        return SpacingChoice(floor, f"raised to {' and '.join(sorted(above, key=lambda n: -above[n]))}")
    if asked > settings.spacing_max_ppb:
        return SpacingChoice(settings.spacing_max_ppb, "lowered to HL_GRID_SPACING_MAX_PCT")
    return SpacingChoice(asked)


def spacing_floor(settings: GridSettings, price: int, instrument: Instrument) -> tuple[str, int]:
    """The highest of the floors, with its name."""
    return max(_floors(settings, price, instrument).items(), key=lambda item: item[1])


def _floors(settings: GridSettings, price: int, instrument: Instrument) -> dict[str, int]:
    return {
        f"{MIN_TICKS} ticks": -(-MIN_TICKS * instrument.tick(price) * PPB // price),
        "the fees of a round trip": settings.round_trip_fee_ppb + settings.edge_ppb + 1,
        "the least width of the grid": -(-settings.min_width_ppb // (2 * settings.levels)),
    }


def _asked_spacing(settings: GridSettings, conditions: Conditions) -> int:
    asked = settings.spacing_ppb
    if settings.widens:
        asked += conditions.atr_ppb // 2 + 5 * conditions.volatility_ppb // 2
    if settings.tightens:
        kept = max(LEAST_TIGHTENING_PPB, PPB - 8 * conditions.adverse_ppb)
        asked = max(settings.spacing_ppb, asked * kept // PPB)
    return asked


# -- the difference ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gate:
    """All that decides whether a level may be placed now."""

    instrument: Instrument
    exposure: Exposure
    limits: RiskLimits
    quotes: Quotes
    deferred: Mapping[Slot, Refusal]
    own: OwnPrices
    slippage_ppb: int = 0
    """How far past the best price a level that takes may trade."""
    stop_low: int = 0
    stop_high: int = 0
    """Where a stop closes what is held, in price units; 0: nowhere."""


@dataclass(frozen=True, slots=True)
class GridDiff:
    """What to do: live orders to cancel, levels to place now, and levels that wait with their reason."""

    cancel: tuple[Order, ...]
    place: tuple[Level, ...]
    blocked: tuple[Blocked, ...]


def is_fit(order: Order, level: Level, min_change_lots: int) -> bool:
    """Whether an order serves its level: its price, and nearly its size. Then it keeps its place in the queue."""
    if order.tif is Tif.IOC:
        return True
    is_there = abs(order.price - level.price) <= level.reach
    return is_there and abs(order.remaining - level.lots) < min_change_lots


def compute_grid_diff(
    wanted: Sequence[Level],
    live: Mapping[Slot, Order],
    extra: Iterable[Order],
    gate: Gate,
    min_change_lots: int,
) -> GridDiff:
    """The smallest change from what is live to what is wanted. ``extra`` are live orders outside any wanted slot."""
    cancel, missing = list(extra), []
    for level in wanted:
        order = live.get(level.slot)
        if order is None:
            missing.append(level)
        elif not is_fit(order, level, min_change_lots):
            cancel.append(order)
    place, blocked = build_filtered_levels(missing, gate)
    return GridDiff(tuple(cancel), place, blocked)


def build_filtered_levels(
    missing: Iterable[Level], gate: Gate
) -> tuple[tuple[Level, ...], tuple[Blocked, ...]]:
    """What of the levels may be placed, in the order given, and what each other one waits for.

    Each is risk-checked beside those before it, must be passive against the quotes and must not cross an own order (I6).
    """
    exposure, own = gate.exposure, gate.own
    taken, top_buy, low_sell = set[tuple[Side, int]](), own.top_buy, own.low_sell
    full: dict[tuple[Side, int], Refusal] = {}  # past the cap one level is refused like the next
    place: list[Level] = []
    blocked: list[Blocked] = []
    for wish in missing:
        side = wish.slot.side
        level = _limited(wish, gate, top_buy, low_sell) if wish.takes else wish
        at = side, level.price
        refusal = gate.deferred.get(level.slot) if gate.deferred else None
        if refusal is None and (at in own.taken or at in taken):
            refusal = Refusal(Rule.OWN_ORDER, "an own order still rests at this price", level.price)
        refusal = (
            refusal
            or _beyond_stop(level, gate)
            or _not_passive(level, gate, top_buy, low_sell)
            or (_too_little(level, gate.instrument) if level.takes else None)
            or (full.get((side, level.lots)) if full else None)
        )
        if refusal is None and (refusal := allow_order(exposure, side, level.lots, gate.limits)):
            full[side, level.lots] = refusal
        if refusal is not None:
            blocked.append(Blocked(level, refusal))
            continue
        if full:
            full.clear()
        place.append(level)
        exposure = exposure.with_order(side, level.lots)
        if not level.takes:  # several may take at one price
            taken.add(at)
        if side is Side.BUY:
            top_buy = max(top_buy, level.price)
        else:
            low_sell = min(low_sell or level.price, level.price)
    return tuple(place), tuple(blocked)


def _limited(level: Level, gate: Gate, top_buy: int, low_sell: int) -> Level:
    """One that takes: up to the middle of its cell or the slippage allowed, whichever is better, and never an own order. Where
    nothing can be taken so, it rests at its own price.
    """
    instrument, quotes = gate.instrument, gate.quotes
    if not quotes.bid or not quotes.ask:
        return level
    if level.slot.side is Side.BUY:
        price = min(max(level.price, level.worst), quotes.ask * (PPB + gate.slippage_ppb) // PPB)
        price = instrument.round_price_down(min(price, low_sell - 1) if low_sell else price)
        finds_nobody = price < quotes.ask
    else:
        price = max(min(level.price, level.worst), quotes.bid * (PPB - gate.slippage_ppb) // PPB)
        price = instrument.round_price_up(max(price, top_buy + 1))
        finds_nobody = price > quotes.bid
    return replace(level, takes=False) if finds_nobody else replace(level, price=price)


def _too_little(level: Level, instrument: Instrument) -> Refusal | None:
    """One that takes may have to trade at a price at which it isn't worth the venue's least order."""
    least = instrument.min_lots(level.price) if level.price > 0 else 0
    if level.lots >= least:
        return None
    return Refusal(Rule.MIN_NOTIONAL, "isn't worth the exchange's least order at the market's price", least)


def _beyond_stop(level: Level, gate: Gate) -> Refusal | None:
    """A level must trade before the price is at the stop of its side: were the bot dead by then, what it trades would be held
    without one.
    """
    side = level.slot.side
    stop = gate.stop_low if side is Side.BUY else gate.stop_high
    if not stop or (level.price - stop) * side.sign > 0:
        return None
    return Refusal(Rule.STOP, f"is not before the stop at {gate.instrument.price_text(stop)}", stop)


def _not_passive(level: Level, gate: Gate, top_buy: int, low_sell: int) -> Refusal | None:
    side, price, quotes = level.slot.side, level.price, gate.quotes
    if side is Side.BUY:
        if quotes.ask is None:
            return Refusal(Rule.POST_ONLY, "no ask to be passive against")
        if price >= quotes.ask and not level.takes:
            return Refusal(Rule.POST_ONLY, "would take: the best ask is at or below it", price)
        if low_sell and price + _gap(level, gate.instrument) > low_sell - level.takes:
            return Refusal(Rule.OWN_ORDER, "would cross an own sell", low_sell)
        return None
    if quotes.bid is None:
        return Refusal(Rule.POST_ONLY, "no bid to be passive against")
    if price <= quotes.bid and not level.takes:
        return Refusal(Rule.POST_ONLY, "would take: the best bid is at or above it", price)
    if top_buy and price - _gap(level, gate.instrument) < top_buy + level.takes:
        return Refusal(Rule.OWN_ORDER, "would cross an own buy", top_buy)
    return None


def _gap(level: Level, instrument: Instrument) -> int:
    return MIN_GAP_TICKS * instrument.tick(level.price) if level.price > 0 and not level.takes else 0
