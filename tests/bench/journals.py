"""Journals of any length as a run would have left them: orders, their fills, grids, a checkpoint."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path

from core.domain.cloid import make_cloid
from core.domain.effects import SaveCheckpoint
from core.domain.fills import Fill, FillSource
from core.domain.grid import GridRow
from core.domain.orders import Order, OrderState, Purpose, Side, Slot, Tif
from core.journal.batch import Anchor, Batch
from core.journal.schema import prepare
from core.journal.writes import write

COIN = "BTC"
INSTANCE = "1057a9ce"
START_MS = 1_760_000_000_000
EVERY_MS = 4_000
"""A fill each four seconds: some 20,000 a day."""

LOTS, PRICE = 30, 839_590
FILLS_PER_GRID = 200
FILLS_SINCE_CHECKPOINT = 2_000
"""As many as the ledger keeps in memory; everything before is in the checkpoint."""

_CHUNK = 2_000
_RAW = (
    '{{"coin":"BTC","px":"83959.0","sz":"0.0003","side":"{side}","time":{time},"startPosition":"{start}","dir":"Open Long",'
    '"closedPnl":"0.0","hash":"0x{tid:064x}","oid":{oid},"crossed":false,"fee":"0.003627","tid":{tid},"cloid":"{cloid}",'
    '"feeToken":"USDC","twapId":null}}'
)


def make_journal(path: Path, fills: int, account: str) -> None:
    """A journal of that many fills, flat after every second one, with one checkpoint where the ledger's memory begins."""
    asyncio.run(prepare(path))
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -200000")
        anchor = Anchor(COIN, 0, 0, START_MS, "opening position")
        _transaction(db, Batch(START_MS, anchors=[anchor], meta={"instance": INSTANCE}))
        for first in range(1, fills + 1, _CHUNK):
            numbers = range(first, min(first + _CHUNK, fills + 1))
            orders = [_order(n) for n in numbers]
            grids = [_grid(n // FILLS_PER_GRID) for n in numbers if n % FILLS_PER_GRID == 0]
            _transaction(db, Batch(START_MS, orders=orders, grids=grids))
            _transaction(db, Batch(START_MS, fills=[_fill(n, account) for n in numbers]))
        # The cut lies after an even number of fills: flat.
        before = max(0, fills - FILLS_SINCE_CHECKPOINT) // 2 * 2
        fees = Decimal("0.003627") * before
        cut = SaveCheckpoint(COIN, _time_ms(before + 1), 0, 0, Decimal(0), fees)
        _transaction(db, Batch(START_MS, checkpoints=[cut]))
    finally:
        db.close()


def further_fills(first: int, account: str) -> Iterator[Fill]:
    """Fills without end that go on where a journal of ``first - 1`` fills ends."""
    return (_fill(n, account) for n in count(first))


def _transaction(db: sqlite3.Connection, batch: Batch) -> None:
    db.execute("BEGIN IMMEDIATE")
    write(db, batch)
    db.execute("COMMIT")


def _time_ms(number: int) -> int:
    return START_MS + number * EVERY_MS


def _side(number: int) -> Side:
    return Side.BUY if number % 2 else Side.SELL


def _fill(number: int, account: str) -> Fill:
    side = _side(number)
    start = 0 if side is Side.BUY else LOTS
    raw = _RAW.format(
        side=side.wire,
        time=_time_ms(number),
        start=start,
        tid=number,
        oid=number,
        cloid=make_cloid(INSTANCE, "b0070001", number),
    )
    return Fill(
        account=account,
        coin=COIN,
        time_ms=_time_ms(number),
        trade_id=number,
        order_id=number,
        cloid=make_cloid(INSTANCE, "b0070001", number),
        side=side,
        price=PRICE,
        lots=LOTS,
        start_lots=start,
        closed_pnl=Decimal("0.0"),
        fee=Decimal("0.003627"),
        fee_token="USDC",
        crossed=False,
        direction="Open Long",
        hash=f"0x{number:064x}",
        source=FillSource.WS,
        raw=raw,
    )


def _order(number: int) -> Order:
    created_ms = _time_ms(number) - 1_000
    return Order(
        cloid=make_cloid(INSTANCE, "b0070001", number),
        coin=COIN,
        side=_side(number),
        price=PRICE,
        lots=LOTS,
        tif=Tif.ALO,
        reduce_only=False,
        purpose=Purpose.GRID,
        slot=Slot(number // FILLS_PER_GRID, _side(number), number % 20),
        created_ms=created_ms,
        expires_ms=created_ms + 5_000,
        ledger_version=number,
        state=OrderState.FILLED,
        order_id=number,
        final_filled=LOTS,
    )


def _grid(generation: int) -> GridRow:
    return GridRow(COIN, generation, PRICE, 600_000, 10, 10, LOTS, 10 * LOTS, 10 * LOTS, START_MS)
