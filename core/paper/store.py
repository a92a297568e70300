"""The exchange's memory: one SQLite file, one transaction per action or market step, committed before anyone is told.

WAL with ``synchronous=NORMAL``: a kill at any moment leaves the last committed state, whole; only a power cut may lose the last
transactions, and paper money can bear that. The file is locked while an exchange runs on it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from core.domain.orders import Side
from core.paper.accounts import MARKET_USER, Account, Leverage, Position
from core.paper.batch import Batch
from core.paper.config import StoreError
from core.paper.ledger import Counters
from core.paper.nonces import NonceSet
from core.paper.orders import FillRecord, Order, OrderStatus, TimeInForce
from core.paper.replay import ReplayPosition

_VERSION = 1

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE accounts (user TEXT PRIMARY KEY, cash INTEGER NOT NULL, deposits INTEGER NOT NULL, volume INTEGER NOT NULL,
  requests INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (user TEXT NOT NULL, coin TEXT NOT NULL, lots INTEGER NOT NULL, cost INTEGER NOT NULL,
  PRIMARY KEY (user, coin)) WITHOUT ROWID;
CREATE TABLE leverages (user TEXT NOT NULL, coin TEXT NOT NULL, value INTEGER NOT NULL, is_cross INTEGER NOT NULL,
  PRIMARY KEY (user, coin)) WITHOUT ROWID;
CREATE TABLE orders (oid INTEGER PRIMARY KEY, user TEXT NOT NULL, coin TEXT NOT NULL, side TEXT NOT NULL,
  price INTEGER NOT NULL, lots INTEGER NOT NULL, remaining INTEGER NOT NULL, tif TEXT NOT NULL, reduce_only INTEGER NOT NULL,
  cloid TEXT, created_ms INTEGER NOT NULL, status TEXT NOT NULL, status_ms INTEGER NOT NULL, filled INTEGER NOT NULL,
  filled_micro INTEGER NOT NULL);
CREATE TABLE fills (seq INTEGER PRIMARY KEY, user TEXT NOT NULL, coin TEXT NOT NULL, time_ms INTEGER NOT NULL,
  tid INTEGER NOT NULL, oid INTEGER NOT NULL, cloid TEXT, side TEXT NOT NULL, price INTEGER NOT NULL, lots INTEGER NOT NULL,
  start_lots INTEGER NOT NULL, closed_pnl INTEGER NOT NULL, fee INTEGER NOT NULL, crossed INTEGER NOT NULL,
  direction TEXT NOT NULL, hash TEXT NOT NULL, UNIQUE (user, coin, time_ms, tid));
CREATE TABLE nonces (signer TEXT NOT NULL, nonce INTEGER NOT NULL, PRIMARY KEY (signer, nonce)) WITHOUT ROWID;
"""

_ORDER_COLUMNS = (
    "oid, user, coin, side, price, lots, remaining, tif, reduce_only, cloid, created_ms, status, status_ms, filled, "
    "filled_micro"
)
_FILL_COLUMNS = "user, coin, time_ms, tid, oid, cloid, side, price, lots, start_lots, closed_pnl, fee, crossed, direction, hash"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the market stands: in which recording, at which step."""

    recording: str
    position: ReplayPosition


@dataclass(slots=True)
class Saved:
    """What an earlier run left behind. ``accounts`` carry their orders and fills; the market's is apart."""

    counters: Counters
    block_ms: int
    cursor: Cursor | None
    accounts: dict[str, Account] = field(default_factory=dict)
    market: Account = field(default_factory=lambda: Account(MARKET_USER))
    nonces: dict[str, NonceSet] = field(default_factory=dict)


class PaperStore:
    """Use from one thread.

    Raises (from opening it):
        StoreError: not openable, not such a file, of another version, or in use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=0.5)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The paper exchange's database {path} can't be used: {error}. Fix: stop the exchange that uses it, "
                "or move the file away to start afresh."
            ) from error

    def _open(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA locking_mode=EXCLUSIVE")
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=NORMAL")
        version = execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"it is of version {version}, this program knows {_VERSION}")
        execute("BEGIN IMMEDIATE")
        if version == 0:
            for statement in _SCHEMA.split(";"):
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
        except BaseException:
            execute("ROLLBACK")
            raise
        execute("COMMIT")

    def _write(self, batch: Batch) -> None:
        many = self._connection.executemany
        accounts = batch.accounts.values()
        many(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?)",
            [(a.user, a.cash, a.deposits, a.volume, a.requests) for a in accounts],
        )
        many(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)",
            [(a.user, coin, p.lots, p.cost) for a in accounts for coin, p in a.positions.items()],
        )
        many(
            "INSERT OR REPLACE INTO leverages VALUES (?, ?, ?, ?)",
            [(a.user, coin, x.value, x.is_cross) for a in accounts for coin, x in a.leverages.items()],
        )
        many(
            f"INSERT OR REPLACE INTO orders ({_ORDER_COLUMNS}) VALUES ({', '.join('?' * 15)})",
            [_order_values(order) for order in batch.orders.values()],
        )
        many(
            f"INSERT INTO fills ({_FILL_COLUMNS}) VALUES ({', '.join('?' * 15)})",
            [_fill_values(fill) for fill in batch.fills],
        )
        many("INSERT INTO nonces VALUES (?, ?)", batch.nonces_used)
        many("DELETE FROM nonces WHERE signer = ? AND nonce = ?", batch.nonces_dropped)

    def _write_facts(self, counters: Counters, block_ms: int, cursor: Cursor) -> None:
        facts = {
            "next_oid": counters.next_oid,
            "trades": counters.trades,
            "fees": counters.fees,
            "block_ms": block_ms,
            "recording": cursor.recording,
            "replay_index": cursor.position.index,
            "replay_forward": int(cursor.position.forward),
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
                counters=Counters(facts["next_oid"], facts["trades"], facts["fees"]),
                block_ms=facts["block_ms"],
                cursor=Cursor(
                    facts["recording"], ReplayPosition(facts["replay_index"], bool(facts["replay_forward"]))
                ),
            )
            self._load_accounts(saved)
            self._load_orders(saved)
            self._load_fills(saved)
            for signer, nonce in self._connection.execute("SELECT signer, nonce FROM nonces ORDER BY nonce"):
                saved.nonces.setdefault(signer, NonceSet()).kept.append(nonce)
        except (sqlite3.Error, KeyError, ValueError) as error:
            raise StoreError(
                f"The paper exchange's database {self.path} is damaged: {error!r}. Fix: move it away to start afresh."
            ) from error
        return saved

    def _load_accounts(self, saved: Saved) -> None:
        rows = self._connection.execute("SELECT user, cash, deposits, volume, requests FROM accounts")
        for user, cash, deposits, volume, requests in rows:
            account = Account(user, cash, deposits, volume, requests)
            if user == MARKET_USER:
                saved.market = account
            else:
                saved.accounts[user] = account
        everyone = {**saved.accounts, MARKET_USER: saved.market}
        for user, coin, lots, cost in self._connection.execute(
            "SELECT user, coin, lots, cost FROM positions"
        ):
            everyone[user].positions[coin] = Position(lots, cost)
        for user, coin, value, is_cross in self._connection.execute(
            "SELECT user, coin, value, is_cross FROM leverages"
        ):
            everyone[user].leverages[coin] = Leverage(value, bool(is_cross))

    def _load_orders(self, saved: Saved) -> None:
        for row in self._connection.execute(f"SELECT {_ORDER_COLUMNS} FROM orders ORDER BY oid"):
            (oid, user, coin, side, price, lots, remaining, tif, reduce_only, cloid, *rest) = row
            created_ms, status, status_ms, filled, filled_micro = rest
            order = Order(
                oid=oid,
                user=user,
                coin=coin,
                side=Side(side),
                price=price,
                lots=lots,
                remaining=remaining,
                tif=TimeInForce(tif),
                reduce_only=bool(reduce_only),
                cloid=cloid,
                created_ms=created_ms,
                status=OrderStatus(status),
                status_ms=status_ms,
                filled=filled,
                filled_micro=filled_micro,
            )
            saved.accounts[user].remember(order)

    def _load_fills(self, saved: Saved) -> None:
        for row in self._connection.execute(f"SELECT {_FILL_COLUMNS} FROM fills ORDER BY seq"):
            (user, coin, time_ms, tid, oid, cloid, side, price, lots, start_lots, *rest) = row
            closed_pnl, fee, crossed, direction, block_hash = rest
            saved.accounts[user].fills.append(
                FillRecord(
                    user=user,
                    coin=coin,
                    time_ms=time_ms,
                    tid=tid,
                    oid=oid,
                    cloid=cloid,
                    side=Side(side),
                    price=price,
                    lots=lots,
                    start_lots=start_lots,
                    closed_pnl=closed_pnl,
                    fee=fee,
                    crossed=bool(crossed),
                    direction=direction,
                    hash=block_hash,
                )
            )


def _order_values(order: Order) -> tuple[int | str | None, ...]:
    return (
        order.oid,
        order.user,
        order.coin,
        order.side.value,
        order.price,
        order.lots,
        order.remaining,
        order.tif.value,
        order.reduce_only,
        order.cloid,
        order.created_ms,
        order.status.value,
        order.status_ms,
        order.filled,
        order.filled_micro,
    )


def _fill_values(fill: FillRecord) -> tuple[int | str | None, ...]:
    return (
        fill.user,
        fill.coin,
        fill.time_ms,
        fill.tid,
        fill.oid,
        fill.cloid,
        fill.side.value,
        fill.price,
        fill.lots,
        fill.start_lots,
        fill.closed_pnl,
        fill.fee,
        fill.crossed,
        fill.direction,
        fill.hash,
    )
