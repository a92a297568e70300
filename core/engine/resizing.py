"""A rescaled grid cancels no more at a time than the order window lets it put back (X6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.orders import Order, OrderState, Slot
from core.engine.risk_engine import Rule
from core.engine.thrift import worth_resizing

if TYPE_CHECKING:
    from core.engine.coin import Coin
    from core.engine.grid_plan import GridPlan


def within_window(
    coin: Coin, found: GridPlan, unwanted: Iterable[Order], may_place: int, is_answered: bool, now: Instant
) -> list[Order]:
    """What of ``unwanted`` may go now: all whose slot wants no order, and of those whose slot wants another one no more than
    can be sent within the minute, those that add to the position first, then the nearest to the mid.

    ``may_place``: levels that may be placed now, those of this step among them. What was sent is counted once it is answered:
    until then (``is_answered``) nothing is resized.
    """
    orders = list(unwanted)
    gone = [o for o in orders if o.slot not in found.wants]
    resized = [o for o in orders if o.slot in found.wants]
    resized = worth_resizing(coin, resized, found.wants.values())
    if not resized or not coin.velocity.max_orders:
        return gone + resized
    room = coin.velocity.left(now) - may_place - _to_come(coin, found.wants, now) if is_answered else 0
    mid, held = coin.known_mid_twice, coin.ledger.lots
    resized.sort(key=lambda o: (o.side.sign * held < 0, abs(2 * o.price - mid), o.side))
    resting = [o for o in resized if o.state is OrderState.OPEN]
    return gone + resting[: max(0, room)]


def _to_come(coin: Coin, wants: Collection[Slot], now: Instant) -> int:
    """Orders that will be sent: those for slots whose order is being cancelled without a successor, and those that only time
    holds back.
    """
    leaving = sum(
        o.state is OrderState.CANCELLING and o.slot in wants and o.cloid not in coin.orders.doubles
        for o in coin.live_grid_orders()
    )
    deferred = coin.deferrals.refusals(now)
    return leaving + sum(
        b.level.slot in deferred or b.why.rule in (Rule.POSITION_VELOCITY, Rule.OWN_ORDER)
        for b in coin.blocked
    )
