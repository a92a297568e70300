"""The exchange's memory: one SQLite file, one transaction per action or market step, committed before anyone is told.

WAL with ``synchronous=NORMAL``: a kill at any moment leaves the last committed state, whole; only a power cut may lose the last
transactions, and paper money can bear that. The file is locked while an exchange runs on it.

Accounts, orders and fills are kept as JSON documents of their dataclasses: a new field with a default needs nothing here.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from core.paper.config import StoreError
from core.paper.venue.accounting import Counters
from core.paper.venue.accounts import BACKSTOP_USER, MARKET_USER, Account, AccountState
from core.paper.venue.batch import Batch
from core.paper.venue.nonces import NonceSet
from core.paper.venue.orders import FillRecord, HistoryRow, Order

_VERSION = 2

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE accounts (user TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE orders (oid INTEGER PRIMARY KEY, user TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE fills (seq INTEGER PRIMARY KEY, user TEXT NOT NULL, coin TEXT NOT NULL, time_ms INTEGER NOT NULL,
  tid INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (user, coin, time_ms, tid));
CREATE TABLE history (seq INTEGER PRIMARY KEY, user TEXT NOT NULL, time_ms INTEGER NOT NULL, hash TEXT NOT NULL,
  delta TEXT NOT NULL);
CREATE TABLE nonces (signer TEXT NOT NULL, nonce INTEGER NOT NULL, PRIMARY KEY (signer, nonce)) WITHOUT ROWID;
"""

_FROM_VERSION_1 = """
ALTER TABLE accounts RENAME TO old_accounts;
ALTER TABLE orders RENAME TO old_orders;
ALTER TABLE fills RENAME TO old_fills;
ALTER TABLE nonces RENAME TO old_nonces;
ALTER TABLE facts RENAME TO old_facts;
{schema}
INSERT INTO accounts SELECT user, json_object('user', user, 'cash', json_object('', cash), 'deposits', deposits,
  'volume', volume, 'requests', requests,
  'positions', (SELECT json_group_object(coin, json_object('lots', lots, 'cost', cost, 'margin', coalesce(
    (SELECT abs(p.cost) / l.value FROM leverages l WHERE l.user = p.user AND l.coin = p.coin AND NOT l.is_cross), 0)))
    FROM positions p WHERE p.user = a.user),
  'leverages', (SELECT json_group_object(coin, json_object('value', value, 'is_cross', json(iif(is_cross, 'true', 'false'))))
    FROM leverages l WHERE l.user = a.user)) FROM old_accounts a;
INSERT INTO orders SELECT oid, user, json_object('oid', oid, 'user', user, 'coin', coin, 'side', side, 'price', price,
  'lots', lots, 'remaining', remaining, 'tif', tif, 'reduce_only', json(iif(reduce_only, 'true', 'false')), 'cloid', cloid,
  'created_ms', created_ms, 'status', status, 'status_ms', status_ms, 'filled', filled, 'filled_micro', filled_micro)
  FROM old_orders;
INSERT INTO fills SELECT seq, user, coin, time_ms, tid, json_object('user', user, 'coin', coin, 'time_ms', time_ms, 'tid', tid,
  'oid', oid, 'cloid', cloid, 'side', side, 'price', price, 'lots', lots, 'start_lots', start_lots, 'closed_pnl', closed_pnl,
  'fee', fee, 'crossed', json(iif(crossed, 'true', 'false')), 'direction', direction, 'hash', hash) FROM old_fills;
INSERT INTO nonces SELECT signer, nonce FROM old_nonces;
INSERT INTO facts SELECT 'counters', json_group_object(name, value) FROM old_facts
  WHERE name IN ('next_oid', 'trades', 'fees');
INSERT INTO facts SELECT 'block_ms', value FROM old_facts WHERE name = 'block_ms';
INSERT INTO facts SELECT 'market', value FROM old_facts WHERE name = 'recording';
INSERT INTO facts SELECT 'place', i.value || iif(f.value, ' forward', ' backward') FROM old_facts i, old_facts f
  WHERE i.name = 'replay_index' AND f.name = 'replay_forward';
DROP TABLE old_accounts;
DROP TABLE old_orders;
DROP TABLE old_fills;
DROP TABLE old_nonces;
DROP TABLE old_facts;
DROP TABLE positions;
DROP TABLE leverages;
"""

_ACCOUNTS = TypeAdapter(AccountState)
_ORDERS = TypeAdapter(Order)
_FILLS = TypeAdapter(FillRecord)
_COUNTERS = TypeAdapter(Counters)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the market stands: in which one, at which place."""

    market: str
    place: str


@dataclass(slots=True)
class Saved:
    """What an earlier run left behind. ``accounts`` carry their orders and fills; the market's is apart."""

    counters: Counters
    block_ms: int
    cursor: Cursor
    accounts: dict[str, Account] = field(default_factory=dict)
    market: Account = field(default_factory=lambda: Account(MARKET_USER))
    backstop: Account | None = None
    """None until it had anything to do."""
    nonces: dict[str, NonceSet] = field(default_factory=dict)


def _fix_of(error: sqlite3.Error | OSError) -> str:
    """Of one that kept the file from being opened."""
    if isinstance(error, OSError):
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    else:
        is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return (
        "make room there, then restart"
        if is_full
        else "stop the exchange that uses it, or move the file away to start afresh"
    )


class PaperStore:
    """Use from one thread.

    Raises (from opening it):
        StoreError: not openable, not such a file, of another version, or in use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=0.5)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The paper exchange's database {path} can't be used: {error}. Fix: {_fix_of(error)}."
            ) from error

    def _open(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA locking_mode=EXCLUSIVE")
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=NORMAL")
        version = execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, 1, _VERSION):
            raise sqlite3.DatabaseError(f"it is of version {version}, this program knows {_VERSION}")
        execute("BEGIN IMMEDIATE")
        if version != _VERSION:
            script = _SCHEMA if version == 0 else _FROM_VERSION_1.format(schema=_SCHEMA)
            for statement in script.split(";"):
                execute(statement)
            execute(f"PRAGMA user_version={_VERSION}")
        execute("COMMIT")

    def close(self) -> None:
        self._connection.close()

    def save(self, batch: Batch, counters: Counters, block_ms: int, cursor: Cursor) -> None:
        """Write a batch and the place of the market in one transaction.

        Raises:
            sqlite3.Error: nothing of it is stored.
        """
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            self._write(batch)
            self._write_facts(counters, block_ms, cursor)
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # on a full disk SQLite may have rolled back by itself
                execute("ROLLBACK")
            raise

    def _write(self, batch: Batch) -> None:
        many = self._connection.executemany
        many(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?)",
            [(user, _ACCOUNTS.dump_json(account)) for user, account in batch.accounts.items()],
        )
        many(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?)",
            [(oid, order.user, _ORDERS.dump_json(order)) for oid, order in batch.orders.items()],
        )
        many(
            "INSERT INTO fills (user, coin, time_ms, tid, body) VALUES (?, ?, ?, ?, ?)",
            [(f.user, f.coin, f.time_ms, f.tid, _FILLS.dump_json(f)) for f in batch.fills],
        )
        many(
            "INSERT INTO history (user, time_ms, hash, delta) VALUES (?, ?, ?, ?)",
            [(row.user, row.time_ms, row.hash, orjson.dumps(row.delta)) for row in batch.history],
        )
        many("INSERT INTO nonces VALUES (?, ?)", batch.nonces_used)
        many("DELETE FROM nonces WHERE signer = ? AND nonce = ?", batch.nonces_dropped)

    def _write_facts(self, counters: Counters, block_ms: int, cursor: Cursor) -> None:
        facts = {
            "counters": _COUNTERS.dump_json(counters),
            "block_ms": block_ms,
            "market": cursor.market,
            "place": cursor.place,
        }
        self._connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def load(self) -> Saved | None:
        """The state of the last commit; None in a new file.

        Raises:
            StoreError: the file doesn't hold what it should.
        """
        try:
            facts = dict(self._connection.execute("SELECT name, value FROM facts"))
            if not facts:
                return None
            saved = Saved(
                counters=_COUNTERS.validate_json(facts["counters"]),
                block_ms=facts["block_ms"],
                cursor=Cursor(facts["market"], facts["place"]),
            )
            self._load_accounts(saved)
            for signer, nonce in self._connection.execute("SELECT signer, nonce FROM nonces ORDER BY nonce"):
                saved.nonces.setdefault(signer, NonceSet()).kept.append(nonce)
        except (sqlite3.Error, KeyError, ValueError) as error:
            raise StoreError(
                f"The paper exchange's database {self.path} is damaged: {error!r}. Fix: move it away to start afresh."
            ) from error
        return saved

    def _load_accounts(self, saved: Saved) -> None:
        rows = self._connection.execute
        for user, body in rows("SELECT user, body FROM accounts"):
            state = _ACCOUNTS.validate_json(body)
            account = Account(**{name: getattr(state, name) for name in AccountState.__dataclass_fields__})
            if user == MARKET_USER:
                saved.market = account
            elif user == BACKSTOP_USER:
                saved.backstop = account
            else:
                saved.accounts[user] = account
        for user, body in rows("SELECT user, body FROM orders ORDER BY oid"):
            saved.accounts[user].remember(_ORDERS.validate_json(body))
        for user, body in rows("SELECT user, body FROM fills ORDER BY seq"):
            saved.accounts[user].keep_fill(_FILLS.validate_json(body))
        for user, time_ms, block_hash, delta in rows(
            "SELECT user, time_ms, hash, delta FROM history ORDER BY seq"
        ):
            row = HistoryRow(user, time_ms, block_hash, orjson.loads(delta))
            (saved.market if user == MARKET_USER else saved.accounts[user]).history.append(row)
