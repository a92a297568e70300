"""Accounts: cash, positions, leverage. Integers throughout: lots, price units, micro-USDC."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from core.paper.venue.fees import KEPT_DAYS, DayVolume
from core.paper.venue.orders import FillRecord, HistoryRow, Order, OrderStatus
from core.paper.venue.positions import Leverage, Position
from core.paper.venue.resting import Resting
from core.paper.venue.twaps import Twap

MARKET_USER = "market"
"""The party behind all recorded liquidity; it pays no fees. No address, so that nobody can act as it."""

BACKSTOP_USER = "backstop"
"""The party that takes over what liquidation orders couldn't close; its deposit is the insurance of all."""

BACKSTOP_ADDRESS = "0x" + b"backstop liquidator.".hex()
"""How the backstop appears to others."""

MARKET_ADDRESS = "0x" + b"recorded liquidity..".hex()
"""How the market appears in public prints."""

UNIFIED = "unifiedAccount"
"""The mode in which all dexs and the spot wallet share one margin."""

_UNIFIED_MODES = (UNIFIED, "portfolioMargin")
"""Portfolio margin is taken for as much as it has in common with the unified mode."""

_KEPT_TERMINAL_ORDERS = 10_000
"""Terminal orders that can still be asked for by oid or cloid; bounds the memory of a long run."""


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
    spot: int = 0
    """The USDC of the spot wallet."""
    deposits: int = 0
    """What came from outside and from others less what went there, over all dexs and spot."""
    volume: int = 0
    """Ever traded, as far as it counts toward limits."""
    days: dict[int, DayVolume] = field(default_factory=dict)
    """What was traded by UTC day (days since 1970): today and the fourteen days before."""
    requests: int = 0
    switch: Switch = field(default_factory=Switch)
    partly_liquidated_ms: int = 0
    """When a part of a large position was liquidated."""
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
    twaps: dict[int, Twap] = field(default_factory=dict)
    """Those that run, by id."""


@dataclass(slots=True)
class Account(AccountState):
    """An account with its orders and its history."""

    open_orders: dict[int, Order] = field(default_factory=dict)
    """By oid, oldest first."""
    terminal_orders: OrderedDict[int, Order] = field(default_factory=OrderedDict)
    by_cloid: dict[str, int] = field(default_factory=dict)
    """The latest order that used a cloid."""
    open_by_cloid: dict[str, dict[int, Order]] = field(default_factory=dict)
    """The open orders that use a cloid, by oid: a later one that was refused, or has ended, doesn't hide them."""
    fills: list[FillRecord] = field(default_factory=list)
    """All but those of TWAP orders, oldest first."""
    slice_fills: list[FillRecord] = field(default_factory=list)
    """Those of TWAP orders, oldest first."""
    resting: dict[str, Resting] = field(default_factory=dict)
    """By coin."""
    history: list[HistoryRow] = field(default_factory=list)
    """Funding, transfers, liquidations, TWAP orders: all of them, oldest first."""

    def lots(self, coin: str) -> int:
        position = self.positions.get(coin)
        return position.lots if position is not None else 0

    @property
    def is_holding(self) -> bool:
        """Whether any position is open."""
        return any(position.lots for position in self.positions.values())

    def count_resting(self, order: Order) -> Resting:
        """Let the sums of the order's coin follow it."""
        resting = self.resting.get(order.coin)
        if resting is None:
            resting = self.resting[order.coin] = Resting()
        resting.count(order)
        return resting

    @property
    def is_unified(self) -> bool:
        """Whether all dexs and the spot wallet share one margin."""
        return self.abstraction in _UNIFIED_MODES

    @property
    def balance(self) -> int:
        """All money, with positions at their entry: what was paid in and what has been earned and spent since."""
        return self.money + sum(position.cost for position in self.positions.values())

    @property
    def money(self) -> int:
        """The cash of all dexs and the spot wallet."""
        return sum(self.cash.values()) + self.spot

    def count_volume(self, day: int, micro: int, *, crossed: bool) -> None:
        """For the fees; ``volume`` is counted apart."""
        if day not in self.days:
            self.days = {d: v for d, v in self.days.items() if d > day - KEPT_DAYS}
            self.days[day] = DayVolume()
        self.days[day].add(micro, crossed=crossed)

    def pay(self, dex: str, micro: int) -> None:
        """Add ``micro`` to the cash of ``dex``; negative takes."""
        self.cash[dex] = self.cash.get(dex, 0) + micro

    def deposit(self, dex: str, micro: int) -> None:
        """From outside."""
        self.pay(dex, micro)
        self.deposits += micro

    def keep_fill(self, fill: FillRecord) -> None:
        (self.fills if fill.twap_id is None else self.slice_fills).append(fill)

    def find_order(self, oid: int | str) -> Order | None:
        """By oid, or by cloid: then the latest order that used it."""
        number = self.by_cloid.get(oid.lower()) if isinstance(oid, str) else oid
        if number is None:
            return None
        return self.open_orders.get(number) or self.terminal_orders.get(number)

    def find_open(self, oid: int | str, coin: str) -> Order | None:
        """Of ``coin``, by oid, or by cloid: then the latest open order that uses it."""
        if isinstance(oid, str):
            using = self.open_by_cloid.get(oid.lower(), {}).values()
            return max((o for o in using if o.coin == coin), key=lambda o: o.oid, default=None)
        order = self.open_orders.get(oid)
        return order if order is not None and order.coin == coin else None

    def remember(self, order: Order) -> None:
        """File a new or changed order under open or terminal. One that has just fired keeps its place among the open ones."""
        if order.cloid is not None:
            known = self.by_cloid.get(order.cloid, 0)
            self.by_cloid[order.cloid] = max(known, order.oid)
        self.count_resting(order)
        if order.is_open or order.status is OrderStatus.TRIGGERED:
            self.open_orders[order.oid] = order
            if order.cloid is not None:
                self.open_by_cloid.setdefault(order.cloid, {})[order.oid] = order
            return
        self.open_orders.pop(order.oid, None)
        if order.cloid is not None and (using := self.open_by_cloid.get(order.cloid)) is not None:
            using.pop(order.oid, None)
            if not using:
                del self.open_by_cloid[order.cloid]
        self.terminal_orders[order.oid] = order
        while len(self.terminal_orders) > _KEPT_TERMINAL_ORDERS:
            _, old = self.terminal_orders.popitem(last=False)
            if old.cloid is not None and self.by_cloid.get(old.cloid) == old.oid:
                del self.by_cloid[old.cloid]
