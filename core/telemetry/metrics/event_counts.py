"""What only events tell, counted as they come: an observer's thread adds, a scrape's thread reads."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from core.view import Severity

LABEL_SETS_MAX = 256
"""Of one metric. What comes beyond is counted together: nobody's text may fill a database."""

OTHER = "other"
PNL_ENDS = (-100.0, -50.0, -10.0, -5.0, -1.0, 0.0, 1.0, 5.0, 10.0, 50.0, 100.0, 500.0)
"""USD."""

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter of events. ``labels``: each with the event's field that it is of; ``coin`` is the event's own.

    ``less``: a field whose amount counts where it is below zero, as a positive number; empty: each event is one. ``only``: a
    field, and the values of it that count. ``least``: the least grave event that does.
    """

    name: str
    events: tuple[str, ...]
    labels: tuple[tuple[str, str], ...] = (("coin", "coin"),)
    less: str = ""
    only: tuple[str, frozenset[str]] | None = None
    least: Severity = Severity.INFO


class EventCounts:
    """Bounded, whatever comes."""

    def __init__(self, counted: tuple[Counted, ...] = ()) -> None:
        self._by_event: dict[str, list[Counted]] = {}
        for each in counted:
            for event in each.events:
                self._by_event.setdefault(event, []).append(each)
        self._lock = threading.Lock()
        self._sums: dict[str, dict[tuple[str, ...], Decimal]] = {each.name: {} for each in counted}
        self._pnl: dict[str, list[int]] = {}
        self._pnl_total: dict[str, Decimal] = {}

    def take(self, name: str, severity: Severity, coin: str, fields: Fields) -> None:
        """One event."""
        with self._lock:
            for counted in self._by_event.get(name, ()):
                if severity.rank >= counted.least.rank and _counts(counted, fields):
                    self._add(counted, coin, fields)
            if name == "fill":
                self._add_pnl(coin, fields)

    def of(self, name: str) -> dict[tuple[str, ...], float]:
        """Of one metric, by its labels' values."""
        with self._lock:
            return {labels: float(found) for labels, found in self._sums.get(name, {}).items()}

    def pnl(self) -> dict[str, tuple[tuple[int, ...], float]]:
        """By coin: how many fills closed for up to each of ``PNL_ENDS``, as a spread, and the sum in USD."""
        with self._lock:
            return {coin: (tuple(found), float(self._pnl_total[coin])) for coin, found in self._pnl.items()}

    def _add(self, counted: Counted, coin: str, fields: Fields) -> None:
        sums = self._sums[counted.name]
        labels = tuple(coin if of == "coin" else str(fields.get(of, "")) for _, of in counted.labels)
        if labels not in sums and len(sums) >= LABEL_SETS_MAX:
            labels = (OTHER,) * len(labels)
        more = max(-_number(fields.get(counted.less)), Decimal(0)) if counted.less else Decimal(1)
        sums[labels] = sums.get(labels, Decimal(0)) + more

    def _add_pnl(self, coin: str, fields: Fields) -> None:
        closed = _number(fields.get("closed_pnl"))
        if closed and (coin in self._pnl or len(self._pnl) < LABEL_SETS_MAX):
            counts = self._pnl.setdefault(coin, [0] * (len(PNL_ENDS) + 1))
            counts[bisect_left(PNL_ENDS, float(closed))] += 1
            self._pnl_total[coin] = self._pnl_total.get(coin, Decimal(0)) + closed


def _counts(counted: Counted, fields: Fields) -> bool:
    return counted.only is None or str(fields.get(counted.only[0])) in counted.only[1]


def _number(value: object) -> Decimal:
    """0 for what is none."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)
