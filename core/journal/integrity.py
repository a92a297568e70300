"""Whether the file is sound: all of it before trading, or what a start reads before and the rest beside the running bot.

Reading all of a million fills takes seconds. So a large journal whose last run ended in order is checked in two parts: the
small tables and the newest fills at the start, and everything by ``check_beside``. Until that has succeeded a mark lies beside
the file, and a start that finds it checks everything first: after damage was found, a kill, or a run that was too short.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import aiosqlite

from core.journal.errors import damaged, unusable
from core.journal.files import connect_readonly, sync_file

SMALL_BYTES = 16 * 2**20
"""Up to here all is checked at the start: some 15,000 fills, 50 ms."""

_LARGE_TABLES = ("fills", "orders", "foreign_fills", "funding")
_TAIL = 500
_UNKEYED = f"""
SELECT count(*) FROM (SELECT * FROM fills ORDER BY id DESC LIMIT {_TAIL}) f WHERE NOT EXISTS (
  SELECT 1 FROM fills k WHERE k.account = f.account AND k.coin = f.coin AND k.time_ms = f.time_ms
    AND k.trade_id = f.trade_id AND k.discriminator = f.discriminator AND +k.id = f.id)
"""
"""The newest fills that their key doesn't find: a duplicate of one would count twice."""

_INTERRUPT_EVERY_S = 0.05


def needs_all(path: Path) -> bool:
    """Whether everything must be checked before the file is used. Asked before the file is opened."""
    log = path.with_name(f"{path.name}-wal")
    was_cut_off = log.exists() and log.stat().st_size > 0
    return was_cut_off or _mark(path).exists() or not path.exists() or path.stat().st_size <= SMALL_BYTES


def was_checked_in_part(path: Path) -> bool:
    """Whether ``check_beside`` has something to do."""
    return _mark(path).exists()


async def check_all(db: aiosqlite.Connection, path: Path) -> None:
    """Raises ``StorageError`` if any page of the file is unsound."""
    await _pragma_says_ok(db, path, "quick_check(1)")
    _mark(path).unlink(missing_ok=True)


async def check_start(db: aiosqlite.Connection, path: Path) -> None:
    """The small tables, and that the newest fills are found by their keys; leaves the mark that ``check_beside`` takes away."""
    leave_mark(path)
    tables = await db.execute_fetchall("SELECT name FROM sqlite_schema WHERE type = 'table'")
    for (table,) in tables:
        if table not in _LARGE_TABLES:
            await _pragma_says_ok(db, path, f"quick_check({table})")
    ((unkeyed,),) = await db.execute_fetchall(_UNKEYED)
    if unkeyed:
        raise damaged(path, f"{unkeyed} of the newest fills are missing from the index of keys")


async def check_beside(path: Path) -> None:
    """Read all of the file on a thread and a connection of its own, while the bot writes.

    Raises:
        StorageError: the file is damaged, or can't be read. Whoever waits for it must stop trading.
    """
    try:
        found = await _read_beside(connect_readonly(path, any_thread=True))
    except sqlite3.OperationalError as error:
        raise unusable(path, error) from error
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error
    if found != "ok":
        raise damaged(path, found)
    _mark(path).unlink(missing_ok=True)


async def _read_beside(db: sqlite3.Connection) -> str:
    reading = asyncio.get_running_loop().run_in_executor(None, _first_fault, db)
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        await _end(db, reading)
        raise


def _first_fault(db: sqlite3.Connection) -> str:
    try:
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        return str(found)
    finally:
        db.close()


async def _end(db: sqlite3.Connection, reading: asyncio.Future[str]) -> None:
    """An interrupt before the reading has begun is lost, so it is repeated."""
    while not reading.done():
        try:
            db.interrupt()
        except sqlite3.ProgrammingError:
            pass  # it has just closed
        await asyncio.wait({reading}, timeout=_INTERRUPT_EVERY_S)
    await asyncio.gather(reading, return_exceptions=True)


async def _pragma_says_ok(db: aiosqlite.Connection, path: Path, pragma: str) -> None:
    for (found,) in await db.execute_fetchall(f"PRAGMA {pragma}"):
        if found != "ok":
            raise damaged(path, found)


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.unchecked")


def leave_mark(path: Path) -> None:
    """Let the next start check everything. Durable at once: a mark that a power failure takes away would let damage pass."""
    _mark(path).touch()
    sync_file(path.parent)
