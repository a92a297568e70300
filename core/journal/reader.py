"""Reads of the journal, beside the writer: what a start needs, and what ``status`` and ``verify`` ask."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import aiosqlite

from core.domain.clock import DAY_MS
from core.domain.effects import SaveCheckpoint
from core.domain.fills import Adjustment, Fill, ForeignFill, Funding
from core.domain.grid import GridRow
from core.domain.orders import Order, OrderState, Side
from core.domain.transfers import Transfer
from core.journal.batch import DEAD_MAN_UNTIL, Anchor
from core.journal.errors import damaged, unusable
from core.journal.rows import (
    IS_COUNTED,
    adjustment_from_row,
    checkpoint_from_row,
    fill_from_row,
    foreign_from_row,
    funding_from_row,
    grid_from_row,
    history_from_row,
    order_from_row,
    transfer_from_row,
)
from core.view import HistoryPoint

_LIVE = tuple(state.value for state in OrderState if state.is_live)
_FILLED = (
    "((SELECT coalesce(sum(lots), 0) FROM fills WHERE cloid = o.cloid AND coin = o.coin) + "
    "(SELECT coalesce(sum(lots), 0) FROM fills WHERE cloid IS NULL AND order_id = o.order_id AND coin = o.coin))"
)
"""What the fills of order ``o`` add up to; a fill may come without its cloid."""

ENDED_KEPT = 500
FILLS_SHOWN = 200
LIVE_MAX = 10_000
"""Far above what the exchange lets rest at once."""

FUNDING_KEPT_MS = 2 * DAY_MS
_ALL = -(2**63)
"""Before any time."""


@dataclass(slots=True)
class CoinRows:
    """What the journal knows of one coin, in the order in which fills were committed."""

    anchor: Anchor | None = None
    checkpoint: SaveCheckpoint | None = None
    """The newest fold; ``fills`` and ``adjustments`` are those that aren't in it."""
    fills: list[Fill] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    """Those that count."""
    adjustments_ever: int = 0
    """How many there are, revoked ones included."""
    newest_fills: list[tuple[Fill, int, bool]] = field(default_factory=list)
    """The newest ``FILLS_SHOWN`` by the exchange's time, newest first: each with when it was committed (our estimate of the
    venue's clock, ms) and whether it is external."""
    counts: dict[str, int] = field(default_factory=dict)
    """Over the journal's life: ``fills``, ``buys``, ``external``, ``ws``, ``maker``, ``duplicates``."""
    cash: int = 0
    """Proceeds of all sells less the cost of all buys, micro-USDC; an adjustment that counts is a trade at its price."""
    matched: int = 0
    """Profit of the completed round trips of the grid's cells, micro-USDC."""
    funding_usd: Decimal = Decimal(0)
    """All funding, received less paid."""
    funding_days: dict[int, Decimal] = field(default_factory=dict)
    """The same by UTC day (its first ms)."""
    funding: list[Funding] = field(default_factory=list)
    """The payments of the last two days up to the newest, oldest first."""
    other_fees: dict[str, Decimal] = field(default_factory=dict)
    """Fees in other tokens than USDC."""
    day_ms: int = 0
    day_realized: Decimal = Decimal(0)
    """Realized less USDC fees of the fills since 00:00 UTC of the newest fill's day (``day_ms``) that are in ``checkpoint``."""
    day_lots: int = 0
    """Bought less sold by the same fills."""
    live_orders: list[Order] = field(default_factory=list)
    ended_orders: list[Order] = field(default_factory=list)
    """The newest orders that have ended: a late fill still belongs to one of them."""
    grid: GridRow | None = None
    traded: dict[int, int] = field(default_factory=dict)
    """Signed sum of fills, and of parts taken, by cell of the newest generation."""
    halted: str = ""


@dataclass(slots=True)
class Restored:
    """All that a start needs."""

    meta: dict[str, str]
    coins: dict[str, CoinRows]
    halted: str
    nonce_ceilings: dict[str, int]
    boots: frozenset[str] = frozenset()
    day: tuple[str, Decimal] = ("", Decimal(0))
    """The newest UTC day of which the beginning is known, and the profit at it."""
    transfers: list[Transfer] = field(default_factory=list)
    """Every deposit, withdrawal and transfer of the account, oldest first."""
    cash_marked: frozenset[str] = frozenset()
    """The dexs whose cash was noted once."""
    begins_ms: int = 0
    """The first anchor of all coins, of those that aren't traded now, too; 0 if there is none."""
    history: list[HistoryPoint] = field(default_factory=list)
    """Where the account stood at the end of each minute of the last day, oldest first."""

    @property
    def pnl_peak(self) -> Decimal | None:
        return Decimal(self.meta["pnl_peak"]) if "pnl_peak" in self.meta else None

    @property
    def dead_man_until_ms(self) -> int:
        """When the dead man's switch of an earlier run may fire; 0 if none was left armed."""
        return int(self.meta.get(DEAD_MAN_UNTIL, "0"))

    @property
    def cursor_ms(self) -> int:
        """Fills up to here (venue time) have been read over REST, and the exchange has shown the ledger's positions since; 0
        before the first read.
        """
        return int(self.meta.get("fill_cursor_ms", "0"))


class JournalReader:
    """Read-only; open as many as needed, each for a moment. Raises ``StorageError`` for a file that can't be read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[aiosqlite.Connection]:
        try:
            async with aiosqlite.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True) as db:
                db.row_factory = aiosqlite.Row
                yield db
        except sqlite3.OperationalError as error:
            raise unusable(self._path, error) from error
        except sqlite3.DatabaseError as error:
            raise damaged(self._path, error) from error

    async def meta(self) -> dict[str, str]:
        async with self._open() as db:
            return {
                row["key"]: row["value"] for row in await db.execute_fetchall("SELECT key, value FROM meta")
            }

    async def beside(self, coins: Collection[str]) -> dict[str, tuple[int, int]]:
        """Of the other coins: how many orders but stops may rest, and the signed lots held, where there is either."""
        live = ", ".join("?" * len(_LIVE))
        async with self._open() as db:
            found = await db.execute_fetchall(
                "SELECT coin, sum(orders), sum(lots) FROM (SELECT coin, 1 AS orders, 0 AS lots FROM orders "
                f"INDEXED BY orders_by_state WHERE state IN ({live}) AND purpose <> 'stop' "
                "UNION ALL SELECT coin, 0, lots FROM positions) GROUP BY coin ORDER BY coin",
                _LIVE,
            )
        return {
            coin: (orders, lots) for coin, orders, lots in found if coin not in coins and (orders or lots)
        }

    async def foreign_fills(self, account: str, coins: Collection[str]) -> dict[str, list[ForeignFill]]:
        """Of some coins, what came while they weren't traded here and the ledger doesn't count, oldest first."""
        found: dict[str, list[ForeignFill]] = {}
        async with self._open() as db:
            for coin in coins:
                rows = await db.execute_fetchall(
                    f"SELECT * FROM foreign_fills x WHERE account = ? AND coin = ? AND NOT {IS_COUNTED} ORDER BY time_ms, id",
                    (account, coin),
                )
                found[coin] = [foreign_from_row(row) for row in rows]
        return found

    async def restore(self, account: str, coins: list[str]) -> Restored:
        """Everything of the given coins, and the account's halts, cursor and nonces."""
        meta = await self.meta()
        async with self._open() as db:
            halts = await db.execute_fetchall(
                "SELECT coin, reason FROM halts WHERE lifted_ms IS NULL ORDER BY id"
            )
            by_coin = {row["coin"]: row["reason"] for row in halts}  # the newest reason is the one in force
            nonces = {
                row["signer"]: row["ceiling"] for row in await db.execute_fetchall("SELECT * FROM nonces")
            }
            boots = frozenset(row["boot"] for row in await db.execute_fetchall("SELECT boot FROM boots"))
            rows = {coin: await self._coin(db, account, coin, by_coin.get(coin, "")) for coin in coins}
            days = await db.execute_fetchall("SELECT day, pnl FROM days ORDER BY day DESC LIMIT 1")
            points = [
                history_from_row(row)
                for row in await db.execute_fetchall("SELECT * FROM history ORDER BY time_ms")
            ]
            day = next(((row["day"], Decimal(row["pnl"])) for row in days), ("", Decimal(0)))
            transfers = [
                transfer_from_row(row)
                for row in await db.execute_fetchall(
                    "SELECT * FROM transfers WHERE account = ? ORDER BY time_ms", (account,)
                )
            ]
            marks = await db.execute_fetchall("SELECT dex FROM cash_marks WHERE account = ?", (account,))
            marked = frozenset(row["dex"] for row in marks)
            ((begins_ms,),) = await db.execute_fetchall("SELECT coalesce(min(time_ms), 0) FROM anchors")
        return Restored(
            meta, rows, by_coin.get("", ""), nonces, boots, day, transfers, marked, begins_ms, points
        )

    async def _coin(self, db: aiosqlite.Connection, account: str, coin: str, halted: str) -> CoinRows:
        rows = CoinRows(halted=halted)
        for row in await db.execute_fetchall("SELECT * FROM anchors WHERE coin = ?", (coin,)):
            rows.anchor = Anchor(row["coin"], row["lots"], row["cost"], row["time_ms"], row["reason"])
        await self._ledger(db, account, coin, rows)
        await self._sums(db, account, coin, rows)
        rows.live_orders = await self._orders(db, coin, "IN", LIVE_MAX)
        rows.ended_orders = await self._orders(db, coin, "NOT IN", ENDED_KEPT)
        for row in await db.execute_fetchall(
            "SELECT * FROM grids WHERE coin = ? ORDER BY generation DESC LIMIT 1", (coin,)
        ):
            rows.grid = grid_from_row(row)
            rows.traded = await self._traded(db, rows.grid)
        return rows

    async def _ledger(self, db: aiosqlite.Connection, account: str, coin: str, rows: CoinRows) -> None:
        """The newest checkpoint and what isn't in it."""
        for row in await db.execute_fetchall(
            "SELECT * FROM checkpoints WHERE coin = ? ORDER BY cut_ms DESC LIMIT 1", (coin,)
        ):
            rows.checkpoint = checkpoint_from_row(row)
        cut_ms = rows.checkpoint.cut_ms if rows.checkpoint else _ALL
        async with db.execute(
            "SELECT * FROM fills WHERE account = ? AND coin = ? AND time_ms >= ? ORDER BY id",
            (account, coin, cut_ms),
        ) as cursor:
            rows.fills = [fill_from_row(row) async for row in cursor]
        rows.newest_fills = [
            (fill_from_row(row), row["received_ms"], bool(row["external"]))
            for row in await db.execute_fetchall(
                "SELECT * FROM fills WHERE account = ? AND coin = ? ORDER BY time_ms DESC, id DESC LIMIT ?",
                (account, coin, FILLS_SHOWN),
            )
        ]
        for row in await db.execute_fetchall(
            "SELECT * FROM adjustments WHERE coin = ? ORDER BY rowid", (coin,)
        ):
            rows.adjustments_ever += 1
            if row["revoked_ms"] is None:
                adjustment = adjustment_from_row(row)
                rows.cash += adjustment.cash_micro
                rows.adjustments += [adjustment] if row["time_ms"] >= cut_ms else []
        for (newest_ms,) in await db.execute_fetchall(
            "SELECT max(time_ms) FROM fills WHERE account = ? AND coin = ?", (account, coin)
        ):
            rows.day_ms = (newest_ms or 0) // DAY_MS * DAY_MS
        for row in await db.execute_fetchall(
            "SELECT closed_pnl, fee, fee_token, side, lots FROM fills "
            "WHERE account = ? AND coin = ? AND time_ms >= ? AND time_ms < ?",
            (account, coin, rows.day_ms, cut_ms),
        ):
            rows.day_realized += Decimal(row["closed_pnl"])
            rows.day_lots += Side(row["side"]).sign * row["lots"]
            if row["fee_token"] == "USDC":
                rows.day_realized -= Decimal(row["fee"])

    async def _sums(self, db: aiosqlite.Connection, account: str, coin: str, rows: CoinRows) -> None:
        """What is counted over the journal's life."""
        for row in await db.execute_fetchall("SELECT name, value FROM counters WHERE coin = ?", (coin,)):
            rows.counts[row["name"]] = row["value"]
        for row in await db.execute_fetchall("SELECT cash, matched FROM money WHERE coin = ?", (coin,)):
            rows.cash += int(row["cash"])
            rows.matched = int(row["matched"])
        for row in await db.execute_fetchall(
            "SELECT fee_token, fee FROM fills INDEXED BY fills_by_fee_token "
            "WHERE account = ? AND coin = ? AND fee_token <> 'USDC'",
            (account, coin),
        ):
            paid = rows.other_fees.get(row["fee_token"], Decimal(0))
            rows.other_fees[row["fee_token"]] = paid + Decimal(row["fee"])
        for row in await db.execute_fetchall(
            "SELECT time_ms, usd FROM funding WHERE account = ? AND coin = ?", (account, coin)
        ):
            usd, day_ms = Decimal(row["usd"]), row["time_ms"] - row["time_ms"] % DAY_MS
            rows.funding_usd += usd
            rows.funding_days[day_ms] = rows.funding_days.get(day_ms, Decimal(0)) + usd
        rows.funding = [
            funding_from_row(row)
            for row in await db.execute_fetchall(
                "SELECT * FROM funding WHERE account = ?1 AND coin = ?2 AND time_ms > "
                "(SELECT max(time_ms) FROM funding WHERE account = ?1 AND coin = ?2) - ?3 ORDER BY time_ms, hash",
                (account, coin, FUNDING_KEPT_MS),
            )
        ]

    async def _orders(self, db: aiosqlite.Connection, coin: str, live: str, most: int) -> list[Order]:
        """The newest orders of a coin, oldest first; ``live`` is ``IN`` or ``NOT IN`` the live states."""
        marks = ", ".join("?" * len(_LIVE))
        # Few are live, and most have ended: the planner can't know that, and would read all for want of some.
        index = "orders_by_state" if live == "IN" else "orders_by_time"
        found = await db.execute_fetchall(
            f"SELECT o.*, {_FILLED} AS filled FROM orders o INDEXED BY {index} WHERE o.coin = ? AND o.state {live} ({marks}) "
            "ORDER BY o.created_ms DESC, o.cloid DESC LIMIT ?",
            (coin, *_LIVE, most),
        )
        return [order_from_row(row, row["filled"]) for row in reversed(list(found))]

    async def _traded(self, db: aiosqlite.Connection, grid: GridRow) -> dict[int, int]:
        found = await db.execute_fetchall(
            f"SELECT o.slot_index AS cell, sum(CASE o.slot_side WHEN 'buy' THEN {_FILLED} ELSE -{_FILLED} END) AS lots, "
            f"sum({_FILLED}) AS volume FROM orders o WHERE o.coin = ? AND o.generation = ? GROUP BY o.slot_index",
            (grid.coin, grid.generation),
        )
        traded = {row["cell"]: row["lots"] for row in found if row["volume"]}
        for row in await db.execute_fetchall(
            "SELECT cell, lots FROM parts WHERE coin = ? AND generation = ?", (grid.coin, grid.generation)
        ):
            traded[row["cell"]] = traded.get(row["cell"], 0) + row["lots"]
        return traded
