"""Realised gains of one perpetual, trade by trade: first in first out, and by average cost. Exact, in micro-USDC.

Both books keep the same identity: the sum of gains is the cash of all trades plus what the signed entry cost has changed by, so
that neither loses a micro-USDC to rounding. Gains are gross of fees and funding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from core.domain.fills import Fill
from core.domain.pnl import Stake
from core.engine.fold import Fold


class Trade(Protocol):
    """What moves a position at a price: a fill, or an accepted adjustment. Lots signed, price in price units."""

    @property
    def time_ms(self) -> int: ...
    @property
    def signed_lots(self) -> int: ...
    @property
    def price(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Gain:
    """Lots that were opened and are closed: positive ``lots`` were held long, negative short.

    ``cost`` is what they were entered at, ``proceeds`` what they were closed at, micro-USDC, both unsigned.
    """

    opened_ms: int
    closed_ms: int
    lots: int
    cost: int
    proceeds: int

    @property
    def micro(self) -> int:
        """Micro-USDC; negative is a loss."""
        return self.proceeds - self.cost if self.lots > 0 else self.cost - self.proceeds


@dataclass(slots=True)
class _Lot:
    lots: int
    cost: int
    opened_ms: int


class FifoBook:
    """First in, first out: what was opened first is closed first. A flip closes all and opens the rest."""

    def __init__(self, start: Stake = Stake(), start_ms: int = 0) -> None:  # noqa: B008 - frozen
        self.lots, self.signed_cost = start.lots, start.signed_cost
        """What is held, and its entry notional in micro-USDC, both negative if short."""
        self._open: deque[_Lot] = deque()
        if start.lots:
            self._open.append(_Lot(abs(start.lots), start.cost, start_ms))

    def trade(self, entry: Trade) -> list[Gain]:
        """One trade further; what it closes, one gain for each lot that it takes from."""
        sign, left = (1 if entry.signed_lots > 0 else -1), abs(entry.signed_lots)
        found = []
        while left and self.lots * sign < 0:
            oldest = self._open[0]
            closed = min(left, oldest.lots)
            cost = oldest.cost if closed == oldest.lots else oldest.cost * closed // oldest.lots
            found.append(Gain(oldest.opened_ms, entry.time_ms, -sign * closed, cost, closed * entry.price))
            left -= closed
            self.lots, self.signed_cost = self.lots + sign * closed, self.signed_cost + sign * cost
            if closed == oldest.lots:
                self._open.popleft()
            else:
                oldest.lots, oldest.cost = oldest.lots - closed, oldest.cost - cost
        if left:
            self._open.append(_Lot(left, left * entry.price, entry.time_ms))
            self.lots, self.signed_cost = (
                self.lots + sign * left,
                self.signed_cost + sign * left * entry.price,
            )
        return found


@dataclass(slots=True)
class AverageBook:
    """By average cost, as the ledger folds: a partial close takes its share of the cost, rounded down to the micro-USDC.

    ``opened_ms``: when what is held was begun, from flat or by a flip.
    """

    fold: Fold = field(default_factory=Fold)
    opened_ms: int = 0

    @classmethod
    def of(cls, start: Stake, start_ms: int) -> AverageBook:
        return cls(Fold(start.lots, start.cost), start_ms)

    @property
    def lots(self) -> int:
        return self.fold.lots

    @property
    def signed_cost(self) -> int:
        """As ``FifoBook.signed_cost``."""
        return Stake(self.fold.lots, self.fold.cost).signed_cost

    def trade(self, entry: Trade) -> list[Gain]:
        """One trade further; the one gain of what it closes, if it closes anything."""
        before, after = self.fold, self.fold.moved(entry.signed_lots, entry.price)
        found = []
        if before.lots * entry.signed_lots < 0:
            closed = min(abs(before.lots), abs(entry.signed_lots))
            is_whole = closed == abs(before.lots)
            cost = before.cost if is_whole else before.cost - after.cost
            lots = closed if before.lots > 0 else -closed
            found.append(Gain(self.opened_ms, entry.time_ms, lots, cost, closed * entry.price))
        if before.lots == 0 or before.lots * after.lots < 0:
            self.opened_ms = entry.time_ms
        self.fold = after
        return found


def opening_stake(fills: Iterable[Fill]) -> tuple[Stake, bool]:
    """What was held before the first of some fills, in their order, and whether its cost is known.

    The exchange tells the profit of a closing fill, and so the entry of what it closes; what was added before it is taken out
    again. Where nothing is closed the position counts at the first fill's price.
    """
    start = added = held = first_price = 0
    for number, fill in enumerate(fills):
        if number == 0:
            start = held = fill.start_lots
            first_price = fill.price
        if start == 0:
            return Stake(), True
        if held * fill.signed_lots < 0:
            closed = min(abs(held), fill.lots)
            sign = 1 if held > 0 else -1
            entry = fill.price - sign * fill.closed_pnl.scaleb(6) / Decimal(closed)
            cost = int((entry * abs(held)).to_integral_value()) - added
            return Stake(start, max(0, cost)), True
        added += fill.lots * fill.price
        held += fill.signed_lots
    return Stake(start, abs(start) * first_price), start == 0
