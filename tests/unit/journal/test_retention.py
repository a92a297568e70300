"""What is let go in the course of time, and that fills, fees, funding, transfers and what an operator did never are."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from core.domain.effects import SaveCheckpoint
from core.domain.fills import Adjustment, ForeignFill, Funding
from core.domain.transfers import Transfer
from core.journal import writes
from core.journal.backup import dated_name, forget_oldest
from core.journal.journal import Batch
from core.journal.schema import APPLICATION_ID, MIGRATIONS, prepare
from core.view import HistoryPoint
from tests.unit.exchange.samples import ACCOUNT, NOW_MS, fill

KEPT = (
    "fills",
    "foreign_fills",
    "funding",
    "transfers",
    "adjustments",
    "actions",
    "orders",
    "anchors",
    "halts",
    "days",
)
LET_GO = {"history", "checkpoints"}
"""The curve of the last day, and what can be folded again."""

DAY_MS = 86_400_000
CORE = Path(__file__).parents[3] / "core"


def a_day(number: int) -> Batch:
    """Of everything that is kept, one, and of what is let go more than is kept of it."""
    at = NOW_MS + number * DAY_MS
    return Batch(
        at,
        fills=[replace(fill(number), time_ms=at)],
        foreign=[ForeignFill(ACCOUNT, "DOGE", at, number, number, "{}")],
        funding=[Funding(ACCOUNT, "BTC", at, Decimal(1), "0x0", "{}")],
        transfers=[Transfer(ACCOUNT, at, f"0x{number}", "deposit", (), "{}")],
        adjustments=[Adjustment(str(number), "BTC", at, 0, 1, 840_000, at, "test", "")],
        revoked=[str(number - 1)],
        history=[HistoryPoint(at, Decimal(1), 0.0, 1, 1)],
        checkpoints=[SaveCheckpoint("BTC", at + 1, 0, 0, Decimal(0), Decimal(0))],
    )


async def test_a_year_of_rows_loses_none_of_those_that_are_for_ever(tmp_path: Path) -> None:
    """SQLite itself is asked: no statement of the writer may as much as prepare to delete one."""
    path, days = tmp_path / "j.db", 12
    await prepare(path)
    db = sqlite3.connect(path)
    deleted: Counter[str] = Counter()

    def watch(action: int, table: str | None, *_: object) -> int:
        deleted[str(table)] += action == sqlite3.SQLITE_DELETE
        return sqlite3.SQLITE_OK

    db.set_authorizer(watch)
    for number in range(1, days + 1):
        writes.write(db, a_day(number))
        late = replace(a_day(0), fills=[replace(fill(900 + number), time_ms=NOW_MS)])
        writes.write(db, replace(late, adjustments=[], foreign=[], funding=[], transfers=[]))
    db.commit()
    assert {table for table, count in deleted.items() if count} == LET_GO
    counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in KEPT[:5]}
    assert counts == {
        "fills": 2 * days,
        "foreign_fills": days,
        "funding": days,
        "transfers": days,
        "adjustments": days,
    }
    db.close()


def test_no_statement_of_the_program_deletes_what_is_for_ever() -> None:
    """Nor does a migration; the paper exchange's books are another file."""
    found = set()
    for path in CORE.rglob("*.py"):
        if "paper" not in path.relative_to(CORE).parts:
            text = path.read_text(encoding="utf-8")
            found |= set(
                re.findall(r"(?:DELETE FROM|DROP TABLE(?: IF EXISTS)?|REPLACE INTO)\s+\"?(\w+)", text)
            )
    assert found == {*LET_GO, "meta", "cells", "money"}, (
        "the last three: what is folded of the fills, and a setting"
    )
    assert not found & set(KEPT)


def test_of_the_backups_in_a_directory_the_oldest_go_and_nothing_else_does(tmp_path: Path) -> None:
    for day in range(1, 6):
        _database(tmp_path / dated_name(f"2026013{day}T000000Z"), APPLICATION_ID)
    _database(tmp_path / dated_name("20250101T000000Z"), 7)
    (tmp_path / dated_name("20240101T000000Z")).write_text("a letter")
    _database(tmp_path / "journal-mine.db", APPLICATION_ID)
    _database(tmp_path / dated_name("20230101T000000Z"), APPLICATION_ID, "0xother")
    (tmp_path / f"{dated_name('20260131T000000Z')}.earlier").touch()
    made = tmp_path / dated_name("20260135T000000Z")
    gone = forget_oldest(made, 3)
    assert [path.name for path in gone] == [dated_name("20260131T000000Z"), dated_name("20260132T000000Z")]
    others = ("20250101T000000Z", "20240101T000000Z", "20230101T000000Z")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [
            *(dated_name(f"2026013{day}T000000Z") for day in (3, 4, 5)),
            *(*map(dated_name, others), "journal-mine.db"),
        ]
    )
    assert forget_oldest(made, 3) == []


def test_the_backup_that_was_just_made_stays_though_the_clock_was_ahead_at_the_others(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        _database(tmp_path / dated_name(f"2027010{day}T000000Z"), APPLICATION_ID)
    made = tmp_path / dated_name("20260101T000000Z")
    _database(made, APPLICATION_ID)
    gone = forget_oldest(made, 2)
    assert [path.name for path in gone] == [dated_name("20270101T000000Z"), dated_name("20270102T000000Z")]


def test_every_table_is_kept_for_ever_or_is_known_not_to_be(tmp_path: Path) -> None:
    """A new table must be thought about here."""
    db = sqlite3.connect(":memory:")
    db.executescript("".join(MIGRATIONS))
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    db.close()
    rewritten = {
        "meta",
        "counters",
        "nonces",
        "positions",
        "cells",
        "money",
        "parts",
        "cash_marks",
        "grids",
        "boots",
    }
    assert there - rewritten == {*KEPT, *LET_GO}


def _database(path: Path, mark: int, account: str = ACCOUNT) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA application_id = {mark}")
    db.execute("CREATE TABLE meta (key, value)")
    db.execute("INSERT INTO meta VALUES ('account', ?)", (account,))
    db.commit()
    db.close()
