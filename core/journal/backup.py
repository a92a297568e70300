"""A copy of the journal as it is at one moment, in one file, made while the program writes or not."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.journal.errors import StorageError, damaged
from core.journal.files import connect_readonly, sync_file


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
        try:
            fills = _copy(source, partial)
            os.link(partial, target)  # unlike a rename it fails if somebody made the file meanwhile
        finally:
            partial.unlink(missing_ok=True)
        sync_file(target.parent)
        return Backup(target, target.stat().st_size, fills)
    except (OSError, sqlite3.Error) as error:
        raise _failed(target, error) from error


def back_up_before_migration(source: Path, version: int) -> Path:
    """Copy a journal of an older version beside itself; a copy that an interrupted start has left is replaced."""
    target = source.with_name(f"{source.name}.v{version}-backup")
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)  # of a start that was killed; only one instance has the state dir
        _copy(source, partial)
        os.replace(partial, target)
        sync_file(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise _failed(target, error) from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def _failed(target: Path, error: Exception) -> StorageError:
    return StorageError(
        f"the backup {target} could not be made ({error}); nothing is left of it. Free disk space or fix the permissions "
        f"of {target.parent}"
    )


def _copy(source: Path, target: Path) -> int:
    """Fills in the copy. ``target`` is made anew, for its owner alone, checked and on disk on return."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(connect_readonly(source)) as db,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        copy.execute("PRAGMA synchronous = OFF")  # it is synced as a whole
        db.backup(copy)  # in one step: one read transaction, during which the program goes on writing
        copy.execute("PRAGMA journal_mode = DELETE")  # one file that needs no log beside it
        (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise damaged(source, found)
        (fills,) = copy.execute("SELECT count(*) FROM fills").fetchone()
    sync_file(target)
    return int(fills)
