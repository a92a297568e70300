"""The exchange's IP weight: 1200 a minute over REST. Reads wait for it; actions don't, and keep a share of their own (I7).

Weights from Hyperliquid's documentation (API: rate limits).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

PER_MINUTE = 1200.0
RESERVED = 300.0
"""Weight that reads leave for cancels, reductions and placements."""

PAUSE_S = 2.0
"""How long reads wait after a refusal for too many requests that names no time."""

DEFAULT_WEIGHT = 20
WEIGHTS = {
    "l2Book": 2,
    "allMids": 2,
    "clearinghouseState": 2,
    "orderStatus": 2,
    "spotClearinghouseState": 2,
    "exchangeStatus": 2,
    "userRole": 60,
}
ROWS_PER_WEIGHT = {
    "userFills": 20,
    "userFillsByTime": 20,
    "userFunding": 20,
    "userNonFundingLedgerUpdates": 20,
    "candleSnapshot": 60,
}
"""Answers that cost one more for every so many rows."""


def read_weight(kind: str) -> int:
    return WEIGHTS.get(kind, DEFAULT_WEIGHT)


def rows_weight(kind: str, answer: Any) -> int:
    """What an answer costs beyond its question."""
    rows = ROWS_PER_WEIGHT.get(kind)
    return len(answer) // rows if rows and isinstance(answer, list) else 0


def action_weight(items: int) -> int:
    return 1 + items // 40


class WeightBudget:
    """A bucket that refills evenly. Belongs to one event loop; reads wait in order, and leave ``reserved`` of it."""

    def __init__(
        self, mono_ms: Callable[[], float], per_minute: float | None = None, reserved: float = RESERVED
    ) -> None:
        """``per_minute``: all that an address has if not given."""
        self._mono_ms, self._per_minute, self._reserved = mono_ms, per_minute or PER_MINUTE, reserved
        self._left = self._per_minute
        self._at_ms = mono_ms()
        self._turn = asyncio.Lock()

    @property
    def left(self) -> float:
        """Weight that could be spent now; below zero after actions that didn't wait."""
        now = self._mono_ms()
        self._left = min(self._per_minute, self._left + (now - self._at_ms) * self._per_minute / 60_000)
        self._at_ms = now
        return self._left

    def spend(self, weight: int) -> None:
        """Take weight without waiting: an action, or the rows of an answer that is here already."""
        self._left = self.left - weight

    def pause(self, seconds: float) -> None:
        """The exchange says that it is spent: reads wait for so long, at least ``PAUSE_S``."""
        paused = self._reserved - max(seconds, PAUSE_S) * self._per_minute / 60
        self._left = min(self.left, paused)

    async def wait_for(self, weight: int) -> None:
        """Take weight for a read once there is enough above the reserve."""
        async with self._turn:
            while (short := weight + self._reserved - self.left) > 0:  # noqa: ASYNC110 - time is what it waits for
                await asyncio.sleep(short * 60 / self._per_minute)
            self.spend(weight)
