"""What of the missing levels may be placed, remembered while nothing has changed that decides it.

Where many levels wait, past the cap for one, a quote or a tick mustn't look at each of them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.domain.orders import Side
from core.engine.grid_calculator import Gate, build_filtered_levels
from core.engine.grid_plan import GridPlan
from core.engine.levels import Blocked, Level
from core.engine.plan_validator import Quotes
from core.engine.risk_engine import Exposure, RiskLimits

Filtered = tuple[tuple[Level, ...], tuple[Blocked, ...]]
Key = tuple[int, int, int, Exposure, RiskLimits]


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Best asks with which the same buys are passive: ``low < ask <= high``; ``None``: no end."""

    low: int | None
    high: int | None

    @staticmethod
    def around(price: int | None, levels: Iterable[int]) -> PriceBand:
        if price is None:
            return PriceBand(None, None)
        below, above = None, None
        for level in levels:
            if level < price:
                below = level if below is None else max(below, level)
            else:
                above = level if above is None else min(above, level)
        return PriceBand(below, above)

    def holds(self, price: int) -> bool:
        return (self.low is None or self.low < price) and (self.high is None or price <= self.high)


@dataclass(slots=True)
class FilterMemory:
    _key: Key | None = None
    _quotes: Quotes = field(default_factory=lambda: Quotes(None, None))
    _asks: PriceBand = PriceBand(None, None)
    _bids: PriceBand = PriceBand(None, None)
    """Of bids and sells with their signs turned, so that one rule serves both."""
    _found: Filtered = ((), ())

    def look(self, plan: GridPlan, own_version: int, gate: Gate) -> Filtered:
        """As ``build_filtered_levels`` of what is missing, nearest to the middle first."""
        key = (plan.grid.generation, plan.version, own_version, gate.exposure, gate.limits)
        if key == self._key and not gate.deferred and self._is_same_market(gate.quotes):
            return self._found
        missing = plan.in_order()
        self._found = build_filtered_levels(missing, gate)
        self._quotes = gate.quotes
        # What takes is priced by the quotes, and a deferral ends by itself: neither is remembered.
        is_lasting = not gate.deferred and not any(level.takes for level in missing)
        self._key = key if is_lasting else None
        if is_lasting:
            buys = (level.price for level in missing if level.slot.side is Side.BUY)
            sells = (-level.price for level in missing if level.slot.side is Side.SELL)
            self._asks = PriceBand.around(gate.quotes.ask, buys)
            self._bids = PriceBand.around(None if gate.quotes.bid is None else -gate.quotes.bid, sells)
        return self._found

    def _is_same_market(self, quotes: Quotes) -> bool:
        if quotes == self._quotes:
            return True
        if None in (quotes.bid, quotes.ask, self._quotes.bid, self._quotes.ask):
            return False
        assert quotes.bid is not None
        assert quotes.ask is not None
        return self._asks.holds(quotes.ask) and self._bids.holds(-quotes.bid)
