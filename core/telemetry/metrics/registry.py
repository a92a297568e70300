"""All metrics, in the order of ``/metrics`` and of the docs."""

from __future__ import annotations

from core.telemetry.metrics import account, coins, counted, work
from core.telemetry.metrics.definition import Metric

GROUPS: dict[str, tuple[Metric, ...]] = {
    "Position and profit": coins.POSITION,
    "Fills": coins.FILLS,
    "The grid": coins.GRID,
    "Orders": coins.ORDERS,
    "The exchange's truth": coins.TRUTH,
    "Risk": account.RISK,
    "Links and breakers": account.LINKS,
    "Budgets, dead man's switch, agent": account.BUDGETS,
    "The run": account.RUN,
    "Work and time": work.METRICS,
    "Counters of events": counted.METRICS,
}

METRICS: tuple[Metric, ...] = tuple(metric for metrics in GROUPS.values() for metric in metrics)
