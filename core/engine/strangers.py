"""Orders that rest on the account and are in no books of ours, as the last list of open orders showed them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.domain.cloid import parse_cloid
from core.domain.events import RemoteOrder


@dataclass(frozen=True, slots=True)
class Stranger:
    """``since_ms`` is our wall clock when it was first listed; ``note`` says whose it is and what becomes of it."""

    order: RemoteOrder
    since_ms: int
    note: str


@dataclass(slots=True)
class Strangers:
    """Those of one coin. ``version`` grows with every list that shows others than the one before."""

    listed: tuple[Stranger, ...] = ()
    version: int = 0
    _since: dict[int, int] = field(default_factory=dict)

    def saw(self, strange: Iterable[RemoteOrder], instance: str, copies: Iterable[str], now: Instant) -> None:
        """A list of all open orders. ``instance`` is ours, ``copies`` are the cloids that another program of it has placed."""
        known = set(copies)
        orders = list(strange)
        self._since = {order.order_id: self._since.get(order.order_id, now.wall_ms) for order in orders}
        listed = tuple(
            Stranger(order, self._since[order.order_id], _whose(order, instance, known)) for order in orders
        )
        if listed != self.listed:
            self.listed = listed
            self.version += 1


def _whose(order: RemoteOrder, instance: str, copies: set[str]) -> str:
    parts = parse_cloid(order.cloid)
    if parts is None:
        return "placed by hand or by another program: left alone"
    if parts.instance != instance:
        return f"of another GridBot ({parts.instance}): left alone"
    if order.cloid in copies:
        return "of a second program with this state dir: its to cancel"
    if order.is_trigger:
        return "a stop of ours that no journal knows: kept until one of ours rests"
    return "ours, and no journal knows it: being cancelled"
