"""A position in one coin: lots, cost, isolated margin, funding paid. Integers: lots, price units, micro-USDC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from core.domain.orders import Side


@dataclass(slots=True)
class Leverage:
    value: int
    is_cross: bool = True


class PositionChange(NamedTuple):
    start_lots: int
    closed_pnl: int
    direction: str


@dataclass(slots=True)
class Position:
    """``lots`` are signed; ``cost`` is the signed notional of the entry (negative for a short), so entry = cost / lots."""

    lots: int = 0
    cost: int = 0
    margin: int = 0
    """What is set aside for an isolated position, without its unrealized PnL; 0 for a cross one."""
    funding: int = 0
    """Funding paid in this coin, ever; negative if more was received."""
    funding_since_open: int = 0
    funding_since_change: int = 0

    @property
    def raw(self) -> int:
        """An isolated position's ``rawUsd``: what it would hold in cash with its entry as a debt."""
        return self.margin - self.cost

    def trade(self, side: Side, price: int, lots: int, isolated: int | None = None) -> PositionChange:
        """Move the position by a fill; ``closed_pnl`` is gross of fees and covers the closed part alone.

        A partial close takes its share of the cost and of the margin rounded down; the rest stays with the position, so that
        the closed PnL of all fills add up exactly once it is flat. ``isolated`` is the leverage at which an isolated position
        sets margin aside for what it opens, rounded up.
        """
        assert lots > 0, lots
        assert price > 0, price
        start = self.lots
        end = start + side.sign * lots
        closed = min(lots, abs(start)) if start * side.sign < 0 else 0
        closed_pnl = 0
        if closed:
            share = self.cost if closed == abs(start) else self.cost * closed // abs(start)
            closed_pnl = -side.sign * closed * price - share
            self.cost -= share
            self.margin -= self.margin * closed // abs(start)
        opened = (lots - closed) * price
        self.cost += side.sign * opened
        if isolated is not None:
            self.margin += -(-opened // isolated)
        self.lots = end
        self.funding_since_change = 0
        if start * end <= 0:
            self.funding_since_open = 0
        return PositionChange(start, closed_pnl, _direction(start, end))

    def pay_funding(self, micro: int, *, is_isolated: bool) -> None:
        """``micro`` is received, negative is paid; an isolated position keeps it in its margin."""
        self.funding -= micro
        self.funding_since_open -= micro
        self.funding_since_change -= micro
        if is_isolated:
            self.margin += micro


def _direction(start: int, end: int) -> str:
    if start * end < 0:
        return "Long > Short" if start > 0 else "Short > Long"
    opens = abs(end) > abs(start)
    return f"{'Open' if opens else 'Close'} {'Long' if (end if opens else start) > 0 else 'Short'}"
