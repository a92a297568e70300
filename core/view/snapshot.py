"""The Snapshot itself, of the parts that the other modules hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.view.account import (
    AgentView,
    AlertView,
    ApiView,
    CommandView,
    EventView,
    FeedView,
    RiskView,
    TransfersView,
)
from core.view.budget import BudgetView
from core.view.coin import CoinView, PnlView
from core.view.dead_man import DeadManView
from core.view.latency import LatencyView
from core.view.listings import BacktestView, ControlView, FillView, HistoryPoint, OrderView, SettingView
from core.view.states import RunState
from core.view.work import WorkView


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
    budget: BudgetView = field(default_factory=BudgetView)
    dead_man: DeadManView = field(default_factory=DeadManView)
    watchdog_pid: int | None = None
    """Of the `gridbot watchdog` that runs beside it, 0 if that isn't known; ``None``: there is none."""
    latency: LatencyView = field(default_factory=LatencyView)
    work: WorkView = field(default_factory=WorkView)
    agent: AgentView = field(default_factory=AgentView)
    clock_off_ms: int = 0
    """This machine's clock before the exchange's: + is ahead."""
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
