"""The journal as a file: whose it is, read without writing, made durable."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

APPLICATION_ID = 0x67726462
"""``grdb``: how SQLite's header says whose file this is."""


def connect_readonly(path: Path, *, any_thread: bool = False) -> sqlite3.Connection:
    """A connection that can't write, rows by column name. Of a file beside which nothing may be written, too."""
    uri = path.absolute().as_uri()
    try:
        return _connect(f"{uri}?mode=ro", any_thread)
    except sqlite3.OperationalError:
        if not _is_immutable(path):
            raise
        return _connect(f"{uri}?immutable=1", any_thread)


def _is_immutable(path: Path) -> bool:
    """In a read-only directory, and without a log beside the file, all is in it.

    Where somebody may write, a file that is read as if nobody did shows damage that isn't there.
    """
    log = path.with_name(f"{path.name}-wal")
    has_log = log.exists() and log.stat().st_size
    return path.is_file() and not has_log and not os.access(path.parent, os.W_OK)


def sync_file(path: Path) -> None:
    """Make a file's bytes, or the names in a directory, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def beside(path: Path, ending: str) -> Path:
    """The file with something after its name: ``journal.db-wal``."""
    return path.with_name(path.name + ending)


LOGS = ("-wal", "-shm", "-journal")
"""What SQLite may keep beside a database."""


def set_aside(database: Path, ending: str) -> Path | None:
    """Keep a database and its logs under another name, ``ending`` after a dot; ``None`` if there is none.

    The old name is there as well, for another file to take its place. The log goes first: it must never be read into that.
    """
    if not database.exists():
        return None
    kept = beside(database, f".{ending}")
    number = 1
    while kept.exists():
        number += 1
        kept = beside(database, f".{ending}-{number}")
    os.link(database, kept)
    for name in LOGS:
        if beside(database, name).exists():
            os.rename(beside(database, name), beside(kept, name))
    return kept


def _connect(uri: str, any_thread: bool) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=not any_thread)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error:
        db.close()
        raise
    return db


def roll_back_interrupted(path: Path) -> None:
    """Undo what a writer that was killed has left half-written in a file without WAL, which no reader may. Raises
    ``sqlite3.Error``.
    """
    if beside(path, "-journal").exists():
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
