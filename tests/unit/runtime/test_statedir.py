"""The state directory: for this user alone, one instance at a time, found again by the others."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.runtime.statedir import (
    SOCKET_PATH_MAX,
    StateDir,
    StateLock,
    UsageError,
    lock_holder,
    running_instances,
    state_root,
)


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))


def _state(tmp_path: Path, name: str = "state") -> StateDir:
    state = StateDir(tmp_path / name)
    state.prepare()
    return state


def test_it_is_made_for_this_user_alone(tmp_path: Path) -> None:
    state = _state(tmp_path, "a/b/c")
    for path in (state.path, state.logs):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    state.prepare()


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(UsageError, match="is not a directory; name another with --state-dir"):
        StateDir(tmp_path / "state").prepare()


@pytest.mark.parametrize("name", ["file/below", "x" * 300, "y" * 200 + "/" + "z" * 300])
def test_a_path_that_cannot_be_made_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"can't be made \(.+\); name another with --state-dir"):
        StateDir(tmp_path / name).prepare()


def test_another_users_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = _state(tmp_path)
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(UsageError, match="belongs to another user"):
        state.prepare()


def test_a_directory_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = _state(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="can't be written; fix its permissions"):
        state.prepare()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
def test_what_only_looks_writable_is_refused_too() -> None:
    with pytest.raises(UsageError, match=r"can't be written|belongs to another user"):
        StateDir(Path("/proc/self")).prepare()


def test_a_file_in_the_place_of_the_logs_is_refused(tmp_path: Path) -> None:
    state = _state(tmp_path)
    state.logs.rmdir()
    state.logs.touch()
    with pytest.raises(UsageError, match="logs can't be made"):
        state.prepare()


def test_a_long_path_gets_a_short_socket_of_its_own(tmp_path: Path) -> None:
    short, long, other = (
        StateDir(Path("/s")),
        StateDir(tmp_path / ("x" * 120)),
        StateDir(tmp_path / ("y" * 120)),
    )
    assert short.socket == Path("/s/control.sock")
    for state in (long, other):
        assert len(os.fsencode(state.socket)) <= SOCKET_PATH_MAX
        assert str(os.getuid()) in state.socket.parent.name
    assert long.socket != other.socket
    assert long.socket == StateDir(long.path).socket
    assert len(os.fsencode(StateDir(Path("/" + "ü" * 45)).socket)) <= SOCKET_PATH_MAX, (
        "bytes count, not letters"
    )


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    state = _state(tmp_path)
    assert lock_holder(state) is None
    with StateLock(state):
        assert lock_holder(state) == os.getpid()
        told = json.loads(state.lock.read_text())
        assert told["host"] == socket.gethostname()
        with (
            pytest.raises(
                UsageError,
                match=rf"in use by a running gridbot \(pid {os.getpid()} on {socket.gethostname()}\)",
            ),
            StateLock(state),
        ):
            pytest.fail("held twice")
        assert lock_holder(state) == os.getpid(), "the refused one took nothing away"
    assert lock_holder(state) is None
    with StateLock(state):
        pass


def test_a_directory_in_the_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    state = _state(tmp_path)
    state.lock.mkdir()
    with pytest.raises(UsageError, match="lock can't be opened"), StateLock(state):
        pytest.fail("held")


_HOLDER = """
import sys, time
from pathlib import Path
from core.runtime.statedir import StateDir, StateLock
with StateLock(StateDir(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_killed_instance_holds_nothing_and_is_forgotten(tmp_path: Path) -> None:
    state = _state(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(state.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert lock_holder(state) == process.pid
        assert running_instances() == [state]
        with pytest.raises(UsageError, match=f"pid {process.pid}"), StateLock(state):
            pytest.fail("held twice")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert lock_holder(state) is None
    assert running_instances() == []
    assert not list((state_root() / "instances").iterdir()), "its entry is cleared away"
    with StateLock(state):
        assert lock_holder(state) == os.getpid()


def test_the_instances_that_run_are_found_and_garbage_among_them_is_passed_over(tmp_path: Path) -> None:
    first, second = _state(tmp_path, "one"), _state(tmp_path, "two")
    assert running_instances() == []
    with StateLock(first), StateLock(second):
        instances = state_root() / "instances"
        for number, text in enumerate(["", "[]", "{}", '{"state_dir": 5}', '{"state_dir": "/nowhere"}']):
            (instances / f"garbage{number}.json").write_text(text)
        assert sorted(s.path.name for s in running_instances()) == ["one", "two"]
    assert running_instances() == []


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", '{"pid": "x"}'])
def test_a_lock_whose_text_is_damaged_is_held_all_the_same(tmp_path: Path, text: str) -> None:
    state = _state(tmp_path)
    with StateLock(state):
        state.lock.write_text(text)
        assert lock_holder(state) == 0
        with pytest.raises(UsageError, match="in use"), StateLock(state):
            pytest.fail("held twice")


def test_without_a_place_for_the_registry_the_lock_is_held_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "blocked"))
    state = _state(tmp_path)
    with StateLock(state):
        assert lock_holder(state) == os.getpid()
    assert running_instances() == []


def test_the_root_follows_the_users_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_root() == tmp_path / "xdg" / "gridbot"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert state_root() == tmp_path / "home" / ".local" / "state" / "gridbot"
