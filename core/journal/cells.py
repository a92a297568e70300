"""Money that is kept with the fills in their transaction, so that a start need not read them all: what each cell of a grid has
traded, each coin's cash flow, and the profit of its completed round trips.

A fill belongs to the cell of its order: the order with its cloid, else the one with its order id. One that was external when it
was committed belongs to none. Numbers are text: they grow for ever, and no fill is refused because a sum outgrew 64 bits.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence

from core.domain.fills import Fill
from core.domain.orders import Side
from core.domain.pnl import CellSums

_CELL_FILLS = """
SELECT f.coin, o.generation, o.slot_index, f.side, f.lots, f.price
FROM fills f JOIN orders o ON o.cloid = coalesce(
  (SELECT cloid FROM orders WHERE cloid = f.cloid),
  (SELECT cloid FROM orders INDEXED BY orders_by_oid WHERE order_id = f.order_id AND coin = f.coin LIMIT 1))
WHERE f.external = 0 AND o.slot_index IS NOT NULL AND {}
"""

_FIND = (
    "SELECT bought, bought_micro, sold, sold_micro FROM cells WHERE coin = ? AND generation = ? AND cell = ?"
)

Cell = tuple[str, int, int]
"""Coin, generation of the grid, index."""


def cell_sums(db: sqlite3.Connection, condition: str, *values: object) -> dict[Cell, CellSums]:
    """What the fills ``f`` that fulfil a condition have traded in each cell."""
    found: defaultdict[Cell, CellSums] = defaultdict(CellSums)
    for coin, generation, cell, side, lots, price in db.execute(_CELL_FILLS.format(condition), values):
        key = coin, generation, cell
        found[key] = found[key].plus(Side(side), lots, price * lots)
    return dict(found)


def stored_cells(db: sqlite3.Connection, coin: str) -> dict[Cell, CellSums]:
    """What is kept of a coin's cells."""
    found = db.execute(
        "SELECT generation, cell, bought, bought_micro, sold, sold_micro FROM cells WHERE coin = ?", (coin,)
    )
    return {(coin, generation, cell): CellSums(*map(int, sums)) for generation, cell, *sums in found}


def count_money(db: sqlite3.Connection, fills: Sequence[Fill], last: int) -> Counter[str]:
    """Take in new fills, whose rows come after ``last``; by how much the matched profit of each coin grew, micro-USDC."""
    grown: Counter[str] = Counter()
    for key, added in cell_sums(db, "f.id > ?", last).items():
        row = db.execute(_FIND, key).fetchone()
        before = CellSums(*map(int, row)) if row else CellSums()
        after = before.plus(Side.BUY, added.bought, added.bought_micro)
        after = after.plus(Side.SELL, added.sold, added.sold_micro)
        sums = after.bought, after.bought_micro, after.sold, after.sold_micro
        db.execute("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?)", (*key, *map(str, sums)))
        grown[key[0]] += after.matched_micro - before.matched_micro
    cash: Counter[str] = Counter()
    for fill in fills:
        cash[fill.coin] += fill.cash_micro
    for coin, micro in cash.items():
        row = db.execute("SELECT cash, matched FROM money WHERE coin = ?", (coin,)).fetchone()
        held, matched = map(int, row) if row else (0, 0)
        values = coin, str(held + micro), str(matched + grown[coin])
        db.execute("INSERT OR REPLACE INTO money (coin, cash, matched) VALUES (?, ?, ?)", values)
    return grown
