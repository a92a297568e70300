"""A row that can't be is a bug's: it isn't taken for a disk that is full, and nothing of its batch is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from core.journal import journal as journal_module
from core.journal.journal import Anchor, Batch, Journal
from core.journal.schema import StorageError, prepare

ROW = Anchor("BTC", 1, 1, 1, "opening position")


async def _opened(path: Path) -> Journal:
    await prepare(path)
    journal = Journal(path)
    await journal.open()
    return journal


async def test_a_row_that_is_there_already_is_no_trouble_of_the_disk(tmp_path: Path) -> None:
    journal = await _opened(tmp_path / "journal.db")
    await journal.commit(Batch(1, anchors=[ROW]))
    with pytest.raises(sqlite3.IntegrityError):
        await journal.commit(Batch(1, meta={"kept": "no"}, anchors=[ROW]))
    await journal.commit(Batch(1, meta={"kept": "yes"}))
    await journal.close()
    db = sqlite3.connect(tmp_path / "journal.db")
    assert db.execute("SELECT value FROM meta WHERE key = 'kept'").fetchall() == [("yes",)]
    db.close()


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (sqlite3.ProgrammingError("Incorrect number of bindings supplied"), sqlite3.ProgrammingError),
        (sqlite3.InterfaceError("bad parameter or other API misuse"), sqlite3.InterfaceError),
        (sqlite3.DataError("string or blob too big"), sqlite3.DataError),
        (sqlite3.OperationalError("database or disk is full"), StorageError),
        (sqlite3.OperationalError("attempt to write a readonly database"), StorageError),
        (OSError(28, "No space left on device"), StorageError),
    ],
)
async def test_what_is_the_disks_and_what_is_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Exception, told: type[Exception]
) -> None:
    def fail(*_: object) -> Callable[..., object]:
        raise found

    journal = await _opened(tmp_path / "journal.db")
    monkeypatch.setattr(journal_module, "write", fail)
    with pytest.raises(told):
        await journal.commit(Batch(1))
    await journal.close()
