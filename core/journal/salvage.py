"""What can still be read of a journal that can't be used: damaged, or of a newer version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from core.journal.files import connect_readonly
from core.journal.schema import APPLICATION_ID, MIGRATIONS


@dataclass(frozen=True, slots=True)
class Condition:
    """How a file looks from outside. ``damage`` is empty if nothing is wrong with it as a database."""

    is_ours: bool
    version: int
    damage: str

    @property
    def is_newer(self) -> bool:
        return self.version > len(MIGRATIONS)


@dataclass(slots=True)
class Salvaged:
    """Rows that could be read; ``lost`` names the tables that couldn't, or not to their end."""

    meta: dict[str, str] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    halts: list[tuple[str, str]] = field(default_factory=list)
    """Coin and reason of the open ones, oldest first."""
    lost: list[str] = field(default_factory=list)


def condition(path: Path) -> Condition:
    """Look at a file without changing it."""
    try:
        with closing(connect_readonly(path)) as db:
            (mark,) = db.execute("PRAGMA application_id").fetchone()
            (version,) = db.execute("PRAGMA user_version").fetchone()
            (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return Condition(False, 0, str(error))
    return Condition(mark == APPLICATION_ID, version, "" if found == "ok" else str(found))


def salvage(path: Path) -> Salvaged:
    """Read what can be read; never raises for what can't."""
    found = Salvaged()
    try:
        db = connect_readonly(path)
    except sqlite3.Error:
        found.lost = ["meta", "nonces", "halts"]
        return found
    with closing(db):
        for row in _rows(db, "meta", "SELECT key, value FROM meta", found.lost):
            found.meta[str(row[0])] = str(row[1])
        for row in _rows(db, "nonces", "SELECT signer, ceiling FROM nonces", found.lost):
            if isinstance(row[1], int):
                found.nonces[str(row[0])] = row[1]
            elif "nonces" not in found.lost:
                found.lost.append("nonces")
        for row in _rows(
            db, "halts", "SELECT coin, reason FROM halts WHERE lifted_ms IS NULL ORDER BY id", found.lost
        ):
            found.halts.append((str(row[0]), str(row[1])))
    return found


def _rows(db: sqlite3.Connection, table: str, sql: str, lost: list[str]) -> Iterator[sqlite3.Row]:
    try:
        yield from db.execute(sql)
    except (sqlite3.Error, UnicodeDecodeError):
        lost.append(table)
