"""An old journal is copied before it is migrated, and a kill at any moment leaves the old one or the new one whole."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from core.journal.errors import StorageError
from core.journal.schema import APPLICATION_ID, MIGRATIONS, prepare
from tests.unit.journal.desk import restored, rows

_COUNT = "SELECT count(*) FROM fills"


def _old(path: Path) -> None:
    """A journal of version 1 with two fills."""
    db = sqlite3.connect(path)
    db.executescript(
        f"BEGIN; {MIGRATIONS[0]} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1; COMMIT;"
    )
    for number in (1, 2):
        db.execute(
            "INSERT INTO fills VALUES "
            "(?, 'a', 'BTC', 5, ?, '', 7, NULL, 'buy', 1, 2, 0, '0', '0', 'USDC', 0, '', '', 'ws', 1, 0, '')",
            (number, number),
        )
    db.commit()
    db.close()


async def test_an_old_journal_is_copied_beside_itself_before_it_is_migrated(tmp_path: Path) -> None:
    path, copy = tmp_path / "j.db", tmp_path / "j.db.v1-backup"
    _old(path)
    assert not await prepare(path)
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert rows(path, "SELECT value FROM counters WHERE name = 'external'") == [(2,)]
    assert rows(copy, "PRAGMA user_version") == [(1,)]
    assert rows(copy, _COUNT) == [(2,)]
    made = copy.stat().st_mtime_ns
    await prepare(path)
    assert copy.stat().st_mtime_ns == made, "a new journal needs no copy"


async def test_a_journal_that_cannot_be_copied_is_not_migrated(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    _old(path)
    (tmp_path / "j.db.v1-backup").mkdir()
    with pytest.raises(StorageError, match=r"v1-backup could not be made .* Free disk space"):
        await prepare(path)
    assert rows(path, "PRAGMA user_version") == [(1,)]


_KILLED = """
import asyncio, os, signal, sqlite3, sys
from pathlib import Path
from core.journal import backup, schema

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

where, path = sys.argv[1], Path(sys.argv[2])
connect = sqlite3.connect

class Dying(sqlite3.Connection):
    def executescript(self, script):
        half = script.index("CREATE TABLE funding")
        super().executescript(script[:half])
        die()

if where == "copied":
    backup.os.replace = die
elif where == "named":
    backup.sync_file = lambda path: die() if path.is_dir() else None
elif where == "before":
    schema.MIGRATIONS = type("Dies", (tuple,), {"__getitem__": die})(schema.MIGRATIONS)
else:
    sqlite3.connect = lambda *a, **k: connect(*a, **{"factory": Dying, **k})
asyncio.run(schema.prepare(path))
"""


def _migrate_and_die(path: Path, where: str) -> int:
    command = [sys.executable, "-c", _KILLED, where, str(path)]
    return subprocess.run(command, cwd=Path(__file__).parents[3], check=False).returncode


@pytest.mark.parametrize("where", ["copied", "named", "before", "half-way"])
async def test_kill_9_in_the_midst_of_a_migration_leaves_the_old_journal_or_the_new_one_whole(
    tmp_path: Path, where: str
) -> None:
    path, copy = tmp_path / "j.db", tmp_path / "j.db.v1-backup"
    _old(path)
    for _ in range(2):
        assert _migrate_and_die(path, where) == -signal.SIGKILL
        assert rows(path, "PRAGMA user_version") == [(1,)]
        assert rows(path, "PRAGMA quick_check") == [("ok",)]
        assert copy.exists() == (where != "copied")
    await prepare(path)
    assert rows(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert rows(path, _COUNT) == [(2,)]
    assert rows(copy, "PRAGMA user_version") == [(1,)]
    assert rows(copy, _COUNT) == [(2,)]
    assert sorted(os.listdir(tmp_path)) == ["j.db", "j.db.v1-backup"]
    assert (await restored(path)).coins["BTC"].counts["fills"] == 2
