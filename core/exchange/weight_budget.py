"""The exchange's IP weight: 1200 a minute over REST, for all that this host sends it.

A cancel and a reduction wait for nobody, and have a share that nothing else can take (I7). Placements wait a little, reads
until there is room.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol, TypeVar

from core.domain.effects import Notify, notify
from core.domain.request_limits import IpWeight
from core.exchange.lanes import Lane
from core.exchange.shared_window import OwnWindow, SharedWindow, window_file
from core.exchange.weight_window import FLOORS, PER_MINUTE, RESERVE, WeightWindow
from core.exchange.weights import DEFAULT_WEIGHT

T = TypeVar("T")

PLACE_WAIT_MS = 1_000.0
"""How long a placement waits for weight. Then it is refused: its price may be stale, and what is wanted is decided anew."""

LOOK_AGAIN_MS = 5_000.0
"""A wait is ended at the latest after so long, to see whether it is still needed."""

READING = (Lane.WATCH, Lane.PROOF, Lane.INFO)
"""Lanes whose requests wait, one behind the other, for as long as it takes."""

SAY_FROM_MS = 2_000.0
"""A wait of a start, a stop or a command that lasts longer is told."""

SAY_AGAIN_MS = 10_000.0

BUSY_MS = 5.0
"""Until it is tried again while another process counts."""

TOOL_LEAVES = 600
"""What a look beside a running bot leaves: the bot's own reads go on."""


class NoWeightError(Exception):
    """Nothing was sent, for it would be too much: why, and how long that lasts, in a sentence."""


class Window(Protocol):
    """Where what was spent is kept."""

    @property
    def is_shared(self) -> bool: ...

    def change(self, how: Callable[[WeightWindow], T], now_ms: float, can_wait: bool = False) -> T | None: ...

    def close(self) -> None: ...


class WeightBudget:
    """Belongs to one event loop; reads wait in order. ``jitter`` gives numbers from 0 to 1; ``leaves``: what reads leave."""

    def __init__(
        self,
        mono_ms: Callable[[], float],
        window: Window | None = None,
        jitter: Callable[[], float] = random.random,
        leaves: int = FLOORS[Lane.INFO],
        publish: Callable[[Notify], None] = lambda _: None,
        says: Collection[Lane] = (Lane.PROOF,),
    ) -> None:
        """``says``: the lanes whose waits are published, as somebody waits for them."""
        self._publish, self._says, self._said_ms = publish, says, -SAY_AGAIN_MS
        self._mono_ms, self._window, self._jitter = mono_ms, window or OwnWindow(), jitter
        self._floors = {**FLOORS, Lane.INFO: leaves}
        self._per_minute = PER_MINUTE
        self._turns = {lane: asyncio.Lock() for lane in READING}
        self.proof_due_ms = 0.0
        """When what a start, a stop or a command waits for is to be had (monotonic); 0 while none of them waits."""

    @property
    def left(self) -> int:
        """Weight that could be spent now; below zero after cancels that waited for nobody."""
        return self._change(lambda window, now_ms: window.left(now_ms, self._per_minute))

    def standing(self) -> IpWeight:
        """How things stand, for those who look on."""

        def look(window: WeightWindow, now_ms: float) -> IpWeight:
            paused_ms = max(0, round(window.paused_until_ms - now_ms))
            return IpWeight(
                limit=self._per_minute,
                left=window.left(now_ms, self._per_minute),
                reserve=RESERVE,
                paused_ms=paused_ms,
                paused_why=window.why if paused_ms else "",
                is_shared=self._window.is_shared,
                proof_wait_ms=round(
                    window.wait_ms(DEFAULT_WEIGHT, FLOORS[Lane.PROOF], now_ms, self._per_minute)
                ),
            )

        return self._change(look)

    def spend(self, weight: int) -> None:
        """Take weight without asking: of something urgent, or the rows of an answer that is here already."""
        if weight:
            self._change(lambda window, now_ms: window.spend(weight, now_ms))

    async def take(self, lane: Lane, weight: int) -> None:
        """Take the weight of one request of that lane, once there is enough above what the lane must leave.

        Raises:
            NoWeightError: a placement or a change has waited long enough.
        """
        if lane <= Lane.REDUCE:
            self.spend(weight)
        elif lane in READING:
            async with self._turns[lane]:
                try:
                    while (wait_ms := self._try(lane, weight)) > 0:
                        self._say(lane, wait_ms)
                        await asyncio.sleep(min(wait_ms, LOOK_AGAIN_MS) / 1000)
                finally:
                    self._due(lane, 0.0)
        else:
            await self._take_soon(lane, weight)

    def _say(self, lane: Lane, wait_ms: float) -> None:
        """What somebody waits for. A bot's routine reads wait often, and nobody for them."""
        now_ms = self._mono_ms()
        self._due(lane, now_ms + wait_ms)
        if lane in self._says and wait_ms >= SAY_FROM_MS and now_ms - self._said_ms >= SAY_AGAIN_MS:
            self._said_ms = now_ms
            reason = f"waiting for request weight: {wait_ms / 1000:.0f} s; {self._why_not(lane, wait_ms)}"
            self._publish(notify("weight_wait", "warn", "", wait_s=round(wait_ms / 1000), reason=reason))

    def _due(self, lane: Lane, at_ms: float) -> None:
        if lane is Lane.PROOF:
            self.proof_due_ms = at_ms

    async def _take_soon(self, lane: Lane, weight: int) -> None:
        until_ms = self._mono_ms() + PLACE_WAIT_MS
        while (wait_ms := self._try(lane, weight)) > 0:
            if self._mono_ms() + wait_ms > until_ms:
                raise NoWeightError(self._why_not(lane, wait_ms))
            await asyncio.sleep(wait_ms / 1000)

    def _try(self, lane: Lane, weight: int) -> float:
        """Take it if it is there; else how long to wait, ms."""

        def look(window: WeightWindow, now_ms: float) -> float:
            wait_ms = window.wait_ms(weight, self._floors[lane], now_ms, self._per_minute)
            if wait_ms <= 0:
                window.spend(weight, now_ms)
            return wait_ms

        now_ms = self._mono_ms()
        wait_ms = self._window.change(lambda window: look(window, now_ms), now_ms, can_wait=True)
        return BUSY_MS if wait_ms is None else wait_ms

    def _why_not(self, lane: Lane, wait_ms: float) -> str:
        seen = self.standing()
        if seen.paused_ms:
            return f"the exchange asked for a pause of {seen.paused_ms / 1000:.0f} s more ({seen.paused_why})"
        return (
            f"this host has {seen.left} of {seen.limit} IP weight a minute left, and {self._floors[lane]} are for what is more "
            f"urgent; more in {wait_ms / 1000:.0f} s"
        )

    def refuse(self, given_s: float, why: str) -> None:
        """HTTP 429. ``given_s``: how long the exchange asks to be left alone; 0 if it doesn't say."""
        jitter = self._jitter()
        self._change(lambda window, now_ms: window.refuse(given_s, why, now_ms, jitter))

    def close(self) -> None:
        self._window.close()

    def _change(self, how: Callable[[WeightWindow, float], T]) -> T:
        now_ms = self._mono_ms()
        found = self._window.change(lambda window: [how(window, now_ms)], now_ms)
        assert found is not None, "only what can wait has no answer"
        return found[0]


def shared_budget(
    directory: Path | None,
    url: str,
    mono_ms: Callable[[], float],
    publish: Callable[[Notify], None] = lambda _: None,
    leaves: int = FLOORS[Lane.INFO],
    says: Collection[Lane] = (Lane.PROOF,),
) -> WeightBudget:
    """Counted with every other process that has the same ``directory`` and asks the exchange at ``url``; alone without one."""
    window = SharedWindow(window_file(directory, url), publish) if directory is not None else None
    return WeightBudget(mono_ms, window, leaves=leaves, publish=publish, says=says)
