"""The journal's tables, numbered migrations, and the checks before the first read."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite

from core.journal import integrity
from core.journal.backup import back_up_before_migration
from core.journal.errors import ForeignJournalError, StorageError, damaged, unusable, way_out
from core.journal.files import APPLICATION_ID

__all__ = ["APPLICATION_ID", "MIGRATIONS", "ForeignJournalError", "StorageError", "prepare"]

_VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE boots (
  boot TEXT PRIMARY KEY, started_ms INTEGER NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL
) STRICT;
CREATE TABLE anchors (
  coin TEXT PRIMARY KEY, lots INTEGER NOT NULL, cost INTEGER NOT NULL, time_ms INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT;
-- The key of a fill is final: the INSERT is the dedup, and rows are never pruned (C-5).
CREATE TABLE fills (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL, coin TEXT NOT NULL, time_ms INTEGER NOT NULL, trade_id INTEGER NOT NULL,
  discriminator TEXT NOT NULL,
  order_id INTEGER NOT NULL, cloid TEXT, side TEXT NOT NULL, price INTEGER NOT NULL, lots INTEGER NOT NULL,
  start_lots INTEGER NOT NULL, closed_pnl TEXT NOT NULL, fee TEXT NOT NULL, fee_token TEXT NOT NULL,
  crossed INTEGER NOT NULL, direction TEXT NOT NULL, hash TEXT NOT NULL, source TEXT NOT NULL,
  external INTEGER NOT NULL, received_ms INTEGER NOT NULL, raw TEXT NOT NULL,
  UNIQUE (account, coin, time_ms, trade_id, discriminator)
) STRICT;
CREATE INDEX fills_by_cloid ON fills (cloid) WHERE cloid IS NOT NULL;
CREATE INDEX fills_by_oid ON fills (order_id) WHERE cloid IS NULL;
CREATE TABLE orders (
  cloid TEXT PRIMARY KEY, coin TEXT NOT NULL, purpose TEXT NOT NULL,
  generation INTEGER, slot_side TEXT, slot_index INTEGER,
  side TEXT NOT NULL, price INTEGER NOT NULL, lots INTEGER NOT NULL, tif TEXT NOT NULL, reduce_only INTEGER NOT NULL,
  created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, ledger_version INTEGER NOT NULL,
  state TEXT NOT NULL, order_id INTEGER, final_filled INTEGER, reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_state ON orders (state);
CREATE INDEX orders_by_oid ON orders (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX orders_by_generation ON orders (coin, generation);
CREATE TABLE grids (
  coin TEXT NOT NULL, generation INTEGER NOT NULL, center INTEGER NOT NULL, spacing_ppb INTEGER NOT NULL,
  levels INTEGER NOT NULL, lots INTEGER NOT NULL, cap_lots INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  PRIMARY KEY (coin, generation)
) STRICT;
CREATE TABLE halts (
  id INTEGER PRIMARY KEY, coin TEXT NOT NULL, reason TEXT NOT NULL, since_ms INTEGER NOT NULL,
  lifted_ms INTEGER, lifted_by TEXT
) STRICT;
CREATE TABLE actions (
  id INTEGER PRIMARY KEY, command_id TEXT NOT NULL, time_ms INTEGER NOT NULL, action TEXT NOT NULL,
  coin TEXT NOT NULL, origin TEXT NOT NULL, outcome TEXT NOT NULL
) STRICT;
CREATE TABLE counters (coin TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (coin, name)) STRICT;
CREATE TABLE nonces (signer TEXT PRIMARY KEY, ceiling INTEGER NOT NULL) STRICT;
"""

_VERSION_2 = """
ALTER TABLE fills ADD COLUMN kind TEXT NOT NULL DEFAULT 'trade';
CREATE INDEX fills_by_fee_token ON fills (coin, fee_token) WHERE fee_token <> 'USDC';
CREATE INDEX orders_by_time ON orders (coin, created_ms, cloid);
-- Fills in coins that aren't traded here: kept as they came.
CREATE TABLE foreign_fills (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL, coin TEXT NOT NULL, time_ms INTEGER NOT NULL, trade_id INTEGER NOT NULL,
  order_id INTEGER NOT NULL, received_ms INTEGER NOT NULL, raw TEXT NOT NULL,
  UNIQUE (account, coin, time_ms, trade_id, order_id)
) STRICT;
-- Changes of the position that no fill explains, accepted by an operator. Never deleted: revoked when the fills come after all.
CREATE TABLE adjustments (
  id TEXT PRIMARY KEY, coin TEXT NOT NULL, time_ms INTEGER NOT NULL, start_lots INTEGER NOT NULL, end_lots INTEGER NOT NULL,
  price INTEGER NOT NULL, accepted_ms INTEGER NOT NULL, accepted_by TEXT NOT NULL, explanation TEXT NOT NULL,
  revoked_ms INTEGER
) STRICT;
CREATE TABLE funding (
  account TEXT NOT NULL, coin TEXT NOT NULL, time_ms INTEGER NOT NULL, usd TEXT NOT NULL, hash TEXT NOT NULL,
  received_ms INTEGER NOT NULL, raw TEXT NOT NULL,
  PRIMARY KEY (account, coin, time_ms, hash)
) STRICT, WITHOUT ROWID;
-- What the ledger held when it was last told; verify folds the same fills again.
CREATE TABLE positions (
  coin TEXT PRIMARY KEY, lots INTEGER NOT NULL, fills INTEGER NOT NULL, adjustments INTEGER NOT NULL, time_ms INTEGER NOT NULL
) STRICT;
-- The fold of everything before cut_ms, so that a start need not read all fills; one that a late fill undercuts is deleted.
CREATE TABLE checkpoints (
  coin TEXT NOT NULL, cut_ms INTEGER NOT NULL, lots INTEGER NOT NULL, cost INTEGER NOT NULL, realized TEXT NOT NULL,
  fees TEXT NOT NULL, PRIMARY KEY (coin, cut_ms)
) STRICT;
-- Counts of fills are kept with them, in their transaction.
INSERT INTO counters (coin, name, value)
  SELECT coin, 'fills', count(*) FROM fills GROUP BY coin UNION ALL
  SELECT coin, 'buys', sum(side = 'buy') FROM fills GROUP BY coin UNION ALL
  SELECT coin, 'external', sum(external) FROM fills GROUP BY coin UNION ALL
  SELECT coin, 'ws', sum(source = 'ws') FROM fills GROUP BY coin UNION ALL
  SELECT coin, 'maker', sum(crossed = 0) FROM fills GROUP BY coin;
"""

_VERSION_3 = """
-- Where each UTC day began: profit so far and the account's value, in USD.
CREATE TABLE days (day TEXT PRIMARY KEY, pnl TEXT NOT NULL, account_value TEXT NOT NULL, seen_ms INTEGER NOT NULL) STRICT;
-- It was of the account's value, which deposits move.
DELETE FROM meta WHERE key = 'high_water';
"""

_VERSION_4 = """
-- A grid may have other cells above its center than below, and other caps long than short.
ALTER TABLE grids RENAME COLUMN levels TO below;
ALTER TABLE grids RENAME COLUMN cap_lots TO cap_long;
ALTER TABLE grids ADD COLUMN above INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grids ADD COLUMN cap_short INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grids ADD COLUMN spacing TEXT NOT NULL DEFAULT 'arithmetic';
ALTER TABLE grids ADD COLUMN direction TEXT NOT NULL DEFAULT 'neutral';
ALTER TABLE grids ADD COLUMN entry INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grids ADD COLUMN is_endless INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grids ADD COLUMN jitter_ppb INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grids ADD COLUMN basis TEXT NOT NULL DEFAULT '';
UPDATE grids SET above = below, cap_short = cap_long;
"""

_VERSION_5 = """
-- What each cell of each grid has traded: lots, and their notional in micro-USDC. Kept with the fills, in their transaction.
CREATE TABLE cells (
  coin TEXT NOT NULL, generation INTEGER NOT NULL, cell INTEGER NOT NULL,
  bought TEXT NOT NULL, bought_micro TEXT NOT NULL, sold TEXT NOT NULL, sold_micro TEXT NOT NULL,
  PRIMARY KEY (coin, generation, cell)
) STRICT, WITHOUT ROWID;
-- Of each coin, in micro-USDC: proceeds of all sells less the cost of all buys, and the profit of the cells' round trips.
CREATE TABLE money (coin TEXT PRIMARY KEY, cash TEXT NOT NULL, matched TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO cells SELECT f.coin, o.generation, o.slot_index,
    sum(iif(f.side = 'buy', f.lots, 0)), sum(iif(f.side = 'buy', f.price * f.lots, 0)),
    sum(iif(f.side = 'buy', 0, f.lots)), sum(iif(f.side = 'buy', 0, f.price * f.lots))
  FROM fills f JOIN orders o ON o.cloid = coalesce(
    (SELECT cloid FROM orders WHERE cloid = f.cloid),
    (SELECT cloid FROM orders INDEXED BY orders_by_oid WHERE order_id = f.order_id AND coin = f.coin LIMIT 1))
  WHERE f.external = 0 AND o.slot_index IS NOT NULL GROUP BY 1, 2, 3;
-- Deposits, withdrawals and transfers. ``moves``: what each place of the account got, USD: [["", "100"], ["spot", "-100"]].
CREATE TABLE transfers (
  account TEXT NOT NULL, time_ms INTEGER NOT NULL, hash TEXT NOT NULL, discriminator TEXT NOT NULL, kind TEXT NOT NULL,
  moves TEXT NOT NULL, understood INTEGER NOT NULL, received_ms INTEGER NOT NULL, raw TEXT NOT NULL,
  PRIMARY KEY (account, time_ms, hash, discriminator)
) STRICT, WITHOUT ROWID;
-- What a dex held in cash when nothing moved (totalRawUsd, USD): verify follows the money from there.
CREATE TABLE cash_marks (
  account TEXT NOT NULL, dex TEXT NOT NULL, time_ms INTEGER NOT NULL, raw_usd TEXT NOT NULL, PRIMARY KEY (account, dex)
) STRICT, WITHOUT ROWID;
-- In each cell the lots that were bought and sold: a / b * m in whole parts, as a * m may not fit an integer.
INSERT INTO money (coin, cash, matched)
  SELECT coin, sum(iif(side = 'buy', -price * lots, price * lots)), coalesce((
    SELECT sum(s_micro / s * m + s_micro % s * m / s - b_micro / b * m - (b_micro % b * m + b - 1) / b) FROM (
      SELECT CAST(bought AS INTEGER) AS b, CAST(bought_micro AS INTEGER) AS b_micro, CAST(sold AS INTEGER) AS s,
        CAST(sold_micro AS INTEGER) AS s_micro, min(CAST(bought AS INTEGER), CAST(sold AS INTEGER)) AS m
      FROM cells c WHERE c.coin = f.coin AND bought <> '0' AND sold <> '0')), 0)
  FROM fills f GROUP BY coin;
"""

_VERSION_6 = """
-- The price at which a trigger order goes to the market, in price units; 0: no trigger order.
ALTER TABLE orders ADD COLUMN trigger_price INTEGER NOT NULL DEFAULT 0;
"""

_VERSION_7 = """
-- A grid that takes the lines of another is counted from the same price.
ALTER TABLE grids ADD COLUMN reprice_ticks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grids ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grids ADD COLUMN base_line INTEGER NOT NULL DEFAULT 0;
"""

_VERSION_8 = """
-- Signed lots that were closed at the market and that a cell of a grid had held. Kept with the fills, in their transaction.
CREATE TABLE parts (
  coin TEXT NOT NULL, generation INTEGER NOT NULL, cell INTEGER NOT NULL, lots INTEGER NOT NULL,
  PRIMARY KEY (coin, generation, cell)
) STRICT, WITHOUT ROWID;
"""

_VERSION_9 = """
-- The operator's log: who asked, by which key or command, from where, and how things stood before and after. No row changes.
ALTER TABLE actions ADD COLUMN value TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN tty TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN via TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN before TEXT NOT NULL DEFAULT '';
ALTER TABLE actions ADD COLUMN after TEXT NOT NULL DEFAULT '';
CREATE TRIGGER actions_stay_as_they_are BEFORE UPDATE ON actions
  BEGIN SELECT raise(ABORT, 'the operator''s log is append-only'); END;
CREATE TRIGGER actions_stay BEFORE DELETE ON actions
  BEGIN SELECT raise(ABORT, 'the operator''s log is append-only'); END;
"""

_VERSION_10 = """
-- Where the account stood at the end of each minute of a day: profit in USD, loss since the highest one in percent.
CREATE TABLE history (
  time_ms INTEGER PRIMARY KEY, total TEXT NOT NULL, drawdown_pct REAL NOT NULL, fills INTEGER NOT NULL, makers INTEGER NOT NULL
) STRICT;
"""

MIGRATIONS = (
    *(_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6, _VERSION_7),
    *(_VERSION_8, _VERSION_9, _VERSION_10),
)
"""Forward only: entry ``n`` brings a file from version ``n`` to ``n + 1``, in one transaction."""


async def prepare(path: Path) -> bool:
    """Create the file, check it, and bring it to the present version, with a copy of the older one beside it.

    Whether ``integrity.check_beside`` must read the rest of a large file while the bot runs.

    Raises:
        StorageError: damaged, written by a newer GridBot, not writable.
        ForeignJournalError: another program's database.
    """
    try:
        all_at_once = integrity.needs_all(path)
        # The system's reason says more than SQLite's, and aiosqlite's thread doesn't end well when it can't open a file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        async with aiosqlite.connect(path) as db:
            return await _prepare(db, path, all_at_once)
    except (sqlite3.OperationalError, OSError) as error:
        raise unusable(path, error) from error
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error


async def _prepare(db: aiosqlite.Connection, path: Path, all_at_once: bool) -> bool:
    application_id = await _single(db, "PRAGMA application_id")
    version = int(await _single(db, "PRAGMA user_version"))
    is_new = version == 0 and await _single(db, "SELECT count(*) FROM sqlite_schema") == 0
    if not is_new and application_id != APPLICATION_ID:
        raise ForeignJournalError(f"{path} is not GridBot's journal; name another --state-dir")
    if version > len(MIGRATIONS):
        raise StorageError(
            f"{path} was written by a newer GridBot (schema {version}); install that version or newer. {way_out(path)}"
        )
    is_old = not is_new and version < len(MIGRATIONS)
    if all_at_once or is_old:
        await integrity.check_all(db, path)
    else:
        await integrity.check_start(db, path)
    if is_old:
        await asyncio.to_thread(back_up_before_migration, path, version)
    await _single(db, "PRAGMA journal_mode = WAL")
    for number in range(version, len(MIGRATIONS)):
        script = f"BEGIN; {MIGRATIONS[number]} PRAGMA application_id = {APPLICATION_ID}; "
        await db.executescript(script + f"PRAGMA user_version = {number + 1}; COMMIT;")
    return not (all_at_once or is_old)


async def _single(db: aiosqlite.Connection, sql: str) -> Any:
    """The one value of a one-row query."""
    (row,) = await db.execute_fetchall(sql)
    return row[0]
