"""`gridbot` without a word: to the instance that runs, a list of several, paper trading if there is none; and who sits here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.runtime.statedir import StateDir, StateLock
from gridbot_tui import attach, cli
from gridbot_tui.cli import run_cli
from gridbot_tui.who import operator


def _running(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(cli, "running_instances", lambda: [StateDir(Path("/", name)) for name in names])

    def note(what: str) -> int:
        seen.append(what)
        return 0

    monkeypatch.setattr(attach, "attach", lambda state: note(f"attach {state.path}"))
    monkeypatch.setattr(cli, "run", lambda: note("run"))
    return seen


@pytest.mark.parametrize(("names", "does"), [((), "run"), (("one",), "attach /one")])
def test_alone_it_starts_paper_or_attaches_to_the_only_one(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], does: str
) -> None:
    seen = _running(monkeypatch, *names)
    assert run_cli([]) == 0
    assert seen == [does]


def test_alone_it_means_the_state_dir_of_the_environment_if_there_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen, state = _running(monkeypatch, "one", "two"), StateDir(tmp_path / "named")
    state.prepare()
    monkeypatch.setenv("HL_STATE_DIR", str(state.path))
    run_cli([])
    with StateLock(state):
        run_cli([])
    assert seen == ["run", f"attach {state.path}"]


def test_several_are_listed_with_the_command_for_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (_running(monkeypatch, "one", "two words"), run_cli([])) == ([], 2)
    said = capsys.readouterr().err
    assert "2 instances run here" in said
    assert "  gridbot attach --state-dir /one\n  gridbot attach --state-dir '/two words'\n" in said


def test_who_asks_is_the_process_and_where_from_is_sshs_word() -> None:
    asked = operator("key F", {"SSH_CLIENT": "203.0.113.7 50000 22", "USER": "somebody else"})
    assert (asked.client, asked.via) == ("203.0.113.7", "key F")
    assert asked.user != "somebody else"
    assert operator("", {"SSH_CONNECTION": "2001:db8::1 50000 ::1 22"}).client == "2001:db8::1"
    assert operator("", {}).client == ""
    assert operator("", {"SUDO_USER": "alice"}).user == f"{asked.user} (sudo by alice)"


def test_what_the_environment_says_becomes_one_printable_word() -> None:
    hostile = operator("", {"SSH_CLIENT": "\x1b[31m[bold]" + "x" * 500, "SUDO_USER": "a\nb"})
    assert hostile.client.isprintable()
    assert len(hostile.client) <= 64
    assert hostile.user.endswith("(sudo by a?b)")


def test_a_uid_without_a_name_is_told_as_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    assert operator("", {}).user == "uid 3999999999"
