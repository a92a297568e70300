"""The market's pace: its steps come due in order, ``speed`` market milliseconds per millisecond of the wall clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.paper.exchange import PaperExchange

_TICK_S = 0.01
_TURN_S = 0.002
"""Market steps in a row take about this long, before requests get their turn."""
_MAX_LAG_S = 1.0
"""A machine that was stopped or overloaded doesn't make up for more than this: the market resumes, in order."""


def owed_after(owed_ms: float, passed_ms: float, wait_ms: int, most_ms: float) -> float:
    """Market time that the market has fallen behind by. Arrears beyond ``most_ms`` are forgiven (a machine that slept), but
    never so many that a pause of ``wait_ms`` before the next step could not end.
    """
    return min(owed_ms + passed_ms, max(most_ms, wait_ms))


class Pacer:
    """Walks one exchange's market. Every step is taken, in order, at any speed: a machine that is too slow for the speed
    makes the market late (``late_ms``), it loses nothing.
    """

    def __init__(self, exchange: PaperExchange, speed: float, flush: Callable[[float], None]) -> None:
        self._exchange = exchange
        self._speed = speed
        self._flush = flush
        self._owed_ms = 0.0
        self.steps = 0
        self.late_ms = 0.0
        """Wall-clock milliseconds by which the market is behind for good, in total."""

    async def run(self) -> None:
        """Walk until cancelled; a market that has ended stands still, while the exchange's own clock goes on.

        Raises:
            StoreError: what changed couldn't be kept.
        """
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            await asyncio.sleep(_TICK_S)
            now_s = loop.time()
            self._exchange.tick()
            self._accrue((now_s - last_s) * 1000)
            last_s = now_s
            await self._catch_up(loop)
            self._flush(loop.time())

    def _accrue(self, passed_ms: float) -> None:
        wait_ms = self._exchange.market.wait_ms()
        if wait_ms is None:
            self._owed_ms = 0.0
            return
        passed_ms *= self._speed
        owed_ms = owed_after(self._owed_ms, passed_ms, wait_ms, _MAX_LAG_S * 1000 * self._speed)
        self.late_ms += (self._owed_ms + passed_ms - owed_ms) / self._speed
        self._owed_ms = owed_ms

    async def _catch_up(self, loop: asyncio.AbstractEventLoop) -> None:
        started_s = turn_s = loop.time()
        market = self._exchange.market
        while (wait_ms := market.wait_ms()) is not None and wait_ms <= self._owed_ms:
            self._owed_ms -= wait_ms
            self._exchange.advance()
            self.steps += 1
            now_s = loop.time()
            if now_s - turn_s >= _TURN_S:
                self._flush(now_s)
                await asyncio.sleep(0)
                turn_s = loop.time()
                if turn_s - started_s > _MAX_LAG_S:
                    return
