"""The fold: what a position and its money become, one chain entry after another. Exact; nothing is ever set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from core.domain.fills import Adjustment, Fill

QUOTE_TOKEN = "USDC"
"""The token of profits; fees in another one are counted apart."""


@dataclass(frozen=True, slots=True)
class Fold:
    """``lots`` signed; ``cost`` is the position's entry notional in micro-USDC, unsigned.

    ``realized`` is the sum of the venue's ``closedPnl`` (gross of fees), ``fees`` positive when paid; both USD.
    """

    lots: int = 0
    cost: int = 0
    realized: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)

    def apply(self, entry: Fill | Adjustment) -> Fold:
        """One entry further. A flip closes all and opens the rest at the entry's price; closing rounds cost down."""
        moved = self.moved(entry.signed_lots, entry.price)
        if isinstance(entry, Adjustment):
            return moved
        fee = entry.fee if entry.fee_token == QUOTE_TOKEN else Decimal(0)
        return replace(moved, realized=self.realized + entry.closed_pnl, fees=self.fees + fee)

    def moved(self, signed_lots: int, price: int) -> Fold:
        """Position and cost after so many signed lots at ``price`` (price units)."""
        after = self.lots + signed_lots
        if self.lots * signed_lots >= 0:
            cost = self.cost + price * abs(signed_lots)
        elif self.lots * after > 0:
            cost = self.cost - self.cost * abs(signed_lots) // abs(self.lots)
        else:
            cost = price * abs(after)
        return replace(self, lots=after, cost=cost)

    @property
    def entry(self) -> Decimal:
        """Average entry in price units; 0 when flat."""
        return Decimal(self.cost) / abs(self.lots) if self.lots else Decimal(0)

    def unrealized_micro(self, price: Decimal) -> Decimal:
        """Profit in micro-USDC if closed at ``price`` (price units)."""
        sign = (self.lots > 0) - (self.lots < 0)
        return self.lots * price - sign * self.cost
