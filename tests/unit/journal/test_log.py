"""The write-ahead log: as long from the start as it will be, overwritten from its beginning, durable at every commit."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from core.journal.journal import LOG_PAGES, Journal
from core.journal.schema import prepare
from tests.unit.exchange.samples import fill
from tests.unit.journal.desk import batch, opened, restored, rows


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


async def test_the_log_is_made_long_once_and_leaves_no_trace_in_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    await prepare(path)
    before = path.read_bytes()
    async with opened(path):
        assert _log(path).stat().st_size >= (LOG_PAGES - 20) * 4_096
        assert rows(path, "SELECT name FROM sqlite_schema WHERE name = 'lengthening'") == []
    assert path.read_bytes() == before


async def test_the_log_is_overwritten_and_neither_grows_nor_shrinks_while_running(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        length = _log(path).stat().st_size
        lengths = set()
        for first in range(0, 3_000, 50):
            await journal.commit(batch(fills=[fill(n, raw="x" * 400) for n in range(first, first + 50)]))
            lengths.add(_log(path).stat().st_size)
    assert path.stat().st_size > length / 2, "enough was written to fill the log were it not overwritten"
    assert lengths == {length}
    assert len((await restored(path)).coins["BTC"].fills) == 3_000


async def test_a_reader_that_stays_lets_the_log_grow_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(1)]))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM fills").fetchone() == (1,)
        for first in range(2, 2_002, 100):
            await journal.commit(batch(fills=[fill(n, raw="x" * 3_000) for n in range(first, first + 100)]))
        assert reader.execute("SELECT count(*) FROM fills").fetchone() == (1,)
        reader.close()
        await journal.commit(batch(fills=[fill(5_000)]))
    assert len((await restored(path)).coins["BTC"].fills) == 2_002


async def test_no_room_to_make_the_log_long_does_not_keep_the_journal_from_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(sqlite3.Connection):
        def execute(self, sql: str, *rest: object) -> sqlite3.Cursor:
            if "zeroblob" in sql:
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(sql, *rest)  # type: ignore[arg-type]

    path, connect = tmp_path / "j.db", sqlite3.connect
    await prepare(path)
    journal = Journal(path)
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Full))
    await journal.open()
    monkeypatch.undo()
    await journal.commit(batch(fills=[fill(1)]))
    await journal.close()
    assert [f.trade_id for f in (await restored(path)).coins["BTC"].fills] == [1]


async def test_an_orderly_end_leaves_one_file(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(1)]))
    assert os.listdir(tmp_path) == ["j.db"]
