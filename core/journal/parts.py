"""Parts of a position that were closed at the market, taken from the cells of the grid that had held them.

Kept with the fills in their transaction, so that no kill can part what the cells believe from what is there.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict

from core.domain.grid import GridRow
from core.domain.holdings import CellPart, taken_from_cells
from core.domain.orders import Purpose, Side
from core.journal.rows import grid_from_row

_FILLS = """
SELECT f.coin, f.side, f.lots, f.start_lots, o.purpose, o.generation, o.slot_index
FROM fills f JOIN orders o ON o.cloid = coalesce(
  (SELECT cloid FROM orders WHERE cloid = f.cloid),
  (SELECT cloid FROM orders INDEXED BY orders_by_oid WHERE order_id = f.order_id AND coin = f.coin LIMIT 1))
WHERE f.external = 0 AND f.id > ? ORDER BY f.id
"""


def take_parts(db: sqlite3.Connection, last: int) -> list[CellPart]:
    """Of the fills whose rows come after ``last``, before they are counted in their cells: what they took from cells."""
    fills = db.execute(_FILLS, (last,)).fetchall()
    found: list[CellPart] = []
    for coin in {fill[0] for fill in fills if fill[4] == Purpose.REDUCE}:
        grid = _newest_grid(db, coin)
        if grid is not None:
            found += _of_coin(db, grid, [fill[1:] for fill in fills if fill[0] == coin])
    db.executemany(
        "INSERT INTO parts VALUES (?, ?, ?, ?) "
        "ON CONFLICT (coin, generation, cell) DO UPDATE SET lots = lots + excluded.lots",
        [(part.coin, part.generation, part.cell, part.signed_lots) for part in found],
    )
    return found


def _of_coin(
    db: sqlite3.Connection, grid: GridRow, fills: list[tuple[str, int, int, str, int | None, int | None]]
) -> list[CellPart]:
    """In the order of the fills, so that each part is taken from what was held just then."""
    traded = _traded(db, grid)
    found = []
    for side, lots, start_lots, purpose, generation, cell in fills:
        signed = Side(side).sign * lots
        if purpose == Purpose.REDUCE:
            for at, part in taken_from_cells(grid, traded, start_lots, signed).items():
                traded[at] += part
                found.append(CellPart(grid.coin, grid.generation, at, part))
        elif generation == grid.generation and cell is not None:
            traded[cell] += signed
    return found


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
