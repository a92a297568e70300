"""The order book of one coin as the exchange showed it: as many levels as it tells, best first."""

from __future__ import annotations

from dataclasses import dataclass

Levels = tuple[tuple[int, int], ...]
"""(price in price units, lots), best first."""


@dataclass(frozen=True, slots=True)
class Depth:
    coin: str
    bids: Levels
    asks: Levels

    def facing(self, lots: int) -> Levels:
        """What a position of so many signed lots would be closed against."""
        return self.bids if lots > 0 else self.asks

    def behind(self, lots: int) -> Levels:
        """The side on which its closing order would rest."""
        return self.asks if lots > 0 else self.bids
