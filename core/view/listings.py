"""What the console lists: orders, fills, settings, the day's course, and who is looking."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.view.states import ZERO, OrderShown


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order that may rest at the exchange."""

    coin: str
    cloid: str
    order_id: int | None
    side: str
    """``buy`` or ``sell``"""
    price: Decimal
    size: Decimal
    filled: Decimal
    state: OrderShown
    since_ms: int
    """When it was sent, or first seen."""
    slot: str = ""
    """Which level of the grid it works, as in ``buy 3``; empty for a stop, a closing order or one that isn't ours."""
    purpose: str = ""
    """``grid``, ``stop``, ``flatten`` or ``foreign``."""
    note: str = ""
    """Why it is listed among those that ought not to be there."""


@dataclass(frozen=True, slots=True)
class FillView:
    """One fill, as the journal has it. Money is USD: + is profit, a positive fee is paid."""

    time_ms: int
    """At the exchange."""
    coin: str
    side: str
    price: Decimal
    size: Decimal
    fee_usd: Decimal
    """In ``fee_token``, which is USDC but for odd coins."""
    liquidity: str
    """``maker`` or ``taker``"""
    source: str
    """``ws``, ``rest``, ``snapshot`` or ``resolver``: by which way it was first known."""
    trade_id: int
    cloid: str = ""
    pnl_usd: Decimal = ZERO
    """What it closed, gross of fees."""
    latency_ms: int | None = None
    """From the exchange's time to ours when it was committed; ``None`` for one that was read back."""
    fee_token: str = "USDC"
    note: str = ""
    """What is out of the ordinary: ``external`` for one of no order of ours, ``liquidation``, ``adl`` or ``settlement``."""


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """Where the account stood at a minute's end."""

    time_ms: int
    total_usd: Decimal
    """Profit over the journal's lifetime, of all coins, unrealized included."""
    drawdown_pct: float
    fills: int
    """Within that minute."""
    makers: int
    """Of those."""


@dataclass(frozen=True, slots=True)
class BacktestView:
    """What a backtest of these settings made, as its file says; ``name`` is empty without one."""

    name: str = ""
    from_ms: int = 0
    to_ms: int = 0
    total_usd: Decimal = ZERO
    max_drawdown_pct: float = 0.0
    fills: int = 0
    makers: int = 0
    error: str = ""
    """Why there is a file and no result."""


@dataclass(frozen=True, slots=True)
class SettingView:
    """One setting in force. ``value`` has secrets masked; ``origin`` says where it was set."""

    name: str
    value: str
    origin: str
    coin: str = ""
    """Of one coin alone; empty for all."""
    is_default: bool = True
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class ControlView:
    """Who is looking, and who may act. ``""`` as holder: nobody, so that the first who asks may."""

    holder: str = ""
    """The viewer that may act, as in ``alice from 203.0.113.7, pts/3``."""
    holder_id: str = ""
    viewers: tuple[str, ...] = ()
