"""Grid Calculator: spacing with collapse protection (C-4), levels, and the difference to what rests.

The grid is 2N+1 lines around a center and 2N cells between them. Cell ``j`` lies between line ``j`` and line ``j+1``. An empty
cell wants to buy at its lower line, a full one to sell at its upper line; at first the cells below the center are empty and
those above are full, so N buys and N sells are wanted and line 0 is free. A fill at line ``k`` flips its cell, and the
replacement one spacing away follows from the difference; there is no second path that places orders.

All in integers: price units, lots, and parts per 10**9 of the center.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.domain.effects import GridRow
from core.domain.instrument import Instrument
from core.domain.orders import Order, Side, Slot
from core.engine.risk_engine import Exposure, Refusal, RiskLimits, Rule, allow_order

PPB = 10**9
MIN_TICKS = 3
"""Neighbouring lines stay this many ticks apart, whatever the settings (C-4)."""


@dataclass(frozen=True, slots=True)
class GridSettings:
    """What the operator asked for. Fractions as parts per 10**9; money in micro-USDC."""

    levels: int
    spacing_ppb: int
    spacing_max_ppb: int
    round_trip_fee_ppb: int
    """Maker fee paid twice: a spacing below it loses money on every round trip."""
    size_micro: int
    """Notional of one level: investment times leverage over all levels."""
    cap_micro: int
    """Notional of the largest worst-case position on either side."""
    cap_lots: int = 0
    """The same in lots, if that is set; 0: only ``cap_micro`` holds."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """The spacing in force, and why it isn't the configured one (empty if it is)."""

    ppb: int
    override: str = ""


class GridImpossibleError(ValueError):
    """No grid can be built from these settings at this price; the text says what to change."""


def compute_spacing(settings: GridSettings, price: int, instrument: Instrument) -> Spacing:
    """The configured spacing, raised to its floors and never above the cap.

    Floors: ``MIN_TICKS`` ticks at ``price``, and the fees of a round trip.

    Raises:
        GridImpossibleError: a floor lies above the cap.
    """
    floors = {
        f"{MIN_TICKS} ticks": -(-MIN_TICKS * instrument.tick(price) * PPB // price),
        "the fees of a round trip": settings.round_trip_fee_ppb + 1,
    }
    name, floor = max(floors.items(), key=lambda item: item[1])
    if floor > settings.spacing_max_ppb:
        raise GridImpossibleError(
            f"{instrument.coin}: the spacing may not be under {floor / 10**7:.4f} % ({name}) nor over "
            f"{settings.spacing_max_ppb / 10**7:.4f} % (HL_GRID_SPACING_MAX_PCT); raise the maximum"
        )
    if settings.spacing_ppb < floor:
        return Spacing(floor, f"raised to {name}")
    if settings.spacing_ppb > settings.spacing_max_ppb:
        return Spacing(settings.spacing_max_ppb, "lowered to HL_GRID_SPACING_MAX_PCT")
    return Spacing(settings.spacing_ppb)


def build_grid(
    settings: GridSettings, instrument: Instrument, center: int, generation: int, now_ms: int
) -> GridRow:
    """A new generation around ``center`` (price units). Sizes are rounded down to whole lots.

    Raises:
        GridImpossibleError: the size of a level is below the venue's minimum, or its lowest line is not above zero.
    """
    spacing = compute_spacing(settings, center, instrument)
    lots = settings.size_micro // center
    lowest = line_price(center, spacing.ppb, -settings.levels)
    if lowest <= 0:
        raise GridImpossibleError(
            f"{instrument.coin}: {settings.levels} levels of {spacing.ppb / 10**7:.3f} % reach below a price of 0; "
            "lower HL_NUM_GRIDS or HL_GRID_SPACING_PCT"
        )
    if lots < instrument.min_lots(instrument.round_price_down(lowest) or lowest):
        raise GridImpossibleError(
            f"{instrument.coin}: a level of {settings.size_micro / 10**6:.2f} USD is below the exchange's minimum of "
            "10 USD; raise HL_INVESTMENT_USD or HL_LEVERAGE, or lower HL_NUM_GRIDS"
        )
    cap = settings.cap_micro // center
    cap = min(cap, settings.cap_lots) if settings.cap_lots else cap
    if cap < lots:
        raise GridImpossibleError(
            f"{instrument.coin}: the position cap of {instrument.size_text(cap)} is below one level "
            f"({instrument.size_text(lots)}), so no order could rest; raise HL_MAX_POSITION_ABS or "
            "HL_MAX_SYMBOL_NOTIONAL, or lower HL_INVESTMENT_USD"
        )
    return GridRow(instrument.coin, generation, center, spacing.ppb, settings.levels, lots, cap, now_ms)


def line_price(center: int, spacing_ppb: int, line: int) -> int:
    """The price of a line in price units, rounded down; not yet on the tick."""
    return center * (PPB + line * spacing_ppb) // PPB


def slot_price(grid: GridRow, instrument: Instrument, side: Side, cell: int) -> int:
    """What a slot quotes: a buy at its cell's lower line rounded down, a sell at the upper rounded up (never aggressive)."""
    if side is Side.BUY:
        return instrument.round_price_down(line_price(grid.center, grid.spacing_ppb, cell))
    return instrument.round_price_up(line_price(grid.center, grid.spacing_ppb, cell + 1))


@dataclass(frozen=True, slots=True)
class Level:
    """A slot that should have an order now: what it should be."""

    slot: Slot
    price: int
    lots: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """A slot that should have an order and has none: what stops it."""

    level: Level
    why: Refusal

    @property
    def reason(self) -> str:
        return self.why.reason


def start_lots(grid: GridRow, cell: int) -> int:
    """What a cell holds before any fill: nothing below the center, a level's lots above."""
    return grid.lots if cell >= 0 else 0


def wanted_levels(grid: GridRow, instrument: Instrument, traded: Mapping[int, int]) -> list[Level]:
    """Every order that the cells want, nearest to the center first.

    ``traded`` is the signed sum of fills by cell. A want below the venue's minimum waits in its cell until it has grown.
    """
    wants = cell_wants(grid, instrument, traded)
    return [level for level in wants if level.lots >= instrument.min_lots(level.price)]


def cell_wants(grid: GridRow, instrument: Instrument, traded: Mapping[int, int]) -> list[Level]:
    """As ``wanted_levels``, and what is below the minimum."""
    levels = []
    for cell in sorted(range(-grid.levels, grid.levels), key=lambda j: (abs(2 * j + 1), j)):
        held = start_lots(grid, cell) + traded.get(cell, 0)
        for side, lots in ((Side.BUY, grid.lots - held), (Side.SELL, held)):
            price = slot_price(grid, instrument, side, cell)
            if lots > 0:
                levels.append(Level(Slot(grid.generation, side, cell), price, lots))
    return levels


@dataclass(frozen=True, slots=True)
class Quotes:
    """Best bid and ask in price units; ``None`` where unknown or empty."""

    bid: int | None
    ask: int | None


@dataclass(frozen=True, slots=True)
class GridDiff:
    """What to do: live orders to cancel, levels to place now, and levels that wait with their reason."""

    cancel: tuple[Order, ...]
    place: tuple[Level, ...]
    blocked: tuple[Blocked, ...]


def compute_grid_diff(
    wanted: Sequence[Level],
    live: Mapping[Slot, Order],
    extra: Iterable[Order],
    exposure: Exposure,
    limits: RiskLimits,
    quotes: Quotes,
    deferred: Mapping[Slot, Refusal],
    min_change_lots: int,
    occupied: Collection[tuple[Side, int]] = (),
) -> GridDiff:
    """The smallest change from what is live to what is wanted.

    An order at its exact price whose remaining size is within ``min_change_lots`` of the wish is kept, and with it its place
    in the queue. ``extra`` are live orders outside any wanted slot. New orders are risk-checked one by one in the order given,
    must be passive against ``quotes`` and must not cross an own order (I6). ``occupied`` are prices of a side at which an order
    of ours, of whatever purpose, may still trade.
    """
    cancel = list(extra)
    missing = []
    for level in wanted:
        order = live.get(level.slot)
        if order is None:
            missing.append(level)
        elif order.price != level.price or abs(order.remaining - level.lots) >= min_change_lots:
            cancel.append(order)
    own = [*live.values(), *cancel]
    taken = {*occupied, *((o.side, o.price) for o in own)}
    top_buy = max((o.price for o in own if o.side is Side.BUY), default=0)
    low_sell = min((o.price for o in own if o.side is Side.SELL), default=None)
    place: list[Level] = []
    blocked: list[Blocked] = []
    for level in missing:
        side, price = level.slot.side, level.price
        twin = Refusal(Rule.OWN_ORDER, "an own order still rests at this price", price)
        refusal = (
            deferred.get(level.slot)
            or (twin if (side, price) in taken else None)
            or _not_passive(side, price, quotes, top_buy, low_sell)
            or allow_order(exposure, side, level.lots, limits)
        )
        if refusal is not None:
            blocked.append(Blocked(level, refusal))
            continue
        place.append(level)
        taken.add((side, price))
        exposure = exposure.with_order(side, level.lots)
        if side is Side.BUY:
            top_buy = max(top_buy, price)
        else:
            low_sell = price if low_sell is None else min(low_sell, price)
    return GridDiff(tuple(cancel), tuple(place), tuple(blocked))


def _not_passive(
    side: Side, price: int, quotes: Quotes, top_buy: int, low_sell: int | None
) -> Refusal | None:
    if side is Side.BUY:
        if quotes.ask is None:
            return Refusal(Rule.POST_ONLY, "no ask to be passive against")
        if price >= quotes.ask:
            return Refusal(Rule.POST_ONLY, "would take: the best ask is at or below it", price)
        if low_sell is not None and price >= low_sell:
            return Refusal(Rule.OWN_ORDER, "would cross an own sell", low_sell)
        return None
    if quotes.bid is None:
        return Refusal(Rule.POST_ONLY, "no bid to be passive against")
    if price <= quotes.bid:
        return Refusal(Rule.POST_ONLY, "would take: the best bid is at or above it", price)
    return Refusal(Rule.OWN_ORDER, "would cross an own buy", top_buy) if price <= top_buy else None


def validate_plan(place: Sequence[Level], kept: Iterable[Order]) -> None:
    """Assert I6 on what will rest: unique prices per side, and every buy below every sell."""
    buys = [level.price for level in place if level.slot.side is Side.BUY]
    sells = [level.price for level in place if level.slot.side is Side.SELL]
    kept = list(kept)
    buys += [order.price for order in kept if order.side is Side.BUY]
    sells += [order.price for order in kept if order.side is Side.SELL]
    for prices in (sorted(buys), sorted(sells)):
        assert all(a < b for a, b in pairwise(prices)), f"two orders at one price: {prices}"
    assert not buys or not sells or max(buys) < min(sells), f"crossed: {max(buys)} >= {min(sells)}"
