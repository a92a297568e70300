"""A damaged journal never trades: a small one is read whole at the start, a large one in part and whole beside the run."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.journal import integrity
from core.journal.errors import StorageError
from core.journal.integrity import check_beside
from core.journal.journal import Journal
from core.journal.schema import prepare
from tests.unit.exchange.samples import fill, order
from tests.unit.journal.desk import batch, opened, restored, rows

_WAY_OUT = r"The file is kept; `gridbot doctor --rebuild-from-exchange --state-dir .*` makes a new journal"


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "SMALL_BYTES", 0)


async def _journal(path: Path, fills: int = 2_000) -> None:
    async with opened(path) as journal:
        await journal.commit(
            batch(fills=[fill(n, raw="x" * 500) for n in range(1, fills + 1)], orders=[order(1)])
        )
    _mark(path).unlink(missing_ok=True)


def _mark(path: Path) -> Path:
    return path.with_name("j.db.unchecked")


def _scribble(path: Path, table: str, entry: str = "min") -> None:
    """Overwrite a leaf of a table or index in the file."""
    (page,) = rows(path, f"SELECT {entry}(pageno) FROM dbstat WHERE name = '{table}' AND pagetype = 'leaf'")[
        0
    ]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)


async def test_a_large_journal_that_ended_in_order_is_read_whole_only_beside_the_run(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await _journal(path)
    assert await prepare(path), "the rest is to be checked beside"
    assert _mark(path).exists()
    await check_beside(path)
    assert not _mark(path).exists()
    assert await prepare(path)


async def test_damage_in_the_midst_of_a_large_journal_is_found_beside_the_run_and_before_the_next(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    await _journal(path)
    _scribble(path, "fills")
    assert await prepare(path)
    with pytest.raises(StorageError, match=rf"j.db is damaged .*{_WAY_OUT}"):
        await check_beside(path)
    for _ in range(2):
        with pytest.raises(StorageError, match=_WAY_OUT):
            await prepare(path)


async def _cut_short(path: Path) -> None:
    """A start whose check beside never ended."""
    assert await prepare(path)


async def _killed(path: Path) -> None:
    """As a kill leaves it: with a log."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("INSERT INTO meta VALUES ('a', 'b')")
    db.commit()
    log = path.with_name("j.db-wal").read_bytes()
    db.close()
    path.with_name("j.db-wal").write_bytes(log)


@pytest.mark.parametrize("before", [_cut_short, _killed], ids=lambda each: each.__name__)
async def test_after_a_run_that_was_cut_off_everything_is_read_first(
    tmp_path: Path, before: Callable[[Path], object]
) -> None:
    path = tmp_path / "j.db"
    await _journal(path)
    _scribble(path, "fills")
    await before(path)  # type: ignore[misc]
    with pytest.raises(StorageError, match=_WAY_OUT):
        await prepare(path)


async def test_once_everything_was_read_the_next_start_is_quick_again(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await _journal(path)
    await _cut_short(path)
    assert not await prepare(path), "all was read"
    assert await prepare(path)


@pytest.mark.parametrize(
    ("table", "entry"),
    [
        ("meta", "min"),
        ("counters", "min"),
        ("halts", "min"),
        ("fills", "max"),
        ("sqlite_autoindex_fills_1", "max"),
    ],
)
async def test_what_a_start_reads_is_checked_at_every_start(tmp_path: Path, table: str, entry: str) -> None:
    path = tmp_path / "j.db"
    await _journal(path)
    _scribble(path, table, entry)
    with pytest.raises(StorageError, match=_WAY_OUT):
        await prepare(path)


async def test_a_key_that_no_longer_finds_its_fill_is_damage(tmp_path: Path) -> None:
    """A page of the index as it was some commits ago: sound by itself, and the fill would count twice."""
    path = tmp_path / "j.db"
    await _journal(path, 20)
    before = path.read_bytes()
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(21)]))
    (page,) = rows(path, "SELECT max(pageno) FROM dbstat WHERE name = 'sqlite_autoindex_fills_1'")[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4_096)
        file.write(before[(page - 1) * 4_096 : page * 4_096])
    _mark(path).unlink(missing_ok=True)
    with pytest.raises(StorageError, match="1 of the newest fills are missing from the index of keys"):
        await prepare(path)


async def test_a_commit_that_meets_damage_says_so_and_lets_the_next_start_read_everything(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    await _journal(path)
    await prepare(path)
    _scribble(path, "fills_by_oid", "max")
    _mark(path).unlink()
    journal = Journal(path)
    await journal.open()
    with pytest.raises(StorageError, match=rf"is damaged .*{_WAY_OUT}"):
        await journal.commit(batch(fills=[fill(n, order_id=2**60) for n in range(9_000, 9_100)]))
    await journal.close()
    assert _mark(path).exists()


async def test_a_reader_that_meets_damage_says_so(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await _journal(path)
    _scribble(path, "fills")
    with pytest.raises(StorageError, match=rf"is damaged .*{_WAY_OUT}"):
        await restored(path)


async def test_the_check_beside_sees_a_file_that_is_written_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        checking = asyncio.create_task(check_beside(path))
        for n in range(1, 20):
            await journal.commit(batch(fills=[fill(n)]))
        await checking


async def test_a_check_that_is_cancelled_ends_its_thread_and_leaves_the_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, begun = tmp_path / "j.db", threading.Event()
    await _journal(path)
    await prepare(path)

    def endless(db: sqlite3.Connection) -> str:
        begun.set()
        try:
            db.execute(
                "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            )
        finally:
            db.close()
        return "ok"

    monkeypatch.setattr(integrity, "_first_fault", endless)
    checking = asyncio.create_task(check_beside(path))
    await asyncio.to_thread(begun.wait)
    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking
    assert _mark(path).exists()


async def test_a_file_that_cannot_be_opened_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(
        StorageError, match=r"absent.db cannot be used \(unable to open .* Fix the disk or the permissions of"
    ):
        await check_beside(tmp_path / "absent.db")
    assert not (tmp_path / "absent.db").exists()
