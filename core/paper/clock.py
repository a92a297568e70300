"""The exchange's clock."""

from __future__ import annotations

import time
from collections.abc import Callable

_STEP_NS = 1_000_000_000
"""What the machine's clock may be set back by at once before that counts as a step."""


class SteadyClock:
    """Milliseconds UTC of the machine's clock, except that they never step back with it.

    Where it is set back the exchange's time goes on at its own pace, ahead of the machine's from then on, as that of an
    exchange elsewhere would: funding, liquidations and scheduled cancels come when they are due, and nothing happens before
    what has happened already.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._offset_ns = wall_ns() - monotonic_ns()

    def __call__(self) -> int:
        now_ns = self._monotonic_ns()
        offset_ns = self._wall_ns() - now_ns
        if offset_ns > self._offset_ns - _STEP_NS:
            self._offset_ns = offset_ns
        return (now_ns + self._offset_ns) // 1_000_000
