"""Modifying: a resting order that is no longer wanted becomes one that is, in one action in place of a cancel and a placement.

At the exchange it is a cancel and a new order in one go, so the place in the queue is lost as it would be. Until evidence both
count in the worst case (I4): what doesn't fit beside the old orders goes by cancel and placement.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from core.domain.orders import Order, OrderState, Purpose, Side, Tif
from core.engine.coin import Coin
from core.engine.grid_calculator import Gate, build_filtered_levels
from core.engine.grid_plan import GridPlan
from core.engine.levels import Level
from core.engine.plan_validator import OwnPrices

Pair = tuple[Order, Level]
"""A resting order, and what it is to become."""


def is_modifiable(coin: Coin, order: Order) -> bool:
    """Whether all is known of an order: it rests under an id, nothing of it traded, and it is the only one of its slot."""
    orders = coin.orders
    return (
        order.state is OrderState.OPEN
        and order.purpose is Purpose.GRID
        and order.tif is Tif.ALO
        and order.order_id is not None
        and not order.filled
        and order.cloid not in orders.doubts
        and order.cloid not in orders.doubles
    )


@dataclass(frozen=True, slots=True)
class Resizing:
    """Orders that rest where a level is wanted otherwise, the nearest slot first, as far as the gate lets the level through."""

    pairs: tuple[Pair, ...]
    own: OwnPrices
    """What of ours rests beside the old ones."""

    @property
    def levels(self) -> tuple[Level, ...]:
        return tuple(level for _, level in self.pairs)


def resizing(
    coin: Coin, found: GridPlan, gate: Gate, place: Sequence[Level], due: Iterable[Order]
) -> Resizing:
    """Which of ``due`` may become what their own slot wants, beside all of ``place``. They may keep their price."""
    old = {o.slot: o for o in due if o.slot in found.wants and not found.wants[o.slot].takes}
    if not old:
        return Resizing((), gate.own)
    by_price = coin.orders.own.by_price
    free = {(o.side, o.price) for o in old.values() if by_price.get((o.side, o.price)) == {o.cloid}}
    own = _with(OwnPrices({*gate.own.taken} - free, gate.own.top_buy, gate.own.low_sell), place)
    exposure = gate.exposure
    for level in place:
        exposure = exposure.with_order(level.slot.side, level.lots)
    middle = 2 * found.around - 1
    wishes = sorted(
        (found.wants[slot] for slot in old if slot), key=lambda w: (abs(2 * w.slot.index - middle), w.slot)
    )
    fit, _ = build_filtered_levels(wishes, replace(gate, exposure=exposure, own=own))
    return Resizing(
        tuple((old[level.slot], level) for level in fit),
        OwnPrices({*gate.own.taken} - free, gate.own.top_buy, gate.own.low_sell),
    )


def _with(own: OwnPrices, place: Sequence[Level]) -> OwnPrices:
    resting = [level for level in place if not level.takes]
    buys = [level.price for level in place if level.slot.side is Side.BUY]
    sells = [level.price for level in place if level.slot.side is Side.SELL]
    return OwnPrices(
        {*own.taken, *((level.slot.side, level.price) for level in resting)},
        max([own.top_buy, *buys]),
        min([own.low_sell, *sells] if own.low_sell else sells, default=0),
    )


def pair_up(resized: Resizing, levels: Iterable[Level], old: Iterable[Order]) -> tuple[Pair, ...]:
    """The pairs of all ``levels`` that may go now: of its own slot where an order rests in it, else the nearest."""
    going = list(levels)
    slots = {level.slot for level in going}
    own = tuple((order, level) for order, level in resized.pairs if level.slot in slots)
    taken = {order.cloid for order, _ in own}
    in_place = {level.slot for level in resized.levels}
    others = (order for order in old if order.cloid not in taken)
    return own + pair((level for level in going if level.slot not in in_place), others)


def pair(levels: Iterable[Level], orders: Iterable[Order]) -> tuple[Pair, ...]:
    """Each level, in the order given, with the order of its side that rests nearest to its price, the lower of two; each order
    once. A level that may take has none.
    """
    left: dict[Side, list[tuple[int, str, Order]]] = {side: [] for side in Side}
    for order in orders:
        insort(left[order.side], (order.price, order.cloid, order), key=lambda row: row[:2])
    found: list[Pair] = []
    for level in levels:
        mine = left[level.slot.side]
        if level.takes or not mine:
            continue
        at = bisect_left(mine, level.price, key=lambda row: row[0])
        near = min(
            range(max(0, at - 1), min(at + 1, len(mine))), key=lambda n: (abs(mine[n][0] - level.price), n)
        )
        found.append((mine.pop(near)[2], level))
    return tuple(found)


def spared(levels: Sequence[Level], waiting: Iterable[Order], is_proven_by_others: bool) -> set[Level]:
    """Of ``levels``, nearest first, those that ``waiting`` orders become once placing is proven: the nearest of their side. If
    nothing else goes that could prove it, the first one does.
    """
    left = dict.fromkeys(Side, 0)
    for order in waiting:
        left[order.side] += 1
    found: list[Level] = []
    for level in levels:
        if not level.takes and left[level.slot.side]:
            left[level.slot.side] -= 1
            found.append(level)
    if found and not is_proven_by_others and len(found) == len(levels):
        found = found[1:]
    return set(found)


def waiting_half(coin: Coin, found: GridPlan, due: Collection[Order]) -> list[Order]:
    """Orders of the grid before that stay until placing is proven, and may be modified then."""
    names = {order.cloid for order in due}
    return [o for o in found.unwanted.values() if o.cloid not in names and is_modifiable(coin, o)]
