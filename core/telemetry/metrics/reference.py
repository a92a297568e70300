"""``docs/metrics.md``: its tables, made of the definitions. ``make docs`` writes them, and a test holds them current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.page_parts import with_part
from core.telemetry.metrics.definition import Metric
from core.telemetry.metrics.registry import GROUPS

PAGE = Path("docs/metrics.md")


def refreshed(page: str) -> str:
    """The page with its tables made anew."""
    return with_part(page, "metrics", _tables())


def _tables() -> Iterator[str]:
    for title, metrics in GROUPS.items():
        yield f"\n### {title}\n"
        yield "| name | type | labels | unit | row | what it means |"
        yield "|---|---|---|---|---|---|"
        yield from map(_row, metrics)
    yield ""


def _row(metric: Metric) -> str:
    row = metric.shown.row.value if metric.shown else ""
    labels = ", ".join(metric.labels)
    cells = (
        f"`{metric.full_name}`",
        metric.type.value,
        labels,
        metric.unit,
        row,
        metric.means.replace("|", "\\|"),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
