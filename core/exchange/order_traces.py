"""What set a decision off, in words for the log: a quote, a fill, an operator's command, the clock."""

from __future__ import annotations

import re

from core.domain.effects import Notify, Scalar, notify
from core.domain.events import CommandReceived, Event, FillsCommitted
from core.domain.orders import Order

CLOID_TAIL = 16
"""Hex digits of a cloid that are an order's own."""


def cause_of(event: Event) -> dict[str, Scalar]:
    """``cause``, and which fill or command it was."""
    match event:
        case FillsCommitted(fills) if fills:
            return {"cause": "fill", "cause_trade_id": fills[0].trade_id}
        case CommandReceived(command):
            return {"cause": "operator", "cause_id": command.id}
        case _:  # BackfillDone: backfill_done
            return {"cause": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()}


def orders_sent(
    trace: str, event: Event, action: str, orders: tuple[Order, ...], stages_us: dict[str, int]
) -> Notify:
    """One line for all orders of an action, once it is answered. ``stages_us``: what each part of its way took."""
    cloids = " ".join(order.cloid[-CLOID_TAIL:] for order in orders)
    return notify(
        "orders_sent",
        "info",
        orders[0].coin,
        trace=trace,
        **cause_of(event),
        action=action,
        orders=len(orders),
        cloids=cloids,
        **stages_us,
    )
