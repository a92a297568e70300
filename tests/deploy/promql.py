"""What expressions of Prometheus name, and whether a bot serves it."""

from __future__ import annotations

import promql_parser

from core.telemetry.metrics.definition import Type
from core.telemetry.metrics.registry import METRICS

SERVED: dict[str, frozenset[str]] = {
    f"{metric.full_name}{suffix}": frozenset(metric.labels) | ({"le"} if suffix == "_bucket" else set())
    for metric in METRICS
    for suffix in (("_bucket", "_sum", "_count") if metric.type is Type.HISTOGRAM else ("",))
}
"""Every series that there may be, with its labels."""

OF_PROMETHEUS = {"job", "instance"}


def named(expression: str) -> set[str]:
    """The metrics of an expression. Raises ``ValueError`` for what isn't one."""
    found: set[str] = set()

    def note(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector) and node.name:
            found.add(node.name)
        return True

    promql_parser.walk(promql_parser.parse(expression), note)
    return found


def unserved(expression: str) -> set[str]:
    """What of it no bot serves."""
    return {name for name in named(expression) if name.startswith("gridbot_") and name not in SERVED}
