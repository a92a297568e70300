"""The journal's writer: one sqlite3 connection on one thread, one transaction per batch, ``synchronous=FULL``.

A batch is on disk when ``commit`` returns. Nothing else writes the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from core.journal.batch import Anchor, Batch, Committed
from core.journal.schema import StorageError
from core.journal.writes import write

__all__ = ["Anchor", "Batch", "Committed", "Journal"]

T = TypeVar("T")


class Journal:
    """Open after ``schema.prepare``. Every call but ``open`` and ``close`` is awaited on the one writer thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        await self._run(self._connect)

    async def commit(self, batch: Batch) -> Committed:
        """Write a batch in one transaction; on return it is durable.

        Raises:
            StorageError: nothing of the batch was written.
        """
        return await self._run(lambda: self._commit(batch))

    async def close(self) -> None:
        """Checkpoint and close; bounded by the disk alone."""
        try:
            await self._run(self._close)
        finally:
            self._thread.shutdown(wait=True)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise StorageError(
                f"the journal {self._path} cannot be written ({error}); free disk space or fix its permissions, then restart"
            ) from error

    def _connect(self) -> None:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=True)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        self._db = db

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
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return committed
