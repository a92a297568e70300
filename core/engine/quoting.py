"""Quoting: one coin's step from what rests to what is wanted.

Computed from the present state at every step, so that no plan is ever stale: a fill between a cancel and a placement changes
the ledger, and the rest of the work follows from that (C-1).
"""

from __future__ import annotations

from core.domain.clock import Instant
from core.domain.effects import Effect, Place
from core.domain.grid import GridRow
from core.domain.orders import Order, OrderState, Purpose, Side
from core.engine.coin import Coin
from core.engine.grid_calculator import (
    Gate,
    Level,
    OwnPrices,
    Quotes,
    validate_plan,
)
from core.engine.grid_plan import GridPlan
from core.engine.leaning import close_part, lean, reduced_exposure, session_caps
from core.engine.protection import orders_beyond_stop
from core.engine.regridding import regrid
from core.engine.resizing import within_window
from core.engine.risk_engine import RiskLimits, Rule

BATCH_ORDERS = 40
"""Orders per action; a second unit of the exchange's IP weight begins with the 40th."""


def plan(coin: Coin, room: int, now: Instant) -> list[Effect]:
    """Cancels at once, placements as many as there is ``room`` for."""
    out = regrid(coin, now)
    found = coin.plan
    if found is None or coin.grid_refused:
        coin.idle_reason = coin.grid_refused or coin.waiting_for
        out += coin.cancel(coin.live_grid_orders(), now)
        return out + (close_part(coin, None, now) if room and coin.session.reduces(coin) else [])
    grid, orders = found.grid, coin.orders
    if grid.is_endless and coin.mid_twice:
        found.follow(coin.mid_twice, orders)
    out += coin.leaving.look(coin, now)
    out += lean(coin, found)
    found.update(orders)
    if coin.adopting_generation != grid.generation:
        coin.adopting_generation = grid.generation
        if found.adopt(orders):
            coin.proven_generation = grid.generation
        found.update(orders)
    gate = gate_of(coin, grid, now)
    place, blocked = coin.filtered.look(found, orders.own.version, gate)
    sent, too_fast = coin.velocity.admit(place, coin.exposure, min(room, BATCH_ORDERS), now)
    coin.blocked = (*blocked, *too_fast)
    doomed = [
        *_due_cancels(coin, found, len(place), room > 0, now),
        *_over_cap(coin, grid),
        *orders_beyond_stop(coin),
    ]
    out += coin.cancel(doomed, now)
    if sent:
        validate_plan(place, gate.own, gate.quotes, gate.instrument)
        return [*out, _place(coin, gate.limits, sent, now)]
    return out + (close_part(coin, found, now) if room else [])


def gate_of(coin: Coin, grid: GridRow, now: Instant) -> Gate:
    quote, own = coin.quote, coin.orders.own
    speed = coin.velocity.speed_limit(grid.lots, now)
    return Gate(
        coin.config.instrument,
        reduced_exposure(coin),
        RiskLimits(
            grid.cap_long, grid.cap_short, 2 * grid.most_lots, (*coin.caps, *session_caps(coin)), speed
        ),
        Quotes(quote.bid, quote.ask) if quote else Quotes(None, None),
        coin.deferred(now),
        OwnPrices(own.by_price.keys(), own.top_buy(), own.low_sell()),
        coin.config.slippage_ppb,
        coin.config.stop_low,
        coin.config.stop_high,
    )


def _due_cancels(coin: Coin, found: GridPlan, may_place: int, is_answered: bool, now: Instant) -> list[Order]:
    """What of the unwanted orders goes now, while so many levels may be placed. A new grid takes the old one's place in two
    parts: first the half that is farthest from its center, the rest when placing has been seen to work, or when nothing more
    can be placed beside it. So the book is never naked because cancels succeed and placements don't (C-1).
    """
    grid = found.grid
    resized = within_window(coin, found, found.unwanted.values(), may_place, is_answered, now)
    unwanted = [*resized, *(coin.orders.by_cloid[cloid] for cloid in coin.orders.doubles)]
    if not unwanted or coin.proven_generation >= grid.generation:
        return unwanted
    old = [o for o in unwanted if o.slot is not None and o.slot.generation != grid.generation]
    if not old:
        return unwanted
    rest = [o for o in unwanted if o not in old]
    under_way = any(
        o.slot is not None and o.slot.generation == grid.generation for o in coin.live_grid_orders()
    )
    deferred = coin.deferred(now)
    # What time alone will let through is as good as on its way.
    held_back = bool(may_place) or any(
        b.level.slot in deferred or b.why.rule is Rule.POSITION_VELOCITY for b in coin.blocked
    )
    first_half = coin.replaced_generation != grid.generation
    if first_half:
        coin.replaced_generation = grid.generation
        # Half of what is known to rest: an order in doubt may be none.
        resting = [o for o in old if o.state is OrderState.OPEN]
        resting.sort(key=lambda o: abs(o.price - grid.center), reverse=True)
        return [*rest, *(o for o in old if o not in resting), *resting[: -(-len(resting) // 2)]]
    if under_way or held_back or any(o.state is not OrderState.OPEN for o in old):
        return rest
    return unwanted


def shed(coin: Coin, now: Instant) -> list[Effect]:
    """What may always be done, also while nothing new is quoted: bring the worst case back under the cap (I4, I7)."""
    return coin.cancel(_over_cap(coin, coin.grid), now) if coin.grid else []


def _over_cap(coin: Coin, grid: GridRow) -> list[Order]:
    """After a breach from outside (a manual trade), the farthest orders of the increasing side go first (I4). What only reduces
    the position stays; while a session reduces it, nothing does that could turn it round.
    """
    exposure, reduces, held = reduced_exposure(coin), coin.session.reduces(coin), coin.ledger.lots
    doomed: list[Order] = []
    for side, worst, cap in (
        (Side.BUY, exposure.worst_long, 0 if reduces and held < 0 else grid.cap_long),
        (Side.SELL, exposure.worst_short, 0 if reduces and held > 0 else grid.cap_short),
    ):
        excess = worst - max(cap, 0)
        if excess <= 0:
            continue
        orders = [o for o in coin.live_grid_orders() if o.side is side]
        for order in sorted(orders, key=lambda o: o.price * o.side.sign):
            if excess <= 0:
                break
            doomed.append(order)
            excess -= order.remaining
    return doomed


def _place(coin: Coin, limits: RiskLimits, levels: tuple[Level, ...], now: Instant) -> Place:
    """Assert I4 on what is about to be sent, then take it into the books."""
    after = coin.exposure
    for level in levels:
        after = after.with_order(level.slot.side, level.lots)
    sides = {level.slot.side for level in levels}
    assert Side.BUY not in sides or after.worst_long <= max(limits.cap_long, 0), (
        "worst case long past the cap"
    )
    assert Side.SELL not in sides or after.worst_short <= max(limits.cap_short, 0), (
        "worst case short past the cap"
    )
    return Place(
        tuple(
            coin.new_order(level.slot.side, level.price, level.lots, level.tif, Purpose.GRID, now, level.slot)
            for level in levels
        )
    )
