"""The market of another server, as one that is walked step by step: what the feed has brought and nobody has taken yet."""

from __future__ import annotations

import asyncio
from collections import deque

from core.paper.market.listing import Universe
from core.paper.market.step import MarketStep
from core.paper.mirror.book import SourceBook

_MAX_WAITING = 10_000
"""Steps that may wait for the exchange; the feed reads no further until they are fewer."""


class MirrorMarket:
    """Runs at the pace of its source, whatever the speed."""

    hidden_depth = False
    has_ended = False
    progress: float | None = None
    laps = 0
    place = ""

    def __init__(self, url: str, universe: Universe, notes: tuple[str, ...]) -> None:
        self.name = f"mirror:{url}"
        self.universe = universe
        self.notes = notes
        self.books = {coin: SourceBook(instrument) for coin, instrument in universe.instruments.items()}
        self.warning = ""
        self.has_room = asyncio.Event()
        self.has_room.set()
        self._steps: deque[MarketStep] = deque()

    def push(self, step: MarketStep | None) -> None:
        if step is None:
            return
        self._steps.append(step)
        if len(self._steps) >= _MAX_WAITING:
            self.has_room.clear()

    def withdraw(self, warning: str) -> None:
        """The source is away: take its quotes back, and say why."""
        self.warning = warning
        for book in self.books.values():
            self.push(book.withdraw())

    def scene(self) -> tuple[MarketStep, ...]:
        self._steps.clear()
        return tuple(book.scene() for book in self.books.values())

    def wait_ms(self) -> int | None:
        return 0 if self._steps else None

    def advance(self) -> MarketStep:
        step = self._steps.popleft()
        if len(self._steps) < _MAX_WAITING:
            self.has_room.set()
        return step

    def resume(self, place: str) -> None:
        """There is no way back to where the source stood."""
