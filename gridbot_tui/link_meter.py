"""What the screen costs on its way to the terminal: bytes a second, and whether the terminal keeps up."""

from __future__ import annotations

from collections import deque
from typing import Any

from textual.driver import Driver

WINDOW_MS = 10_000
SLOW_AFTER = 4
"""So many draws in a row of which the one before had not left yet: the terminal is slow."""
WELL_AGAIN_MS = 60_000
"""A terminal that has kept up for so long is slow no more."""


class LinkMeter:
    """Counts at the driver's write. Times are monotonic milliseconds."""

    def __init__(self) -> None:
        self.total_bytes = 0
        self._marks: deque[tuple[int, int]] = deque()
        self._behind = 0
        self._behind_ms = 0
        self.is_slow = False

    def sent(self, text: str) -> None:
        self.total_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))

    def tick(self, mono_ms: int, waiting: int) -> None:
        """To be called before each draw, with how many writes of the last one still wait."""
        self._marks.append((mono_ms, self.total_bytes))
        while len(self._marks) > 2 and mono_ms - self._marks[1][0] >= WINDOW_MS:
            self._marks.popleft()
        self._behind = self._behind + 1 if waiting else 0
        if waiting:
            self._behind_ms = mono_ms
        if self._behind >= SLOW_AFTER:
            self.is_slow = True
        elif mono_ms - self._behind_ms >= WELL_AGAIN_MS:
            self.is_slow = False

    @property
    def bytes_per_s(self) -> float:
        """Over the last ten seconds."""
        if len(self._marks) < 2:
            return 0.0
        (first_ms, first), (last_ms, last) = self._marks[0], self._marks[-1]
        return (last - first) * 1_000 / max(last_ms - first_ms, 1)


def metered(driver: type[Driver], meter: LinkMeter) -> type[Driver]:
    """The same driver, its writes counted."""

    class Metered(driver):  # type: ignore[misc,valid-type]
        def write(self, data: str) -> None:
            meter.sent(data)
            super().write(data)

    return Metered


def waiting_writes(driver: Any) -> int:
    """How many writes the driver's thread has not taken yet; 0 for a driver without one."""
    queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    return queue.qsize() if queue is not None else 0
