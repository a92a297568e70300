"""A copy of the journal, made while the bot writes: one moment of it, whole, checked and on disk."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.journal.errors import ForeignJournalError, StorageError, damaged
from core.journal.files import APPLICATION_ID, read_only, sync_file


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written: bytes of the file, and fills in it."""

    path: Path
    size: int
    fills: int


def back_up(source: Path, target: Path) -> Backup:
    """Copy the journal into a new file; returns when the copy is checked and on disk. Holds no writer up.

    Raises:
        StorageError: the journal can't be read or is damaged, or the target can't be written or is there already. Nothing
            bears the target's name then that didn't before.
        ForeignJournalError: the source is something else.
    """
    if target.exists():
        raise StorageError(f"{target} is there already, and a backup overwrites nothing; name another file")
    part = _part(target)
    try:
        fills = _copy(source, part)
        os.link(part, target)  # unlike a rename it fails if the name was taken meanwhile
        part.unlink()
        sync_file(target.parent)
        return Backup(target, target.stat().st_size, fills)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        _discard(part)


def back_up_before_migration(source: Path, version: int) -> Path:
    """Copy a journal of an older version beside itself; the copy that an interrupted start may have left is replaced."""
    target = source.with_name(f"{source.name}.v{version}-backup")
    part = _part(target)
    try:
        _copy(source, part)
        os.replace(part, target)
        sync_file(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        _discard(part)
    return target


def _copy(source: Path, part: Path) -> int:
    """How many fills are in it."""
    _discard(part)
    try:
        with (
            closing(read_only(source)) as here,
            closing(sqlite3.connect(part, isolation_level=None)) as there,
        ):
            if here.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
                raise ForeignJournalError(f"{source} is not GridBot's journal; name another --state-dir")
            there.execute("PRAGMA synchronous = OFF")  # it is synced as a whole
            here.backup(there)
            there.execute("PRAGMA journal_mode = DELETE")  # one file, that opens wherever it is put
            (found,) = there.execute("PRAGMA quick_check(1)").fetchone()
            (fills,) = there.execute("SELECT count(*) FROM fills").fetchone()
    except sqlite3.OperationalError as error:
        raise StorageError(
            f"{source} cannot be copied to {part.parent} ({error}); free disk space or fix the permissions of both"
        ) from error
    except sqlite3.DatabaseError as error:
        raise damaged(source, error) from error
    if found != "ok":
        raise damaged(source, found)
    sync_file(part)
    return int(fills)


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _discard(part: Path) -> None:
    """What isn't finished is no backup; SQLite's own file beside it neither."""
    for each in (part, part.with_name(f"{part.name}-journal")):
        each.unlink(missing_ok=True)


def _unwritable(target: Path, error: OSError) -> StorageError:
    if isinstance(error, FileExistsError):
        return StorageError(f"{target} was made by another program meanwhile; name another file")
    return StorageError(f"{target} cannot be written ({error}); free disk space or name another directory")
