"""From an order back to what set it off: lines that name an order get the trace of the decision that it came from.

A decision's trace is the end of the first of its orders' cloids (boot and counter): unique over all runs, and nothing has to be
carried on an order's way for it. ``orders_sent`` says which orders are of it, and what the cause was.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

ORDERS_KNOWN = 20_000
"""Orders whose decision is remembered; ``gridbot events --trace`` finds those of older ones by their cloids."""

TAIL = 16
"""Hex digits of a cloid that are an order's own: boot and counter. The others say whose it is."""


def tail_of(cloid: str) -> str:
    """What tells an order from all others of this bot."""
    return cloid[-TAIL:].lower()


@dataclass(slots=True)
class Way:
    """What belongs to one trace: found by a decision's trace, or the cloid of an order of it, whole or its last 16 digits."""

    asked: str
    traces: set[str] = field(default_factory=set)
    orders: set[str] = field(default_factory=set)
    trade_ids: set[int] = field(default_factory=set)
    """Of the fills that set a decision off."""

    def __post_init__(self) -> None:
        self.asked = tail_of(self.asked)
        self.traces, self.orders = {self.asked}, {self.asked}

    def learn(self, row: dict[str, Any]) -> None:
        """First pass: what is of the decision that is asked for."""
        if row.get("event") != "orders_sent":
            return
        orders = str(row.get("cloids", "")).split()
        if row.get("trace") == self.asked or self.asked in orders:
            self.traces.add(str(row.get("trace")))
            if row.get("trace") == self.asked:
                self.orders.update(orders)
            if isinstance(cause := row.get("cause_trade_id"), int):
                self.trade_ids.add(cause)

    def takes(self, row: dict[str, Any]) -> bool:
        """Second pass: the action, each line about its orders, and the fill that set it off."""
        if row.get("event") == "orders_sent":
            return row.get("trace") in self.traces and bool(
                self.orders & set(str(row.get("cloids", "")).split())
            )
        cloid = row.get("cloid")
        return (isinstance(cloid, str) and tail_of(cloid) in self.orders) or row.get(
            "trade_id"
        ) in self.trade_ids


class Traces:
    """Of one log; belongs to its writer's thread."""

    def __init__(self) -> None:
        self._trace_of: OrderedDict[str, str] = OrderedDict()

    def join(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row with its ``trace``, if it names an order that one is known of."""
        if row.get("event") == "orders_sent":
            trace = str(row.get("trace", ""))
            self._trace_of.update((cloid, trace) for cloid in str(row.get("cloids", "")).split())
            while len(self._trace_of) > ORDERS_KNOWN:
                self._trace_of.popitem(last=False)
            return row
        cloid = row.get("cloid")
        trace = self._trace_of.get(tail_of(cloid), "") if isinstance(cloid, str) else ""
        return {**row, "trace": trace} if trace else row
