"""Parts of a position that were closed at the market, taken from the cells of the grid that had held them.

Kept with the fills in their transaction, so that no kill can part what the cells believe from what is there.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from core.domain.grid import GridRow
from core.domain.holdings import CellPart, taken_from_cells
from core.domain.orders import Purpose
from core.journal.rows import grid_from_row

_FILLS = """
SELECT f.coin, f.time_ms, f.start_lots, CASE f.side WHEN 'buy' THEN f.lots ELSE -f.lots END AS signed_lots,
  o.purpose, o.generation, o.slot_index AS cell
FROM fills f LEFT JOIN orders o ON f.external = 0 AND o.cloid = coalesce(
  (SELECT cloid FROM orders WHERE cloid = f.cloid),
  (SELECT cloid FROM orders INDEXED BY orders_by_oid WHERE order_id = f.order_id AND coin = f.coin LIMIT 1))
WHERE f.id > ? ORDER BY f.id
"""

_SIGNED = "coalesce(sum(CASE side WHEN 'buy' THEN lots ELSE -lots END), 0)"


class _Row(NamedTuple):
    """A fill with what its order was for, all ``None`` of one that is nobody's."""

    coin: str
    time_ms: int
    start_lots: int
    signed_lots: int
    purpose: str | None
    generation: int | None
    cell: int | None

    @property
    def is_part(self) -> bool:
        return self.purpose == Purpose.REDUCE


def take_parts(db: sqlite3.Connection, last: int) -> list[CellPart]:
    """Of the fills whose rows come after ``last``, before they are counted in their cells: what they took from cells."""
    fills = [_Row(*row) for row in db.execute(_FILLS, (last,))]
    found: list[CellPart] = []
    for coin in {fill.coin for fill in fills if fill.is_part}:
        grid = _newest_grid(db, coin)
        if grid is not None:
            position = _position(db, coin, last)
            found += _of_coin(db, grid, _as_they_happened(f for f in fills if f.coin == coin), position)
    if not found:
        return found
    db.executemany(
        "INSERT INTO parts VALUES (?, ?, ?, ?) "
        "ON CONFLICT (coin, generation, cell) DO UPDATE SET lots = lots + excluded.lots",
        [(part.coin, part.generation, part.cell, part.signed_lots) for part in found],
    )
    return found


def _of_coin(db: sqlite3.Connection, grid: GridRow, fills: list[_Row], position: int) -> list[CellPart]:
    """In the order of the fills, so that each part is taken from what was held just then. ``position``: before them, by the
    fills that are known: one that is missing has not reached its cell yet, and isn't what no cell knows of.
    """
    traded = _traded(db, grid)
    found = []
    for fill in fills:
        if fill.is_part:
            for at, part in taken_from_cells(grid, traded, position, fill.signed_lots).items():
                traded[at] += part
                found.append(CellPart(grid.coin, grid.generation, at, part))
        elif fill.generation == grid.generation and fill.cell is not None:
            traded[fill.cell] += fill.signed_lots
        position += fill.signed_lots
    return found


def _as_they_happened(fills: Iterable[_Row]) -> list[_Row]:
    """By time, and within one millisecond along the chain of positions: the first message of a feed is newest first."""
    ordered: list[_Row] = []
    for _, group in groupby(sorted(fills, key=attrgetter("time_ms")), attrgetter("time_ms")):
        left = list(group)
        while left:
            end = ordered[-1].start_lots + ordered[-1].signed_lots if ordered else None
            ordered.append(left.pop(next((n for n, fill in enumerate(left) if fill.start_lots == end), 0)))
    return ordered


def _position(db: sqlite3.Connection, coin: str, last: int) -> int:
    """By all that is in the journal up to the fill ``last``. The stored one may not have the newest fills yet."""
    row = db.execute(
        "SELECT lots, (SELECT value FROM counters WHERE coin = p.coin AND name = 'fills') - p.fills "
        "FROM positions p WHERE coin = ?",
        (coin,),
    ).fetchone()
    if row is None:  # nothing has followed from a fill yet
        (anchored,) = db.execute(
            "SELECT coalesce(sum(lots), 0) FROM anchors WHERE coin = ?", (coin,)
        ).fetchone()
        row = anchored, -1
    lots, newer = row
    (traded,) = db.execute(
        f"SELECT {_SIGNED} FROM (SELECT id, side, lots FROM fills WHERE coin = ? ORDER BY id DESC LIMIT ?) WHERE id <= ?",
        (coin, newer, last),
    ).fetchone()
    return int(lots + traded)


def _newest_grid(db: sqlite3.Connection, coin: str) -> GridRow | None:
    cursor = db.cursor()
    cursor.row_factory = sqlite3.Row
    row = cursor.execute(
        "SELECT * FROM grids WHERE coin = ? ORDER BY generation DESC LIMIT 1", (coin,)
    ).fetchone()
    return grid_from_row(row) if row else None


def _traded(db: sqlite3.Connection, grid: GridRow) -> defaultdict[int, int]:
    """The signed lots by cell of a grid, as they were before this transaction's fills."""
    traded: defaultdict[int, int] = defaultdict(int)
    key = grid.coin, grid.generation
    for cell, bought, sold in db.execute(
        "SELECT cell, bought, sold FROM cells WHERE coin = ? AND generation = ?", key
    ):
        traded[cell] += int(bought) - int(sold)
    for cell, lots in db.execute("SELECT cell, lots FROM parts WHERE coin = ? AND generation = ?", key):
        traded[cell] += lots
    return traded
