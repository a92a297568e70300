"""How values are spread, counted between fixed ends."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from core.view import SpreadView


class Spread:
    """Values up to each of the ends and above the one before, and those above all."""

    def __init__(self, ends: Sequence[int]) -> None:
        self._ends = ends
        self._counts = [0] * (len(ends) + 1)
        self._total = 0
        self._view: SpreadView | None = SpreadView()

    def add(self, value: int) -> None:
        self._counts[bisect_left(self._ends, value)] += 1
        self._total += value
        self._view = None

    @property
    def view(self) -> SpreadView:
        """The same object until there is another value."""
        if self._view is None:
            self._view = SpreadView(tuple(self._counts), self._total)
        return self._view
