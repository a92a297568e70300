"""What the exchange remembers of a market."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices in price units; ``start_ms`` is when it begins. ``trades`` is 0 where nothing traded."""

    start_ms: int
    open: int
    high: int
    low: int
    close: int
    trades: int
