"""What a coin leaves out while the account's requests run low, and which of its orders comes first when they are spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.orders import Order
from core.engine.address_budget import (
    CANCELS_RESERVED,
    PACE_MS,
    RECENTER_TIMES,
    RESERVED,
    RESIZE_SHARE,
    AddressBudget,
)
from core.engine.levels import Level
from core.engine.risk_engine import Refusal, Rule
from core.view import BudgetMode

if TYPE_CHECKING:
    from core.engine.coin import Coin


def may_recenter(coin: Coin, age_ms: int | None) -> bool:
    """Whether a grid of that age may make way for another by itself; one that an operator wants always may."""
    match coin.thrift:
        case BudgetMode.NORMAL:
            return True
        case BudgetMode.THINNING:
            return age_ms is None or age_ms >= RECENTER_TIMES * coin.config.recenter_interval_ms
        case BudgetMode.ONE_PER_10S:
            return False


def worth_resizing(coin: Coin, orders: Sequence[Order], wants: Collection[Level]) -> list[Order]:
    """Of orders whose slot wants another one, those that are worth a request."""
    if coin.thrift is BudgetMode.NORMAL:
        return list(orders)
    if coin.thrift is BudgetMode.ONE_PER_10S:
        return []
    wanted = {level.slot: level for level in wants}
    return [o for o in orders if o.slot is None or _is_far_off(o, wanted[o.slot])]


def _is_far_off(order: Order, level: Level) -> bool:
    return order.price != level.price or RESIZE_SHARE * abs(order.remaining - level.lots) >= order.remaining


def most_valuable(coin: Coin, levels: Sequence[Level]) -> tuple[Level, ...]:
    """While one order goes at a time: the side where fewer rest, then the nearest to the price."""
    if coin.thrift is not BudgetMode.ONE_PER_10S:
        return tuple(levels)
    resting, twice = Counter(o.side for o in coin.live_grid_orders()), coin.known_mid_twice
    return tuple(sorted(levels, key=lambda at: (resting[at.slot.side], abs(2 * at.price - twice))))


def holds_back(coin: Coin, requests: AddressBudget, resting: int, now: Instant) -> Refusal | None:
    """Why an order that is wanted and allowed hasn't gone, if it is for the account's requests. ``resting``: of all coins."""
    if coin.thrift is not BudgetMode.ONE_PER_10S:
        return None
    if requests.cancels_left <= CANCELS_RESERVED:
        words = "the account's requests are spent, and what is left is for cancels"
        return Refusal(Rule.BUDGET, words)
    if requests.keeps_reserve(resting):
        words = f"the account's last {RESERVED} requests are for stops and reductions; what rests earns more when it fills"
        return Refusal(Rule.BUDGET, words)
    words = f"the account's requests are spent: one order every {PACE_MS // 1000} s, the most needed first"
    return Refusal(Rule.BUDGET, words, max(requests.next_mono_ms, now.mono_ms))
