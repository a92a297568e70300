"""Our own orders: the intents that a coin decides on, and their cancels. In our books from the moment they are made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Cancel, Effect
from core.domain.orders import Order, OrderState, Purpose, Side, Slot, Tif
from core.engine.levels import Level

if TYPE_CHECKING:
    from core.engine.coin import Coin

EXPIRES_AFTER_MS = 5_000
"""How long the venue may still accept an action after it was decided: so UNKNOWN ends."""


def new_order(
    coin: Coin,
    side: Side,
    price: int,
    lots: int,
    tif: Tif,
    purpose: Purpose,
    now: Instant,
    slot: Slot | None = None,
    trigger: int = 0,
) -> Order:
    """An intent, in our books as SENT from this moment on."""
    order = _intent(coin, side, price, lots, tif, purpose, now, slot, trigger)
    coin.orders.add(order)
    return order


def place(coin: Coin, level: Level, now: Instant) -> Order:
    """A level's intent, in our books."""
    return new_order(coin, level.slot.side, level.price, level.lots, level.tif, Purpose.GRID, now, level.slot)


def modify(coin: Coin, old: Order, level: Level, now: Instant) -> tuple[Order, Order]:
    """A level's intent in the place of a resting order: both as they are in our books from this moment on."""
    new = _intent(coin, level.slot.side, level.price, level.lots, level.tif, Purpose.GRID, now, level.slot, 0)
    return coin.orders.start_modify(old.cloid, new, now)


def _intent(
    coin: Coin,
    side: Side,
    price: int,
    lots: int,
    tif: Tif,
    purpose: Purpose,
    now: Instant,
    slot: Slot | None,
    trigger: int,
) -> Order:
    return Order(
        cloid=coin.next_cloid(),
        coin=coin.name,
        side=side,
        price=price,
        lots=lots,
        tif=tif,
        reduce_only=purpose is not Purpose.GRID,
        purpose=purpose,
        slot=slot,
        created_ms=now.venue_ms,
        expires_ms=now.venue_ms + EXPIRES_AFTER_MS,
        ledger_version=coin.ledger.version,
        trigger=trigger,
    )


def cancel(coin: Coin, orders: Iterable[Order], now: Instant) -> list[Effect]:
    """Cancel those of ``orders`` that rest; one in doubt is asked about until it settles."""
    return _cancel(coin, orders, (OrderState.OPEN,), now)


def cancel_one(coin: Coin, order: Order, now: Instant) -> list[Effect]:
    """Cancel one order, known to rest or not, again if need be."""
    states = (OrderState.OPEN, OrderState.SENT, OrderState.UNKNOWN, OrderState.CANCELLING)
    return _cancel(coin, [order], states, now)


def cancel_grid(coin: Coin, now: Instant, again: bool = False) -> list[Effect]:
    """Cancel every grid order that may rest, known to rest or not: by cloid that can't hurt (I7). ``again``: also those
    whose cancel is not confirmed yet. One that a change may still take away, or leave, is cancelled as well.
    """
    states = (
        OrderState.OPEN,
        OrderState.SENT,
        OrderState.UNKNOWN,
        *([OrderState.CANCELLING] if again else []),
    )
    mine = [o for o in coin.live_grid_orders() if o.state in states or o.cloid in coin.orders.replacing]
    return _cancel(coin, mine, (*states, OrderState.CANCELLING), now)


def _cancel(
    coin: Coin, orders: Iterable[Order], states: tuple[OrderState, ...], now: Instant
) -> list[Effect]:
    cloids = sorted({o.cloid for o in orders if o.state in states})
    return [Cancel(tuple(coin.orders.start_cancel(cloid, now) for cloid in cloids))] if cloids else []
