"""A journal that is in order, written row by row as a run would, for tests that then take something out of order."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.domain.fills import Fill, FillSource
from core.domain.orders import OrderState, Side
from core.engine.fold import Fold
from core.exchange.wire import decode_fill
from core.journal.cells import count_money
from core.journal.rows import INSERT_FILL, UPSERT_ORDER, fill_values, order_values
from core.journal.schema import prepare
from core.paper.venue.positions import Position
from tests.unit.exchange.samples import ACCOUNT, BTC, INSTRUMENTS, NOW_MS, cloid, fill_row, order

INSTANCE = "1057a9ce"


@dataclass
class Trades:
    """The exchange's side: fills of one account in one coin, whose chain and profits are as the exchange makes them."""

    seed: int = 1
    start_lots: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.position = Position(self.start_lots, self.start_lots * 840_000)
        self.rows = 0

    def fill(self, side: Side, lots: int, price: int, time_ms: int, **changes: Any) -> Fill:
        self.rows += 1
        change = self.position.trade(side, price, lots)
        row = fill_row(
            self.rows,
            time_ms,
            px=BTC.price_text(price),
            sz=BTC.size_text(lots),
            side=side.wire,
            startPosition=BTC.size_text(change.start_lots),
            dir=change.direction,
            closedPnl=f"{Decimal(change.closed_pnl).scaleb(-6):f}",
            **{"oid": 1_000 + self.rows, "cloid": cloid(self.rows), "crossed": False, **changes},
        )
        found = decode_fill(row, ACCOUNT, FillSource.WS, INSTRUMENTS)
        assert found is not None
        return found

    def some(self, count: int) -> Iterator[Fill]:
        """A walk that passes through flat, flips, and has milliseconds with several fills."""
        time_ms = NOW_MS
        for _ in range(count):
            time_ms += self._random.choice((0, 0, 1, 700))
            wants_to_close = self._random.random() < min(0.8, 0.3 + abs(self.position.lots) / 300)
            side = Side.SELL if (self.position.lots > 0) == wants_to_close else Side.BUY
            lots = self._random.choice((3, 7, 30, 31, abs(self.position.lots) or 5))
            yield self.fill(side, lots, 840_000 + self._random.randrange(-900, 900), time_ms)


def write_journal(
    path: Path, fills: Iterator[Fill] | list[Fill], *, start: int = 0, external: frozenset[int] = frozenset()
) -> None:
    """Rows as a run that has ended leaves them; ``external`` are trade ids without an order of ours."""
    asyncio.run(prepare(path))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN")
    meta = {"network": "paper", "account": ACCOUNT, "exchange_url": "", "instance": INSTANCE}
    db.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", list(meta.items()))
    cost = abs(start) * 840_000
    db.execute(
        "INSERT INTO anchors VALUES ('BTC', ?, ?, ?, 'opening position')", (start, cost, NOW_MS - 60_000)
    )
    fold, count = Fold(start, cost), 0
    fills = list(fills)
    for number, fill in enumerate(fills, 1):
        if fill.trade_id not in external and fill.cloid is not None:
            known: dict[str, Any] = {
                "cloid": fill.cloid,
                "order_id": fill.order_id,
                "state": OrderState.FILLED,
            }
            sent = order(side=fill.side, lots=fill.lots, **known)
            db.execute(UPSERT_ORDER, order_values(sent))
        db.execute(INSERT_FILL, fill_values(fill, fill.time_ms + 5))
        fold, count = fold.apply(fill), number
    db.execute("INSERT INTO positions VALUES ('BTC', ?, ?, 0, ?)", (fold.lots, count, NOW_MS + 10**9))
    count_money(db, fills, 0)
    db.execute("DELETE FROM counters")
    for name, sql in (
        ("fills", "count(*)"),
        ("buys", "sum(side = 'buy')"),
        ("external", "sum(external)"),
        ("ws", "sum(source = 'ws')"),
        ("maker", "sum(crossed = 0)"),
    ):
        db.execute(f"INSERT INTO counters SELECT coin, '{name}', {sql} FROM fills GROUP BY coin")
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def alter(path: Path, sql: str, *values: object) -> None:
    """What somebody does to the file behind the program's back."""
    db = sqlite3.connect(path)
    changed = db.execute(sql, values).rowcount
    db.commit()
    db.close()
    assert changed, sql
