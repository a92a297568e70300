"""``gridbot support-bundle`` when much is broken: as far as it reaches, and what is missing is said, in it and beside it."""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from core.journal.schema import prepare
from core.runtime.statedir import StateDir, StateLock
from gridbot_tui.cli import run_cli
from tests.unit.runtime.stage import plan, running, venue

ALWAYS = {
    *("versions.txt", "environment.txt", "state-dir.txt"),
    *("doctor.json", "config.json", "status.json", "journal.json"),
}


def parts_of(bundle: Path) -> dict[str, bytes]:
    with tarfile.open(bundle) as tar:
        files = {
            each.name.removeprefix("gridbot-support/"): tar.extractfile(each) for each in tar.getmembers()
        }
        return {name: file.read() for name, file in files.items() if file is not None}


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    """With a journal that nobody has written to."""
    found = StateDir(tmp_path / "state")
    found.prepare()
    asyncio.run(prepare(found.journal))
    return found


def test_the_settings_are_judged_for_the_network_of_the_journal_and_from_the_file_that_is_named(
    state: StateDir, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(state.journal)) as db, db:
        db.execute("INSERT INTO meta (key, value) VALUES ('network', 'testnet')")
    toml, bundle = tmp_path / "mine.toml", tmp_path / "b.tar.gz"
    toml.write_text("num_grids = 7\n")
    flags = ["--state-dir", str(state.path), "--output", str(bundle), "--config", str(toml)]
    assert run_cli(["support-bundle", *flags]) == 0
    found = json.loads(parts_of(bundle)["config.json"])
    assert (found["network"], found["file"]) == ("testnet", str(toml))
    assert "num_grids" in json.dumps(found)


def truncated(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[: 3 * 4096 + 77])


def garbage(journal: Path) -> None:
    journal.write_bytes(b"no database at all, and long enough to be taken for one " * 200)


@pytest.mark.parametrize("spoil", [truncated, garbage])
def test_a_damaged_journal_is_packed_byte_by_byte_and_told(
    state: StateDir, tmp_path: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(state.journal)
    bundle = tmp_path / "b.tar.gz"
    flags = ["support-bundle", "--with-journal", "--state-dir", str(state.path), "--output", str(bundle)]
    assert run_cli(flags) == 0
    told, parts = capsys.readouterr().err, parts_of(bundle)
    assert parts.keys() > ALWAYS
    assert parts["journal.db"] == state.journal.read_bytes()
    for name in ("journal.txt", "journal.json"):
        assert parts[name].startswith(b"could not be made: ")
        assert f"gridbot: {name} could not be made: " in told
    assert b"is damaged" in parts["doctor.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar.gz", "state"]


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("flags", [[], ["--with-journal"]])
def test_a_disk_that_takes_no_more_is_a_sentence_with_the_fix_and_nothing_is_left(
    state: StateDir, tmp_path: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "b.tar.gz"
    words = ["support-bundle", *flags, "--state-dir", str(state.path), "--output", str(bundle)]
    with no_file_larger_than(512):
        assert run_cli(words) == 4
    told = capsys.readouterr().err
    assert f"{bundle} can't be written" in told
    assert "Name a file on another disk with --output" in told
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_directory_that_is_not_there_is_named(
    state: StateDir, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "no" / "b.tar.gz"
    assert run_cli(["support-bundle", "--state-dir", str(state.path), "--output", str(bundle)]) == 2
    assert f"there is no directory {bundle.parent}" in capsys.readouterr().err


@pytest.mark.parametrize("is_named", [True, False])
def test_without_a_state_dir_the_rest_is_packed_and_none_is_made(
    tmp_path: Path, is_named: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere, bundle = tmp_path / "nowhere", tmp_path / "b.tar.gz"
    words = ["--state-dir", str(nowhere)] if is_named else []
    assert run_cli(["support-bundle", "--output", str(bundle), *words]) == 0
    told, parts = capsys.readouterr().err, parts_of(bundle)
    assert parts.keys() == ALWAYS
    assert b"isn't there; if the bot has another state dir" in parts["state-dir.txt"]
    assert "gridbot: state-dir.txt could not be made: FileNotFoundError: " in told
    assert parts["status.json"] == b"no instance runs\n"
    assert parts["journal.json"] == b"there is no journal\n"
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar.gz"]


async def test_a_running_bot_is_asked_and_its_journal_is_one_that_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "b.tar.gz"
    async with venue() as exchange:
        one = plan(tmp_path, exchange.url)
        words = [
            "support-bundle",
            "--with-journal",
            *("--state-dir", str(one.state.path)),
            "--output",
            str(bundle),
        ]
        with StateLock(one.state):
            async with running(one) as run:
                await run.resting(6)
                assert await asyncio.to_thread(run_cli, words) == 0
                assert (await run.stop()).exit_code == 0
    told, parts = capsys.readouterr().err, parts_of(bundle)
    assert "could not be made" not in told
    assert json.loads(parts["status.json"])["status"]["state"] == "running"
    assert json.loads(parts["journal.json"])["verified"] is True
    assert "journal.db-wal" not in parts
    (tmp_path / "copy.db").write_bytes(parts["journal.db"])
    with closing(sqlite3.connect(tmp_path / "copy.db")) as db:
        assert db.execute("SELECT count(*) FROM orders").fetchone() == (6,)
