"""The course of the account: where it stood at the end of each minute, for a day and a bit, through restarts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, SaveHistory
from core.view import HistoryPoint

if TYPE_CHECKING:
    from core.engine.engine import Engine

MINUTE_MS = 60_000
MINUTES_KEPT = 1_500
"""A day, and an hour to see where it began."""


@dataclass(slots=True)
class History:
    points: tuple[HistoryPoint, ...] = ()
    """Oldest first, at most ``MINUTES_KEPT``; a minute without a report is missing, not made up."""
    _minute: int = 0
    """The minute that runs; 0 before the first look."""
    _fills: int = 0
    _makers: int = 0
    """Of all coins, when it began."""
    _kept: deque[HistoryPoint] = field(default_factory=lambda: deque(maxlen=MINUTES_KEPT))

    def restore(self, points: Iterable[HistoryPoint]) -> None:
        self._kept.extend(points)
        self.points = tuple(self._kept)

    def look(self, engine: Engine, now: Instant) -> list[Effect]:
        """Close the minute that has ended. Nothing before the account was seen: till then it isn't known what is held.

        A clock that was set back writes no minute twice: it waits until that one is over again.
        """
        seen, minute = engine.risk.now, now.wall_ms // MINUTE_MS
        if seen is None or not engine.risk.may_judge or minute <= self._minute:
            return []
        fills = sum(coin.counts.total for coin in engine.coins.values())
        makers = sum(coin.counts.maker for coin in engine.coins.values())
        began, self._minute = self._minute, minute
        before, self._fills = self._fills, fills
        makers_before, self._makers = self._makers, makers
        newest = self.points[-1].time_ms if self.points else 0
        if not began or minute * MINUTE_MS <= newest:
            return []
        drawdown_pct = round(float(100 * engine.risk.drawdown), 4)
        # A fill that a later look took back makes no minute negative.
        point = HistoryPoint(
            minute * MINUTE_MS, seen.pnl, drawdown_pct, max(fills - before, 0), max(makers - makers_before, 0)
        )
        self._kept.append(point)
        self.points = tuple(self._kept)
        return [SaveHistory(point)]
