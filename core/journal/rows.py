"""Between domain values and rows: one place for each table, used by the writer and the reader alike."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Protocol

from core.domain.effects import SaveAction, SaveCheckpoint
from core.domain.fills import Adjustment, Fill, FillKind, FillSource, ForeignFill, Funding
from core.domain.grid import Direction, GridRow, Spacing
from core.domain.orders import Order, OrderState, Purpose, Side, Slot, Tif
from core.domain.transfers import Transfer
from core.view import HistoryPoint

INSERT_FILL = """
INSERT INTO fills (account, coin, time_ms, trade_id, discriminator, order_id, cloid, side, price, lots, start_lots,
  closed_pnl, fee, fee_token, crossed, direction, hash, source, received_ms, raw, kind, external)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
  NOT EXISTS (SELECT 1 FROM orders WHERE cloid = ?) AND NOT EXISTS (SELECT 1 FROM orders WHERE order_id = ? AND coin = ?))
ON CONFLICT DO NOTHING
"""

UPSERT_ORDER = """
INSERT INTO orders (cloid, coin, purpose, generation, slot_side, slot_index, side, price, lots, tif, reduce_only,
  created_ms, expires_ms, ledger_version, state, order_id, final_filled, reason, trigger_price)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (cloid) DO UPDATE SET state = excluded.state, order_id = excluded.order_id,
  final_filled = excluded.final_filled, reason = excluded.reason,
  generation = excluded.generation, slot_side = excluded.slot_side, slot_index = excluded.slot_index
"""

GRID_COLUMNS = (
    *(
        "coin",
        "generation",
        "center",
        "spacing_ppb",
        "below",
        "above",
        "lots",
        "cap_long",
        "cap_short",
        "created_ms",
    ),
    *("spacing", "direction", "entry", "is_endless", "jitter_ppb", "basis", "reprice_ticks"),
    *("base", "base_line"),
)

INSERT_GRID = f"INSERT INTO grids ({', '.join(GRID_COLUMNS)}) VALUES ({', '.join('?' * len(GRID_COLUMNS))})"

INSERT_ACTION = """
INSERT INTO actions (command_id, time_ms, action, coin, origin, outcome, value, user, client, tty, via, before, after)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

INSERT_ANCHOR = "INSERT INTO anchors (coin, lots, cost, time_ms, reason) VALUES (?, ?, ?, ?, ?)"

UPSERT_DAY = """
INSERT INTO days (day, pnl, account_value, seen_ms) VALUES (?, ?, ?, ?)
ON CONFLICT (day) DO UPDATE SET pnl = excluded.pnl, account_value = excluded.account_value, seen_ms = excluded.seen_ms
"""

UPSERT_HISTORY = """
INSERT INTO history (time_ms, total, drawdown_pct, fills, makers) VALUES (?, ?, ?, ?, ?) ON CONFLICT (time_ms) DO NOTHING
"""
FORGET_HISTORY = "DELETE FROM history WHERE time_ms < ?"

INSERT_BOOT = "INSERT INTO boots (boot, started_ms, pid, version) VALUES (?, ?, ?, ?)"

UPSERT_META = """
INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""

UPSERT_NONCE = """
INSERT INTO nonces (signer, ceiling) VALUES (?, ?)
ON CONFLICT (signer) DO UPDATE SET ceiling = max(ceiling, excluded.ceiling)
"""


class Row(Protocol):
    """A row by column name, whichever library read it."""

    def __getitem__(self, column: str) -> Any: ...


def fill_values(fill: Fill, received_ms: int) -> tuple[object, ...]:
    discriminator = "" if fill.trade_id else fill.key.discriminator
    return (
        *(fill.account, fill.coin, fill.time_ms, fill.trade_id, discriminator),
        *(fill.order_id, fill.cloid, fill.side.value, fill.price, fill.lots, fill.start_lots),
        *(str(fill.closed_pnl), str(fill.fee), fill.fee_token, int(fill.crossed), fill.direction, fill.hash),
        *(fill.source.value, received_ms, fill.raw, fill.kind.value, fill.cloid, fill.order_id, fill.coin),
    )


def fill_from_row(row: Row) -> Fill:
    return Fill(
        account=row["account"],
        coin=row["coin"],
        time_ms=row["time_ms"],
        trade_id=row["trade_id"],
        order_id=row["order_id"],
        cloid=row["cloid"],
        side=Side(row["side"]),
        price=row["price"],
        lots=row["lots"],
        start_lots=row["start_lots"],
        closed_pnl=Decimal(row["closed_pnl"]),
        fee=Decimal(row["fee"]),
        fee_token=row["fee_token"],
        crossed=bool(row["crossed"]),
        direction=row["direction"],
        hash=row["hash"],
        source=FillSource(row["source"]),
        raw=row["raw"],
        kind=FillKind(row["kind"]),
    )


INSERT_FOREIGN = """
INSERT INTO foreign_fills (account, coin, time_ms, trade_id, order_id, received_ms, raw) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""


INSERT_FOREIGN_IF_NOT_COUNTED = """
INSERT INTO foreign_fills (account, coin, time_ms, trade_id, order_id, received_ms, raw)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM fills
  WHERE account = ?1 AND coin = ?2 AND time_ms = ?3 AND trade_id = ?4 AND (trade_id <> 0 OR order_id = ?5))
ON CONFLICT DO NOTHING
"""
"""A coin that is traded no more has fills that the ledger counted while it was."""

IS_COUNTED = """
EXISTS (SELECT 1 FROM fills c WHERE c.account = x.account AND c.coin = x.coin AND c.time_ms = x.time_ms
  AND c.trade_id = x.trade_id AND (c.trade_id <> 0 OR c.order_id = x.order_id))
"""
"""Of a row ``x`` of ``foreign_fills``: the same fill is among the ledger's, as the coin was traded before or is by now."""


def foreign_values(fill: ForeignFill, received_ms: int) -> tuple[object, ...]:
    return (fill.account, fill.coin, fill.time_ms, fill.trade_id, fill.order_id, received_ms, fill.raw)


def foreign_from_row(row: Row) -> ForeignFill:
    names = ("account", "coin", "time_ms", "trade_id", "order_id", "raw")
    return ForeignFill(**{name: row[name] for name in names})


INSERT_ADJUSTMENT = """
INSERT INTO adjustments (id, coin, time_ms, start_lots, end_lots, price, accepted_ms, accepted_by, explanation)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def adjustment_values(adjustment: Adjustment) -> tuple[object, ...]:
    return (
        *(adjustment.id, adjustment.coin, adjustment.time_ms, adjustment.start_lots, adjustment.end_lots),
        *(adjustment.price, adjustment.accepted_ms, adjustment.accepted_by, adjustment.explanation),
    )


def adjustment_from_row(row: Row) -> Adjustment:
    names = (
        *("id", "coin", "time_ms", "start_lots", "end_lots"),
        *("price", "accepted_ms", "accepted_by", "explanation"),
    )
    return Adjustment(**{name: row[name] for name in names})


INSERT_FUNDING = """
INSERT INTO funding (account, coin, time_ms, usd, hash, received_ms, raw) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""


def funding_values(payment: Funding, received_ms: int) -> tuple[object, ...]:
    return (
        *(payment.account, payment.coin, payment.time_ms, str(payment.usd)),
        *(payment.hash, received_ms, payment.raw),
    )


def funding_from_row(row: Row) -> Funding:
    return Funding(
        account=row["account"],
        coin=row["coin"],
        time_ms=row["time_ms"],
        usd=Decimal(row["usd"]),
        hash=row["hash"],
        raw=row["raw"],
    )


INSERT_TRANSFER = """
INSERT INTO transfers (account, time_ms, hash, discriminator, kind, moves, understood, received_ms, raw)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


def transfer_values(transfer: Transfer, received_ms: int) -> tuple[object, ...]:
    moves = json.dumps([[place, str(usd)] for place, usd in transfer.moves])
    return *transfer.key, transfer.kind, moves, int(transfer.understood), received_ms, transfer.raw


def transfer_from_row(row: Row) -> Transfer:
    return Transfer(
        account=row["account"],
        time_ms=row["time_ms"],
        hash=row["hash"],
        kind=row["kind"],
        moves=tuple((place, Decimal(usd)) for place, usd in json.loads(row["moves"])),
        raw=row["raw"],
        understood=bool(row["understood"]),
    )


INSERT_CASH_MARK = """
INSERT INTO cash_marks (account, dex, time_ms, raw_usd) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
"""

UPSERT_POSITION = """
INSERT INTO positions (coin, lots, fills, adjustments, time_ms) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (coin) DO UPDATE SET lots = excluded.lots, fills = excluded.fills, adjustments = excluded.adjustments,
  time_ms = excluded.time_ms
"""

UPSERT_CHECKPOINT = """
INSERT INTO checkpoints (coin, cut_ms, lots, cost, realized, fees) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (coin, cut_ms) DO UPDATE SET lots = excluded.lots, cost = excluded.cost, realized = excluded.realized,
  fees = excluded.fees
"""


def checkpoint_values(checkpoint: SaveCheckpoint) -> tuple[object, ...]:
    return (
        *(checkpoint.coin, checkpoint.cut_ms, checkpoint.lots, checkpoint.cost),
        *(str(checkpoint.realized), str(checkpoint.fees)),
    )


def checkpoint_from_row(row: Row) -> SaveCheckpoint:
    return SaveCheckpoint(
        coin=row["coin"],
        cut_ms=row["cut_ms"],
        lots=row["lots"],
        cost=row["cost"],
        realized=Decimal(row["realized"]),
        fees=Decimal(row["fees"]),
    )


def order_values(order: Order) -> tuple[object, ...]:
    slot = order.slot
    return (
        *(order.cloid, order.coin, order.purpose.value),
        *((slot.generation, slot.side.value, slot.index) if slot else (None, None, None)),
        *(order.side.value, order.price, order.lots, order.tif.value, int(order.reduce_only)),
        *(order.created_ms, order.expires_ms, order.ledger_version),
        *(order.state.value, order.order_id, order.final_filled, order.reason, order.trigger),
    )


def order_from_row(row: Row, filled: int) -> Order:
    slot = None
    if row["slot_side"] is not None:
        slot = Slot(row["generation"], Side(row["slot_side"]), row["slot_index"])
    return Order(
        cloid=row["cloid"],
        coin=row["coin"],
        side=Side(row["side"]),
        price=row["price"],
        lots=row["lots"],
        tif=Tif(row["tif"]),
        reduce_only=bool(row["reduce_only"]),
        purpose=Purpose(row["purpose"]),
        slot=slot,
        created_ms=row["created_ms"],
        expires_ms=row["expires_ms"],
        ledger_version=row["ledger_version"],
        state=OrderState(row["state"]),
        order_id=row["order_id"],
        filled=filled,
        final_filled=row["final_filled"],
        reason=row["reason"],
        trigger=row["trigger_price"],
    )


def grid_values(grid: GridRow) -> tuple[object, ...]:
    return tuple(getattr(grid, name) for name in GRID_COLUMNS)


def grid_from_row(row: Row) -> GridRow:
    values = {name: row[name] for name in GRID_COLUMNS}
    kinds = {
        "spacing": Spacing(values["spacing"]),
        "direction": Direction(values["direction"]),
        "is_endless": bool(values["is_endless"]),
    }
    return GridRow(**{**values, **kinds})


def action_values(action: SaveAction, now_ms: int) -> tuple[object, ...]:
    command, by = action.command, action.command.by
    asked = (command.id, now_ms, command.action.value, command.coin, command.origin.value, action.outcome)
    return (*asked, command.value, by.user, by.client, by.tty, by.via, action.before, action.after)


def history_from_row(row: Row) -> HistoryPoint:
    return HistoryPoint(
        row["time_ms"], Decimal(row["total"]), row["drawdown_pct"], row["fills"], row["makers"]
    )
