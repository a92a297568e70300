"""The journal of a bot beside the exchange's own books: what must be true at any moment, and what once the bot has stopped."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.domain.cloid import parse_cloid
from core.runtime.verify import verify_journal

Truth = dict[str, Any]
"""An answer of ``GET /paper/truth``."""

PRICE_DIGITS = 6
"""Price units have so many decimals, less those of a size."""

LIVE = "'sent', 'open', 'cancelling', 'unknown', 'awaiting_fills'"
SIGNS = {"B": 1, "A": -1}


def ours(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with our tag, but for the stops that protect the position."""
    tagged = [order for order in orders if parse_cloid(order.get("cloid")) is not None]
    return [order for order in tagged if not order.get("isTrigger")]


@dataclass(frozen=True)
class Books:
    """One account's journal, read beside whoever writes it. ``sz_decimals`` are those of ``coin``."""

    journal: Path
    coin: str = "BTC"
    sz_decimals: int = 5

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Nothing if the journal isn't there yet."""
        if not self.journal.exists():
            return []
        db = sqlite3.connect(f"{self.journal.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            return db.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) or "no such column" in str(error):
                return []  # looked at, or killed, before the last migration was committed
            raise
        finally:
            db.close()

    def cloids(self) -> set[str]:
        return {row[0] for row in self.rows("SELECT cloid FROM orders")}

    def lots(self, size: str) -> int:
        return int(Decimal(size).scaleb(self.sz_decimals))

    def fills(self) -> Counter[tuple[object, ...]]:
        """Each fill's key and content, as often as it is there."""
        columns = "coin, time_ms, trade_id, order_id, side, lots, price, start_lots"
        return Counter(self.rows(f"SELECT {columns} FROM fills"))

    def fills_of(self, truth: Truth) -> Counter[tuple[object, ...]]:
        """The exchange's fills since the journal began, in its terms."""
        anchors = self.rows("SELECT time_ms FROM anchors WHERE coin = ?", self.coin)
        since_ms = min((time_ms for (time_ms,) in anchors), default=0)
        return Counter(
            (
                *(fill["coin"], fill["time"], fill["tid"], fill["oid"]),
                "buy" if fill["side"] == "B" else "sell",
                self.lots(fill["sz"]),
                int(Decimal(fill["px"]).scaleb(PRICE_DIGITS - self.sz_decimals)),
                self.lots(fill["startPosition"]),
            )
            for fill in truth["fills"]
            if fill["time"] >= since_ms
        )

    def position(self) -> int:
        """Anchor plus fills, in lots."""
        anchor = sum(row[0] for row in self.rows("SELECT lots FROM anchors WHERE coin = ?", self.coin))
        signed = (
            "SELECT coalesce(sum(CASE side WHEN 'buy' THEN lots ELSE -lots END), 0) FROM fills WHERE coin = ?"
        )
        return int(anchor + sum(row[0] for row in self.rows(signed, self.coin)))

    def unsettled(self, before_ms: int) -> int:
        """Orders decided before this time (the exchange's) whose fate isn't known."""
        sql = f"SELECT count(*) FROM orders WHERE state IN ({LIVE}) AND state <> 'open' AND created_ms < ?"
        return sum(row[0] for row in self.rows(sql, before_ms))

    # -- at any moment ----------------------------------------------------------------------------------------------

    def breaches(self, truth: Truth, planted: set[str], *, within_cap: bool = True) -> Iterator[str]:
        """What the exchange's books, read before this, show that may never be.

        ``planted`` orders have no row and are owed none, and rest beside a new grid until they are cancelled. I3: a row before
        the order. I4: the worst case within the cap. I5: one order at a price and in a slot.
        """
        orders = ours(truth["orders"])
        slots = {
            cloid: (generation, side, index)
            for cloid, generation, side, index in self.rows(
                "SELECT cloid, generation, slot_side, slot_index FROM orders"
            )
        }
        live = {order["cloid"] for order in orders} - planted
        if missing := live - slots.keys():
            yield f"on the exchange before its row was committed (I3): {sorted(missing)}"
        doubled = Counter[tuple[object, ...]](
            (order["side"], order["limitPx"]) for order in orders if order["cloid"] not in planted
        )
        doubled.update(slots[cloid] for cloid in live & slots.keys())
        if twice := [place for place, count in doubled.items() if count > 1]:
            yield f"two live orders in one place (I5): {twice}"
        if within_cap:
            yield from self._over_cap(truth, orders)

    def _over_cap(self, truth: Truth, orders: list[dict[str, Any]]) -> Iterator[str]:
        caps = [
            row[0]
            for row in self.rows("SELECT max(cap_long, cap_short) FROM grids WHERE coin = ?", self.coin)
        ]
        position = self.lots(truth["positions"].get(self.coin, "0"))
        for side, sign in SIGNS.items():
            adding = sum(self.lots(order["sz"]) for order in orders if order["side"] == side)
            if caps and adding and sign * position + adding > max(caps):
                yield f"worst case of {position} lots with {adding} more on side {side} is past the cap of {max(caps)} (I4)"

    # -- once the bot has stopped -----------------------------------------------------------------------------------

    def differences(self, truth: Truth, summary: dict[str, Any]) -> Iterator[str]:
        """Where the journal, the summary of the last run and the exchange don't say the same."""
        told, known = self.fills_of(truth), self.fills()
        if told != known:
            yield f"fills missing: {dict(told - known)}; too many: {dict(known - told)} (I2)"
        position = self.lots(truth["positions"].get(self.coin, "0"))
        stored = [row[0] for row in self.rows("SELECT lots FROM positions WHERE coin = ?", self.coin)]
        if self.position() != position or stored not in ([], [position]):
            yield f"position {position} on the exchange, {self.position()} in the fills, {stored} stored (I1)"
        if left := truth["orders"]:
            yield f"orders left on the exchange: {left} (I5)"
        if live := self.rows(f"SELECT cloid, state FROM orders WHERE state IN ({LIVE})"):
            yield f"orders that nobody has settled: {live}"
        coin = summary["coins"][self.coin]
        if (coin["drift"], coin["open_orders"]) != ("0", 0):
            yield f"the summary ends with drift {coin['drift']} and {coin['open_orders']} orders"
        if (coin["fills"], self.lots(coin["position"])) != (sum(told.values()), position):
            yield f"the summary has {coin['fills']} fills and position {coin['position']}"
        certificate = verify_journal(self.journal, False, time.time_ns() // 10**6)
        if not certificate.verified:
            yield certificate.as_text()
