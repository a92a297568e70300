"""The rules and configurations for Prometheus and Alertmanager: as their tools judge them, of metrics that there are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.deploy.promql import named, unserved

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES, TESTS = FOLDER / "gridbot.rules.yml", FOLDER / "gridbot.rules.test.yml"

WANTED = {
    "GridbotPositionDrift": "gridbot_position_drift_pct > 1",
    "GridbotApiErrors": "gridbot_api_error_streak > 3",
    "GridbotStreamSilent": "time() - gridbot_ws_last_message_timestamp_seconds > 20",
    "GridbotHalted": "gridbot_risk_halted == 1",
    "GridbotDown": 'up{job="gridbot"} == 0',
}
"""Where these alerts begin was asked for to the digit."""


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def _judged(tool: str, *arguments: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not here: apt-get install prometheus prometheus-alertmanager")
    ended = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_prometheus_takes_the_configuration_and_the_rules_do_what_their_tests_say() -> None:
    _judged("promtool", "check", "config", str(FOLDER / "prometheus.yml"))
    _judged("promtool", "check", "rules", str(RULES))
    _judged("promtool", "test", "rules", str(TESTS))


def test_alertmanager_takes_its_configuration() -> None:
    _judged("amtool", "check-config", str(FOLDER / "alertmanager.yml"))


def test_every_alert_is_of_metrics_that_are_served_has_a_fix_and_a_test() -> None:
    tests = TESTS.read_text(encoding="utf-8")
    for rule in rules():
        assert named(rule["expr"]), rule["alert"]
        assert unserved(rule["expr"]) == set(), rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert f'alertname="{rule["alert"]}"' in tests, f"{rule['alert']} has no test"


def test_alerts_begin_where_they_were_asked_to() -> None:
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    assert {name: found[name] for name in WANTED} == WANTED
    assert "< 0.95" in found["GridbotFillsNotLive"]
