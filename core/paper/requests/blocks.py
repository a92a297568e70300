"""Blocks: actions that arrive together are executed in Hyperliquid's order, not in that of their arrival.

First what sends no order that could take (post-only orders, triggers, leverage, transfers), then cancels, then every action
with at least one order that could; first come, first served inside. A modify counts as its new order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

from core.paper.jsonio import Json
from core.paper.requests.actions import Action, CancelAction, ModifyAction, PlaceAction
from core.paper.requests.envelope import Envelope
from core.paper.venue.orders import TimeInForce, WireOrder


class Turn(IntEnum):
    QUIET = 0
    CANCEL = 1
    TAKE = 2


def turn_of(action: Action) -> Turn:
    match action:
        case PlaceAction():
            return _turn_of_orders(action.orders)
        case ModifyAction():
            return _turn_of_orders(order for _, order in action.modifies)
        case CancelAction():
            return Turn.CANCEL
        case _:
            return Turn.QUIET


def _turn_of_orders(orders: Iterable[WireOrder]) -> Turn:
    may_take = any(order.tif not in (None, TimeInForce.ALO) for order in orders)
    return Turn.TAKE if may_take else Turn.QUIET


def execution_order(envelopes: Sequence[Envelope]) -> list[int]:
    """The places of ``envelopes`` in the order in which they are executed."""
    return sorted(range(len(envelopes)), key=lambda place: turn_of(envelopes[place].action))


class Blocks:
    """Gathers what arrives within ``block_ms`` and hands it over together. Use from one event loop.

    ``commit`` gets a block in order of arrival and returns an answer to each.
    """

    def __init__(self, commit: Callable[[Sequence[Envelope]], Sequence[Json]], block_ms: int) -> None:
        self._commit = commit
        self._block_s = block_ms / 1000
        self._waiting: list[Envelope] = []
        self._block: asyncio.Task[Sequence[Json]] | None = None

    async def submit(self, envelope: Envelope) -> Json:
        """The answer, once the block with ``envelope`` is committed. Raises what ``commit`` raises."""
        if not self._block_s:
            return self._commit([envelope])[0]
        if self._block is None:
            self._block = asyncio.create_task(self._gather(), name="paper block")
        place = len(self._waiting)
        self._waiting.append(envelope)
        return (await asyncio.shield(self._block))[place]

    async def _gather(self) -> Sequence[Json]:
        await asyncio.sleep(self._block_s)
        waiting, self._waiting, self._block = self._waiting, [], None
        return self._commit(waiting)
