"""What the exchange tells of an account's past, kept beside the journal: it moves no ledger, and outlives what is shown there.

A file of its own, ``earlier.db``: the journal has one writer, and rows from before its anchor have no place in its chain.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.domain.fills import ForeignFill, Funding
from core.domain.transfers import Transfer
from core.journal.errors import ForeignJournalError, StorageError
from core.journal.files import connect_readonly, roll_back_interrupted
from core.journal.rows import (
    INSERT_FOREIGN,
    INSERT_FUNDING,
    INSERT_TRANSFER,
    foreign_from_row,
    foreign_values,
    funding_from_row,
    funding_values,
    transfer_from_row,
    transfer_values,
)

EARLIER_ID = 0x67726465
"""``grde``: how SQLite's header says what this file is."""

VERSION = 1

_TABLES = """
CREATE TABLE foreign_fills (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL, coin TEXT NOT NULL, time_ms INTEGER NOT NULL, trade_id INTEGER NOT NULL,
  order_id INTEGER NOT NULL, received_ms INTEGER NOT NULL, raw TEXT NOT NULL,
  UNIQUE (account, coin, time_ms, trade_id, order_id)
) STRICT;
CREATE TABLE funding (
  account TEXT NOT NULL, coin TEXT NOT NULL, time_ms INTEGER NOT NULL, usd TEXT NOT NULL, hash TEXT NOT NULL,
  received_ms INTEGER NOT NULL, raw TEXT NOT NULL,
  PRIMARY KEY (account, coin, time_ms, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE transfers (
  account TEXT NOT NULL, time_ms INTEGER NOT NULL, hash TEXT NOT NULL, discriminator TEXT NOT NULL, kind TEXT NOT NULL,
  moves TEXT NOT NULL, understood INTEGER NOT NULL, received_ms INTEGER NOT NULL, raw TEXT NOT NULL,
  PRIMARY KEY (account, time_ms, hash, discriminator)
) STRICT, WITHOUT ROWID;
-- Each time that the exchange was asked: how many fills it showed in all, and the oldest of them.
CREATE TABLE looks (
  id INTEGER PRIMARY KEY, account TEXT NOT NULL, asked_ms INTEGER NOT NULL, fills INTEGER NOT NULL, oldest_ms INTEGER NOT NULL
) STRICT;
"""


_INSERT_LOOK = "INSERT INTO looks (account, asked_ms, fills, oldest_ms) VALUES (?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Shown:
    """One reading of the whole history, and when it was asked for (UTC ms)."""

    asked_ms: int
    fills: Sequence[ForeignFill] = ()
    funding: Sequence[Funding] = ()
    transfers: Sequence[Transfer] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """That the exchange was asked at ``asked_ms``, and showed so many fills; ``oldest_ms`` is 0 if it showed none."""

    asked_ms: int
    fills: int
    oldest_ms: int


@dataclass(slots=True)
class Earlier:
    """All that was ever shown, oldest first."""

    fills: list[ForeignFill] = field(default_factory=list)
    funding: list[Funding] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)


def keep_earlier(path: Path, account: str, shown: Shown) -> int:
    """Add what is new; how many rows that were.

    Raises:
        StorageError: it can't be written, or a newer GridBot has made it.
        ForeignJournalError: another program's database.
    """
    oldest = min((fill.time_ms for fill in shown.fills), default=0)
    with _writing(path) as db:
        added = _add(db, shown)
        db.execute(_INSERT_LOOK, (account, shown.asked_ms, len(shown.fills), oldest))
        return added


def keep_all_of(path: Path, account: str, past: Earlier) -> None:
    """Add what another file holds: its rows, and its looks as they were. Raises as ``keep_earlier``."""
    with _writing(path) as db:
        known = {
            tuple(row)
            for row in db.execute(
                "SELECT asked_ms, fills, oldest_ms FROM looks WHERE account = ?", (account,)
            )
        }
        first = min((look.asked_ms for look in past.looks), default=0)
        _add(db, Shown(first, past.fills, past.funding, past.transfers))
        looks = {(look.asked_ms, look.fills, look.oldest_ms) for look in past.looks} - known
        db.executemany(_INSERT_LOOK, [(account, *look) for look in sorted(looks)])


def read_earlier(path: Path, account: str) -> Earlier:
    """What is kept of an account; nothing, if nothing was ever asked. Raises as ``keep_earlier``."""
    if not path.exists() or not path.stat().st_size:  # killed before its first row
        return Earlier()
    with _opened(path) as db:
        return Earlier(
            [foreign_from_row(row) for row in _rows(db, "foreign_fills", account, "time_ms, id")],
            [funding_from_row(row) for row in _rows(db, "funding", account, "time_ms, coin, hash")],
            [transfer_from_row(row) for row in _rows(db, "transfers", account, "time_ms, hash")],
            [
                Look(row["asked_ms"], row["fills"], row["oldest_ms"])
                for row in _rows(db, "looks", account, "asked_ms, id")
            ],
        )


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction, in a file that is made if there is none."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            _prepare(db, path)
            yield db
            db.execute("COMMIT")
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error


def _add(db: sqlite3.Connection, shown: Shown) -> int:
    before = db.total_changes
    db.executemany(INSERT_FOREIGN, [foreign_values(each, shown.asked_ms) for each in shown.fills])
    db.executemany(INSERT_FUNDING, [funding_values(each, shown.asked_ms) for each in shown.funding])
    db.executemany(INSERT_TRANSFER, [transfer_values(each, shown.asked_ms) for each in shown.transfers])
    return db.total_changes - before


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        roll_back_interrupted(path)
        with closing(connect_readonly(path)) as db:
            db.execute("BEGIN")
            _check(db, path)
            yield db
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


def _rows(db: sqlite3.Connection, table: str, account: str, order: str) -> Iterator[sqlite3.Row]:
    yield from db.execute(f"SELECT * FROM {table} WHERE account = ? ORDER BY {order}", (account,))


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    """Within the transaction: make the tables, if the file is new."""
    if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        _check(db, path)
        return
    for statement in _TABLES.split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {EARLIER_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")


def _check(db: sqlite3.Connection, path: Path) -> None:
    (mark,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if mark != EARLIER_ID:
        raise ForeignJournalError(f"{path} is not GridBot's; move it away, then run this again")
    if version > VERSION:
        raise StorageError(f"{path} was written by a newer GridBot; install that version or newer")


def _unusable(path: Path, error: Exception) -> StorageError:
    return StorageError(
        f"{path} cannot be used ({error}). Fix the disk or its permissions; what it holds can be read from the exchange "
        "again as far as that shows it, so keep the file"
    )
