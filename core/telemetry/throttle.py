"""Repeating events: so many of a kind a minute are written, the others counted and told. What is a record always is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.telemetry.catalogue import is_record

BURST = 30
"""Lines of one name and coin in a window."""
WINDOW_MS = 60_000
KINDS_KEPT = 1_000
"""Names and coins that are told apart; of more than these the one that began first is forgotten, and what it held told."""

Row = dict[str, Any]


@dataclass(slots=True)
class _Window:
    since_ms: int
    written: int = 0
    held_back: int = 0


class Throttle:
    """Goes by the events' own times: one thread's, and no clock's."""

    def __init__(self) -> None:
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()

    def passes(self, row: Row) -> Iterator[Row]:
        """The row, unless it is held back; before it, what was held back of each kind whose minute is over."""
        name, coin, now_ms = str(row.get("event")), str(row.get("coin", "")), int(row.get("ts_ms", 0))
        yield from self._over(now_ms)
        if row.get("level") == "crit" or is_record(name):
            yield row
            return
        window = self._windows.setdefault((name, coin), _Window(now_ms))
        if window.written < BURST:
            window.written += 1
            yield row
        else:
            window.held_back += 1

    def rest(self, now_ms: int) -> Iterator[Row]:
        """What is still to be told, at the end."""
        yield from self._over(now_ms, all_of_them=True)

    def _over(self, now_ms: int, all_of_them: bool = False) -> Iterator[Row]:
        while self._windows:
            (name, coin), window = next(iter(self._windows.items()))
            age_ms = now_ms - window.since_ms
            if not all_of_them and 0 <= age_ms < WINDOW_MS and len(self._windows) <= KINDS_KEPT:
                return
            self._windows.popitem(last=False)
            if window.held_back:
                told: Row = {"event": "events_suppressed", "ts_ms": now_ms, "level": "info"}
                told |= {"coin": coin} if coin else {}
                yield told | {"name": name, "count": window.held_back, "since_ms": window.since_ms}
