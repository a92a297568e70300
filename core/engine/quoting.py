"""Quoting: one coin's step from what rests to what is wanted.

Computed from the present state at every step, so that no plan is ever stale: a fill between a cancel and a placement changes
the ledger, and the rest of the work follows from that (C-1).
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.clock import Instant
from core.domain.effects import Effect, Modify, Place
from core.domain.grid import GridRow
from core.domain.orders import Order, OrderState, Side
from core.engine.coin import Coin
from core.engine.grid_calculator import Gate
from core.engine.grid_plan import GridPlan
from core.engine.idleness import without_a_grid
from core.engine.intents import cancel, modify, place
from core.engine.leaning import adds_nothing, close_part, lean, reduced_exposure, session_caps
from core.engine.levels import Blocked, Level
from core.engine.modifying import (
    Pair,
    Resizing,
    is_modifiable,
    pair_up,
    resizing,
    spared,
    waiting_half,
)
from core.engine.plan_validator import OwnPrices, Quotes, validate_plan
from core.engine.protection import orders_beyond_stop
from core.engine.regridding import regrid
from core.engine.resizing import within_window
from core.engine.risk_engine import RiskLimits, Rule
from core.engine.thrift import most_valuable

BATCH_ORDERS = 40
"""Orders per action; a second unit of the exchange's IP weight begins with the 40th."""


def plan(coin: Coin, room: int, now: Instant, window_ms: int = 0) -> list[Effect]:
    """Cancels and what closes at once, placements as many as there is ``room`` for. ``window_ms``: how long a re-quote waits
    for what the market says next, if it is calm.
    """
    out = regrid(coin, now)
    found = coin.plan
    if found is None or coin.grid_refused:
        coin.idle = without_a_grid(coin)
        out += cancel(coin, coin.live_grid_orders(), now)
        return out + reduce(coin, now)
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
    if _is_settled(coin, found):
        coin.blocked = ()
        if room:
            coin.pacing.until_mono_ms = 0
        return out + close_part(coin, found, now)
    gate = gate_of(coin, grid, now)
    place, blocked = coin.filtered.look(found, orders.own.version, gate)
    if room and coin.pacing.waits(window_ms, bool(place or found.unwanted), coin.features, now):
        room = 0
    turn = _turn(coin, found, gate, place, room, now)
    coin.blocked = (*blocked, *turn.too_fast)
    out += cancel(coin, turn.cancel, now)
    if turn.place or turn.pairs:
        validate_plan((*place, *turn.resizing.levels), turn.resizing.own, gate.quotes, gate.instrument)
        coin.pacing.sent(goes_on=_goes_on(coin, grid, place, turn))
        return [*out, *_send(coin, gate.limits, turn, now)]
    return out + close_part(coin, found, now)


def _goes_on(coin: Coin, grid: GridRow, place: tuple[Level, ...], turn: Turn) -> bool:
    """Whether more of what is wanted waits for the answer to this batch: the rest of it, or the old grid's other half."""
    waits_for_proof = coin.replaced_generation == grid.generation > coin.proven_generation
    return waits_for_proof or len(place) + len(turn.resizing.levels) > len(turn.place) + len(turn.pairs)


def _is_settled(coin: Coin, found: GridPlan) -> bool:
    """Nothing is missing, nothing is to go: what could be placed now needn't be asked."""
    return not (
        found.missing
        or found.unwanted
        or coin.orders.doubles
        or _over_cap(coin, found.grid)
        or orders_beyond_stop(coin)
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """What one step does of the difference."""

    cancel: tuple[Order, ...]
    place: tuple[Level, ...]
    pairs: tuple[Pair, ...]
    too_fast: tuple[Blocked, ...]
    resizing: Resizing


def _turn(coin: Coin, found: GridPlan, gate: Gate, place: tuple[Level, ...], room: int, now: Instant) -> Turn:
    """Divide what is to be done into orders to cancel, to place, and to modify. An order that can be modified waits for its
    batch; a probe of a breaker is a placement alone.
    """
    generation = found.grid.generation
    had_begun = generation in (coin.replaced_generation, coin.proven_generation)
    may_begin = room or had_begun or coin.proven_generation > generation
    over = {o.cloid: o for o in (*_over_cap(coin, found.grid), *orders_beyond_stop(coin))}
    due = _due_cancels(coin, found, len(place), room > 0, now) if may_begin else []
    is_probing = 0 < room < BATCH_ORDERS
    old = [] if is_probing else [o for o in due if o.cloid not in over and is_modifiable(coin, o)]
    resized = resizing(coin, found, gate, place, old)
    levels = (*place, *resized.levels)
    may_go, too_fast = coin.velocity.admit(levels, coin.exposure, len(levels), now)
    sent = most_valuable(coin, may_go)[: min(room, BATCH_ORDERS)]
    pairs = pair_up(resized, may_go, old)
    paired = {order.cloid for order, _ in pairs}
    cancel = (*over.values(), *(o for o in due if o.cloid not in paired and o.cloid not in over))
    in_place = {level.slot for level in resized.levels}
    later = in_place | {level.slot for _, level in pairs}
    place = tuple(level for level in sent if level.slot not in later)
    goes = tuple((order, level) for order, level in pairs if level in sent)
    if coin.replaced_generation == generation > coin.proven_generation and not is_probing:
        saved = spared(place, waiting_half(coin, found, due), bool(goes) or _is_under_way(coin, generation))
        place = tuple(level for level in place if level not in saved)
    too_fast = tuple(b for b in too_fast if b.level.slot not in in_place)
    return Turn(cancel, place, goes, too_fast, resized)


def _is_under_way(coin: Coin, generation: int) -> bool:
    """Whether it is still to be known of an order of this grid that it was placed."""
    unknown = (OrderState.SENT, OrderState.UNKNOWN)
    return any(
        o.state in unknown and o.slot is not None and o.slot.generation == generation
        for o in coin.live_grid_orders()
    )


def gate_of(coin: Coin, grid: GridRow, now: Instant) -> Gate:
    quote, own = coin.quote, coin.orders.own
    speed = coin.velocity.speed_limit(grid.lots, now)
    return Gate(
        coin.config.instrument,
        reduced_exposure(coin),
        RiskLimits(
            grid.cap_long,
            _cap_short(coin, grid),
            2 * grid.most_lots,
            (*coin.caps, *session_caps(coin)),
            speed,
        ),
        Quotes(quote.bid, quote.ask) if quote else Quotes(None, None),
        {**coin.deferrals.refusals(now), **coin.parked.refusals(grid.generation)},
        OwnPrices(own.by_price.keys(), own.top_buy(), own.low_sell()),
        coin.config.slippage_ppb,
        coin.config.stop_low,
        coin.config.stop_high,
    )


def _cap_short(coin: Coin, grid: GridRow) -> int:
    """The cap in USD was made lots at the grid's center. Above it they are fewer: by the line that the price is nearest to, so
    that not every tick moves the cap.
    """
    mid = coin.known_mid_twice // 2
    here = grid.line(grid.nearest_line(mid)) if mid > grid.center else grid.center
    return min(grid.cap_short, coin.settings.cap_micro // max(grid.center, here))


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
    deferred = coin.deferrals.refusals(now)
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
    return cancel(coin, _over_cap(coin, coin.grid), now) if coin.grid else []


def reduce(coin: Coin, now: Instant) -> list[Effect]:
    """While nothing is quoted: whether the price has left the grid there was, and what is due of the position (I7)."""
    out = coin.leaving.look(coin, now)
    return out + close_part(coin, coin.plan, now)


def _over_cap(coin: Coin, grid: GridRow) -> list[Order]:
    """After a breach from outside (a manual trade), the farthest orders of the increasing side go first (I4). What only reduces
    the position stays; while it is only reduced, nothing does that could turn it round.
    """
    exposure, reduces, held = reduced_exposure(coin), adds_nothing(coin), coin.ledger.lots
    if (
        not reduces
        and exposure.worst_long <= max(grid.cap_long, 0)
        and exposure.worst_short <= max(grid.cap_short, 0)
    ):
        return []
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


def _send(coin: Coin, limits: RiskLimits, turn: Turn, now: Instant) -> list[Effect]:
    """Assert I4 on what is about to be sent, then take it into the books."""
    after = coin.exposure
    levels = (*turn.place, *(level for _, level in turn.pairs))
    for level in levels:
        after = after.with_order(level.slot.side, level.lots)
    sides = {level.slot.side for level in levels}
    assert Side.BUY not in sides or after.worst_long <= max(limits.cap_long, 0), (
        "worst case long past the cap"
    )
    assert Side.SELL not in sides or after.worst_short <= max(limits.cap_short, 0), (
        "worst case short past the cap"
    )
    out: list[Effect] = []
    if turn.pairs:
        out.append(Modify(tuple(modify(coin, old, level, now) for old, level in turn.pairs)))
    if turn.place:
        out.append(Place(tuple(place(coin, level, now) for level in turn.place)))
    return out
