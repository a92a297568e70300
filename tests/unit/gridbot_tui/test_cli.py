"""The command line's words, lines and exit codes, with the running instance played by the test."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.domain.commands import Operator
from core.journal.schema import ForeignJournalError, StorageError
from core.paper.config import MarketDiedError, PaperError, StoreError
from core.runtime import control_client
from core.runtime.statedir import StateDir, UsageError
from gridbot_tui import run as run_module
from gridbot_tui.cli import run_cli
from gridbot_tui.status_text import status_text

_STATUS: dict[str, Any] = {
    "network": "paper",
    "account": "0xab",
    "state": "running",
    "halt_reason": "",
    "pid": 77,
    "time_ms": 50_000,
    "feed": {"connected": True, "last_message_ms": 20_000, "stale_after_s": 20.0},
    "api": {
        "breakers": [
            {"name": "place", "state": "open", "reason": "no answer"},
            {"name": "cancel", "state": "closed", "reason": ""},
        ]
    },
    "alerts": [{"text": "NO MARKET DATA FOR 30 s"}],
    "budget": {
        "ip_left": 1_104,
        "ip_limit": 1_200,
        "address_left": 931,
        "address_cap": 10_143,
        "hours_to_empty": 9.5,
        "mode": "thinning",
    },
    "dead_man": {"state": "not_eligible"},
    "watchdog_pid": None,
    "coins": {
        "BTC": {
            "exchange_seen_ms": 46_000,
            "position": "0.5",
            "exchange_position": "0.5",
            "drift": "0",
            "open_orders": 6,
            "fills": 3,
            "fills_from_ws": 2,
            "fills_from_rest": 1,
            "duplicates": 4,
            "realized_pnl": "1.5",
            "fees": "0.1",
        }
    },
}

Asked = list[tuple[str, str, str, str]]


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Asked]:
    """An instance that answers everything with one answer, and notes what it was asked."""

    monkeypatch.delenv("SSH_CLIENT", raising=False)

    def answering(answer: dict[str, Any]) -> Asked:
        asked: Asked = []

        def ask(state: StateDir, cmd: str, coin: str, value: str, by: Operator, full: bool) -> dict[str, Any]:
            assert by.user
            assert by.via.startswith("gridbot")
            asked.append((str(state.path), cmd, f"{coin} {value}".strip(), by.client))
            return answer

        monkeypatch.setattr(control_client, "ask", ask)
        monkeypatch.setattr(control_client, "find_instance", lambda named: named or StateDir(Path("/only")))
        return asked

    return answering


@pytest.mark.parametrize("command", ["halt", "resume", "flatten"])
def test_a_command_about_a_coin_asks_the_instance_and_prints_its_sentence(
    instance: Callable[[dict[str, Any]], Asked], capsys: pytest.CaptureFixture[str], command: str
) -> None:
    asked = instance({"ok": True, "outcome": "done", "text": "a sentence", "id": "7"})
    assert run_cli([command, "ETH"]) == 0
    assert run_cli([command, "--state-dir", "here"]) == 0
    assert asked == [
        ("/only", command, "ETH", ""),
        (str(Path.cwd() / "here"), command, "", ""),
    ]
    assert capsys.readouterr().out == "a sentence\n" * 2


@pytest.mark.parametrize("command", ["resync", "poll", "reconnect"])
def test_a_command_about_all_takes_no_coin(
    instance: Callable[[dict[str, Any]], Asked], capsys: pytest.CaptureFixture[str], command: str
) -> None:
    asked = instance({"ok": True, "text": "done"})
    assert run_cli([command]) == 0
    assert run_cli([command, "ETH"]) == 2
    assert len(asked) == 1
    assert capsys.readouterr().err.startswith("gridbot: ")


@pytest.mark.parametrize(("outcome", "code"), [("done", 0), ("failed", 5), ("refused", 6)])
def test_a_stop_that_ended_without_proof_of_what_it_leaves_has_the_exit_code_of_its_bot(
    instance: Callable[[dict[str, Any]], Asked],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: str,
    code: int,
) -> None:
    instance({"ok": outcome == "done", "outcome": outcome, "text": "a sentence"})
    waited = list[StateDir]()
    monkeypatch.setattr(control_client, "wait_for_end", waited.append)
    assert run_cli(["stop"]) == code
    told = capsys.readouterr()
    assert (told.out, told.err) == (("", "gridbot: a sentence\n") if code else ("a sentence\n", ""))
    assert run_cli(["stop", "--json"]) == code
    assert len(waited) == (0 if outcome == "refused" else 2)


@pytest.mark.parametrize("outcome", ["refused", "failed", "running"])
def test_what_was_not_done_is_exit_code_6_with_the_reason(
    instance: Callable[[dict[str, Any]], Asked], capsys: pytest.CaptureFixture[str], outcome: str
) -> None:
    answer = {"ok": False, "outcome": outcome, "text": "nothing is halted"}
    instance(answer)
    assert run_cli(["resume"]) == 6
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "gridbot: nothing is halted\n")
    assert run_cli(["resume", "--json"]) == 6
    told = capsys.readouterr()
    assert (json.loads(told.out), told.err) == (answer, "")
    assert told.out.count("\n") == 1


@pytest.mark.parametrize(
    ("key", "fix", "says"),
    [
        ("R", "A accepts what stays", "; `gridbot resync`; `gridbot reconcile --accept` accepts what stays"),
        (
            "U",
            "R resyncs, A accepts what stays, then U",
            "; `gridbot resync` resyncs, `gridbot reconcile --accept` accepts what stays, then `gridbot resume`",
        ),
        ("", "U.S. hours, a P&L", "; U.S. hours, a P&L"),
        ("6", "", ""),
    ],
)
def test_status_names_commands_where_the_screen_names_keys(key: str, fix: str, says: str) -> None:
    alert = {"text": "POSITION DRIFT", "key": key, "fix": fix}
    assert f"ALERT POSITION DRIFT{says}" in status_text({**_STATUS, "alerts": [alert]}).splitlines()


@pytest.mark.parametrize(
    ("view", "says"),
    [
        (
            ("-0.00136", "0", "0"),
            "position -0.00136 (no drift; exchange 0 4 s ago, before the newest fills), ",
        ),
        (("0", "0.002", "-0.002"), "position 0 (DRIFT -0.002; exchange 0.002 4 s ago), "),
    ],
)
def test_a_difference_that_fills_since_the_last_look_explain_is_called_no_drift(
    view: tuple[str, str, str], says: str
) -> None:
    changed = dict(zip(("position", "exchange_position", "drift"), view, strict=True))
    coins = {"BTC": {**_STATUS["coins"]["BTC"], **changed}}
    assert says in status_text({**_STATUS, "coins": coins})


def test_status_is_a_line_for_the_eye_or_one_json_object(
    instance: Callable[[dict[str, Any]], Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    instance({"ok": True, "status": _STATUS})
    assert run_cli(["status"]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[:6] == [
        "PAPER 0xab RUNNING, pid 77",
        "feed: connected, last message 30 s ago (STALE)",
        "breaker place: open, no answer",
        "ALERT NO MARKET DATA FOR 30 s",
        "931 requests left of 10,143, gone in 9.5 h at this churn (thinning); IP weight 1,104 left of 1,200 a minute",
        "dead man's switch not eligible; no watchdog runs",
    ]
    assert "BTC: position 0.5 (no drift; exchange 0.5 4 s ago), 6 orders, 3 fills" in text
    assert run_cli(["status", "--json"]) == 0
    line = capsys.readouterr().out
    assert json.loads(line) == _STATUS
    assert line.count("\n") == 1


def test_an_instance_of_an_older_version_has_a_status_too(
    instance: Callable[[dict[str, Any]], Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    newer = ("budget", "dead_man", "watchdog_pid")
    instance({"ok": True, "status": {name: value for name, value in _STATUS.items() if name not in newer}})
    assert run_cli(["status"]) == 0
    assert "watchdog" not in capsys.readouterr().out


def test_a_halted_instance_runs_all_the_same(
    instance: Callable[[dict[str, Any]], Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    instance({"ok": True, "status": {**_STATUS, "state": "halted", "halt_reason": "drawdown"}})
    assert run_cli(["status"]) == 0
    assert "HALTED (drawdown)" in capsys.readouterr().out


def test_an_instance_that_refuses_its_status_is_exit_code_6(
    instance: Callable[[dict[str, Any]], Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    instance({"ok": False, "outcome": "refused", "text": "this instance speaks version 1"})
    assert run_cli(["status"]) == 6
    assert "version 1" in capsys.readouterr().err


def test_who_asks_over_ssh_is_named(
    instance: Callable[[dict[str, Any]], Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = instance({"ok": True, "text": "done"})
    monkeypatch.setenv("SSH_CLIENT", "10.0.0.1 5022 22")
    run_cli(["halt"])
    assert asked[0][3] == "10.0.0.1"


def test_without_an_instance_the_sentence_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("status", "halt", "poll"):
        assert run_cli([command]) == 2
        assert "no gridbot of this user is running; start one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["explode"], "explode"),
        (["docter"], "docter is not a command; did you mean doctor?"),
        (["statu", "--json"], "statu is not a command; did you mean status?"),
        (["--config", "x.toml", "doctor"], "flags go after the command: `gridbot doctor`"),
        (["--no-iu"], "--no-iu"),
        (["--network", "moon"], "moon"),
        (["--for", "soon"], "is not a duration"),
        (["--summary", "yaml"], "yaml"),
        (["exchange", "--speed", "fast"], "fast"),
        (["exchange", "--listen", "3001"], "is not HOST:PORT"),
        (["exchange", "--listen", "127.0.0.1:http"], "is not HOST:PORT"),
        (["exchange", "--speed", "0"], "speed"),
        (["exchange", "--funds", "-1"], "funds"),
        (["exchange", "--faults", "/nowhere.json"], "--faults /nowhere.json can't be read"),
        (["exchange", "--market", "replay:/nowhere"], "nowhere"),
        (["halt", "BTC", "ETH"], "ETH"),
    ],
)
def test_what_cannot_be_meant_is_exit_code_2_and_one_line_on_stderr(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run_cli(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert says in told.err
    assert told.err.startswith("gridbot: ")
    assert told.err.count("\n") == 1
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("why"), 2),
        (ForeignJournalError("why"), 2),
        (PaperError("why"), 2),
        (StorageError("why"), 4),
        (StoreError("why"), 4),
        (MarketDiedError(ValueError("why")), 1),
    ],
)
def test_every_expected_error_has_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(run_module, "run", fail)
    assert run_cli(["--no-ui"]) == code
    assert capsys.readouterr().err == f"gridbot: {error}\n"


@pytest.mark.parametrize("prefix", [[], ["run"]])
def test_run_is_the_command_without_a_name(monkeypatch: pytest.MonkeyPatch, prefix: list[str]) -> None:
    seen: list[tuple[Any, ...]] = []

    def note(*arguments: Any) -> int:
        seen.append(arguments)
        return 3

    monkeypatch.setattr(run_module, "run", note)
    line = "--no-ui --coin BTC --coin xyz:TSLA --for 5m --summary json --exchange-url http://127.0.0.1:5"
    assert run_cli([*prefix, *line.split()]) == 3
    ((flags, no_ui, for_s, with_summary, *_),) = seen
    assert (flags.coins, flags.exchange_url) == (("BTC", "xyz:TSLA"), "http://127.0.0.1:5")
    assert (no_ui, for_s, with_summary) == (True, 300.0, True)


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_are_clean(capsys: pytest.CaptureFixture[str], argument: str) -> None:
    assert run_cli([argument]) == 0
    assert capsys.readouterr().out


def test_margin_is_added_after_a_look_and_a_yes(
    instance: Callable[[dict[str, Any]], Asked],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = instance({"ok": True, "outcome": "done", "text": "it would move", "id": "7"})
    assert run_cli(["margin", "add", "BTC", "50"]) == 2
    assert "it would move; add --yes if that is meant" in capsys.readouterr().err
    assert [cmd for _, cmd, _, _ in asked] == ["margin_preview"], "nobody was there to ask"
    assert run_cli(["margin", "add", "BTC", "50", "--yes"]) == 0
    assert [(cmd, about) for _, cmd, about, _ in asked[1:]] == [
        ("margin_preview", "BTC 50"),
        ("margin_add", "BTC 50"),
    ]
    for typed, code in (("y\n", 0), ("n\n", 2), ("", 2)):
        del asked[:]
        terminal = io.StringIO(typed)
        terminal.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", terminal)
        assert run_cli(["margin", "add", "BTC", "50"]) == code
        assert len(asked) == (2 if code == 0 else 1)


def test_margin_that_cannot_be_added_is_not_asked_about(
    instance: Callable[[dict[str, Any]], Asked], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = instance({"ok": False, "outcome": "refused", "text": "BTC uses cross margin", "id": "7"})
    assert run_cli(["margin", "add", "BTC", "50", "--yes"]) == 6
    assert "BTC uses cross margin" in capsys.readouterr().err
    assert len(asked) == 1


def test_a_command_to_an_instance_loads_nothing_that_trades() -> None:
    """Whoever types `gridbot halt` waits for nothing that the halt doesn't need."""
    probe = "import gridbot_tui.cli, core.runtime.control_client, sys; print(*sys.modules)"
    root = Path(__file__).parents[3]
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=root)
    heavy = ("pydantic", "aiohttp", "asyncio", "sqlite3", "textual", "core.engine", "core.exchange")
    assert [name for name in ran.stdout.split() if name.startswith(heavy)] == []
