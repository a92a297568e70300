"""Profit as five numbers that add up: matched grid, inventory, fees, funding, and their total.

``total = matched + inventory - fees + funding``, in USD, over the journal's life. ``matched`` is what completed round trips of
the grid's cells have made, gross of fees; ``inventory`` is everything else that trades have made or may yet lose: what is held,
marked at the mid, trades outside the grid, and what cells of earlier grids still hold. Together they are the cash of all trades
plus the value of what is held less what the position cost at the beginning: no average, so nothing is lost to rounding.

``holding`` is what the position at the beginning (the coin's anchor: what the account held when its journal began) would have
made by now had it just been held, without fees and funding; 0 if it was flat. ``versus_holding`` is positive if trading did
better. Deposits and transfers are in none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.orders import Side


@dataclass(frozen=True, slots=True)
class CellSums:
    """What one cell of one generation has traded: lots of either side, and their notional in micro-USDC.

    A pure function of the fills, whatever their order.
    """

    bought: int = 0
    bought_micro: int = 0
    sold: int = 0
    sold_micro: int = 0

    def plus(self, side: Side, lots: int, micro: int) -> CellSums:
        if side is Side.BUY:
            return CellSums(self.bought + lots, self.bought_micro + micro, self.sold, self.sold_micro)
        return CellSums(self.bought, self.bought_micro, self.sold + lots, self.sold_micro + micro)

    @property
    def matched_micro(self) -> int:
        """Profit of the lots that were both bought and sold, micro-USDC, gross of fees.

        A cell quotes one price a side, so whichever of its fills are paired makes no difference. Where the prices of a side do
        differ (an entry at the market), the side that traded more counts with its average: cost rounded up, proceeds down.
        """
        lots = min(self.bought, self.sold)
        if not lots:
            return 0
        cost = -(-self.bought_micro * lots // self.bought)
        return self.sold_micro * lots // self.sold - cost


Cells = Mapping[tuple[str, int, int], CellSums]
"""By coin, generation of the grid, and index."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the journal keeps with the fills: cash flow and matched profit in micro-USDC, and what each cell has traded."""

    cash: int = 0
    matched: int = 0
    cells: Cells = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stake:
    """A position and what it cost: ``lots`` signed, ``cost`` its entry notional in micro-USDC, unsigned."""

    lots: int = 0
    cost: int = 0

    def value_micro(self, price: Decimal | None) -> Decimal:
        """Signed value at ``price`` (price units), micro-USDC; at its cost if no price is known."""
        return Decimal(self.signed_cost) if price is None else self.lots * price

    @property
    def signed_cost(self) -> int:
        return self.cost if self.lots >= 0 else -self.cost


@dataclass(frozen=True, slots=True)
class Pnl:
    """One coin's, or the sum of several. USD; ``fees`` positive when paid, ``funding`` positive when received."""

    matched: Decimal = Decimal(0)
    inventory: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    holding: Decimal = Decimal(0)

    @property
    def trading(self) -> Decimal:
        """What trades have made: realized and unrealized together, gross of fees."""
        return self.matched + self.inventory

    @property
    def total(self) -> Decimal:
        return self.matched + self.inventory - self.fees + self.funding

    @property
    def versus_holding(self) -> Decimal:
        return self.total - self.holding

    def __add__(self, other: Pnl) -> Pnl:
        return Pnl(
            self.matched + other.matched,
            self.inventory + other.inventory,
            self.fees + other.fees,
            self.funding + other.funding,
            self.holding + other.holding,
        )


def coin_pnl(
    start: Stake,
    now: Stake,
    price: Decimal | None,
    cash_micro: int,
    matched_micro: int,
    fees: Decimal,
    funding: Decimal,
) -> Pnl:
    """The five numbers of one coin.

    ``cash_micro``: proceeds of all sells less the cost of all buys, an accepted adjustment of the position counting as a trade
    at its price. ``price`` in price units; ``None`` before the first: then what is held counts at its cost.
    """
    trading = cash_micro + now.value_micro(price) - start.signed_cost
    holding = start.value_micro(price) - start.signed_cost
    return Pnl(
        matched=Decimal(matched_micro).scaleb(-6),
        inventory=(trading - matched_micro).scaleb(-6),
        fees=fees,
        funding=funding,
        holding=holding.scaleb(-6),
    )


def total_pnl(coins: Iterable[Pnl]) -> Pnl:
    return sum(coins, Pnl())
