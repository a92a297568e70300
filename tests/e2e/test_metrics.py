"""A bot that is scraped: what it answers is what it is, and a port that isn't free keeps it from starting."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from core.telemetry.metrics.http_server import listen
from tests.e2e.conftest import Start
from tests.e2e.program import Exchange, Process, environment, free_port, gridbot, status, wait_until
from tests.unit.telemetry.metrics.names import DASHBOARD_ROWS
from tests.unit.telemetry.metrics.scenes import Samples, key, samples

TOKEN = "canary-token-0123456789"


def fetched(port: int, path: str, token: str = "") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def is_ready(port: int) -> bool:
    try:
        return fetched(port, "/ready")[0] == 200
    except OSError:
        return False


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def bot(start: Start, exchange: Exchange, home: Path, port: int) -> Process:
    running = start(
        *("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state")),
        HL_METRICS_PORT=str(port),
        HL_METRICS_TOKEN=TOKEN,
    )
    wait_until(lambda: is_ready(port), 30, "it is ready")
    running.wait_for("fill")
    return running


def test_what_is_scraped_is_what_the_status_says_and_the_token_is_nowhere(
    bot: Process, home: Path, port: int
) -> None:
    assert fetched(port, "/metrics")[0] == fetched(port, "/status", f"{TOKEN}x")[0] == 401
    assert json.loads(fetched(port, "/health")[1]) == {"alive": True, "reasons": []}
    state = home / "state"
    assert gridbot(home, "halt", "--state-dir", str(state)).returncode == 0  # so that nothing moves any more

    def is_still() -> bool:
        return shown()["coins"]["BTC"]["open_orders"] == 0 and scraped()[key("risk_halted", coin="BTC")] == 1

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(fetched(port, "/status", TOKEN)[1])
        return found

    def scraped() -> Samples:
        return samples(fetched(port, "/metrics", TOKEN)[1])

    wait_until(is_still, 20, "it is halted, and shows it")
    assert fetched(port, "/health")[0] == 200
    assert fetched(port, "/ready")[0] == 503
    told, over_http, found = status(state), shown(), scraped()
    coin = told["coins"]["BTC"]
    assert over_http.keys() == told.keys()
    for name in ("fills", "position", "fills_from_ws", "realized_pnl", "fees", "open_orders", "drift"):
        assert over_http["coins"]["BTC"][name] == coin[name], name
    assert found[key("position", coin="BTC")] == float(coin["position"])
    assert found[key("fills_from_ws", coin="BTC")] == coin["fills_from_ws"]
    assert found[key("realized_pnl", coin="BTC")] == float(coin["realized_pnl"])
    assert found[key("order_latency_ms_count")] >= 1
    assert found[key("state_save_duration_ms_count")] >= 1
    assert found[key("state_reconciliation_ms_count")] >= 1
    assert found[key("order_batch_size_sum")] >= 20
    assert found[key("bot_started_total")] == 1
    names = {name for name, _ in found}
    for row, listed in DASHBOARD_ROWS.items():
        assert [name for name in listed.split() if f"gridbot_{name}" not in names] == [], row
    assert bot.stop() == 0
    written = [path.read_bytes() for path in state.rglob("*") if path.is_file()]
    assert not [
        text for text in (*written, bot.out.read_bytes(), bot.err.read_bytes()) if TOKEN.encode() in text
    ]


def test_a_port_that_is_taken_keeps_it_from_starting_and_says_what_to_do(
    home: Path, exchange: Exchange
) -> None:
    state = home / "state"
    with listen(0) as taken:
        port = taken.getsockname()[1]
        ended = gridbot(
            home,
            *("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(state)),
            env={"HL_METRICS_PORT": str(port)},
        )
    assert ended.returncode == 2
    assert f"metrics_port {port} on 127.0.0.1 can't be had (Address already in use)" in ended.stderr
    assert "HL_METRICS_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (state / "journal.db").exists(), "it had not begun"


def test_without_the_port_nothing_of_prometheus_is_loaded(home: Path) -> None:
    code = (
        "import sys; from gridbot_tui.cli import run_cli; "
        "run_cli(['--no-ui', '--for', '2s', '--state-dir', 'state']); "
        "sys.exit(90 * any(name.startswith(('prometheus_client', 'core.telemetry.metrics')) for name in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=home,
        env=environment(home),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
