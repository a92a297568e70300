"""``gridbot events``: which lines it prints of a log that no instance writes any more, how they read, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.runtime.statedir import UsageError
from core.telemetry.event_log import json_line
from core.telemetry.event_reader import LoggedEvent
from gridbot_tui.cli import run_cli
from gridbot_tui.events_command import event_text, since_ms

NOW_MS = 1_767_276_183_000
"""2026-01-01 14:03:03 UTC"""
ROWS = [
    {"event": "fill", "ts_ms": NOW_MS - 7_200_000, "level": "info", "coin": "BTC", "side": "buy", "size": "1", "price": "5"},
    {"event": "fill_conflict", "ts_ms": NOW_MS - 60_000, "level": "crit", "coin": "ETH", "told": "other"},
    {"event": "position_drift_detected", "ts_ms": NOW_MS - 30_000, "level": "warn", "coin": "BTC", "lots": 3},
    {"event": "position_drift_cleared", "ts_ms": NOW_MS - 20_000, "level": "info", "coin": "BTC"},
    {"event": "operator", "ts_ms": NOW_MS, "level": "info", "action": "halt", "origin": "tui", "outcome": "done"},
]  # fmt: skip


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state dir with two files of log and a torn line."""
    path = tmp_path / "state"
    (path / "logs").mkdir(parents=True)
    lines = [json_line(row) + "\n" for row in ROWS]
    (path / "logs" / "gridbot.log.1").write_text("".join(lines[:2]) + '{"event":"to')
    (path / "logs" / "gridbot.log").write_text("".join(lines[2:]))
    monkeypatch.setattr("time.time_ns", lambda: NOW_MS * 10**6)
    return path


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ((), [row["event"] for row in ROWS]),
        (("--name", "position_drift"), ["position_drift_detected", "position_drift_cleared"]),
        (("--name", "position_drift*"), ["position_drift_detected", "position_drift_cleared"]),
        (("--name", "fill"), ["fill", "fill_conflict"]),
        (("--name", "fill", "--exact"), ["fill"]),
        (("--name", "operator", "--name", "fill_"), ["fill_conflict", "operator"]),
        (("--level", "warn"), ["fill_conflict", "position_drift_detected"]),
        (("--coin", "eth"), ["fill_conflict"]),
        (("--text", "LOTS"), ["position_drift_detected"]),
        (("--since", "1h"), [row["event"] for row in ROWS[1:]]),
        (("--since", "2026-01-01T14:02:40"), ["position_drift_cleared", "operator"]),
        (("--last", "2"), ["position_drift_cleared", "operator"]),
        (("--last", "1", "--since", "1h", "--name", "fill"), ["fill_conflict"]),
    ],
)
def test_it_prints_the_very_lines_that_are_asked_for(
    state: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], names: list[str]
) -> None:
    assert run_cli(["events", "--state-dir", str(state), "--json", *flags]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["event"] for line in lines] == names
    assert set(lines) <= {json_line(row) for row in ROWS}


def test_what_another_program_wrote_into_the_log_does_not_act_on_the_terminal(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {**ROWS[-1], "reason": "no \x9b2J \x85 \u202e"}
    (state / "logs" / "gridbot.log").write_text(json.dumps(row, ensure_ascii=False) + "\n")
    for flags in ((), ("--json",)):
        assert run_cli(["events", "--state-dir", str(state), "--last", "1", *flags]) == 0
        line = capsys.readouterr().out.removesuffix("\n")
        assert line.isprintable()
    assert json.loads(line) == row


def test_lines_that_are_no_events_are_counted_aloud(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_cli(["events", "--state-dir", str(state)])
    assert capsys.readouterr().err == "gridbot: 1 line of the log is no event and was skipped\n"


def test_a_count_is_a_number_and_nothing_else(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["events", "--state-dir", str(state), "--name", "fill", "--exact", "--count"]) == 0
    assert capsys.readouterr().out == "1\n"


def test_no_such_event_is_said_on_stderr_and_is_no_error(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["events", "--state-dir", str(state), "--name", "funding"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"gridbot: nothing in {state / 'logs'} is such an event\n")


@pytest.mark.parametrize("more", [(), ("--json",), ("--count",), ("--follow",), ("--name", "fill")])
def test_a_name_that_no_event_has_is_refused_with_the_near_one(
    state: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    """Whoever asks whether there was a drift must not read that there was none."""
    assert run_cli(["events", "--state-dir", str(state), "--name", "position_drfit", *more]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "no event is named position_drfit; did you mean position_drift?" in told.err


def test_a_name_of_an_older_log_is_found_there_though_no_event_has_it_now(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (state / "logs" / "gridbot.log").open("a") as log:
        log.write(json_line({"event": "of_old", "ts_ms": NOW_MS, "level": "info"}) + "\n")
    flags = ["events", "--state-dir", str(state), "--name", "of_o"]
    assert run_cli([*flags, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["event"] == "of_old"
    assert run_cli([*flags, "--exact"]) == 2
    assert "no event is named of_o; " in capsys.readouterr().err


def test_without_a_state_dir_it_means_the_only_one_that_ever_ran(
    tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = tmp_path / "xdg" / "gridbot" / "paper" / "default"
    only.parent.mkdir(parents=True)
    state.rename(only)
    (only / "journal.db").touch()
    assert run_cli(["events", "--last", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["event"] == "operator"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--last", "0"), "--last 0 shows nothing; write a number from 1, such as --last 20"),
        (("--last", "many"), "Invalid value for --last"),
        (
            ("--since", "soon"),
            "--since 'soon' is no time; write 90s, 5m, 1h or 2d, or 2026-01-31T14:00 (UTC)",
        ),
        (("--since", "1x"), "--since '1x' is not a duration; write 90s, 5m or 1h"),
        (("--level", "bad"), 'Invalid value "bad" for --level'),
        (("--count", "--follow"), "--count counts what is there; leave out --follow and --last"),
    ],
)
def test_bad_input_gets_a_sentence_and_exit_code_2(
    state: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], sentence: str
) -> None:
    assert run_cli(["events", "--state-dir", str(state), *flags]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"gridbot: {sentence}")


def test_a_directory_without_a_log_is_named_with_the_fix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["events", "--state-dir", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == (
        f"gridbot: there is no log in {tmp_path}/nowhere/logs; name the right directory with --state-dir\n"
    )


def text_of(row: dict[str, object]) -> str:
    return event_text(LoggedEvent(json.dumps(row).encode(), row))


def test_an_event_reads_as_a_line_with_its_day_level_coin_and_name() -> None:
    assert text_of(ROWS[2]) == ("2026-01-01 14:02:33Z ▲ warn BTC    position_drift_detected    lots=3")


def test_an_operators_action_reads_as_a_sentence_with_who_and_from_where() -> None:
    said = ["flatten", "alice", "203.0.113.7", "tui", "done"]
    row = dict(zip(("action", "user", "client", "origin", "outcome"), said, strict=True)) | {
        "text": "CONFIRMED FLAT"
    }
    more = {"via": "key F", "before": "position 0.1", "after": "position 0", "id": "9f", "took_ms": 12}
    assert text_of({"event": "operator", "ts_ms": NOW_MS, **row, **more}).partition("operator ")[
        2
    ].strip() == (
        "flatten by alice from 203.0.113.7 (key F) done: CONFIRMED FLAT [position 0.1 -> position 0] took_ms=12"
    )
    old: dict[str, object] = {
        "event": "operator",
        "ts_ms": NOW_MS,
        "action": "halt",
        "origin": "cli",
        "outcome": "done",
    }
    assert text_of(old).endswith("halt by cli done")


@pytest.mark.parametrize(
    "row",
    [
        {"event": "x\x1b[2J\r\n[bold]", "ts_ms": "soon", "level": None, "coin": 7, "why": "\x9b31m\u202e"},
        {"event": "fill", "ts_ms": 10**30, "level": "info"},
        {"event": "operator", "ts_ms": -(10**18), "action": None},
        {"event": None, "ts_ms": True, "side": {}},
    ],
)
def test_whatever_a_line_holds_it_is_one_line_of_plain_text(row: dict[str, object]) -> None:
    assert text_of(row).isprintable()


def test_a_time_is_utc_unless_it_says_otherwise() -> None:
    assert since_ms("2026-01-01T14:03:03", 0) == since_ms("2026-01-01T15:03:03+01:00", 0) == NOW_MS
    assert since_ms("2026-01-01", 0) == NOW_MS - (14 * 3600 + 3 * 60 + 3) * 1000
    assert since_ms("90s", NOW_MS) == NOW_MS - 90_000
    assert since_ms("", NOW_MS) == 0
    with pytest.raises(UsageError):
        since_ms("9999999999-01", NOW_MS)
