"""Accounts: cash, positions, leverage. Integers throughout: lots, price units, micro-USDC."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from core.domain.orders import Side
from core.paper.venue.orders import FillRecord, HistoryRow, Order
from core.paper.venue.resting import Resting

MARKET_USER = "market"
"""The party behind all recorded liquidity; it pays no fees. No address, so that nobody can act as it."""

MARKET_ADDRESS = "0x" + b"recorded liquidity..".hex()
"""How the market appears in public prints."""

DEFAULT_LEVERAGE = 20

_FEE_DENOMINATOR = 100_000
_MAKER_FEE = 15
"""1.5 basis points."""
_TAKER_FEE = 45
"""4.5 basis points."""

_KEPT_TERMINAL_ORDERS = 10_000
"""Terminal orders that can still be asked for by oid or cloid; bounds the memory of a long run."""


class PositionChange(NamedTuple):
    start_lots: int
    closed_pnl: int
    direction: str


@dataclass(slots=True)
class Position:
    """``lots`` are signed; ``cost`` is the signed notional of the entry (negative for a short), so entry = cost / lots."""

    lots: int = 0
    cost: int = 0

    def trade(self, side: Side, price: int, lots: int) -> PositionChange:
        """Move the position by a fill; ``closed_pnl`` is gross of fees and covers the closed part alone.

        A partial close takes its share of the cost rounded down; the rest stays with the position, so that the closed PnL of
        all fills add up exactly once it is flat.
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
        self.cost += side.sign * (lots - closed) * price
        self.lots = end
        return PositionChange(start, closed_pnl, _direction(start, end))


def _direction(start: int, end: int) -> str:
    if start * end < 0:
        return "Long > Short" if start > 0 else "Short > Long"
    opens = abs(end) > abs(start)
    return f"{'Open' if opens else 'Close'} {'Long' if (end if opens else start) > 0 else 'Short'}"


def fee_micro(notional_micro: int, *, crossed: bool) -> int:
    """The fee that a fill pays: taker 4.5, maker 1.5 basis points, cut toward zero at 10**-6 USDC."""
    return notional_micro * (_TAKER_FEE if crossed else _MAKER_FEE) // _FEE_DENOMINATOR


@dataclass(slots=True)
class Leverage:
    value: int
    is_cross: bool = True


@dataclass(slots=True)
class Agent:
    """Who may sign for an account, until ``valid_until_ms``."""

    address: str
    valid_until_ms: int


@dataclass(slots=True)
class Switch:
    """The dead man's switch. ``at_ms`` None is off; ``firings`` counts those of ``day`` (UTC, since 1970)."""

    at_ms: int | None = None
    day: int = 0
    firings: int = 0


@dataclass(slots=True)
class AccountState:
    """What is stored of an account. Amounts are micro-USDC.

    ``cash`` of a dex = deposits there - signed notional of all fills - fees; the value there is cash + sum(lots * mark).
    """

    user: str
    cash: dict[str, int] = field(default_factory=dict)
    """By dex."""
    deposits: int = 0
    """Net, over all dexs."""
    volume: int = 0
    requests: int = 0
    switch: Switch = field(default_factory=Switch)
    positions: dict[str, Position] = field(default_factory=dict)
    leverages: dict[str, Leverage] = field(default_factory=dict)
    reserved_requests: int = 0
    """Paid for with reserveRequestWeight."""
    throttled_ms: int = 0
    """When a request passed that was over the budget."""
    day: int = 0
    """Days since 1970 (UTC); ``day_actions`` is what was sent on it."""
    day_actions: int = 0
    agents: dict[str, Agent] = field(default_factory=dict)
    """By name; the unnamed one's is empty."""
    former_agents: list[str] = field(default_factory=list)
    agent_removed_ms: int = 0
    name: str = ""
    """Of a sub-account."""
    master: str = ""
    """Whose sub-account it is; empty for others."""
    sub_accounts: list[str] = field(default_factory=list)
    abstraction: str = "disabled"
    """``userAbstraction``: disabled is the standard mode."""
    builder_fees: dict[str, int] = field(default_factory=dict)
    """The highest fee approved for a builder, in tenths of a basis point."""


@dataclass(slots=True)
class Account(AccountState):
    """An account with its orders and its history."""

    open_orders: dict[int, Order] = field(default_factory=dict)
    """By oid, oldest first."""
    terminal_orders: OrderedDict[int, Order] = field(default_factory=OrderedDict)
    by_cloid: dict[str, int] = field(default_factory=dict)
    """The latest order that used a cloid."""
    fills: list[FillRecord] = field(default_factory=list)
    """All of them, oldest first."""
    resting: dict[str, Resting] = field(default_factory=dict)
    """By coin."""
    history: list[HistoryRow] = field(default_factory=list)
    """Funding, transfers, liquidations: all of them, oldest first."""

    def lots(self, coin: str) -> int:
        position = self.positions.get(coin)
        return position.lots if position is not None else 0

    def count_resting(self, order: Order) -> Resting:
        """Let the sums of the order's coin follow it."""
        resting = self.resting.get(order.coin)
        if resting is None:
            resting = self.resting[order.coin] = Resting()
        resting.count(order)
        return resting

    def pay(self, dex: str, micro: int) -> None:
        """Add ``micro`` to the cash of ``dex``; negative takes."""
        self.cash[dex] = self.cash.get(dex, 0) + micro

    def deposit(self, dex: str, micro: int) -> None:
        """From outside."""
        self.pay(dex, micro)
        self.deposits += micro

    def find_order(self, oid: int | str) -> Order | None:
        """By oid, or by cloid: then the latest order that used it."""
        number = self.by_cloid.get(oid.lower()) if isinstance(oid, str) else oid
        if number is None:
            return None
        return self.open_orders.get(number) or self.terminal_orders.get(number)

    def remember(self, order: Order) -> None:
        """File a new or changed order under open or terminal."""
        if order.cloid is not None:
            known = self.by_cloid.get(order.cloid, 0)
            self.by_cloid[order.cloid] = max(known, order.oid)
        self.count_resting(order)
        if order.is_open:
            self.open_orders[order.oid] = order
            self.terminal_orders.pop(order.oid, None)
            return
        self.open_orders.pop(order.oid, None)
        self.terminal_orders[order.oid] = order
        while len(self.terminal_orders) > _KEPT_TERMINAL_ORDERS:
            _, old = self.terminal_orders.popitem(last=False)
            if old.cloid is not None and self.by_cloid.get(old.cloid) == old.oid:
                del self.by_cloid[old.cloid]
