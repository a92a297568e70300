"""What one action or one market step changed: all of it is stored in one transaction, then told to the world."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.paper.venue.accounts import Account
from core.paper.venue.orders import FillRecord, HistoryRow, Order, OrderUpdate, TradePrint


@dataclass(frozen=True, slots=True)
class LiquidationEvent:
    """``userEvents`` tells it to ``liquidated_user``. ``notional`` of the positions, ``value`` of the margin behind them."""

    lid: int
    liquidator: str
    liquidated_user: str
    notional: int
    value: int


@dataclass(slots=True)
class Batch:
    """``updates``, ``fills`` and ``prints`` in the order in which they happened."""

    accounts: dict[str, Account] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    updates: list[OrderUpdate] = field(default_factory=list)
    fills: list[FillRecord] = field(default_factory=list)
    history: list[HistoryRow] = field(default_factory=list)
    liquidations: list[LiquidationEvent] = field(default_factory=list)
    prints: list[TradePrint] = field(default_factory=list)
    coins: set[str] = field(default_factory=set)
    """Coins whose book may have changed."""
    nonces_used: list[tuple[str, int]] = field(default_factory=list)
    nonces_dropped: list[tuple[str, int]] = field(default_factory=list)

    @property
    def must_store(self) -> bool:
        return bool(self.accounts or self.orders or self.fills or self.history or self.nonces_used)

    @property
    def is_of_users(self) -> bool:
        """Whether anything of it is any user's, and not the market's alone."""
        return bool(
            self.accounts or self.orders or self.updates or self.fills or self.history or self.liquidations
        )
