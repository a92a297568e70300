"""A copy of the journal as it is at one moment, in one file, made while the program writes or not."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.journal.certificate import connect_readonly
from core.journal.schema import StorageError


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written: bytes of the file, and fills in it."""

    path: Path
    size: int
    fills: int


def back_up(source: Path, target: Path) -> Backup:
    """Copy ``source`` to ``target``, on disk and checked when it returns.

    A file at ``target`` is never overwritten, and none is left there by a copy that failed.

    Raises:
        StorageError: there is a file already, the copy can't be written, or is damaged as the source is.
    """
    if target.exists():
        raise StorageError(f"{target} is there already and stays as it is; name a file that isn't")
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            fills = _copy(source, partial)
            with partial.open("rb") as written:
                os.fsync(written.fileno())
            os.link(partial, target)  # unlike a rename it fails if somebody made the file meanwhile
        finally:
            partial.unlink(missing_ok=True)
        _sync_directory(target.parent)
        return Backup(target, target.stat().st_size, fills)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(
            f"the backup {target} could not be made ({error}); nothing is left of it"
        ) from error


def _copy(source: Path, target: Path) -> int:
    with (
        closing(connect_readonly(source)) as db,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        db.backup(copy)  # in one step: one read transaction, during which the program goes on writing
        copy.execute("PRAGMA journal_mode = DELETE")  # one file that needs no log beside it
        (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise StorageError(
                f"the journal {source} is damaged ({found}), so a copy of it would be, too; `gridbot doctor` says what to do"
            )
        (fills,) = copy.execute("SELECT count(*) FROM fills").fetchone()
        return int(fills)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
