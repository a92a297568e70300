"""What may be known of the account and of the links that it is traded over, of its log, its alerts and its commands."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.view.states import ZERO, BreakerState, CommandStatus, Severity


@dataclass(frozen=True, slots=True)
class FeedView:
    connected: bool = False
    ready: bool = False
    """Connected, everything subscribed, and the gap read back over REST."""
    generation: int = 0
    reconnects: int = 0
    last_message_ms: int = 0
    """Any message, pong included; 0 before the first."""
    quarantined: int = 0
    """Messages of this run that did not decode exactly; none touched anything."""
    stale_after_s: float = 20.0
    """How old the last message may be."""


@dataclass(frozen=True, slots=True)
class BreakerView:
    """One circuit breaker. ``name``: ``place``, ``cancel``, ``info``, ``feed``, ``storage`` or ``auth``."""

    name: str
    state: BreakerState = BreakerState.CLOSED
    reason: str = ""
    """Of the last trip, or of the failures since the last answer; empty if there was none."""
    cause: str = ""
    streak: int = 0
    """Failures in a row."""
    trips: int = 0
    """How often it opened; one is forgotten for every five quiet minutes."""
    cooldown_left_s: float | None = 0.0
    """Until the probe; ``None``: no time ends it."""


@dataclass(frozen=True, slots=True)
class TripView:
    """One time that a circuit breaker was open."""

    name: str
    opened_ms: int
    """Our wall clock, as ``closed_ms``, which is 0 while it is open."""
    reason: str
    times: int = 1
    """How often it opened before an answer closed it."""
    closed_ms: int = 0
    closed_by: str = ""


@dataclass(frozen=True, slots=True)
class ApiView:
    api_error_streak: int = 0
    rest_latency_ms: float = 0.0
    orders_sent: int = 0
    cancels_sent: int = 0
    unknown_orders: int = 0
    api_error_limit: int = 3
    """So many in a row are borne; one more opens the breaker."""
    breaker_open: bool = False
    """Some breaker is open that keeps new orders from being placed."""
    breaker_reason: str = ""
    breakers: tuple[BreakerView, ...] = ()
    trips: tuple[TripView, ...] = ()
    """Of this run, oldest first, bounded."""


@dataclass(frozen=True, slots=True)
class RiskView:
    account_value_usd: Decimal = ZERO
    high_water_usd: Decimal = ZERO
    drawdown_pct: float = 0.0
    """Lost since the highest profit, of what the account would be worth there. Deposits and withdrawals move neither."""
    max_drawdown_pct: float = 0.0
    """0: no limit."""
    unrealized_loss_pct: float = 0.0
    """Lost by the open positions, of the account without that loss; 0 for a gain."""
    max_unrealized_loss_pct: float = 0.0
    day_usd: Decimal = ZERO
    """Profit since 00:00 UTC, unrealized included."""
    day_stop_usd: Decimal | None = None
    day_take_usd: Decimal | None = None
    """Limits of the day's profit; ``None``: no limit."""
    worst_case_usd: Decimal = ZERO
    """What must stay in the account for every grid to be carried to its worst edge, all at once: losses to come, and margin."""
    withdrawable_usd: Decimal = ZERO
    """What can be taken out with every grid intact."""
    margin_utilization_pct: float = 0.0
    max_margin_pct: float = 0.0
    """0: no limit."""
    portfolio_notional_usd: Decimal = ZERO
    """The worst case of all coins together at the latest prices."""
    max_portfolio_notional_usd: Decimal = ZERO
    min_liq_distance_pct: float = 0.0
    """How near the liquidation price may come at either edge of the grid. 0 of both: no limit."""
    funding_paid_usd: Decimal = ZERO
    """Positive = paid, over the journal's lifetime."""


@dataclass(frozen=True, slots=True)
class TransfersView:
    """Money that isn't profit, over the journal's lifetime, on the dex that is traded on: no limit and no profit has it."""

    net_usd: Decimal = ZERO
    """Paid in less taken out."""
    count: int = 0
    """Deposits, withdrawals and transfers of the account, those of other places included."""


@dataclass(frozen=True, slots=True)
class AgentView:
    """The agent that signs; all empty while the account's own key does, as on paper."""

    address: str = ""
    name: str = ""
    """Empty for one that was approved without."""
    until_ms: int = 0
    """When it ends; 0: it has no end, or none is known."""
    is_gone: bool = False
    """It was listed, and isn't any more."""


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of the event log. ``seq`` grows by one per event of this process."""

    seq: int
    time_ms: int
    severity: Severity
    name: str
    coin: str
    detail: str
    line: str = ""
    """The whole record, as the log file has it: one JSON object."""


@dataclass(frozen=True, slots=True)
class AlertView:
    """A condition that holds now. ``key`` is the key that treats it, empty if none does; ``fix`` says it in words."""

    id: str
    severity: Severity
    text: str
    key: str
    since_ms: int
    fix: str = ""
    snoozed_until_ms: int = 0
    """An operator knows of it: no bell until then. 0: nobody has said so."""


@dataclass(frozen=True, slots=True)
class CommandView:
    """What became of an operator's command, and a sentence."""

    id: str
    action: str
    status: CommandStatus
    text: str
    time_ms: int
