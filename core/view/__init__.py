"""The Snapshot: all that a screen, a socket or a metric may know of the core.

Frozen and serialisable: tuples, numbers, text. Quantities and money are ``Decimal`` (signed: + is long, + is profit,
a positive fee is paid), ages and percentages are ``float`` and for the eye only. ``_pct`` is percent. Times are
milliseconds UTC; ages follow from ``time_ms`` and the reader's own clock, so that a core that stopped publishing looks stale.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.view.account import (
    AlertView,
    ApiView,
    BreakerView,
    CommandView,
    EventView,
    FeedView,
    RiskView,
    TransfersView,
    TripView,
)
from core.view.coin import (
    ClosingView,
    CoinView,
    DriftView,
    FillsView,
    GridView,
    LastFillView,
    LevelView,
    MarginView,
    PnlView,
    StopView,
)
from core.view.listings import (
    BacktestView,
    ControlView,
    FillView,
    HistoryPoint,
    OrderShown,
    OrderView,
    SettingView,
)
from core.view.plain import from_plain, shape_of, to_plain
from core.view.states import (
    DRIFT_ALERT_PCT,
    DRIFT_HALT,
    DRIFT_HALT_PCT,
    ZERO,
    BreakerState,
    CommandStatus,
    LevelState,
    RunState,
    SessionState,
    Severity,
    StopState,
)

__all__ = [
    "DRIFT_ALERT_PCT",
    "DRIFT_HALT",
    "DRIFT_HALT_PCT",
    "ZERO",
    "AlertView",
    "ApiView",
    "BacktestView",
    "BreakerState",
    "BreakerView",
    "ClosingView",
    "CoinView",
    "CommandStatus",
    "CommandView",
    "ControlView",
    "DriftView",
    "EventView",
    "FeedView",
    "FillView",
    "FillsView",
    "GridView",
    "HistoryPoint",
    "LastFillView",
    "LevelState",
    "LevelView",
    "MarginView",
    "OrderShown",
    "OrderView",
    "PnlView",
    "RiskView",
    "RunState",
    "SessionState",
    "SettingView",
    "Severity",
    "Snapshot",
    "StopState",
    "StopView",
    "TransfersView",
    "TripView",
    "from_plain",
    "shape_of",
    "to_plain",
]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent view of the account: portfolio and coins have one ``version``."""

    version: int
    time_ms: int
    network: str
    account: str
    state: RunState
    halt_reason: str = ""
    market_speed: float = 1.0
    """How much faster than the wall clock the embedded market runs; 1 elsewhere."""
    exchange_url: str = ""
    """Where it trades; the embedded paper exchange has a loopback URL of its own."""
    is_embedded: bool = False
    started_ms: int = 0
    coins: tuple[CoinView, ...] = ()
    feed: FeedView = field(default_factory=FeedView)
    api: ApiView = field(default_factory=ApiView)
    risk: RiskView = field(default_factory=RiskView)
    pnl: PnlView = field(default_factory=PnlView)
    """Of all coins together."""
    transfers: TransfersView = field(default_factory=TransfersView)
    alerts: tuple[AlertView, ...] = ()
    """Worst first."""
    events: tuple[EventView, ...] = ()
    """Oldest first, bounded; the files hold all."""
    commands: tuple[CommandView, ...] = ()
    """The operator's last commands, oldest first, bounded."""
    orders: tuple[OrderView, ...] = ()
    """All that may rest at the exchange, what ought not to be there first."""
    fills: tuple[FillView, ...] = ()
    """The newest, oldest first, bounded; the journal has all."""
    history: tuple[HistoryPoint, ...] = ()
    """One point a minute, oldest first, bounded."""
    backtest: BacktestView = field(default_factory=BacktestView)
    settings: tuple[SettingView, ...] = ()
    control: ControlView = field(default_factory=ControlView)
    worst_gap_ms: float = 0.0
    """The longest that the core's loop stood still within the last 10 s; some 20 is none."""
