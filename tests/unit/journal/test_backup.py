"""A backup is whole, of one moment, and never in the place of something else."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from core.journal.backup import back_up
from core.journal.schema import StorageError
from tests.unit.exchange.samples import fill
from tests.unit.journal.desk import batch, opened, rows


async def test_a_backup_holds_what_was_committed_even_while_the_journal_is_open(tmp_path: Path) -> None:
    path, target = tmp_path / "journal.db", tmp_path / "copy.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(1), fill(2)]))
        done = back_up(path, target)
        await journal.commit(batch(fills=[fill(3)]))
    assert (done.path, done.fills) == (target, 2)
    assert done.size == target.stat().st_size
    assert rows(target, "SELECT count(*) FROM fills") == [(2,)]
    assert _copies(tmp_path) == ["copy.db"]
    assert target.stat().st_mode & 0o077 == 0


async def test_a_backup_made_while_rows_are_committed_is_of_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with opened(path) as journal:

        async def write() -> None:
            for n in range(1, 60):
                await journal.commit(batch(fills=[fill(2 * n), fill(2 * n + 1)]))

        writing = asyncio.create_task(write())
        copies = [await asyncio.to_thread(back_up, path, tmp_path / f"copy{n}.db") for n in range(5)]
        await writing
    assert all(copy.fills % 2 == 0 for copy in copies)


async def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path, target = tmp_path / "journal.db", tmp_path / "copy.db"
    async with opened(path):
        pass
    target.write_text("something else")
    with pytest.raises(StorageError, match="is there already"):
        back_up(path, target)
    assert target.read_text() == "something else"


async def test_a_damaged_journal_is_not_backed_up_as_if_it_were_whole(tmp_path: Path) -> None:
    path, target = tmp_path / "journal.db", tmp_path / "copy.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(n, raw="x" * 900) for n in range(1, 100)]))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(4096) + whole[len(whole) // 2 + 4096 :])
    with pytest.raises(StorageError):
        back_up(path, target)
    assert _copies(tmp_path) == []


async def test_a_directory_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with opened(path):
        pass
    with pytest.raises(StorageError, match="could not be made"):
        back_up(path, tmp_path / "nowhere" / "copy.db")


async def test_a_backup_opens_as_a_journal(tmp_path: Path) -> None:
    path, target = tmp_path / "journal.db", tmp_path / "copy.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(1)]))
    back_up(path, target)
    async with opened(target) as journal:
        committed = await journal.commit(batch(fills=[fill(1), fill(2)]))
    assert [f.trade_id for f in committed.new_fills] == [2]
    assert sqlite3.connect(target).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _copies(path: Path) -> list[str]:
    return [found.name for found in path.glob("copy*")]
