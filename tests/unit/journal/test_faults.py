"""A full disk and a killed process: what was acknowledged is there, what failed left nothing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.journal.journal import Journal
from core.journal.schema import StorageError, prepare
from tests.unit.exchange.samples import fill, order
from tests.unit.journal.desk import batch, opened, restored, rows


async def _limit_pages(journal: Journal, more: int) -> None:
    """The disk is full after ``more`` pages."""

    def limit() -> None:
        assert journal._db is not None
        (used,) = journal._db.execute("PRAGMA page_count").fetchone()
        journal._db.execute(f"PRAGMA max_page_count = {used + more}")

    await journal._run(limit)


async def test_a_full_disk_fails_the_batch_and_nothing_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(1)]))
        await _limit_pages(journal, 2)
        big = batch(fills=[fill(n, raw="x" * 2_000) for n in range(2, 40)], orders=[order(1)])
        for _ in range(2):
            with pytest.raises(StorageError, match=r"full.*free disk space"):
                await journal.commit(big)
        assert rows(path, "SELECT count(*) FROM fills") == [(1,)]
        assert rows(path, "SELECT count(*) FROM orders") == [(0,)]
        assert rows(path, "SELECT value FROM counters WHERE name = 'fills'") == [(1,)]
        await _limit_pages(journal, 10_000)
        committed = await journal.commit(big)
        assert len(committed.new_fills) == 38, "it goes on once there is space"


async def test_closing_on_a_full_disk_still_closes_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await prepare(path)
    journal = Journal(path)
    await journal.open()
    await journal.commit(batch(fills=[fill(1)]))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN")
    holder.execute("SELECT count(*) FROM fills").fetchone()
    await journal._run(lambda: journal._db and journal._db.execute("PRAGMA busy_timeout = 10"))
    await journal.commit(batch(fills=[fill(2)]))
    await journal.close()
    holder.close()
    assert [f.trade_id for f in (await restored(path)).coins["BTC"].fills] == [1, 2]
    assert not [t for t in threading.enumerate() if t.name.startswith("journal") and t.is_alive()]


async def test_a_checkpoint_that_fails_does_not_keep_the_journal_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *rest: object) -> sqlite3.Cursor:
            if "wal_checkpoint" in sql:
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(sql, *rest)  # type: ignore[arg-type]

    path, connect = tmp_path / "j.db", sqlite3.connect
    await prepare(path)
    journal = Journal(path)
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Failing))
    await journal.open()
    monkeypatch.undo()
    await journal.commit(batch(fills=[fill(1)]))
    await journal.close()
    assert [f.trade_id for f in (await restored(path)).coins["BTC"].fills] == [1]


async def test_a_journal_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "nowhere" / "j.db")
    with pytest.raises(StorageError, match="cannot be written"):
        await journal.open()
    await journal.close()


_WRITER = """
import asyncio, sys
from pathlib import Path
from core.journal.journal import Batch, Journal
from core.journal.schema import prepare
from tests.unit.exchange.samples import fill, order

async def main(path, first):
    await prepare(path)
    journal = Journal(path)
    await journal.open()
    number = first
    while True:
        fills = [fill(number + k, raw="x" * 300) for k in range(3)]
        await journal.commit(Batch(1, fills=fills, orders=[order(number)], meta={"last": str(number + 2)}))
        sys.stdout.write(f"{number + 2}\\n")
        sys.stdout.flush()
        number += 3

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


async def test_every_acknowledged_fill_outlives_kill_9(tmp_path: Path) -> None:
    path, acknowledged, dice = tmp_path / "j.db", 0, random.Random(7)
    for _ in range(4):
        acknowledged = _write_and_kill(path, acknowledged, dice.randint(1, 25), dice.uniform(0, 0.004))
        await prepare(path)
        found = await restored(path)
        numbers = [f.trade_id for f in found.coins["BTC"].fills]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= acknowledged > 0
        assert len(numbers) % 3 == 0, "a batch is whole or absent"
        assert found.meta["last"] == str(numbers[-1])
        assert len(found.coins["BTC"].live_orders) == len(numbers) // 3
        acknowledged = numbers[-1]


def _write_and_kill(path: Path, done: int, commits: int, then_s: float) -> int:
    """Kill the writer some time after that many acknowledgements; the last number that it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), str(done + 1)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    last = done
    try:
        for _ in range(commits):
            last = int(process.stdout.readline())
        time.sleep(then_s)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        process.wait()
    return max([last, *(int(line) for line in rest if line.endswith("\n"))])
