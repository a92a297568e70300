"""A journal of every version that there has been is carried over, and traded on, by today's program."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.journal.errors import StorageError
from core.journal.salvage import condition
from core.journal.schema import MIGRATIONS, prepare
from core.runtime.exit_code import ExitCode
from core.runtime.export.export import WHAT, export
from core.runtime.export.period import Period
from core.runtime.verify import verify_journal
from tests.unit.exchange.samples import until
from tests.unit.journal.desk import rows
from tests.unit.runtime.stage import STILL, plan, running, settings, venue

DATA = Path(__file__).parent / "data"
VERSIONS = range(1, len(MIGRATIONS) + 1)


def load(name: str, version: int, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(gzip.decompress((DATA / f"{name}_version_{version}.sql.gz").read_bytes()).decode())


@pytest.mark.parametrize("version", VERSIONS)
async def test_it_is_opened_and_traded_on_with_no_fill_lost_or_counted_twice(
    tmp_path: Path, version: int
) -> None:
    load("exchange", version, tmp_path / "paper.db")
    async with venue(replace(STILL, store_path=tmp_path / "paper.db")) as exchange:
        taken = replace(plan(tmp_path, exchange.url), settings=settings("BTC", adopt=True))
        journal = taken.state.journal
        load("journal", version, journal)
        before = set(rows(journal, "SELECT trade_id FROM fills"))
        assert condition(journal).version == version
        assert len(before) >= 5
        known = len((await exchange.truth())["fills"])
        async with running(taken) as run:
            await until(lambda: "ws_ready" in run.told(), 15)
            await until(lambda: run.snapshots[-1].coins[0].fills.total == known)
            await until(
                lambda: any(level.state == "open" for level in run.snapshots[-1].coins[0].grid.levels)
            )
            await exchange.trade("B", "0.0005")
            await until(lambda: run.snapshots[-1].coins[0].fills.total == known + 1)
            report = await run.stop()
        assert report.exit_code is ExitCode.CLEAN
        truth, found = await exchange.truth(), report.summary["coins"]["BTC"]
    assert found["fills"] == len(truth["fills"])
    assert (found["position"], found["drift"]) == (truth["positions"].get("BTC", "0"), "0")
    assert (
        {(fill["tid"],) for fill in truth["fills"]}
        == set(rows(journal, "SELECT trade_id FROM fills"))
        > before
    )
    assert truth["orders"] == []
    assert rows(journal, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    certificate = verify_journal(journal, False, 2**62)
    assert certificate.verified, certificate.as_text()
    assert export(taken.state, tmp_path / "out", Period(), WHAT).reconciles
    copy = journal.with_name(f"journal.db.v{version}-backup")
    assert copy.exists() == (version < len(MIGRATIONS))
    if copy.exists():
        assert set(rows(copy, "SELECT trade_id FROM fills")) == before


@pytest.mark.parametrize("version", VERSIONS)
async def test_it_has_the_tables_that_a_new_one_has(tmp_path: Path, version: int) -> None:
    load("journal", version, tmp_path / "old.db")
    for name in ("old.db", "new.db"):
        await prepare(tmp_path / name)
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2"

    def tables(name: str) -> list[tuple[str, ...]]:
        return [(*row[:3], " ".join(str(row[3]).split())) for row in rows(tmp_path / name, schema)]

    assert tables("old.db") == tables("new.db")


async def test_the_next_version_is_refused(tmp_path: Path) -> None:
    load("journal", len(MIGRATIONS), tmp_path / "j.db")
    with closing(sqlite3.connect(tmp_path / "j.db")) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StorageError, match="newer GridBot"):
        await prepare(tmp_path / "j.db")
