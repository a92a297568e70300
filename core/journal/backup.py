"""A copy of the journal as it is at one moment, in one file, made while the program writes or not; and how many are kept."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.journal.errors import StorageError, damaged
from core.journal.files import APPLICATION_ID, beside, connect_readonly, roll_back_interrupted, sync_file


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
            copy_database(source, partial)
            fills = _fills(partial)
            os.link(partial, target)  # unlike a rename it fails if somebody made the file meanwhile
        finally:
            partial.unlink(missing_ok=True)
        sync_file(target.parent)
        return Backup(target, target.stat().st_size, fills)
    except (OSError, sqlite3.Error) as error:
        raise _failed(target, error) from error


_DATED = re.compile(r"journal-[0-9]{8}T[0-9]{6}Z\.db\Z")


def dated_name(utc: str) -> str:
    """How a backup among several is called; ``utc`` as ``20260131T140000Z``."""
    return f"journal-{utc}.db"


def earlier_beside(backup: Path) -> Path:
    """Where the copy of ``earlier.db`` is that belongs to a backup."""
    return beside(backup, ".earlier")


def back_up_earlier(source: Path, backup: Path) -> None:
    """Copy ``earlier.db``, if there is one, beside a backup that was just made. Raises ``StorageError``."""
    target = earlier_beside(backup)
    if source.exists():
        try:
            target.unlink(missing_ok=True)
            roll_back_interrupted(source)
            copy_database(source, target)
            sync_file(target.parent)
        except (OSError, sqlite3.Error) as error:
            raise _failed(target, error) from error


def forget_oldest(made: Path, keep: int) -> list[Path]:
    """Delete the oldest of the dated backups beside one that was just made, of the same network and account, but for ``keep``
    with it; which those were.

    Nothing else is ever deleted: not a file of another name, nor one of such a name that isn't a journal or is another bot's,
    nor the one that was made, whatever the clock said at the others.
    """
    whose = owner_of(made)
    dated = sorted(path for path in made.parent.iterdir() if _DATED.match(path.name) and path != made)
    ours = [path for path in dated if whose is not None and owner_of(path) == whose]
    gone = ours[: max(0, len(ours) + 1 - keep)]
    for path in gone:
        path.unlink()
        earlier_beside(path).unlink(missing_ok=True)
    return gone


def owner_of(path: Path) -> tuple[str, ...] | None:
    """Network and account of a journal; ``None`` if it isn't one, or can't be read."""
    try:
        with closing(connect_readonly(path)) as db:
            (mark,) = db.execute("PRAGMA application_id").fetchone()
            if mark != APPLICATION_ID:
                return None
            meta = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('network', 'account')"))
    except sqlite3.Error:
        return None
    return meta.get("network", ""), meta.get("account", "")


def back_up_before_migration(source: Path, version: int) -> Path:
    """Copy a journal of an older version beside itself; a copy that an interrupted start has left is replaced."""
    target = source.with_name(f"{source.name}.v{version}-backup")
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)  # of a start that was killed; only one instance has the state dir
        copy_database(source, partial)
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


def copy_database(source: Path, target: Path) -> None:
    """A database of ours in one file, as it is at this moment: made anew, for its owner alone, checked and on disk.

    Raises ``OSError``, ``sqlite3.Error``, and ``StorageError`` for a damaged one.
    """
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
    sync_file(target)


def last_row_ms(path: Path) -> int:
    """When the newest of what a journal tells of happened (ms); 0 if it tells of nothing. Raises ``sqlite3.Error``."""
    with closing(connect_readonly(path)) as db:
        (newest,) = db.execute(
            "SELECT max(at) FROM (SELECT max(started_ms) AS at FROM boots UNION ALL SELECT max(received_ms) FROM fills "
            "UNION ALL SELECT max(created_ms) FROM orders UNION ALL SELECT max(time_ms) FROM actions)"
        ).fetchone()
    return int(newest or 0)


def _fills(path: Path) -> int:
    with closing(connect_readonly(path)) as db:
        (fills,) = db.execute("SELECT count(*) FROM fills").fetchone()
    return int(fills)
