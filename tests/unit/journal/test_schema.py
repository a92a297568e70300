"""Before the first read: a file that isn't ours, isn't whole or isn't ours yet is refused in a sentence."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from core.journal import schema
from core.journal.schema import APPLICATION_ID, MIGRATIONS, ForeignJournalError, StorageError, prepare
from tests.unit.exchange.samples import fill
from tests.unit.journal.desk import batch, opened, restored, rows


async def test_a_new_file_carries_our_mark_and_the_present_version(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await prepare(path)
    assert rows(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    before = rows(path, "SELECT * FROM sqlite_schema")
    await prepare(path)
    assert rows(path, "SELECT * FROM sqlite_schema") == before


async def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "j.db").touch()
    await prepare(tmp_path / "j.db")


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await prepare(path)
    _run(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"newer GridBot \(schema \d+\); install that version or newer"):
        await prepare(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE theirs (a)",
        "CREATE TABLE fills (a)",
        "PRAGMA user_version = 1",
        "PRAGMA user_version = 9",
    ],
)
async def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "j.db"
    _run(path, sql)
    before = path.read_bytes()
    with pytest.raises(ForeignJournalError, match="is not GridBot's journal; name another --state-dir"):
        await prepare(path)
    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.write_bytes(b"this is a letter to my grandmother\n" * 100)
    with pytest.raises(StorageError, match=r"is damaged .* The file is kept"):
        await prepare(path)
    assert path.read_bytes().startswith(b"this is a letter")


@pytest.mark.parametrize("damage", ["cut", "scribbled", "zeroed"])
async def test_a_damaged_journal_is_refused_and_never_begun_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(n, raw="x" * 500) for n in range(1, 200)]))
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(
        {
            "cut": whole[:half],
            "scribbled": whole[:half] + os.urandom(4096) + whole[half + 4096 :],
            "zeroed": bytes(100) + whole[100:],
        }[damage]
    )
    with pytest.raises(StorageError) as caught:
        await prepare(path)
    assert "The file is kept" in str(caught.value)
    assert not isinstance(caught.value, ForeignJournalError)


async def test_a_directory_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        await prepare(tmp_path)


async def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere.*cannot be used"):
        await prepare(tmp_path / "nowhere" / "j.db")


async def test_a_migration_that_fails_half_way_leaves_the_old_version_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(1)]))
    before = rows(path, "SELECT name FROM sqlite_schema")
    broken = (*MIGRATIONS, "CREATE TABLE extra (a) STRICT; ")
    monkeypatch.setattr(schema, "MIGRATIONS", broken)
    with pytest.raises(StorageError):
        await prepare(path)
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert rows(path, "SELECT name FROM sqlite_schema") == before
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE extra (a INTEGER) STRICT; "))
    await prepare(path)
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS) + 1,)]
    assert [f.trade_id for f in (await restored(path)).coins["BTC"].fills] == [1]


def _run(path: Path, sql: str) -> None:
    db = sqlite3.connect(path)
    db.execute(sql)
    db.commit()
    db.close()
