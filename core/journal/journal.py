"""The journal's writer: one sqlite3 connection on one thread, one transaction per batch, ``synchronous=FULL``.

A batch is on disk when ``commit`` returns. Nothing else writes the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from core.domain.effects import (
    Effect,
    GridRow,
    LiftHalt,
    RevokeAdjustment,
    SaveAction,
    SaveAdjustment,
    SaveCheckpoint,
    SaveGrid,
    SaveHalt,
    SaveHighWater,
    SaveOrder,
    SavePosition,
)
from core.domain.events import FillConflict
from core.domain.fills import Adjustment, Fill, ForeignFill, Funding
from core.domain.orders import Order
from core.journal.rows import INSERT_FILL, INSERT_GRID, UPSERT_ORDER, fill_values, grid_values, order_values
from core.journal.schema import StorageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Anchor:
    """The position that the fold starts from: what the account held before the first journalled fill."""

    coin: str
    lots: int
    cost: int
    time_ms: int
    reason: str


@dataclass(slots=True)
class Batch:
    """What one transaction writes."""

    now_ms: int
    fills: list[Fill] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    grids: list[GridRow] = field(default_factory=list)
    halts: list[SaveHalt | LiftHalt] = field(default_factory=list)
    """Latched and lifted in the order given: a halt that follows a lift stays."""
    actions: list[SaveAction] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    boots: list[tuple[str, int, str]] = field(default_factory=list)
    """Boot nonce, pid and version of a start."""
    meta: dict[str, str] = field(default_factory=dict)
    nonce_ceiling: tuple[str, int] | None = None
    foreign: list[ForeignFill] = field(default_factory=list)
    funding: list[Funding] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    """Adjustments that count no more."""
    positions: list[SavePosition] = field(default_factory=list)
    checkpoints: list[SaveCheckpoint] = field(default_factory=list)

    def take(self, effect: Effect) -> bool:
        """Add the row that an effect asks for; whether it asked for one."""
        match effect:
            case SaveOrder(order):
                self.orders.append(order)
            case SaveGrid(grid):
                self.grids.append(grid)
            case SaveHalt() | LiftHalt():
                self.halts.append(effect)
            case SaveAction():
                self.actions.append(effect)
            case SaveHighWater(value):
                self.meta["high_water"] = str(value)
            case SaveAdjustment(adjustment):
                self.adjustments.append(adjustment)
            case RevokeAdjustment(id_):
                self.revoked.append(id_)
            case SavePosition():
                self.positions.append(effect)
            case SaveCheckpoint():
                self.checkpoints.append(effect)
            case _:
                return False
        return True

    @property
    def is_empty(self) -> bool:
        rows = (
            self.fills,
            self.orders,
            self.grids,
            self.halts,
            self.actions,
            self.anchors,
            self.boots,
            self.meta,
            self.foreign,
            self.funding,
            self.adjustments,
            self.revoked,
            self.positions,
            self.checkpoints,
        )
        return not any(rows) and self.nonce_ceiling is None


@dataclass(frozen=True, slots=True)
class Committed:
    """What was new of a batch, in the order given, and refused duplicates of fills by coin."""

    new_fills: tuple[Fill, ...]
    duplicates: tuple[tuple[str, int], ...]
    new_foreign: tuple[ForeignFill, ...] = ()
    new_funding: tuple[Funding, ...] = ()
    conflicts: tuple[FillConflict, ...] = ()
    """Duplicates whose content is not that of the row that stands."""


class Journal:
    """Open after ``schema.prepare``. Every call but ``open`` and ``close`` is awaited on the one writer thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        await self._run(self._connect)

    async def commit(self, batch: Batch) -> Committed:
        """Write a batch in one transaction; on return it is durable.

        Raises:
            StorageError: nothing of the batch was written.
        """
        return await self._run(lambda: self._commit(batch))

    async def close(self) -> None:
        """Checkpoint and close; bounded by the disk alone."""
        try:
            await self._run(self._close)
        finally:
            self._thread.shutdown(wait=True)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise StorageError(
                f"the journal {self._path} cannot be written ({error}); free disk space or fix its permissions, then restart"
            ) from error

    def _connect(self) -> None:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=True)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        self._db = db

    def _close(self) -> None:
        if self._db is None:
            return
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # a full disk: the log beside the file is as durable, and the next open reads it
        finally:
            self._db.close()
            self._db = None

    def _commit(self, batch: Batch) -> Committed:
        db = self._db
        assert db is not None, "the journal is open"
        db.execute("BEGIN IMMEDIATE")
        try:
            committed = _write_fills(db, batch)
            _write_rows(db, batch)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return committed


def _write_fills(db: sqlite3.Connection, batch: Batch) -> Committed:
    new, duplicates = [], Counter[str]()
    for fill in batch.fills:
        if db.execute(INSERT_FILL, fill_values(fill, batch.now_ms)).rowcount:
            new.append(fill)
        else:
            duplicates[fill.coin] += 1
    _add_counts(db, "duplicates", duplicates.items())
    return Committed(tuple(new), tuple(duplicates.items()))


def _add_counts(db: sqlite3.Connection, name: str, counts: Iterable[tuple[str, int]]) -> None:
    db.executemany(
        "INSERT INTO counters (coin, name, value) VALUES (?, ?, ?) "
        "ON CONFLICT (coin, name) DO UPDATE SET value = value + excluded.value",
        [(coin, name, count) for coin, count in counts],
    )


def _write_rows(db: sqlite3.Connection, batch: Batch) -> None:
    now = batch.now_ms
    db.executemany(UPSERT_ORDER, [order_values(order) for order in batch.orders])
    db.executemany(INSERT_GRID, [grid_values(grid) for grid in batch.grids])
    for halt in batch.halts:
        _write_halt(db, halt, now)
    db.executemany(
        "INSERT INTO actions (command_id, time_ms, action, coin, origin, outcome) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (a.command.id, now, a.command.action.value, a.command.coin, a.command.origin, a.outcome)
            for a in batch.actions
        ],
    )
    db.executemany(
        "INSERT INTO anchors (coin, lots, cost, time_ms, reason) VALUES (?, ?, ?, ?, ?)",
        [(a.coin, a.lots, a.cost, a.time_ms, a.reason) for a in batch.anchors],
    )
    db.executemany(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        list(batch.meta.items()),
    )
    db.executemany(
        "INSERT INTO boots (boot, started_ms, pid, version) VALUES (?, ?, ?, ?)",
        [(boot, now, pid, version) for boot, pid, version in batch.boots],
    )
    if batch.nonce_ceiling is not None:
        db.execute(
            "INSERT INTO nonces (signer, ceiling) VALUES (?, ?) "
            "ON CONFLICT (signer) DO UPDATE SET ceiling = max(ceiling, excluded.ceiling)",
            batch.nonce_ceiling,
        )


def _write_halt(db: sqlite3.Connection, halt: SaveHalt | LiftHalt, now_ms: int) -> None:
    match halt:
        case SaveHalt(coin, reason):
            db.execute("INSERT INTO halts (coin, reason, since_ms) VALUES (?, ?, ?)", (coin, reason, now_ms))
        case LiftHalt(coin, by):
            db.execute(
                "UPDATE halts SET lifted_ms = ?, lifted_by = ? WHERE coin = ? AND lifted_ms IS NULL",
                (now_ms, by, coin),
            )
