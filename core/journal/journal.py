"""The journal's writer: one sqlite3 connection on one thread, one transaction per batch, ``synchronous=FULL``.

A batch is on disk when ``commit`` returns. Nothing else writes the file.

A log that grows costs a commit twice: the file system writes down its new length too. So the log is made long at the start,
folded into the file between commits before it is full, and overwritten from its beginning, never cut.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from core.failpoints import failpoint
from core.journal.batch import DEAD_MAN_UNTIL, Anchor, Batch, Committed
from core.journal.errors import StorageError, damaged
from core.journal.integrity import leave_mark
from core.journal.writer_thread import WriterThread
from core.journal.writes import write

__all__ = ["Anchor", "Batch", "Committed", "Journal"]

T = TypeVar("T")

LOG_PAGES = 1_024
"""How long the log is made: 4 MiB, a few milliseconds to fold."""

FOLD_EVERY_ROWS = 160
"""A row in a transaction of its own changes four pages or so; in a common one, less."""


BUGS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
"""What is to be written is wrong, not the disk: no room and no second try would help."""


class Journal:
    """Open after ``schema.prepare``. Every call but ``open`` and ``close`` is awaited on the one writer thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread: WriterThread | None = None
        self._db: sqlite3.Connection | None = None
        self._unfolded = 0
        """Rows in the log, roughly."""

    async def open(self) -> None:
        self._thread = WriterThread()
        await self._run(self._connect)

    async def commit(self, batch: Batch) -> Committed:
        """Write a batch in one transaction; on return it is durable.

        Raises:
            StorageError: nothing of the batch was written.
            sqlite3.Error: likewise, for a bug (``BUGS``). Whoever trades must end.
        """
        committed = await self._run(partial(self._commit, batch))
        self._unfolded += batch.rows
        if self._unfolded >= FOLD_EVERY_ROWS and self._thread is not None:
            self._unfolded = 0
            self._thread.run(self._fold)  # not waited for
        return committed

    async def close(self) -> None:
        """Checkpoint and close; bounded by the disk alone."""
        if self._thread is None:
            return
        try:
            await self._run(self._close)
        finally:
            self._thread.close()
            self._thread = None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            raise RuntimeError("the journal isn't open")
        try:
            return await self._thread.run(work)
        except BUGS:
            raise
        except (sqlite3.Error, OSError) as error:
            if type(error) is sqlite3.DatabaseError:  # malformed; all else has a class of its own
                leave_mark(self._path)
                raise damaged(self._path, error) from error
            raise StorageError(
                f"the journal {self._path} cannot be written ({error}); free disk space or fix its permissions, then restart"
            ) from error

    def _connect(self) -> None:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=True)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA wal_autocheckpoint = 0")  # ``_fold`` does it, when no commit waits for the outcome
        db.execute("PRAGMA journal_size_limit = -1")
        self._db = db
        self._lengthen_log(db)

    def _lengthen_log(self, db: sqlite3.Connection) -> None:
        """A transaction too large for the cache spills into the log; taken back, it leaves the file's length and no row."""
        (cached,) = db.execute("PRAGMA cache_size").fetchone()
        db.execute("PRAGMA cache_size = 16")
        db.execute("BEGIN IMMEDIATE")
        try:
            db.execute("CREATE TABLE lengthening (bytes BLOB) STRICT")
            db.execute("INSERT INTO lengthening VALUES (zeroblob(?))", (LOG_PAGES * 4_096,))
        except sqlite3.Error:
            pass  # a full disk: the journal works without, and the first commit that finds no space says so
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            db.execute(f"PRAGMA cache_size = {cached}")
        log = os.open(f"{self._path}-wal", os.O_RDONLY)
        try:
            os.fsync(log)
        finally:
            os.close(log)

    def _fold(self) -> None:
        """Bring the log's pages into the file, so that the next commit begins the log anew. Waits for no reader."""
        if self._db is None:
            return
        failpoint("log_folding")
        try:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            pass  # a full disk: the log is as durable and grows meanwhile; tried again after as many rows

    def _close(self) -> None:
        if self._db is None:
            return
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # a full disk: the log beside the file is as durable, and the next open reads it
        finally:
            self._db.close()
            self._db = None

    def _commit(self, batch: Batch) -> Committed:
        db = self._db
        assert db is not None, "the journal is open"
        db.execute("BEGIN IMMEDIATE")
        try:
            committed = write(db, batch)
            if committed.new_fills:
                failpoint("fill_inserted")
            if batch.orders:
                failpoint("rows_written")
            if batch.actions:
                failpoint("action_inserted")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        if batch.checkpoints:
            failpoint("checkpoint_saved")
        if batch.actions:
            failpoint("action_committed")
        if DEAD_MAN_UNTIL in batch.meta:
            failpoint("switch_saved")
        return committed
