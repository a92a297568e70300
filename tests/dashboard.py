"""The dashboard for Grafana, made of the metrics' definitions: ``make dashboard`` writes it, and a test makes it again.

One row for each of the registry's, one panel for each title in it. Counters are shown as what they grew by within an hour,
histograms as their median and 99th percentile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphTresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

from core.telemetry.metrics.definition import Metric, Row, Type
from core.telemetry.metrics.registry import METRICS

FILE = Path(__file__).parents[1] / "deploy" / "grafana" / "gridbot.json"

TITLES = {
    Row.POSITION_PNL: "Position and PnL",
    Row.FILL_CAPTURE: "Fill capture",
    Row.GRID_HEALTH: "Grid health",
    Row.SYSTEM_HEALTH: "System health",
    Row.RISK: "Risk",
}
UNITS = {"percent": "percent", "USD": "currencyUSD", "s": "s", "ms": "ms", "bytes": "bytes", "hours": "h"}
SHARES = ("loss_drift", "margin_utilization", "margin_utilization_limit")
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
OKAY, WRONG = "green", "red"
WIDTH, HEIGHT = 6, 8
"""Of 24 columns."""


def panels() -> dict[Row, dict[str, list[Metric]]]:
    """The metrics of each panel, by row and title."""
    found: dict[Row, dict[str, list[Metric]]] = {row: {} for row in Row}
    for metric in METRICS:
        if metric.shown is not None:
            found[metric.shown.row].setdefault(metric.shown.title, []).append(metric)
    return found


def expressions(metric: Metric) -> Iterator[tuple[str, str]]:
    """What is asked of Prometheus for it, and the legend."""
    chosen = 'instance=~"$instance"' + (', coin=~"$coin"' if "coin" in metric.labels else "")
    legend = " ".join([metric.name, *(f"{{{{{label}}}}}" for label in metric.labels)])
    match metric.type:
        case Type.GAUGE:
            yield f"{metric.full_name}{{{chosen}}}", legend
        case Type.COUNTER:
            yield f"increase({metric.full_name}{{{chosen}}}[1h])", f"{legend}, last hour"
        case Type.HISTOGRAM:
            by = ", ".join(("le", "instance", *metric.labels))
            rates = f"sum by ({by}) (rate({metric.full_name}_bucket{{{chosen}}}[5m]))"
            for part in (0.5, 0.99):
                yield f"histogram_quantile({part}, {rates})", f"{legend} p{part * 100:.0f}"


def made() -> str:
    """The dashboard as Grafana imports it."""
    board = (
        dashboard.Dashboard("GridBot")
        .uid("gridbot")
        .tags(["gridbot"])
        .refresh("15s")
        .time("now-6h", "now")
        .timezone("utc")
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_choice("instance", "gridbot_run_info"))
        .with_variable(_choice("coin", 'gridbot_position{instance=~"$instance"}'))
    )
    for row, by_title in panels().items():
        board = board.with_row(dashboard.Row(TITLES[row]))
        for title, metrics in by_title.items():
            board = board.with_panel(_panel(title, metrics))
    return (
        json.dumps(
            json.loads(JSONEncoder(sort_keys=True, indent=1).encode(board.build())), indent=1, sort_keys=True
        )
        + "\n"
    )


def _choice(label: str, metric: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(label)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {label})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def _panel(title: str, metrics: list[Metric]) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(title)
        .description(". ".join(f"{metric.full_name}: {metric.means}" for metric in metrics))
        .datasource(SOURCE)
        .span(WIDTH)
        .height(HEIGHT)
        .unit(_unit(metrics[0]))
        .legend(common.VizLegendOptions().show_legend(True))
    )
    queries = [query for metric in metrics for query in expressions(metric)]
    for number, (expression, legend) in enumerate(queries):
        query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(chr(ord("A") + number))
        panel = panel.with_target(query)
    shown = metrics[0].shown
    if shown is None or shown.limit is None:
        return panel
    below, above = (WRONG, OKAY) if shown.is_least else (OKAY, WRONG)
    steps = [Threshold(value=None, color=below), Threshold(value=shown.limit, color=above)]
    return panel.thresholds(
        dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
    ).thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED))


def _unit(metric: Metric) -> str:
    if (metric.name.endswith("_ratio") and metric.name != "skew_ratio") or metric.name in SHARES:
        return "percentunit"
    return UNITS.get(metric.unit, "short")


if __name__ == "__main__":
    FILE.write_text(made(), encoding="utf-8")
