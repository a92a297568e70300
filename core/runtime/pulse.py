"""The pulse of the core's loop: how long it has stood still at worst. A screen that holds it up would show here first."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

BEAT_S = 0.02
WINDOW_S = 10.0
BUCKET_S = 1.0


class Pulse:
    """``now_s`` is monotonic."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._last_s: float | None = None
        self._worst: deque[tuple[int, float]] = deque(maxlen=int(WINDOW_S / BUCKET_S))
        """The longest gap of each bucket of time, oldest first."""

    async def run(self) -> None:
        """Until cancelled, in the loop that is watched."""
        while True:
            self.beat()
            await asyncio.sleep(BEAT_S)

    def beat(self) -> None:
        now_s = self._now_s()
        gap_s = 0.0 if self._last_s is None else now_s - self._last_s
        self._last_s = now_s
        bucket = int(now_s // BUCKET_S)
        if self._worst and self._worst[-1][0] == bucket:
            self._worst[-1] = (bucket, max(gap_s, self._worst[-1][1]))
        else:
            self._worst.append((bucket, gap_s))

    @property
    def worst_gap_ms(self) -> float:
        """Between two beats, within the last 10 s; the present gap counts too. A loop that is never held up has 20 ms."""
        since = int(self._now_s() // BUCKET_S) - self._worst.maxlen if self._worst.maxlen else 0
        gaps = [gap_s for bucket, gap_s in self._worst if bucket > since]
        present_s = 0.0 if self._last_s is None else self._now_s() - self._last_s
        return round(max([*gaps, present_s]) * 1_000, 1)
