"""What there is once: the account's risk, the links, breakers, budgets, and the run itself."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from core.telemetry.metrics.definition import Metric, Row, Sample, Scene, Shown, Type, by_age, of_account
from core.view import BreakerState, BudgetMode, DeadManState, RunState, Severity, Snapshot

_DRAWDOWN = Shown(Row.RISK, "Drawdown against its limit")
_MARGIN = Shown(Row.RISK, "Margin utilization")
_AGE = Shown(Row.SYSTEM_HEALTH, "Age of the stream's last message", 20)
_REQUESTS = Shown(Row.SYSTEM_HEALTH, "Requests that are left")


def _or_none(value: float) -> float | None:
    """A limit that isn't set has no sample."""
    return value or None


def _is_tripped(snapshot: Snapshot) -> bool:
    return snapshot.api.breaker_open


def _breakers(scene: Scene) -> Iterator[Sample]:
    for breaker in scene.snapshot.api.breakers:
        yield (breaker.name,), int(breaker.state is not BreakerState.CLOSED)


def _breaker_streaks(scene: Scene) -> Iterator[Sample]:
    for breaker in scene.snapshot.api.breakers:
        yield (breaker.name,), breaker.streak


def _states(scene: Scene) -> Iterator[Sample]:
    for state in RunState:
        yield (state.value,), int(scene.snapshot.state is state)


def _dead_man_states(scene: Scene) -> Iterator[Sample]:
    for state in DeadManState:
        yield (state.value,), int(scene.snapshot.dead_man.state is state)


def _budget_modes(scene: Scene) -> Iterator[Sample]:
    for mode in BudgetMode:
        yield (mode.value,), int(scene.snapshot.budget.mode is mode)


def _alerts(scene: Scene) -> Iterator[Sample]:
    for severity in Severity:
        yield (severity.value,), sum(alert.severity is severity for alert in scene.snapshot.alerts)


def _build(scene: Scene) -> Iterator[Sample]:
    yield (scene.version, platform.python_version()), 1


def _run(scene: Scene) -> Iterator[Sample]:
    yield (scene.snapshot.network, scene.snapshot.account), 1


def _journal_bytes(scene: Scene) -> Iterator[Sample]:
    if scene.journal_bytes is not None:
        yield (), scene.journal_bytes


def _data_age(scene: Scene) -> Iterator[Sample]:
    oldest_ms = min((coin.market_ms for coin in scene.snapshot.coins), default=0)
    if oldest_ms:
        yield (), max(scene.now_ms - oldest_ms, 0) / 1000


RISK = (
    of_account("account_value", "Of the account", lambda s: float(s.risk.account_value_usd), "USD"),
    of_account(
        "max_drawdown_pct",
        "Lost since the highest profit, of what the account would be worth there",
        lambda s: s.risk.drawdown_pct,
        "percent",
        _DRAWDOWN,
    ),
    of_account(
        "max_drawdown_limit_pct",
        "At so much it halts; no sample without a limit",
        lambda s: _or_none(s.risk.max_drawdown_pct),
        "percent",
        _DRAWDOWN,
    ),
    of_account(
        "max_drawdown_limit_ratio",
        "gridbot_max_drawdown_limit_pct / 100",
        lambda s: s.risk.max_drawdown_pct / 100 if s.risk.max_drawdown_pct else None,
    ),
    of_account("drawdown_ratio", "gridbot_max_drawdown_pct / 100", lambda s: s.risk.drawdown_pct / 100),
    of_account(
        "unrealized_loss_pct",
        "Lost by the open positions, of the account without that loss",
        lambda s: s.risk.unrealized_loss_pct,
        "percent",
        _DRAWDOWN,
    ),
    of_account(
        "unrealized_loss_ratio",
        "gridbot_unrealized_loss_pct / 100",
        lambda s: s.risk.unrealized_loss_pct / 100,
    ),
    of_account(
        "margin_utilization",
        "Margin used, of the account, 0 to 1",
        lambda s: s.risk.margin_utilization_pct / 100,
        "",
        _MARGIN,
    ),
    of_account(
        "margin_utilization_pct",
        "gridbot_margin_utilization x 100",
        lambda s: s.risk.margin_utilization_pct,
        "percent",
    ),
    of_account(
        "margin_utilization_limit",
        "No sample without a limit",
        lambda s: _or_none(s.risk.max_margin_pct / 100),
        "",
        _MARGIN,
    ),
    of_account(
        "worst_case",
        "What must stay for every grid to be carried to its worst edge",
        lambda s: float(s.risk.worst_case_usd),
        "USD",
    ),
    of_account(
        "withdrawable",
        "What can be taken out with every grid intact",
        lambda s: float(s.risk.withdrawable_usd),
        "USD",
    ),
)

LINKS = (
    of_account("ws_connected", "1 while the stream is connected", lambda s: s.feed.connected),
    of_account(
        "ws_ready",
        "1 while it is connected, subscribed, and the gap before it is read back",
        lambda s: s.feed.ready,
        "",
        Shown(Row.SYSTEM_HEALTH, "Stream ready"),
    ),
    of_account("ws_degraded_mode", "1 while it is not: fills come over REST", lambda s: not s.feed.ready),
    of_account("ws_reconnects_total", "Of this run", lambda s: s.feed.reconnects, kind=Type.COUNTER),
    of_account(
        "ws_quarantined_total",
        "Messages that did not decode exactly; none touched anything",
        lambda s: s.feed.quarantined,
        kind=Type.COUNTER,
    ),
    by_age(
        "ws_data_age", "Since the stream's last message of any kind", lambda s: s.feed.last_message_ms, _AGE
    ),
    of_account(
        "ws_last_message_timestamp_seconds",
        "When that was",
        lambda s: s.feed.last_message_ms / 1000 if s.feed.last_message_ms else None,
        "s",
    ),
    of_account(
        "ws_stale_after_seconds",
        "How old it may be before nothing new is placed",
        lambda s: s.feed.stale_after_s,
        "s",
    ),
    Metric(
        "data_age_seconds",
        Type.GAUGE,
        "Since the last quote of the coin that has been quiet the longest; a quiet coin is not a stale feed",
        _data_age,
        unit="s",
    ),
    of_account(
        "api_error_streak",
        "Failed requests in a row",
        lambda s: s.api.api_error_streak,
        "",
        Shown(Row.SYSTEM_HEALTH, "API errors in a row", 3),
    ),
    of_account(
        "rest_latency_seconds", "Of the last answer over REST", lambda s: s.api.rest_latency_ms / 1000, "s"
    ),
    of_account(
        "circuit_breaker_tripped",
        "1 while a breaker is open that keeps new orders from being placed",
        _is_tripped,
        "",
        Shown(Row.SYSTEM_HEALTH, "Circuit breakers", 0),
    ),
    Metric(
        "circuit_breaker_open",
        Type.GAUGE,
        "1 while that breaker is open or probes",
        _breakers,
        ("breaker",),
        shown=Shown(Row.SYSTEM_HEALTH, "Circuit breakers", 0),
    ),
    Metric("circuit_breaker_streak", Type.GAUGE, "Failures in a row", _breaker_streaks, ("breaker",)),
    of_account(
        "unknown_orders", "Orders of which nobody knows whether they rest", lambda s: s.api.unknown_orders
    ),
    of_account(
        "actions_sent_total", "Orders sent in this run", lambda s: s.api.orders_sent, kind=Type.COUNTER
    ),
    of_account(
        "cancels_sent_total", "Cancels sent in this run", lambda s: s.api.cancels_sent, kind=Type.COUNTER
    ),
)

BUDGETS = (
    of_account(
        "ip_weight_left", "What could be spent now, of this host", lambda s: s.budget.ip_left, "weight"
    ),
    of_account("ip_weight_limit", "A minute", lambda s: s.budget.ip_limit, "weight"),
    of_account(
        "ip_weight_reserve",
        "What only cancels and reductions may take",
        lambda s: s.budget.ip_reserve,
        "weight",
    ),
    of_account(
        "address_requests_left",
        "Orders that the account may still send; no sample before the exchange has told",
        lambda s: s.budget.address_left if s.budget.read_ms else None,
        "",
        _REQUESTS,
    ),
    of_account(
        "address_requests_reserve",
        "What of it the grid leaves to stops, reductions and operators",
        lambda s: s.budget.address_reserve if s.budget.read_ms else None,
        "",
        _REQUESTS,
    ),
    of_account(
        "address_requests_used_total",
        "In the account's life",
        lambda s: s.budget.address_used if s.budget.read_ms else None,
        kind=Type.COUNTER,
    ),
    of_account(
        "address_budget_hours_left",
        "At the present churn, less what trading gives back; no sample while it doesn't fall",
        lambda s: s.budget.hours_to_empty,
        "hours",
        Shown(Row.SYSTEM_HEALTH, "Hours that requests last", 24, is_least=True),
    ),
    of_account(
        "address_budget_left_seconds",
        "gridbot_address_budget_hours_left x 3600",
        lambda s: s.budget.hours_to_empty * 3600 if s.budget.hours_to_empty is not None else None,
    ),
    Metric("budget_mode", Type.GAUGE, "1 for the mode that holds", _budget_modes, ("mode",)),
    Metric(
        "dead_man_state",
        Type.GAUGE,
        "1 for the state of the exchange's dead man's switch",
        _dead_man_states,
        ("state",),
    ),
    of_account("dead_man_wanted", "1 if it is configured", lambda s: s.dead_man.after_s > 0),
    of_account("dead_man_armed", "1 while it is armed", lambda s: s.dead_man.state is DeadManState.ARMED),
    of_account(
        "dead_man_armed_until_timestamp_seconds",
        "When it fires unless it is moved on; no sample while it is not armed",
        lambda s: s.dead_man.armed_until_ms / 1000 if s.dead_man.armed_until_ms else None,
        "s",
    ),
    of_account(
        "agent_expiry_timestamp_seconds",
        "When the agent that signs ends; no sample if it has no end, or none is known",
        lambda s: s.agent.until_ms / 1000 if s.agent.until_ms else None,
        "s",
    ),
)

RUN = (
    Metric("build_info", Type.GAUGE, "Always 1", _build, ("version", "python")),
    of_account(
        "clock_offset_seconds",
        "This machine's clock before the exchange's: + is ahead; beyond 5 it is told of",
        lambda s: s.clock_off_ms / 1000,
        "s",
    ),
    Metric("run_info", Type.GAUGE, "Always 1", _run, ("network", "account")),
    Metric("run_state", Type.GAUGE, "1 for the state that the account is in", _states, ("state",)),
    of_account("start_timestamp_seconds", "When this run began", lambda s: s.started_ms / 1000, "s"),
    by_age(
        "snapshot_age_seconds",
        "Since the core last said how it stands: it does ten times a second",
        lambda s: s.time_ms,
    ),
    of_account("snapshot_timestamp_seconds", "When that was", lambda s: s.time_ms / 1000, "s"),
    Metric(
        "alerts_active",
        Type.GAUGE,
        "Alerts that hold now",
        _alerts,
        ("severity",),
        shown=Shown(Row.RISK, "Alerts"),
    ),
    Metric(
        "fill_log_size_bytes",
        Type.GAUGE,
        "Of the journal, its write-ahead log included",
        _journal_bytes,
        unit="bytes",
    ),
    of_account(
        "watchdog_running", "1 while a `gridbot watchdog` heeds it", lambda s: s.watchdog_pid is not None
    ),
)

METRICS = (*RISK, *LINKS, *BUDGETS, *RUN)
