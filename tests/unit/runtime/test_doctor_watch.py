"""``gridbot doctor`` on alerts and metrics: what keeps a start from going on, with its fix; nothing is sent or kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.runtime.doctor import Finding
from core.runtime.doctor_watch import examine_watch
from core.runtime.exit_code import ExitCode
from core.runtime.settings import Settings
from core.runtime.statedir import StateDir, StateLock
from core.telemetry.metrics.http_server import listen
from tests.e2e.program import free_port
from tests.unit.telemetry.alerting.sink import sink

CANARY = "canary0123456789"
TOKEN = "canary-token-0123456789"


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    found = StateDir(tmp_path / "state")
    found.prepare()
    return found


def examined(
    state: StateDir, settings: dict[str, Any] | None = None, **environ: str
) -> tuple[Finding, Finding]:
    alerts, metrics = examine_watch(Settings(**(settings or {})), state, environ)
    assert (alerts.name, metrics.name) == ("alerts", "metrics")
    assert CANARY not in alerts.text + metrics.text
    assert TOKEN not in alerts.text + metrics.text
    return alerts, metrics


def named(state: StateDir, text: str, mode: int = 0o600) -> None:
    state.alert_urls.write_text(text)
    state.alert_urls.chmod(mode)


def test_without_any_of_it_there_is_nothing_to_fix(state: StateDir) -> None:
    alerts, metrics = examined(state)
    assert (alerts.ok, metrics.ok) == (True, True)
    assert f"URLs in {state.alert_urls} would have them sent" in alerts.says
    assert "metrics_port (HL_METRICS_PORT) is 0" in metrics.says
    assert "alert_enabled is false" in examined(state, {"alert_enabled": False})[0].says


def test_targets_are_named_and_nothing_is_sent(state: StateDir) -> None:
    with sink() as hook:
        named(state, f"json://{hook.host}/{CANARY}\n")
        alerts, _ = examined(state, HL_ALERT_URLS=f"json://{hook.host}/{CANARY}/2")
        assert hook.asked == []
    assert alerts.ok
    assert f"JSON (line 1 of {state.alert_urls}), JSON (HL_ALERT_URLS)" in alerts.says
    assert "every program of this user can read it" in alerts.says


@pytest.mark.parametrize(
    ("text", "mode", "fix"),
    [
        (f"json://a/{CANARY}", 0o644, "Fix: chmod 600 "),
        (f"json://a/1\njsn://a/{CANARY}", 0o600, "Write it as apprise wants it"),
        ("\udcff", 0o600, "See docs/alerts.md"),
    ],
)
def test_a_file_that_others_may_read_and_a_line_that_is_none_are_what_a_start_ends_with(
    state: StateDir, text: str, mode: int, fix: str
) -> None:
    state.alert_urls.write_bytes(text.encode(errors="surrogateescape"))
    state.alert_urls.chmod(mode)
    alerts, _ = examined(state)
    assert alerts.exit_code is ExitCode.USAGE
    assert alerts.fix.startswith(fix), alerts.text


def test_a_port_that_is_free_stays_free_and_one_that_is_taken_has_its_fix(state: StateDir) -> None:
    port = free_port()
    _, metrics = examined(state, {"metrics_port": port})
    assert (
        metrics.says == f"127.0.0.1:{port} is free for them, without a token, to every program of this host"
    )
    assert metrics.ok
    with listen(port):
        _, metrics = examined(state, {"metrics_port": port})
        assert metrics.exit_code is ExitCode.USAGE
        assert metrics.says == f"metrics_port {port} on 127.0.0.1 can't be had (Address already in use)"
        assert metrics.fix == "Set another (HL_METRICS_PORT), or end what listens there"


def test_the_port_of_the_instance_that_runs_is_no_fault(state: StateDir) -> None:
    port = free_port()
    with StateLock(state):
        with listen(port):
            _, metrics = examined(state, {"metrics_port": port}, HL_METRICS_TOKEN=TOKEN)
        assert metrics.ok
        assert metrics.says == f"the instance that runs has 127.0.0.1:{port}, with a token"
        assert "the instance that runs does not" in examined(state, {"metrics_port": port})[1].says


def test_a_token_that_is_none_is_what_a_start_ends_with(state: StateDir) -> None:
    _, metrics = examined(state, {"metrics_port": free_port()}, HL_METRICS_TOKEN="short")
    assert metrics.exit_code is ExitCode.USAGE
    assert metrics.fix.startswith("Make one with python3 -c")
