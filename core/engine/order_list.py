"""The orders of all coins as the console lists them: what ought not to be there first.

A Snapshot is made ten times a second and the book changes less often: an order that didn't change keeps its row, and while
no order did the whole list is the last one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.domain.instrument import Instrument
from core.domain.orders import Order, OrderState
from core.engine.coin import Coin
from core.engine.strangers import Stranger
from core.view import OrderShown, OrderView

_RANK = {shown: rank for rank, shown in enumerate(OrderShown)}


@dataclass(slots=True)
class OrderList:
    _key: tuple[tuple[int, int], ...] = ()
    _rows: dict[str, tuple[Order, bool, OrderView]] = field(default_factory=dict)
    _listed: tuple[OrderView, ...] = ()

    def of(self, coins: Iterable[Coin]) -> tuple[OrderView, ...]:
        """Every live order, and every one that the exchange lists and we don't know."""
        traded = list(coins)
        key = tuple((coin.orders.version, coin.strangers.version) for coin in traded)
        if key != self._key:
            self._key, self._listed = key, self._made(traded)
        return self._listed

    def _made(self, coins: list[Coin]) -> tuple[OrderView, ...]:
        rows: dict[str, tuple[Order, bool, OrderView]] = {}
        listed: list[OrderView] = []
        for coin in coins:
            instrument = coin.config.instrument
            for order in coin.orders.live():
                failed = order.cloid in coin.orders.cancel_failed
                known = self._rows.get(order.cloid)
                if known is None or known[0] is not order or known[1] is not failed:
                    known = order, failed, _own(instrument, order, failed)
                rows[order.cloid] = known
                listed.append(known[2])
            listed += [_strange(instrument, stranger) for stranger in coin.strangers.listed]
        self._rows = rows
        listed.sort(key=lambda row: (_RANK[row.state], row.coin, -row.price, row.cloid))
        return tuple(listed)


def _own(instrument: Instrument, order: Order, cancel_failed: bool) -> OrderView:
    shown = _shown(order, cancel_failed)
    return OrderView(
        coin=order.coin,
        cloid=order.cloid,
        order_id=order.order_id,
        side=order.side.value,
        price=instrument.price_decimal(order.trigger or order.price),
        size=instrument.size_decimal(order.lots),
        filled=instrument.size_decimal(order.filled),
        state=shown,
        since_ms=order.created_ms,
        slot=f"{order.slot.side.value} {order.slot.index}" if order.slot is not None else "",
        purpose=order.purpose.value,
        note=order.reason if shown in (OrderShown.CANCEL_FAILED, OrderShown.UNKNOWN) else "",
    )


def _shown(order: Order, cancel_failed: bool) -> OrderShown:
    if cancel_failed:
        return OrderShown.CANCEL_FAILED
    match order.state:
        case OrderState.UNKNOWN:
            return OrderShown.UNKNOWN
        case OrderState.CANCELLING:
            return OrderShown.CANCELLING
        case OrderState.SENT:
            return OrderShown.IN_FLIGHT
        case OrderState.AWAITING_FILLS:
            return OrderShown.AWAITING_FILLS
        case _:
            return OrderShown.PARTIAL if order.filled else OrderShown.OPEN


def _strange(instrument: Instrument, stranger: Stranger) -> OrderView:
    order = stranger.order
    return OrderView(
        coin=order.coin,
        cloid=order.cloid or "",
        order_id=order.order_id,
        side=order.side.value,
        price=instrument.price_decimal(order.price),
        size=instrument.size_decimal(order.remaining),
        filled=instrument.size_decimal(0),
        state=OrderShown.ORPHAN,
        since_ms=stranger.since_ms,
        purpose="foreign",
        note=stranger.note,
    )
