"""What ``verify`` reads of a journal: read-only, of one moment, row by row, whether or not the program is running."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from core.domain.effects import SaveCheckpoint
from core.domain.fills import Adjustment, Fill, FillKey, ForeignFill, Funding
from core.domain.orders import OrderState
from core.domain.pnl import CellSums, Kept
from core.domain.transfers import Transfer
from core.journal.batch import Anchor, CashMark
from core.journal.cells import Cell, cell_sums, stored_cells
from core.journal.files import connect_readonly
from core.journal.rows import (
    IS_COUNTED,
    adjustment_from_row,
    checkpoint_from_row,
    fill_from_row,
    foreign_from_row,
    funding_from_row,
    transfer_from_row,
)
from core.journal.schema import APPLICATION_ID, MIGRATIONS, ForeignJournalError, StorageError

_FILLED = (
    "((SELECT coalesce(sum(lots), 0) FROM fills WHERE cloid = o.cloid AND coin = o.coin) + "
    "(SELECT coalesce(sum(lots), 0) FROM fills WHERE cloid IS NULL AND order_id = o.order_id AND coin = o.coin))"
)
"""What the fills of order ``o`` add up to; a fill may come without its cloid."""

_FILLS = """
SELECT f.*, o.coin AS order_coin, o.side AS order_side,
  o.cloid IS NULL AND EXISTS (SELECT 1 FROM orders x WHERE x.order_id = f.order_id AND x.coin = f.coin) AS known_by_oid
FROM fills f LEFT JOIN orders o ON o.cloid = f.cloid
WHERE f.account = ? AND f.coin = ? ORDER BY f.time_ms, f.trade_id, f.discriminator
"""

_FOREVER_MS = 2**62
_TERMINAL = tuple(state.value for state in OrderState if state.is_terminal)
_TRADES_NOTHING = (OrderState.REJECTED.value, OrderState.NEVER_PLACED.value)
_IN_DOUBT = (OrderState.SENT.value, OrderState.UNKNOWN.value)


@dataclass(frozen=True, slots=True)
class FillRow:
    """A row of ``fills`` and what ``orders`` says of it."""

    id: int
    fill: Fill
    discriminator: str
    external: bool
    order_coin: str | None
    """Of the order with its cloid; ``None`` if there is none."""
    order_side: str | None
    known_by_oid: bool
    """No order has its cloid, but one has its order id."""


@dataclass(frozen=True, slots=True)
class StoredPosition:
    """What the ledger held when it was last told, after so many fills and adjustments."""

    lots: int
    fills: int
    adjustments: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class OrderSum:
    """An order whose fills don't fit what is said of it. Sizes in lots."""

    cloid: str
    state: OrderState
    lots: int
    filled: int
    final_filled: int | None
    reason: str


class Evidence:
    """One read transaction over the journal: every answer is of the same moment."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.meta: dict[str, str] = {
            row["key"]: row["value"] for row in db.execute("SELECT key, value FROM meta")
        }
        self.account = self.meta.get("account", "")

    def damage(self) -> str:
        """What SQLite finds wrong with the file, broken unique keys included; empty if nothing."""
        found = str(self._one("PRAGMA integrity_check(1)"))
        return "" if found == "ok" else found

    def coins(self) -> list[str]:
        """Every coin that the journal holds anything about which moves a position."""
        tables = ("fills", "anchors", "adjustments", "positions", "checkpoints", "orders")
        asked = " UNION ".join(f"SELECT coin FROM {table}" for table in tables)
        return [row["coin"] for row in self._db.execute(f"{asked} ORDER BY 1")]

    def anchor(self, coin: str) -> Anchor | None:
        for row in self._db.execute("SELECT * FROM anchors WHERE coin = ?", (coin,)):
            return Anchor(row["coin"], row["lots"], row["cost"], row["time_ms"], row["reason"])
        return None

    def fills(self, coin: str) -> Iterator[FillRow]:
        """The account's fills of a coin by time and trade id, one at a time."""
        for row in self._db.execute(_FILLS, (self.account, coin)):
            try:
                fill = fill_from_row(row)
            except (ValueError, ArithmeticError) as error:
                raise StorageError(
                    f"row {row['id']} of fills holds what no fill can hold ({error})"
                ) from error
            yield FillRow(
                id=row["id"],
                fill=fill,
                discriminator=row["discriminator"],
                external=bool(row["external"]),
                order_coin=row["order_coin"],
                order_side=row["order_side"],
                known_by_oid=bool(row["known_by_oid"]),
            )

    def fills_as_they_arrived(self, coin: str) -> Iterator[Fill]:
        for row in self._db.execute(
            "SELECT * FROM fills WHERE account = ? AND coin = ? ORDER BY id", (self.account, coin)
        ):
            yield fill_from_row(row)

    def samples(self, coin: str, most: int) -> list[tuple[str, int, int]]:
        """Raw text, price and lots of the first fills."""
        asked = "SELECT raw, price, lots FROM fills WHERE account = ? AND coin = ? ORDER BY time_ms LIMIT ?"
        return [tuple(row) for row in self._db.execute(asked, (self.account, coin, most))]

    def of_other_accounts(self, coin: str) -> int:
        """How many fills of the coin belong to another account than the journal's."""
        return int(
            self._one("SELECT count(*) FROM fills WHERE coin = ? AND account <> ?", coin, self.account)
        )

    def adjustments(self, coin: str) -> list[Adjustment]:
        """Those that count, oldest first."""
        found = self._db.execute(
            "SELECT * FROM adjustments WHERE coin = ? AND revoked_ms IS NULL ORDER BY time_ms, id", (coin,)
        )
        return [adjustment_from_row(row) for row in found]

    def counters(self, coin: str) -> dict[str, int]:
        found = self._db.execute("SELECT name, value FROM counters WHERE coin = ?", (coin,))
        return {row["name"]: row["value"] for row in found}

    def money(self, coin: str) -> Kept | None:
        """What is kept of the coin's money with its fills."""
        for row in self._db.execute("SELECT cash, matched FROM money WHERE coin = ?", (coin,)):
            return Kept(int(row["cash"]), int(row["matched"]), stored_cells(self._db, coin))
        return None

    def cells(self, coin: str) -> dict[Cell, CellSums]:
        """What each cell has traded by its orders' fills."""
        return cell_sums(self._db, "f.account = ? AND f.coin = ?", self.account, coin)

    def funding(self, coin: str) -> Decimal:
        """All of it, USD, received less paid."""
        found = self._db.execute(
            "SELECT usd FROM funding WHERE account = ? AND coin = ?", (self.account, coin)
        )
        return sum((Decimal(row["usd"]) for row in found), Decimal(0))

    def cash_mark(self, dex: str) -> CashMark | None:
        """What the dex held in cash when it was noted."""
        return next((mark for mark in self.cash_marks() if mark.dex == dex), None)

    def fills_between(self, coin: str, after_ms: int, until_ms: int) -> Iterator[Fill]:
        """The coin's fills with ``after_ms < time <= until_ms``."""
        found = self._db.execute(
            "SELECT * FROM fills WHERE account = ? AND coin = ? AND time_ms > ? AND time_ms <= ?",
            (self.account, coin, after_ms, until_ms),
        )
        return map(fill_from_row, found)

    def foreign_fills(self, after_ms: int = -1, until_ms: int = _FOREVER_MS) -> list[ForeignFill]:
        """Fills in coins that weren't traded here when they came and that the ledger doesn't count, oldest first, with
        ``after_ms < time <= until_ms``.
        """
        found = self._db.execute(
            "SELECT * FROM foreign_fills x WHERE account = ? AND time_ms > ? AND time_ms <= ? "
            f"AND NOT {IS_COUNTED} ORDER BY time_ms, id",
            (self.account, after_ms, until_ms),
        )
        return [foreign_from_row(row) for row in found]

    def counts(self, fill: ForeignFill) -> bool:
        """Whether the ledger counts a fill that was told as a foreign one."""
        told = "SELECT ? AS account, ? AS coin, ? AS time_ms, ? AS trade_id, ? AS order_id"
        key = fill.account, fill.coin, fill.time_ms, fill.trade_id, fill.order_id
        return bool(self._one(f"SELECT {IS_COUNTED} FROM ({told}) x", *key))

    def is_external(self, fill: Fill) -> bool:
        """Whether a fill is of no order of ours, as a row of ``fills`` says it."""
        asked = "SELECT EXISTS (SELECT 1 FROM orders WHERE cloid = ? OR (order_id = ? AND coin = ?))"
        return not self._one(asked, fill.cloid, fill.order_id, fill.coin)

    def funding_payments(self) -> list[Funding]:
        """Of all coins, oldest first."""
        found = self._db.execute(
            "SELECT * FROM funding WHERE account = ? ORDER BY time_ms, coin, hash", (self.account,)
        )
        return [funding_from_row(row) for row in found]

    def transfers(self) -> list[Transfer]:
        """Deposits, withdrawals and transfers, oldest first."""
        found = self._db.execute(
            "SELECT * FROM transfers WHERE account = ? ORDER BY time_ms, hash", (self.account,)
        )
        return [transfer_from_row(row) for row in found]

    def cash_marks(self) -> list[CashMark]:
        """What each dex held in cash when it was noted."""
        found = self._db.execute("SELECT * FROM cash_marks WHERE account = ? ORDER BY dex", (self.account,))
        return [
            CashMark(row["account"], row["dex"], row["time_ms"], Decimal(row["raw_usd"])) for row in found
        ]

    def checkpoint(self, coin: str) -> SaveCheckpoint | None:
        """The newest."""
        for row in self._db.execute(
            "SELECT * FROM checkpoints WHERE coin = ? ORDER BY cut_ms DESC LIMIT 1", (coin,)
        ):
            return checkpoint_from_row(row)
        return None

    def position(self, coin: str) -> StoredPosition | None:
        for row in self._db.execute("SELECT * FROM positions WHERE coin = ?", (coin,)):
            return StoredPosition(row["lots"], row["fills"], row["adjustments"], row["time_ms"])
        return None

    def moved_since(self, coin: str, stored: StoredPosition, fills: int) -> int:
        """Signed sum of what came after a stored position: the newest ``fills`` rows, adjustments accepted or revoked later."""
        newest = self._one(
            "SELECT coalesce(sum(CASE side WHEN 'buy' THEN lots ELSE -lots END), 0) FROM "
            "(SELECT side, lots FROM fills WHERE account = ? AND coin = ? ORDER BY id DESC LIMIT ?)",
            *(self.account, coin, fills),
        )
        adjusted = self._one(
            "SELECT coalesce(sum((end_lots - start_lots) * ((revoked_ms IS NULL) - "
            "(place <= ? AND (revoked_ms IS NULL OR revoked_ms > ?)))), 0) FROM "
            "(SELECT *, row_number() OVER (ORDER BY rowid) AS place FROM adjustments WHERE coin = ?)",
            *(stored.adjustments, stored.time_ms, coin),
        )
        return int(newest) + int(adjusted)

    def adjustments_ever(self, coin: str) -> int:
        return int(self._one("SELECT count(*) FROM adjustments WHERE coin = ?", coin))

    def orders_that_do_not_add_up(self, coin: str) -> Iterator[OrderSum]:
        """Overfilled orders, ended ones whose fills aren't what the venue or their state says, and refused ones with fills.

        Fills outdo a status: an order that they fill to the last lot is filled, whatever smaller sum a node told before.
        """
        ended, refused = ", ".join("?" * len(_TERMINAL)), ", ".join("?" * len(_TRADES_NOTHING))
        found = self._db.execute(
            f"SELECT * FROM (SELECT o.cloid, o.state, o.lots, o.final_filled, o.reason, {_FILLED} AS filled FROM orders o "
            f"WHERE o.coin = ?) WHERE filled > lots OR (state = 'filled' AND filled <> lots) "
            f"OR (final_filled IS NOT NULL AND state IN ({ended}) AND state <> 'filled' AND filled <> final_filled) "
            f"OR (state IN ({refused}) AND filled > 0)",
            (coin, *_TERMINAL, *_TRADES_NOTHING),
        )
        for row in found:
            state, reason = OrderState(row["state"]), row["reason"]
            yield OrderSum(row["cloid"], state, row["lots"], row["filled"], row["final_filled"], reason)

    def orders(self, coin: str) -> int:
        return int(self._one("SELECT count(*) FROM orders WHERE coin = ?", coin))

    def unsettled(self, coin: str, before_ms: int) -> int:
        """Orders whose fate is unknown although they had expired before ``before_ms`` (venue time)."""
        return int(
            self._one(
                "SELECT count(*) FROM orders WHERE coin = ? AND state IN (?, ?) AND expires_ms < ?",
                *(coin, *_IN_DOUBT, before_ms),
            )
        )

    def order_state(self, cloid: str) -> OrderState | None:
        for row in self._db.execute("SELECT state FROM orders WHERE cloid = ?", (cloid,)):
            return OrderState(row["state"])
        return None

    def keys_between(self, coin: str, after_ms: int, until_ms: int) -> Iterator[FillKey]:
        """Keys of the coin's fills with ``after_ms < time <= until_ms``."""
        found = self._db.execute(
            "SELECT account, coin, time_ms, trade_id, discriminator FROM fills "
            "WHERE account = ? AND coin = ? AND time_ms > ? AND time_ms <= ?",
            (self.account, coin, after_ms, until_ms),
        )
        for row in found:
            yield FillKey(*row)

    def lots_at(self, coin: str, until_ms: int) -> int:
        """The position after every fill up to a venue time, inclusive, and all adjustments that count.

        Each adjustment was the exchange's word when it was accepted.
        """
        fills = self._one(
            "SELECT coalesce(sum(CASE side WHEN 'buy' THEN lots ELSE -lots END), 0) FROM fills "
            "WHERE account = ? AND coin = ? AND time_ms <= ?",
            *(self.account, coin, until_ms),
        )
        adjusted = sum(a.signed_lots for a in self.adjustments(coin))
        anchor = self.anchor(coin)
        return int(fills) + adjusted + (anchor.lots if anchor is not None else 0)

    def _one(self, sql: str, *values: object) -> int | str:
        (found,) = self._db.execute(sql, values).fetchone()
        return found  # type: ignore[no-any-return]


@contextmanager
def read_evidence(path: Path) -> Iterator[Evidence]:
    """Open the journal for reading alone, as of now.

    Raises:
        StorageError: unreadable, or of another version than this program's.
        ForeignJournalError: another program's database.
    """
    try:
        db = connect_readonly(path)
        try:
            db.execute("BEGIN")
            _check_is_ours(db, path)
            yield Evidence(db)
        finally:
            db.close()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise StorageError(
            f"{path} cannot be read ({error}). Keep the file; `gridbot doctor --state-dir {path.parent}` says what to do"
        ) from error


def _check_is_ours(db: sqlite3.Connection, path: Path) -> None:
    (mark,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if mark != APPLICATION_ID:
        raise ForeignJournalError(f"{path} is not GridBot's journal; name another --state-dir")
    if version > len(MIGRATIONS):
        raise StorageError(
            f"{path} was written by a newer GridBot (schema {version}); install that version or newer"
        )
    if version < len(MIGRATIONS):
        raise StorageError(
            f"{path} was written by an older GridBot (schema {version}); start this one on it once, which carries it over"
        )
