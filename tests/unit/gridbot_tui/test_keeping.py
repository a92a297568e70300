"""Which state dir verify and backup mean, and their exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.runtime.statedir import StateDir, StateLock, state_root
from gridbot_tui.cli import run_cli
from tests.unit.runtime.kept_journal import Trades, alter, write_journal


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))


def made(path: Path) -> StateDir:
    state = StateDir(path)
    state.prepare()
    write_journal(state.journal, Trades().some(30))
    return state


def test_the_only_state_dir_is_meant_and_of_several_the_only_one_that_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_cli(["verify"]) == 2
    assert "nothing has run here yet" in capsys.readouterr().err
    one = made(state_root() / "paper" / "one")
    assert run_cli(["verify"]) == 0
    assert capsys.readouterr().out.startswith(f"{one.path}: paper 0x")
    two = made(state_root() / "paper" / "two")
    assert run_cli(["verify"]) == 2
    told = capsys.readouterr().err
    assert str(one.path) in told
    assert str(two.path) in told
    with StateLock(two):
        assert run_cli(["verify"]) == 0
        assert capsys.readouterr().out.startswith(f"{two.path}: ")
        with StateLock(one):
            assert run_cli(["verify"]) == 2
    assert "2 instances are running" in capsys.readouterr().err


def test_the_environment_names_the_state_dir_and_a_flag_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `gb` does for the service's: also of a bot that is stopped, and has its directory outside the user's own root."""
    named, other = made(tmp_path / "service"), made(tmp_path / "other")
    made(state_root() / "paper" / "default")
    monkeypatch.setenv("HL_STATE_DIR", str(named.path))
    assert run_cli(["verify"]) == 0
    assert capsys.readouterr().out.startswith(f"{named.path}: ")
    assert run_cli(["verify", "--state-dir", str(other.path)]) == 0
    assert capsys.readouterr().out.startswith(f"{other.path}: ")
    for command in (["status"], ["halt"], ["stop"], ["attach"]):
        assert run_cli(command) == 2
        assert f"no gridbot runs on {named.path}" in capsys.readouterr().err, command
    run_cli(["doctor", "--json"])
    assert json.loads(capsys.readouterr().out)["state_dir"] == str(named.path)
    monkeypatch.setenv("HL_STATE_DIR", "")
    assert run_cli(["status"]) == 2
    assert "no gridbot of this user is running" in capsys.readouterr().err


def test_verify_exits_with_4_if_it_is_not_verified_or_unreadable_and_2_without_a_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = made(tmp_path / "state")
    named = ["--state-dir", str(state.path)]
    assert run_cli(["verify", "--json", *named]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is True
    alter(state.journal, "DELETE FROM fills WHERE trade_id = 9")
    assert run_cli(["verify", "--json", *named]) == 4
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["verified"] is False
    state.journal.write_bytes(b"x" * 9_999)
    assert run_cli(["verify", *named]) == 4
    assert "cannot be read" in capsys.readouterr().err
    assert run_cli(["verify", "--state-dir", str(tmp_path)]) == 2
    assert f"there is no journal in {tmp_path}" in capsys.readouterr().err


def test_the_embedded_exchange_is_not_reachable_when_nothing_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = made(tmp_path / "state")
    assert run_cli(["verify", "--online", "--state-dir", str(state.path)]) == 5
    assert "embedded exchange, which runs only while the bot does" in capsys.readouterr().err


def test_two_backups_of_one_second_are_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, folder = made(tmp_path / "state"), tmp_path / "backups"
    folder.mkdir()
    seconds = iter((100, 100, 100, 101))
    monkeypatch.setattr("gridbot_tui.keeping.time.time_ns", lambda: next(seconds) * 10**9)
    monkeypatch.setattr("gridbot_tui.keeping.time.sleep", lambda _: None)
    for _ in range(2):
        assert run_cli(["backup", str(folder), "--state-dir", str(state.path)]) == 0
    assert [path.name for path in sorted(folder.glob("*.db"))] == [
        "journal-19700101T000140Z.db",
        "journal-19700101T000141Z.db",
    ]


def test_backup_says_what_it_copied_and_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = made(tmp_path / "state")
    arguments = ["backup", str(tmp_path / "copy.db"), "--state-dir", str(state.path)]
    assert run_cli(arguments) == 0
    assert ": 30 fills, " in capsys.readouterr().out
    assert run_cli(arguments) == 2
    assert "is there already" in capsys.readouterr().err
    assert run_cli([arguments[0], str(tmp_path / "nowhere" / "b.db"), *arguments[2:]]) == 2
    assert "there is no directory" in capsys.readouterr().err
    assert run_cli([*arguments[:1], str(tmp_path / "b.db"), *arguments[2:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fills"] == 30


@pytest.mark.parametrize(
    ("command", "otherwise"),
    [(["support-bundle", "--output"], " with --output"), (["backup"], "")],
    ids=["support-bundle", "backup"],
)
def test_a_place_where_no_file_can_be_made_is_told_of_with_what_to_name_instead(
    command: list[str],
    otherwise: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = ["--state-dir", str(made(tmp_path / "state").path)]
    assert run_cli([*command, str(tmp_path / "nowhere" / "x"), *named]) == 2
    assert f"there is no directory {tmp_path}/nowhere; make it, or name another file{otherwise}" in (
        capsys.readouterr().err
    )
    monkeypatch.setattr(os, "access", lambda path, mode, **_: path != tmp_path)
    assert run_cli([*command, str(tmp_path / "x"), *named]) == 2
    assert f"name a file{otherwise} in a directory that you may write" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
