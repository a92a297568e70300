"""What the core does and how long it takes: the way of orders, the journal, looks at the account, what waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.telemetry.metrics.definition import (
    Metric,
    Row,
    Sample,
    Scene,
    Shown,
    Type,
    buckets,
    of_account,
    spread,
)
from core.view import BATCH_ENDS, DURATION_ENDS_US, Snapshot, SpreadView

MS, S = 1e-3, 1e-6
"""A microsecond in either."""

_LATENCY = "Latency of orders"


def _stage(name: str) -> Callable[[Snapshot], SpreadView]:
    def found(snapshot: Snapshot) -> SpreadView:
        return next((stage.spread for stage in snapshot.latency.stages if stage.name == name), SpreadView())

    return found


def _stages(scene: Scene) -> Iterator[Sample]:
    for stage in scene.snapshot.latency.stages:
        yield (stage.name,), buckets(stage.spread, DURATION_ENDS_US, S)


def _waiting(scene: Scene) -> Iterator[Sample]:
    for observer in scene.snapshot.work.observers:
        yield (observer.name,), observer.waiting


def _lost(scene: Scene) -> Iterator[Sample]:
    for observer in scene.snapshot.work.observers:
        yield (observer.name,), observer.lost


def _letters(scene: Scene) -> Iterator[Sample]:
    for each in scene.telling.delivered:
        yield (each.place, "sent"), each.sent
        yield (each.place, "failed"), each.failed


def _messages_lost(scene: Scene) -> Iterator[Sample]:
    for each in scene.telling.delivered:
        yield (each.place,), each.lost


def _scrapes_failed(scene: Scene) -> Iterator[Sample]:
    for path in ("/metrics", "/status", "/health", "/ready"):
        yield (path,), scene.telling.failed.get(path, 0)


METRICS = (
    Metric(
        "order_stage_seconds",
        Type.HISTOGRAM,
        "Each stretch of an action's way, as on the latency screen",
        _stages,
        ("stage",),
        "s",
        Shown(Row.SYSTEM_HEALTH, _LATENCY),
    ),
    spread(
        "order_latency_ms",
        "From an action's bytes on the wire to the exchange's answer",
        _stage("wire_to_ack"),
        DURATION_ENDS_US,
        MS,
        "ms",
    ),
    spread(
        "order_pending_duration_ms",
        "How long an order is pending: sent, and not answered. One action carries many orders and is counted once",
        _stage("wire_to_ack"),
        DURATION_ENDS_US,
        MS,
        "ms",
    ),
    spread(
        "state_save_duration_ms",
        "Transactions of the journal, until they are on disk",
        lambda s: s.work.commits,
        DURATION_ENDS_US,
        MS,
        "ms",
    ),
    spread(
        "journal_commit_seconds",
        "The same in seconds",
        lambda s: s.work.commits,
        DURATION_ENDS_US,
        S,
        "s",
        Shown(Row.SYSTEM_HEALTH, "Commits of the journal"),
    ),
    spread(
        "state_reconciliation_ms",
        "Looks at the account at the exchange, from question to comparison",
        lambda s: s.work.checks,
        DURATION_ENDS_US,
        MS,
        "ms",
    ),
    spread("account_check_seconds", "The same in seconds", lambda s: s.work.checks, DURATION_ENDS_US, S, "s"),
    spread(
        "order_batch_size",
        "Orders of one action that places or modifies",
        lambda s: s.work.batches,
        BATCH_ENDS,
        1.0,
    ),
    of_account("bot_cycles_total", "Turns of the account's loop", lambda s: s.work.turns, kind=Type.COUNTER),
    of_account(
        "inbox_depth",
        "Messages that waited for the account's loop",
        lambda s: s.work.inbox,
        "",
        Shown(Row.SYSTEM_HEALTH, "What waits"),
    ),
    Metric(
        "observer_queue_depth",
        Type.GAUGE,
        "Events that an observer (the log, alerts, metrics) has not taken yet",
        _waiting,
        ("observer",),
        shown=Shown(Row.SYSTEM_HEALTH, "What waits"),
    ),
    Metric("observer_events_lost_total", Type.COUNTER, "Events that it will never get", _lost, ("observer",)),
    of_account(
        "loop_gap_seconds",
        "The longest that the core's loop stood still within the last 10 s; some 0.02 is none",
        lambda s: s.worst_gap_ms / 1000,
        "s",
        Shown(Row.SYSTEM_HEALTH, "Loop stood still"),
    ),
    Metric(
        "alert_letters_total",
        Type.COUNTER,
        "Deliveries of alerts to each target. outcome: sent, failed (each attempt); place: where its URL is written",
        _letters,
        ("place", "outcome"),
    ),
    Metric(
        "alert_messages_lost_total",
        Type.COUNTER,
        "Messages that no longer fitted what waits for a target; the log has them",
        _messages_lost,
        ("place",),
    ),
    Metric(
        "scrape_failures_total",
        Type.COUNTER,
        "Requests to this server that it could not answer, with 500 (scrape_failed in the log)",
        _scrapes_failed,
        ("path",),
    ),
)
