"""The Snapshot: all that a screen, a socket or a metric may know of the core.

Frozen and serialisable: tuples, numbers, text. Quantities and money are ``Decimal`` (signed: + is long, + is profit,
a positive fee is paid), ages and percentages are ``float`` and for the eye only. ``_pct`` is percent. Times are
milliseconds UTC; ages follow from ``time_ms`` and the reader's own clock, so that a core that stopped publishing looks stale.

A part is loaded when somebody first asks for it: the first picture of a start needs the words alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.view.account import (
        AgentView,
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
    from core.view.budget import BudgetView
    from core.view.coin import (
        ClosingView,
        CoinView,
        DriftView,
        FillsView,
        GridView,
        LastFillView,
        LevelView,
        MarginView,
        MarketView,
        PnlView,
        StopView,
    )
    from core.view.dead_man import DeadManView
    from core.view.latency import LatencyView, OrderTimesView, StageView
    from core.view.listings import (
        BacktestView,
        ControlView,
        FillView,
        HistoryPoint,
        OrderView,
        SettingView,
    )
    from core.view.plain import from_plain, shape_of, to_plain
    from core.view.snapshot import Snapshot
    from core.view.states import (
        DRIFT_ALERT_PCT,
        DRIFT_HALT,
        DRIFT_HALT_PCT,
        ZERO,
        BreakerState,
        BudgetMode,
        CommandStatus,
        DeadManState,
        LevelState,
        OrderShown,
        RunState,
        SessionState,
        Severity,
        StopState,
    )
    from core.view.work import (
        BATCH_ENDS,
        DURATION_ENDS_US,
        ObserverView,
        SentView,
        SpreadView,
        WorkView,
    )

__all__ = [
    "BATCH_ENDS",
    "DRIFT_ALERT_PCT",
    "DRIFT_HALT",
    "DRIFT_HALT_PCT",
    "DURATION_ENDS_US",
    "ZERO",
    "AgentView",
    "AlertView",
    "ApiView",
    "BacktestView",
    "BreakerState",
    "BreakerView",
    "BudgetMode",
    "BudgetView",
    "ClosingView",
    "CoinView",
    "CommandStatus",
    "CommandView",
    "ControlView",
    "DeadManState",
    "DeadManView",
    "DriftView",
    "EventView",
    "FeedView",
    "FillView",
    "FillsView",
    "GridView",
    "HistoryPoint",
    "LastFillView",
    "LatencyView",
    "LevelState",
    "LevelView",
    "MarginView",
    "MarketView",
    "ObserverView",
    "OrderShown",
    "OrderTimesView",
    "OrderView",
    "PnlView",
    "RiskView",
    "RunState",
    "SentView",
    "SessionState",
    "SettingView",
    "Severity",
    "Snapshot",
    "SpreadView",
    "StageView",
    "StopState",
    "StopView",
    "TransfersView",
    "TripView",
    "WorkView",
    "from_plain",
    "shape_of",
    "to_plain",
]

_PARTS = (
    "states",
    "account",
    "budget",
    "coin",
    "dead_man",
    "latency",
    "listings",
    "snapshot",
    "plain",
    "work",
)

if not TYPE_CHECKING:  # to a type checker every name would be one of ours

    def __getattr__(name: str) -> object:
        if name in __all__:
            for part in _PARTS:
                module = import_module(f"{__name__}.{part}")
                if name in vars(module):
                    globals()[name] = found = vars(module)[name]
                    return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
