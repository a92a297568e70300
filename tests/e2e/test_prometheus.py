"""The real Prometheus and Alertmanager: a drift on the exchange becomes an alert in an operator's webhook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.test_grafana import asked
from tests.deploy.test_prometheus import rules
from tests.e2e.conftest import Start
from tests.e2e.monitors import Monitors, missing
from tests.e2e.program import Exchange, free_port, status, wait_until
from tests.e2e.test_metrics import TOKEN, is_ready
from tests.unit.telemetry.alerting.sink import Sink, sink

pytestmark = pytest.mark.skipif(
    bool(missing()), reason=f"{missing()} is not here: apt-get install prometheus prometheus-alertmanager"
)

HIDDEN: list[dict[str, Any]] = [
    {"kind": "ws_drop", "channel": "userFills"},
    {"kind": "rest_lag", "action": "userFillsByTime", "delay_ms": 120_000},
]
"""Fills that the exchange has made and tells nobody of, while the position shows them: a drift."""


@pytest.fixture
def hook() -> Iterator[Sink]:
    with sink() as one:
        yield one


@pytest.fixture
def port(start: Start, own_exchange: Exchange, home: Path) -> int:
    """Of a bot that trades."""
    found = free_port()
    start(
        *("--no-ui", "--exchange-url", own_exchange.url, "--state-dir", str(home / "state")),
        HL_METRICS_PORT=str(found),
        HL_METRICS_TOKEN=TOKEN,
    )
    wait_until(lambda: is_ready(found), 30, "it is ready")
    return found


@pytest.fixture
def monitors(home: Path, port: int, hook: Sink) -> Iterator[Monitors]:
    token = home / "token"
    token.write_text(TOKEN)
    running = Monitors(home, f"127.0.0.1:{port}", token, f"http://{hook.host}/alerts")
    try:
        running.start()
        yield running
    finally:
        running.end()


def _told(hook: Sink, status: str, name: str) -> bool:
    return any(
        alert["status"] == status and alert["labels"]["alertname"] == name
        for letter in hook.posted
        for alert in letter["alerts"]
    )


NOT_ALWAYS = {
    *(
        "gridbot_address_budget_hours_left",
        "gridbot_address_requests_left",
        "gridbot_address_requests_reserve",
    ),
    *("gridbot_margin_utilization_limit", "gridbot_liquidation_distance_ratio", "gridbot_fill_source_ratio"),
    "gridbot_grid_coverage_pct",
}
"""Gauges of what need not be known."""


def _every_expression_runs(monitors: Monitors) -> None:
    for expression in asked():
        found = monitors.query(expression.replace("$instance", ".*").replace("$coin", ".*"))
        name = expression.partition("{")[0]
        assert found or not name.startswith("gridbot_") or name in NOT_ALWAYS, expression
    for rule in rules():
        monitors.query(rule["expr"])


def test_a_drift_is_scraped_fires_is_carried_and_reaches_the_webhook_and_the_dashboard_can_be_drawn(
    monitors: Monitors, own_exchange: Exchange, hook: Sink, home: Path
) -> None:
    wait_until(lambda: bool(monitors.query("gridbot_position")), 30, "it is scraped")
    assert monitors.query('up{job="gridbot"}')[0]["value"][1] == "1"
    assert not monitors.query("gridbot_position_drift_pct > 1")
    account = str(status(home / "state")["account"])
    own_exchange.set_faults(HIDDEN)
    own_exchange.trade(account, "B", "0.05")
    wait_until(lambda: bool(monitors.query("gridbot_position_drift_pct > 1")), 60, "the drift is scraped")
    wait_until(lambda: "GridbotPositionDrift" in monitors.carried(), 30, "Alertmanager has it")
    wait_until(lambda: _told(hook, "firing", "GridbotPositionDrift"), 30, "the webhook has it")
    drift = status(home / "state")["coins"]["BTC"]["drift"]
    assert float(drift) != 0
    own_exchange.set_faults([])
    wait_until(lambda: not monitors.query("gridbot_position_drift_pct > 0"), 60, "the fills are found")
    assert status(home / "state")["coins"]["BTC"]["drift"] == "0"
    _every_expression_runs(monitors)
