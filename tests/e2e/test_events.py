"""``gridbot events`` as a process: a broken pipe, ctrl+c and a log that turns are no errors, and no instance need run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.telemetry import event_log
from core.telemetry.event_log import EventLogFile
from tests.e2e.conftest import Start
from tests.e2e.program import environment, gridbot, wait_until


def log_of(home: Path, count: int) -> Path:
    """A state dir with so many ticks in its log."""
    log = EventLogFile(home / "state" / "logs")
    for number in range(count):
        log.write({"event": "tick", "ts_ms": 1_767_276_183_000 + number, "level": "info", "number": number})
    log.close()
    return home / "state"


def test_a_reader_that_goes_away_ends_it_without_a_word(home: Path) -> None:
    state, reader = log_of(home, 5_000), os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "gridbot_tui", "events", "--state-dir", str(state), "--json"],
        stdout=reader[1],
        stderr=subprocess.PIPE,
        env=environment(home),
        cwd=Path(__file__).parents[2],
    )
    os.close(reader[1])
    assert os.read(reader[0], 1) == b"{"
    os.close(reader[0])
    assert process.stderr is not None
    assert (process.wait(30), process.stderr.read()) == (0, b"")


def test_a_follower_whose_reader_has_gone_ends_though_nothing_happens(home: Path) -> None:
    state, reader = log_of(home, 1), os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "gridbot_tui", "events", "--state-dir", str(state), "--follow"],
        stdout=reader[1],
        stderr=subprocess.PIPE,
        env=environment(home),
        cwd=Path(__file__).parents[2],
    )
    os.close(reader[1])
    assert b"tick" in os.read(reader[0], 1000)
    os.close(reader[0])
    assert process.stderr is not None
    assert (process.wait(30), process.stderr.read()) == (0, b"")


@pytest.mark.parametrize("number", [signal.SIGINT])
def test_it_follows_through_turns_of_the_log_until_ctrl_c(
    home: Path, start: Start, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(event_log, "MAX_BYTES", 20_000)
    state = log_of(home, 50)
    follower = start("events", "--state-dir", str(state), "--follow", "--json", "--last", "5")
    follower.wait_for("tick", 5)
    log = EventLogFile(state / "logs")
    for tick in range(50, 450):
        log.write({"event": "tick", "ts_ms": 1_767_276_183_000 + tick, "level": "info", "number": tick})
    log.close()
    assert (state / "logs" / "gridbot.log.1").exists()
    wait_until(lambda: len(follower.events("tick")) >= 405, 30, "all ticks")
    assert [row["number"] for row in follower.events("tick")] == list(range(45, 450))
    assert (follower.stop(number), follower.err.read_text()) == (0, "")


def test_the_log_of_a_run_tells_its_fills_and_its_operator_after_it_has_ended(home: Path) -> None:
    done = gridbot(home, "--no-ui", "--for", "12s", "--summary", "json", timeout_s=60)
    summary = json.loads(done.stdout.splitlines()[-1])
    lines = [line for line in done.stdout.splitlines() if '"event":"fill"' in line]
    told = gridbot(home, "events", "--name", "fill", "--exact", "--json")
    logged = [json.loads(line) for line in told.stdout.splitlines()]
    assert [{k: v for k, v in row.items() if k != "trace"} for row in logged] == list(map(json.loads, lines))
    way = gridbot(home, "events", "--trace", logged[0]["cloid"], "--json").stdout.splitlines()
    assert '"event":"orders_sent"' in way[0] or '"trade_id"' in way[0]
    assert any(json.loads(line).get("trade_id") == logged[0]["trade_id"] for line in way)
    count = gridbot(home, "events", "--name", "fill", "--exact", "--count")
    assert int(count.stdout) == summary["coins"]["BTC"]["fills"]
