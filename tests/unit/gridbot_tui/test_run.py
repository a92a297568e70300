"""A headless run in one process: its lines, its summary, its exit code, and the signals that end it."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.paper.config import PaperConfig
from core.paper.embedded import EmbeddedExchange
from core.runtime import reach
from core.runtime.event_bus import EventRecord
from core.runtime.statedir import StateDir, StateLock
from core.view import RunState, Severity, Snapshot
from gridbot_tui import exchange as exchange_module
from gridbot_tui import headless
from gridbot_tui.cli import run_cli
from gridbot_tui.lines import print_line
from gridbot_tui.run import SAME_PRESS_S, StopSignals, stop_after


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Handlers of a run are its process's; here they must not stay."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    exchange = EmbeddedExchange(PaperConfig(speed=1e-6))
    try:
        yield exchange.start()
    finally:
        exchange.stop()


def _events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _when(told: Callable[[], bool], act: Callable[[], None]) -> None:
    """Act from another thread once something is true."""

    def wait() -> None:
        deadline = time.monotonic() + 15
        while not told() and time.monotonic() < deadline:
            time.sleep(0.01)
        if told():
            act()

    threading.Thread(target=wait, daemon=True).start()


def _log_says(state: Path, name: str) -> Callable[[], bool]:
    log = state / "logs" / "gridbot.log"
    return lambda: log.exists() and f'"event":"{name}"' in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order_and_the_summary_is_the_last_line(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    state = tmp_path / "state"
    _when(_log_says(state, "ws_ready"), lambda: os.kill(os.getpid(), number))
    arguments = ["--no-ui", "--exchange-url", url, "--state-dir", str(state), "--summary", "json"]
    assert run_cli(arguments) == 0
    told = capsys.readouterr()
    assert told.err == ""
    *events, summary = _events(told.out)
    assert [e["event"] for e in events if e["event"] in ("session_start", "stopping")] == [
        "session_start",
        "stopping",
    ]
    assert set(summary) == {"network", "account", "halted", "halt_reason", "coins"}
    assert summary["coins"]["BTC"]["open_orders"] == 0
    logged = [json.loads(line) for line in (state / "logs" / "gridbot.log").read_text().splitlines()]
    assert [each for each in logged if each["event"] != "orders_sent"] == events, (
        "the log has what stdout had"
    )


def test_a_hang_up_of_a_headless_run_changes_nothing_and_for_ends_it(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    _when(_log_says(state, "session_start"), lambda: os.kill(os.getpid(), signal.SIGHUP))
    assert run_cli(["--no-ui", "--exchange-url", url, "--state-dir", str(state), "--for", "1s"]) == 0
    events = _events(capsys.readouterr().out)
    assert [e["reason"] for e in events if e["event"] == "stopping"] == ["--for"]


def test_an_exchange_that_is_not_there_is_exit_code_5(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "REACH_FOR_S", 1.0)
    monkeypatch.setattr(reach, "RETRY_S", 0.25)
    assert run_cli(["--no-ui", "--exchange-url", "http://127.0.0.1:1", "--summary", "json"]) == 5
    told = capsys.readouterr()
    assert "gridbot: the exchange was not reachable" in told.err
    assert [e["event"] for e in _events(told.out)] == ["exchange_unreachable"]


def test_a_second_instance_is_refused_with_the_pid_and_makes_no_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = StateDir(tmp_path / "state")
    state.prepare()
    with StateLock(state):
        assert run_cli(["--no-ui", "--state-dir", str(state.path)]) == 2
    assert f"pid {os.getpid()}" in capsys.readouterr().err
    assert not state.key.exists()


def test_after_a_refused_start_the_directory_is_free_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HL_AGENT_KEY", "garbage")
    monkeypatch.setenv("HL_USER_ADDRESS", "0x" + "ab" * 20)
    state = StateDir(tmp_path / "state")
    assert run_cli(["--no-ui", "--state-dir", str(state.path)]) == 2
    assert "HL_AGENT_KEY can't be used" in capsys.readouterr().err
    with StateLock(state):
        pass


def test_lines_of_many_threads_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)

    def chatter(letter: str) -> None:
        for _ in range(100):
            print_line(letter * 50)

    threads = [threading.Thread(target=chatter, args=(letter,)) for letter in "abcde"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = out.getvalue().splitlines()
    assert len(lines) == 500
    assert all(len(line) == 50 and len(set(line)) == 1 for line in lines)


def test_an_event_is_a_compact_line_and_losses_are_told_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    record = EventRecord(1, 5, Severity.INFO, "fill", "BTC", (("size", "0.1"),))
    headless.print_event(record, 0)
    headless.print_event(record, 7)
    plain, lost, again = capsys.readouterr().out.splitlines()
    assert plain == again == '{"event":"fill","ts_ms":5,"level":"info","coin":"BTC","size":"0.1"}'
    assert json.loads(lost) == {"event": "output_lost", "ts_ms": 5, "level": "warn", "count": 7}


def test_the_exchange_by_itself_keeps_its_accounts_where_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[PaperConfig] = []

    def note(config: PaperConfig) -> int:
        seen.append(config)
        return 0

    monkeypatch.setattr(exchange_module, "serve_exchange", note)
    state = str(tmp_path / "x")
    told = [
        "--listen",
        "[::1]:3001",
        "--speed",
        "2",
        "--seed",
        "5",
        "--funds",
        "7",
        "--state-dir",
        state,
        "--once",
    ]
    assert run_cli(["exchange", *told]) == 0
    assert (
        run_cli(
            ["exchange", "--listen", "127.0.0.1:0", "--no-limits", "--market", "synthetic:jumps", "--loop"]
        )
        == 0
    )
    assert [config.limits for config in seen] == [True, False]
    assert [config.loops for config in seen] == [False, True]
    assert seen[0].store_path == tmp_path / "x" / "paper.db"
    assert (seen[0].host, seen[0].port, seen[0].speed, seen[0].seed) == ("::1", 3001, 2.0, 5)
    assert (seen[0].funds_usd, seen[0].market, seen[1].market) == (
        Decimal(7),
        "replay:bundled",
        "synthetic:jumps",
    )
    assert seen[1].store_path is None


@pytest.mark.parametrize(
    ("market", "code", "words"),
    [
        ("film", 2, "use replay:bundled, replay:FILE with a recording, synthetic, or mirror:URL"),
        ("replay:none.csv", 2, "There is no recording at none.csv"),
        ("synthetic:wild", 2, "There is no synthetic market 'wild'"),
        ("mirror:http://127.0.0.1:1?coin=BTC", 2, "names coin, but coins alone can be named"),
        ("mirror:nowhere", 2, "names no server. Fix: write mirror:https://"),
        (
            "mirror:http://127.0.0.1:1",
            5,
            "would: 127.0.0.1:1 can't be reached (Connection refused). Fix: start",
        ),
    ],
)
def test_a_market_that_cannot_be_run_is_a_sentence_with_the_fix(
    capsys: pytest.CaptureFixture[str], market: str, code: int, words: str
) -> None:
    assert run_cli(["exchange", "--listen", "127.0.0.1:0", "--market", market]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("gridbot: ")
    assert told.err.count("\n") == 1
    assert words in told.err


class Asked:
    """A core that notes what it is asked."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def request_stop(self, reason: str = "quit") -> None:
        self.told.append(reason)

    def stop_at_once(self, reason: str) -> None:
        self.told.append(f"{reason} at once")

    def wait_ended(self, timeout_s: float) -> bool:
        return False


def test_at_a_terminal_without_a_screen_the_first_says_once_what_a_second_one_does(
    capfd: pytest.CaptureFixture[str],
) -> None:
    signals = StopSignals(Asked(), has_nobody_told=True, mono_s=lambda: 100.0)
    signals.come(signal.SIGINT)
    signals.come(signal.SIGINT)
    assert capfd.readouterr().err == "gridbot: stopping in order; once more, and it waits for nothing\n"


def test_a_terminal_that_is_gone_is_told_nothing_and_the_stop_begins() -> None:
    core, (ours, theirs), err = Asked(), pty.openpty(), os.dup(2)
    try:
        os.dup2(theirs, 2)
        os.close(ours)
        StopSignals(core, has_nobody_told=True).come(signal.SIGTERM)
    finally:
        os.dup2(err, 2)
        os.close(err)
        os.close(theirs)
    assert core.told == ["SIGTERM"]


def test_a_second_signal_stops_at_once_and_one_press_that_comes_twice_does_not() -> None:
    core, clock_s = Asked(), [100.0]
    signals = StopSignals(core, mono_s=lambda: clock_s[0])
    signals.come(signal.SIGINT)
    clock_s[0] += SAME_PRESS_S / 2
    signals.come(signal.SIGINT)
    assert core.told == ["SIGINT"]
    clock_s[0] += SAME_PRESS_S
    signals.come(signal.SIGTERM)
    assert core.told == ["SIGINT", "SIGTERM again at once"]


class _Slow:
    """A core whose start takes so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks, self.stopped_after = looks, threading.Event()
        self.left_at_stop: int | None = None

    def latest(self) -> Snapshot | None:
        self.looks -= 1
        if self.looks > 2:
            return None
        state = RunState.STARTING if self.looks > 0 else RunState.RUNNING
        return Snapshot(0, 0, "paper", "", state)

    def request_stop(self, reason: str = "quit") -> None:
        assert reason == "--for"
        self.left_at_stop = self.looks
        self.stopped_after.set()


def test_for_counts_from_when_it_trades_so_that_a_slow_start_is_no_run_of_nothing() -> None:
    core = _Slow(looks=5)
    stop_after(core, 1e-6, look_s=1e-4)
    assert core.stopped_after.wait(15)
    assert core.left_at_stop == 0, "it was not stopped while it started"
