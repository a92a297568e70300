"""An open journal in a directory of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.domain.grid import GridRow
from core.journal.journal import Batch, Journal
from core.journal.reader import JournalReader, Restored
from core.journal.schema import prepare
from tests.unit.exchange.samples import ACCOUNT, NOW_MS


def batch(**rows: Any) -> Batch:
    return Batch(NOW_MS, **rows)


def grid(generation: int = 1, **changes: Any) -> GridRow:
    values: dict[str, Any] = {
        "coin": "BTC",
        "generation": generation,
        "center": 839_500,
        "spacing_ppb": 500_000,
        "below": 10,
        "above": 10,
        "lots": 30,
        "cap_long": 600,
        "cap_short": 600,
        "created_ms": NOW_MS,
    }
    return GridRow(**{**values, **changes})


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Journal]:
    await prepare(path)
    journal = Journal(path)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def restored(path: Path, *coins: str) -> Restored:
    return await JournalReader(path).restore(ACCOUNT, list(coins or ("BTC",)))


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What another connection sees."""
    db = sqlite3.connect(path)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()
