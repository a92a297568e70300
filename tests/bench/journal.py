"""How long a fill takes to be on disk, beside the disk itself, and what a long journal costs a start and the next fill.

Everything is written to one directory of the disk that the repository is on; what is compared takes turns in short blocks, so
that both meet the same neighbours. The journals' pages are in memory when starts are measured.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median

from core.domain.fills import Fill
from core.exchange.signing import Signer
from core.journal.batch import Batch
from core.journal.journal import Journal
from core.journal.schema import prepare
from tests.bench.journals import START_MS, further_fills, make_journal
from tests.bench.report import Row, percentile, row
from tests.bench.starts import KEY, start_rows

_BLOCKS, _BLOCK = 20, 20
_GROUPS = (10, 100, 1_000)
_GROUP_ROUNDS = 15
_LENGTHS = (10_000, 100_000, 1_000_000)
_INGEST_ROUNDS, _INGEST_GROUP = 10, 100
_PAGE = 4_096


def rows() -> list[Row]:
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-journal-", dir="build") as name:
        directory = Path(name)
        result = asyncio.run(_durable_fills(directory))
        account = Signer(KEY, False).address
        journals = {length: directory / str(length) / "journal.db" for length in _LENGTHS}
        for length, path in journals.items():
            path.parent.mkdir(mode=0o700)
            make_journal(path, length, account)
        result += start_rows(journals, account)
        return result + asyncio.run(_ingest(journals, account))


async def _durable_fills(directory: Path) -> list[Row]:
    """One fill per commit beside a write to the disk and a plain insert; then groups of fills beside one per commit."""
    fills = further_fills(1, "0x" + "5a" * 20)
    journal = await _opened(directory / "single.db")
    took: dict[str, list[float]] = {"disk": [], "sqlite": [], "journal": []}
    with closing(_Disk(directory / "pages")) as disk, closing(_Plain(directory / "plain.db")) as plain:
        for _ in range(_BLOCKS):
            took["disk"] += [_timed(disk.write) for _ in range(_BLOCK)]
            took["sqlite"] += [_timed(plain.insert) for _ in range(_BLOCK)]
            took["journal"] += [await _commit(journal, [fill]) for fill in islice(fills, _BLOCK)]
    result: list[Row] = []
    for name, part, goal in (("p50", 0.5, 1.5), ("p99", 0.99, None)):
        us = {what: percentile(times, part) * 1e6 for what, times in took.items()}
        asked = 1 / goal if goal else None
        disk_row = ("write + fdatasync of 4 KiB", us["disk"], asked)
        result += [
            row(f"fill on disk, {name}", us["journal"], "µs", *disk_row, less_is_better=True),
            row(
                f"fill on disk, {name}",
                us["journal"],
                "µs",
                "plain insert + commit",
                us["sqlite"],
                less_is_better=True,
            ),
        ]
    result += await _groups(journal, fills)
    await journal.close()
    return result


async def _groups(journal: Journal, fills: Iterator[Fill]) -> list[Row]:
    singles: list[float] = []
    groups: dict[int, list[float]] = {size: [] for size in _GROUPS}
    for _ in range(_GROUP_ROUNDS):
        singles += [await _commit(journal, [fill]) for fill in islice(fills, _BLOCK)]
        for size, times in groups.items():
            times.append(await _commit(journal, list(islice(fills, size))))
    single = 1 / median(singles)
    return [
        row(
            f"fills in groups of {size}",
            size / median(times),
            "1/s",
            "one per commit",
            single,
            20 if size == 100 else None,
        )
        for size, times in groups.items()
    ]


async def _ingest(journals: dict[int, Path], account: str) -> list[Row]:
    """What a fill costs when so many are there already, in groups, the disk included."""
    opened = {length: await _opened(path) for length, path in journals.items()}
    fills = {length: further_fills(length + 1, account) for length in journals}
    took: dict[int, list[float]] = {length: [] for length in journals}
    for _ in range(_INGEST_ROUNDS):
        for length, journal in opened.items():
            took[length].append(await _commit(journal, list(islice(fills[length], _INGEST_GROUP))))
    for journal in opened.values():
        await journal.close()
    us = {length: median(times) / _INGEST_GROUP * 1e6 for length, times in took.items()}
    shortest = min(us)
    return [
        row(
            f"a further fill after {length:,}",
            us[length],
            "µs",
            f"after {shortest:,}",
            us[shortest],
            0.67 if length == max(us) else None,
            less_is_better=True,
        )
        for length in us
        if length != shortest
    ]


async def _opened(path: Path) -> Journal:
    await prepare(path)
    journal = Journal(path)
    await journal.open()
    return journal


async def _commit(journal: Journal, fills: list[Fill]) -> float:
    batch = Batch(START_MS, fills=fills)
    started = time.perf_counter()
    committed = await journal.commit(batch)
    took = time.perf_counter() - started
    assert len(committed.new_fills) == len(fills)
    return took


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class _Disk:
    """A file as long as it will be, overwritten page by page: the least that being on disk can cost."""

    def __init__(self, path: Path) -> None:
        self._file, self._page, self._next = os.open(path, os.O_RDWR | os.O_CREAT), os.urandom(_PAGE), 0
        for number in range(_BLOCKS * _BLOCK):
            os.pwrite(self._file, self._page, number * _PAGE)
        os.fsync(self._file)

    def write(self) -> None:
        os.pwrite(self._file, self._page, self._next * _PAGE)
        os.fdatasync(self._file)
        self._next += 1

    def close(self) -> None:
        os.close(self._file)


class _Plain:
    """SQLite as it comes, with the same promise: write-ahead log, ``synchronous=FULL``, a row per transaction."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE fills (id INTEGER PRIMARY KEY, raw TEXT)")

    def insert(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT INTO fills (raw) VALUES (?)", ("x" * 700,))
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()
