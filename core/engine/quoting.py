"""Quoting: one coin's step from what rests to what is wanted.

Computed anew from the present state at every step, so that no plan is ever stale: a fill between a cancel and a placement
changes the ledger, and the rest of the work follows from that (C-1).
"""

from __future__ import annotations

from core.domain.clock import Instant
from core.domain.effects import Effect, GridRow, Place, SaveGrid, notify
from core.domain.orders import Order, OrderState, Purpose, Side, Tif
from core.engine.coin import Coin
from core.engine.grid_calculator import (
    GridDiff,
    GridImpossibleError,
    Level,
    Quotes,
    build_grid,
    compute_grid_diff,
    compute_spacing,
    line_price,
    validate_plan,
    wanted_levels,
)
from core.engine.risk_engine import RiskLimits

BATCH_ORDERS = 40
"""Orders per action; a second unit of the exchange's IP weight begins with the 40th."""


def plan(coin: Coin, place_lane_free: bool, now: Instant) -> list[Effect]:
    """Cancels at once, placements when the previous batch has been answered."""
    out = _recenter(coin, now)
    grid = coin.grid
    if grid is None or coin.grid_refused:
        coin.idle_reason = coin.grid_refused
        return out + coin.cancel(coin.live_grid_orders(), now)
    wanted = wanted_levels(grid, coin.config.instrument, coin.traded)
    slots = {level.slot for level in wanted}
    orders = coin.orders
    live = {slot: orders.by_cloid[cloid] for slot, cloid in orders.by_slot.items() if slot in slots}
    in_slots = {order.cloid for order in live.values()}
    quote = coin.quote
    diff = compute_grid_diff(
        wanted,
        live,
        [o for o in coin.live_grid_orders() if o.cloid not in in_slots],
        coin.exposure,
        RiskLimits(grid.cap_lots, 2 * grid.lots),
        Quotes(quote.bid, quote.ask) if quote else Quotes(None, None),
        coin.deferred(now),
        max(coin.config.instrument.min_lots(grid.center), grid.lots // 4),
        orders.by_price.keys(),
    )
    coin.wanted, coin.blocked = tuple(wanted), diff.blocked
    out += coin.cancel([*_due_cancels(coin, grid, diff, now), *_over_cap(coin, grid)], now)
    if diff.place and place_lane_free:
        validate_plan(diff.place, live.values())
        out.append(_place(coin, grid, diff.place[:BATCH_ORDERS], now))
    return out


def _due_cancels(coin: Coin, grid: GridRow, diff: GridDiff, now: Instant) -> list[Order]:
    """What of the unwanted orders goes now. A new grid takes the old one's place in two parts: first the half that is farthest
    from its center, the rest when placing has been seen to work, or when nothing more can be placed beside it. So the book is
    never naked because cancels succeed and placements don't (C-1).
    """
    old = [o for o in diff.cancel if o.slot is not None and o.slot.generation != grid.generation]
    if coin.proven_generation >= grid.generation or not old:
        return list(diff.cancel)
    rest = [o for o in diff.cancel if o not in old]
    under_way = any(
        o.slot is not None and o.slot.generation == grid.generation for o in coin.live_grid_orders()
    )
    held_back = bool(diff.place) or any(b.level.slot in coin.deferred(now) for b in diff.blocked)
    first_half = coin.replaced_generation != grid.generation
    if first_half:
        coin.replaced_generation = grid.generation
        # Half of what is known to rest: an order in doubt may be none.
        resting = [o for o in old if o.state is OrderState.OPEN]
        resting.sort(key=lambda o: abs(o.price - grid.center), reverse=True)
        return [*rest, *(o for o in old if o not in resting), *resting[: -(-len(resting) // 2)]]
    if under_way or held_back or any(o.state is not OrderState.OPEN for o in old):
        return rest
    return list(diff.cancel)


def shed(coin: Coin, now: Instant) -> list[Effect]:
    """What may always be done, also while nothing new is quoted: bring the worst case back under the cap (I4, I7)."""
    return coin.cancel(_over_cap(coin, coin.grid), now) if coin.grid else []


def _over_cap(coin: Coin, grid: GridRow) -> list[Order]:
    """After a breach from outside (a manual trade), the farthest orders of the increasing side go first (I4)."""
    exposure = coin.exposure
    doomed: list[Order] = []
    for side, worst in ((Side.BUY, exposure.worst_long), (Side.SELL, exposure.worst_short)):
        excess = worst - grid.cap_lots
        orders = [o for o in coin.live_grid_orders() if o.side is side]
        for order in sorted(orders, key=lambda o: o.price * o.side.sign):
            if excess <= 0:
                break
            doomed.append(order)
            excess -= order.remaining
    return doomed


def _place(coin: Coin, grid: GridRow, levels: tuple[Level, ...], now: Instant) -> Place:
    """Assert I4 on what is about to be sent, then take it into the books."""
    after = coin.exposure
    for level in levels:
        after = after.with_order(level.slot.side, level.lots)
    sides = {level.slot.side for level in levels}
    assert Side.BUY not in sides or after.worst_long <= max(grid.cap_lots, 0), "worst case long past the cap"
    assert Side.SELL not in sides or after.worst_short <= max(grid.cap_lots, 0), (
        "worst case short past the cap"
    )
    return Place(
        tuple(
            coin.new_order(level.slot.side, level.price, level.lots, Tif.ALO, Purpose.GRID, now, level.slot)
            for level in levels
        )
    )


def _recenter(coin: Coin, now: Instant) -> list[Effect]:
    """Build the first grid, or a new one once the mid has left the old or the settings aren't those it was built from."""
    twice, grid = coin.mid_twice, coin.grid
    if twice is None or not coin.steady_mid.is_believed(twice, now.mono_ms):
        return []
    if grid is not None and not coin.wants_new_grid and not _outdated(coin, grid):
        age_ms = now.mono_ms - coin.grid_since_mono_ms if coin.grid_since_mono_ms else None
        too_soon = age_ms is not None and age_ms < coin.config.recenter_interval_ms
        if too_soon or not _left(coin, grid, twice):
            coin.grid_refused = ""
            return []
    generation = grid.generation + 1 if grid else 1
    try:
        built = build_grid(coin.config.grid, coin.config.instrument, twice // 2, generation, now.wall_ms)
    except GridImpossibleError as error:
        told, coin.grid_refused = coin.grid_refused, str(error)
        return [] if told else [notify("grid_impossible", "warn", coin.name, reason=str(error))]
    coin.grid_refused = ""
    coin.start_grid(built)
    coin.grid_since_mono_ms = now.mono_ms
    name = "grid_built" if grid is None else "grid_recentered"
    return [SaveGrid(built), _grid_event(coin, built, name), *_compression_event(coin, built)]


def _outdated(coin: Coin, grid: GridRow) -> bool:
    """Whether a grid from the journal was built from other settings: a lowered cap must hold from the start."""
    try:
        again = build_grid(
            coin.config.grid, coin.config.instrument, grid.center, grid.generation, grid.created_ms
        )
    except GridImpossibleError:
        return True
    return again != grid


def _left(coin: Coin, grid: GridRow, mid_twice: int) -> bool:
    reach = coin.config.recenter_ppb or grid.spacing_ppb * (grid.levels + 1)
    return abs(mid_twice - 2 * grid.center) * 10**9 > 2 * grid.center * reach


def _grid_event(coin: Coin, grid: GridRow, name: str) -> Effect:
    instrument = coin.config.instrument
    return notify(
        name,
        "info",
        coin.name,
        generation=grid.generation,
        center=instrument.price_text(grid.center),
        spacing_pct=grid.spacing_ppb / 10**7,
        levels=grid.levels,
        size=instrument.size_text(grid.lots),
        lowest=instrument.price_text(line_price(grid.center, grid.spacing_ppb, -grid.levels)),
        highest=instrument.price_text(line_price(grid.center, grid.spacing_ppb, grid.levels)),
    )


def _compression_event(coin: Coin, grid: GridRow) -> list[Effect]:
    """``grid_compression_override`` once per change of its reason (C-4)."""
    override = compute_spacing(coin.config.grid, grid.center, coin.config.instrument).override
    changed, coin.override = override != coin.override, override
    if not changed or not override:
        return []
    return [
        notify(
            "grid_compression_override",
            "warn",
            coin.name,
            configured_pct=coin.config.grid.spacing_ppb / 10**7,
            spacing_pct=grid.spacing_ppb / 10**7,
            reason=override,
        )
    ]
