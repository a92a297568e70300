"""Grid Calculator: spacing with collapse protection (C-4), what cells want, and the difference to what rests.

A fill at a line flips its cell, and the replacement one spacing away follows from the difference; there is no second path that
places orders. All in integers: price units, lots, and parts per 10**9.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from core.domain.grid import PPB, Direction, GridRow
from core.domain.instrument import Instrument
from core.domain.orders import Order, Side, Slot, Tif
from core.engine.grid_settings import CALM, Conditions, GridSettings
from core.engine.risk_engine import Exposure, Refusal, RiskLimits, Rule, allow_order

MIN_TICKS = 3
"""Neighbouring lines stay this many ticks apart, whatever the settings (C-4)."""

MIN_GAP_TICKS = 1
"""Our best bid and our best ask stay this far apart, whatever became of the lines between them."""

LEAST_TIGHTENING_PPB = 600_000_000
"""Loss-drift tightening takes back at most four tenths of the spacing (C-4)."""


@dataclass(frozen=True, slots=True)
class SpacingChoice:
    """The spacing in force, and why it isn't the one asked for (empty if it is)."""

    ppb: int
    override: str = ""


class GridImpossibleError(ValueError):
    """No grid can be built from these settings at this price; the text says what to change."""


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
        return SpacingChoice(floor, f"raised to {name}")
    if asked > settings.spacing_max_ppb:
        return SpacingChoice(settings.spacing_max_ppb, "lowered to HL_GRID_SPACING_MAX_PCT")
    return SpacingChoice(asked)


def spacing_floor(settings: GridSettings, price: int, instrument: Instrument) -> tuple[str, int]:
    """The highest of the floors, with its name."""
    floors = {
        f"{MIN_TICKS} ticks": -(-MIN_TICKS * instrument.tick(price) * PPB // price),
        "the fees of a round trip": settings.round_trip_fee_ppb + settings.edge_ppb + 1,
        "the least width of the grid": -(-settings.min_width_ppb // (2 * settings.levels)),
    }
    return max(floors.items(), key=lambda item: item[1])


def _asked_spacing(settings: GridSettings, conditions: Conditions) -> int:
    asked = settings.spacing_ppb
    if settings.widens:
        asked += conditions.atr_ppb // 2 + 5 * conditions.volatility_ppb // 2
    if settings.tightens:
        kept = max(LEAST_TIGHTENING_PPB, PPB - 8 * conditions.adverse_ppb)
        asked = max(settings.spacing_ppb, asked * kept // PPB)
    return asked


def sized(settings: GridSettings, instrument: Instrument, grid: GridRow, profit_micro: int = 0) -> GridRow:
    """The grid with its lots and caps, both rounded down to whole lots at its center.

    With ``reinvests`` a profit enlarges the levels by its share; a loss doesn't make them smaller.

    Raises:
        GridImpossibleError: a level is below the venue's minimum or above the cap, or the lowest line is not above zero.
    """
    budget = settings.size_micro * 2 * settings.levels
    money = budget + max(0, profit_micro) * settings.leverage_ppb // PPB if settings.reinvests else budget
    lots = money // (2 * settings.levels) // grid.center
    if grid.lowest <= 0:
        raise GridImpossibleError(
            f"{instrument.coin}: {grid.below} levels of {grid.spacing_ppb / 10**7:.3f} % reach below a price of 0; "
            "lower HL_NUM_GRIDS or HL_GRID_SPACING_PCT"
        )
    least = lots * (PPB - settings.jitter_ppb) // PPB
    if least < instrument.min_lots(instrument.round_price_down(grid.lowest) or grid.lowest):
        jittered = f" less {settings.jitter_ppb / 10**7:.1f} %" if settings.jitter_ppb else ""
        raise GridImpossibleError(
            f"{instrument.coin}: a level of {money / (2 * settings.levels) / 10**6:.2f} USD{jittered} is below the "
            "exchange's minimum of 10 USD; raise HL_INVESTMENT_USD or HL_LEVERAGE, or lower HL_NUM_GRIDS"
        )
    cap = settings.cap_micro // grid.center
    cap = min(cap, settings.cap_lots) if settings.cap_lots else cap
    if cap < lots:
        raise GridImpossibleError(
            f"{instrument.coin}: the position cap of {instrument.size_text(cap)} is below one level "
            f"({instrument.size_text(lots)}), so no order could rest; raise HL_MAX_POSITION_ABS or "
            "HL_MAX_SYMBOL_NOTIONAL, or lower HL_INVESTMENT_USD"
        )
    return replace(
        grid,
        lots=lots,
        cap_long=0 if grid.direction is Direction.SHORT else cap,
        cap_short=0 if grid.direction is Direction.LONG else cap,
        jitter_ppb=settings.jitter_ppb,
        reprice_ticks=settings.reprice_ticks,
        basis=settings.basis,
    )


def with_entry(grid: GridRow, position: int) -> GridRow:
    """A long or short grid with as many cells to be traded first as ``position`` (signed lots) doesn't hold already."""
    match grid.direction:
        case Direction.LONG:
            cells, held = range(grid.above), position
        case Direction.SHORT:
            cells, held = range(-1, -grid.below - 1, -1), -position
        case Direction.NEUTRAL:
            return grid
    needs = accumulate(grid.cell_lots(cell) for cell in cells)
    return replace(grid, entry=len(cells) - sum(need <= held for need in needs))


def slot_price(grid: GridRow, instrument: Instrument, side: Side, cell: int) -> int:
    """What a slot quotes: a buy at its cell's lower line rounded down, a sell at the upper rounded up (never aggressive)."""
    if side is Side.BUY:
        return instrument.round_price_down(grid.line(cell))
    return instrument.round_price_up(grid.line(cell + 1))


@dataclass(frozen=True, slots=True)
class Level:
    """A slot that should have an order now: what it should be. ``takes``: it may trade at once, up to ``worst``, the middle of
    its cell, or its own price if that is farther; ``reach``: an order that rests no farther away serves it as well. All in
    price units.
    """

    slot: Slot
    price: int
    lots: int
    takes: bool = False
    reach: int = 0
    worst: int = 0

    @property
    def tif(self) -> Tif:
        return Tif.IOC if self.takes else Tif.ALO


@dataclass(frozen=True, slots=True)
class Blocked:
    """A slot that should have an order and has none: what stops it."""

    level: Level
    why: Refusal

    @property
    def reason(self) -> str:
        return self.why.reason


@dataclass(frozen=True, slots=True)
class Scales:
    """How large the orders of either side may be, as a fraction of a level times 10**9."""

    buy_ppb: int = PPB
    sell_ppb: int = PPB


EVEN = Scales()


def wants_of_cell(
    grid: GridRow, instrument: Instrument, cell: int, traded: int | None, scales: Scales = EVEN
) -> list[Level]:
    """What a cell wants: to buy until it is full, and to sell what it holds. ``traded``: the signed sum of its fills, ``None``
    if it never traded. A scale below one leaves room in the cell, one above one lets it take, or give, more than its level;
    of a side whose scale is 0 nothing is wanted.
    """
    lots = grid.cell_lots(cell)
    held = grid.start_lots(cell) + (traded or 0)
    found = []
    if held < lots and scales.buy_ppb and (wanted := lots * scales.buy_ppb // PPB - held) > 0:
        found += _wish(grid, instrument, Side.BUY, cell, wanted, traded)
    if held > 0 and scales.sell_ppb and (wanted := held - lots + lots * scales.sell_ppb // PPB) > 0:
        found += _wish(grid, instrument, Side.SELL, cell, wanted, traded)
    return found


def _wish(
    grid: GridRow, instrument: Instrument, side: Side, cell: int, lots: int, traded: int | None
) -> tuple[Level, ...]:
    """One level; none where there is no price for it."""
    price = slot_price(grid, instrument, side, cell)
    if price <= 0:
        return ()
    takes = bool(grid.entry) and traded is None and grid.is_entry(cell) and side is _entry_side(grid)
    reach = _reach(grid, instrument, cell, price) if grid.reprice_ticks else 0
    worst = (grid.line(cell) + grid.line(cell + 1)) // 2 if takes else 0
    return (Level(Slot(grid.generation, side, cell), price, lots, takes, reach, worst),)


def _reach(grid: GridRow, instrument: Instrument, cell: int, price: int) -> int:
    """Less than half a cell, so that no two levels, and no buy and sell, come to share a price."""
    return min(grid.reprice_ticks * instrument.tick(price), (grid.line(cell + 1) - grid.line(cell)) // 3)


def _entry_side(grid: GridRow) -> Side:
    return Side.BUY if grid.direction is Direction.LONG else Side.SELL


def nearest_first(cells: Iterable[int], around: int = 0) -> list[int]:
    return sorted(cells, key=lambda cell: (abs(2 * (cell - around) + 1), cell))


def cell_wants(
    grid: GridRow,
    instrument: Instrument,
    traded: Mapping[int, int],
    scales: Scales = EVEN,
    around: int = 0,
) -> list[Level]:
    """What all cells around a line want, nearest to it first; ``traded``: the signed sum of fills by cell."""
    cells = nearest_first(range(around - grid.below, around + grid.above), around)
    wants = (wants_of_cell(grid, instrument, cell, traded.get(cell), scales) for cell in cells)
    return [level for of_cell in wants for level in of_cell]


def wanted_levels(
    grid: GridRow,
    instrument: Instrument,
    traded: Mapping[int, int],
    scales: Scales = EVEN,
    around: int = 0,
) -> list[Level]:
    """As ``cell_wants``, without what is below the venue's minimum: it waits in its cell until it has grown."""
    wants = cell_wants(grid, instrument, traded, scales, around)
    return [w for w in wants if w.lots >= instrument.min_lots(w.price)]


# -- the difference ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quotes:
    """Best bid and ask in price units; ``None`` where unknown or empty."""

    bid: int | None
    ask: int | None


@dataclass(frozen=True, slots=True)
class OwnPrices:
    """What of ours may still trade: the prices taken, by side, and the best of the grid's on either side (0: none)."""

    taken: Collection[tuple[Side, int]] = ()
    top_buy: int = 0
    low_sell: int = 0

    @staticmethod
    def of(orders: Iterable[Order], occupied: Collection[tuple[Side, int]] = ()) -> OwnPrices:
        taken = {(o.side, o.price) for o in orders}
        return OwnPrices(
            taken | set(occupied),
            max((price for side, price in taken if side is Side.BUY), default=0),
            min((price for side, price in taken if side is Side.SELL), default=0),
        )


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


# -- the validator ----------------------------------------------------------------------------------------------------


def validate_plan(place: Sequence[Level], own: OwnPrices, quotes: Quotes, instrument: Instrument) -> None:
    """Assert what holds of every plan (I6): on the tick and above the venue's minimum, one order at a price of a side, best bid
    below best ask by ``MIN_GAP_TICKS``, and every order that is to rest passive against ``quotes``.
    """
    resting = [level for level in place if not level.takes]
    top_buy, low_sell = own.top_buy, own.low_sell
    for side in Side:
        prices = sorted(level.price for level in resting if level.slot.side is side)
        assert all(a < b for a, b in pairwise(prices)), f"two orders at one price: {prices}"
        assert not any((side, price) in own.taken for price in prices), f"two orders at one price: {prices}"
        if prices and side is Side.BUY:
            top_buy = max(top_buy, prices[-1])
            assert prices[-1] < (quotes.ask or 0), "a buy that would take"
        elif prices:
            low_sell = min(low_sell or prices[0], prices[0])
            assert quotes.bid is not None, "a sell without a bid to be passive against"
            assert prices[0] > quotes.bid, "a sell that would take"
    if resting and top_buy and low_sell:
        gap = MIN_GAP_TICKS * instrument.tick(top_buy)
        assert top_buy + gap <= low_sell, f"crossed: {top_buy} and {low_sell}"
    for level in place:
        assert instrument.is_valid_price(level.price), f"{level.price} is not on the tick"
        assert level.lots >= instrument.min_lots(level.price), f"{level} is below the minimum"
