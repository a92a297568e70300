"""The statements of one transaction: a batch's rows, the counts kept with them, and the checkpoints that they undercut."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from core.domain.effects import LiftHalt, SaveCheckpoint, SaveHalt
from core.domain.events import FillConflict
from core.domain.fills import Fill, FillKey, FillKind
from core.domain.holdings import CellPart
from core.domain.standing import Standing, ends_a_flatten, standing_key, standing_text, standing_words
from core.journal.batch import Batch, Committed
from core.journal.cells import count_money
from core.journal.parts import take_parts
from core.journal.rows import (
    FORGET_HISTORY,
    INSERT_ACTION,
    INSERT_ADJUSTMENT,
    INSERT_ANCHOR,
    INSERT_BOOT,
    INSERT_CASH_MARK,
    INSERT_FILL,
    INSERT_FOREIGN_IF_NOT_COUNTED,
    INSERT_FUNDING,
    INSERT_GRID,
    INSERT_TRANSFER,
    UPSERT_CHECKPOINT,
    UPSERT_DAY,
    UPSERT_HISTORY,
    UPSERT_META,
    UPSERT_NONCE,
    UPSERT_ORDER,
    UPSERT_POSITION,
    action_values,
    adjustment_values,
    checkpoint_values,
    fill_from_row,
    fill_values,
    foreign_values,
    funding_values,
    grid_values,
    order_values,
    transfer_values,
)

HISTORY_KEPT_MS = 25 * 3_600_000
CHECKPOINTS_KEPT = 4
"""Of each coin: one that a late fill undercuts leaves an older one to start from."""

_COUNTED = """
SELECT coin, min(time_ms), count(*) AS fills, sum(side = 'buy') AS buys, sum(external) AS external,
  sum(source = 'ws') AS ws, sum(crossed = 0) AS maker
FROM fills WHERE id > ? GROUP BY coin
"""

T = TypeVar("T")


def write(db: sqlite3.Connection, batch: Batch) -> Committed:
    """All of a batch, inside the transaction that is open."""
    undercut: dict[str, int] = {}
    written = _write_fills(db, batch, undercut) if batch.fills else Written()
    foreign = _insert_new(
        db, INSERT_FOREIGN_IF_NOT_COUNTED, batch.foreign, lambda f: foreign_values(f, batch.now_ms)
    )
    funding = _insert_new(db, INSERT_FUNDING, batch.funding, lambda p: funding_values(p, batch.now_ms))
    transfers = _insert_new(db, INSERT_TRANSFER, batch.transfers, lambda t: transfer_values(t, batch.now_ms))
    _write_adjustments(db, batch, undercut)
    _write_rows(db, batch)
    _write_checkpoints(db, batch.checkpoints, undercut)
    return Committed(
        tuple(written.new),
        tuple(written.duplicates.items()),
        foreign,
        funding,
        tuple(written.conflicts),
        tuple(written.matched.items()),
        transfers,
        tuple(written.parts),
    )


@dataclass(frozen=True, slots=True)
class Written:
    """Fills that were new, refused duplicates by coin, those of them that say something else than the row that stands, by how
    much each coin's matched profit grew (micro-USDC), and what was taken from cells.
    """

    new: Sequence[Fill] = ()
    duplicates: Counter[str] = field(default_factory=Counter)
    conflicts: Sequence[FillConflict] = ()
    matched: Counter[str] = field(default_factory=Counter)
    parts: Sequence[CellPart] = ()


def _write_fills(db: sqlite3.Connection, batch: Batch, undercut: dict[str, int]) -> Written:
    fills, now = batch.fills, batch.now_ms
    (last,) = db.execute("SELECT coalesce(max(id), 0) FROM fills").fetchone()
    inserted = db.executemany(INSERT_FILL, [fill_values(fill, now) for fill in fills]).rowcount
    counts: list[tuple[str, str, int]] = []
    for coin, least_ms, *values in db.execute(_COUNTED, (last,)):
        undercut[coin] = least_ms
        counts += [
            (coin, name, value)
            for name, value in zip(("fills", "buys", "external", "ws", "maker"), values, strict=True)
        ]
    new: Sequence[Fill] = fills
    duplicates, conflicts = Counter[str](), list[FillConflict]()
    if inserted < len(fills):
        new, refused = _sort_out(db, fills, last)
        duplicates.update(fill.coin for fill in refused)
        conflicts = _conflicts(db, refused)
        counts += [(coin, "duplicates", count) for coin, count in duplicates.items()]
    _add_counts(db, counts)
    parts = take_parts(db, last) if new else []
    matched = count_money(db, new, last) if new else Counter[str]()
    _mark_new_grids(db, new)
    _mark_by_hand(db, new, last)
    return Written(new, duplicates, conflicts, matched, parts)


def _mark_new_grids(db: sqlite3.Connection, new: Sequence[Fill]) -> None:
    """A liquidation takes what the cells of the grid held: the next one begins anew, whatever kill comes before it."""
    for coin in {fill.coin for fill in new if fill.kind is not FillKind.TRADE}:
        row = db.execute("SELECT value FROM meta WHERE key = ?", (standing_key(coin),)).fetchone()
        words = standing_words(row[0] if row else "") | {Standing.NEW_GRID}
        db.execute(UPSERT_META, (standing_key(coin), standing_text(words)))


def _mark_by_hand(db: sqlite3.Connection, new: Sequence[Fill], last: int) -> None:
    """A flatten is not gone on with once the position was traded by hand, whatever kill comes before anybody looks at it."""
    for coin in {fill.coin for fill in new if ends_a_flatten(fill)}:
        row = db.execute("SELECT value FROM meta WHERE key = ?", (standing_key(coin),)).fetchone()
        words = standing_words(row[0] if row else "")
        if Standing.FLATTENING not in words:
            continue
        found = db.execute(
            "SELECT account, coin, time_ms, trade_id, discriminator FROM fills WHERE id > ? AND external = 1",
            (last,),
        )
        external = {FillKey(*key) for key in found}
        if any(fill.coin == coin and fill.key in external and ends_a_flatten(fill) for fill in new):
            db.execute(UPSERT_META, (standing_key(coin), standing_text(words | {Standing.BY_HAND})))


def _sort_out(db: sqlite3.Connection, fills: Sequence[Fill], last: int) -> tuple[list[Fill], list[Fill]]:
    """Which of the fills are the rows after ``last``, and which were refused. Rows are never deleted, so ids grow."""
    found = db.execute(
        "SELECT account, coin, time_ms, trade_id, discriminator FROM fills WHERE id > ?", (last,)
    )
    inserted = {FillKey(*key) for key in found}
    new, refused = [], []
    for fill in fills:
        if fill.key in inserted:
            inserted.remove(fill.key)  # a second one in the batch is a duplicate
            new.append(fill)
        else:
            refused.append(fill)
    return new, refused


def _conflicts(db: sqlite3.Connection, refused: Sequence[Fill]) -> list[FillConflict]:
    cursor = db.cursor()
    cursor.row_factory = sqlite3.Row
    found = []
    for fill in refused:
        row = cursor.execute(
            "SELECT * FROM fills WHERE account = ? AND coin = ? AND time_ms = ? AND trade_id = ? AND discriminator = ?",
            fill.key,
        ).fetchone()
        known = fill_from_row(row)
        if _content(known) != _content(fill):
            found.append(FillConflict(known, fill))
    return found


def _content(fill: Fill) -> tuple[object, ...]:
    """What must be the same whichever way a fill reaches us."""
    return (
        *(fill.side, fill.price, fill.lots, fill.start_lots),
        *(fill.order_id, fill.closed_pnl, fill.fee),
    )


def _add_counts(db: sqlite3.Connection, counts: Iterable[tuple[str, str, int]]) -> None:
    db.executemany(
        "INSERT INTO counters (coin, name, value) VALUES (?, ?, ?) "
        "ON CONFLICT (coin, name) DO UPDATE SET value = value + excluded.value",
        [count for count in counts if count[2]],
    )


def _insert_new(
    db: sqlite3.Connection, sql: str, items: Sequence[T], values: Callable[[T], tuple[object, ...]]
) -> tuple[T, ...]:
    """Those of a few items whose rows weren't there."""
    return tuple(item for item in items if db.execute(sql, values(item)).rowcount)


def _write_adjustments(db: sqlite3.Connection, batch: Batch, undercut: dict[str, int]) -> None:
    if not batch.adjustments and not batch.revoked:
        return
    changed = [(each.coin, each.time_ms) for each in batch.adjustments]
    db.executemany(INSERT_ADJUSTMENT, [adjustment_values(each) for each in batch.adjustments])
    for id_ in batch.revoked:
        changed += db.execute(
            "UPDATE adjustments SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL RETURNING coin, time_ms",
            (batch.now_ms, id_),
        ).fetchall()
    for coin, time_ms in changed:
        undercut[coin] = min(time_ms, undercut.get(coin, time_ms))


def _write_checkpoints(
    db: sqlite3.Connection, checkpoints: Sequence[SaveCheckpoint], undercut: dict[str, int]
) -> None:
    """Add checkpoints, then drop those that this batch's rows undercut (one of this very batch too), keep the newest few."""
    if not checkpoints and not undercut:
        return
    db.executemany(UPSERT_CHECKPOINT, [checkpoint_values(each) for each in checkpoints])
    db.executemany("DELETE FROM checkpoints WHERE coin = ? AND cut_ms > ?", list(undercut.items()))
    db.executemany(
        "DELETE FROM checkpoints WHERE coin = ? AND cut_ms NOT IN "
        "(SELECT cut_ms FROM checkpoints WHERE coin = ? ORDER BY cut_ms DESC LIMIT ?)",
        [(coin, coin, CHECKPOINTS_KEPT) for coin in {each.coin for each in checkpoints}],
    )


def _write_rows(db: sqlite3.Connection, batch: Batch) -> None:
    now = batch.now_ms
    for halt in batch.halts:
        _write_halt(db, halt, now)
    tables: tuple[tuple[str, list[tuple[object, ...]]], ...] = (
        (UPSERT_ORDER, [order_values(order) for order in batch.orders]),
        (INSERT_GRID, [grid_values(grid) for grid in batch.grids]),
        (INSERT_ACTION, [action_values(action, now) for action in batch.actions]),
        (INSERT_ANCHOR, [(a.coin, a.lots, a.cost, a.time_ms, a.reason) for a in batch.anchors]),
        (INSERT_BOOT, [(boot, now, pid, version) for boot, pid, version in batch.boots]),
        (UPSERT_DAY, [(each.day, str(each.pnl), str(each.account_value), now) for each in batch.days]),
        (
            UPSERT_HISTORY,
            [(p.time_ms, str(p.total_usd), p.drawdown_pct, p.fills, p.makers) for p in batch.history],
        ),
        (FORGET_HISTORY, [(p.time_ms - HISTORY_KEPT_MS,) for p in batch.history[-1:]]),
        (UPSERT_POSITION, [(p.coin, p.lots, p.fills, p.adjustments, now) for p in batch.positions]),
        (INSERT_CASH_MARK, [(m.account, m.dex, m.time_ms, str(m.raw_usd)) for m in batch.cash_marks]),
        (UPSERT_META, list(batch.meta.items())),
        (UPSERT_NONCE, [batch.nonce_ceiling] if batch.nonce_ceiling else []),
    )
    for sql, rows in tables:
        if rows:
            db.executemany(sql, rows)


def _write_halt(db: sqlite3.Connection, halt: SaveHalt | LiftHalt, now_ms: int) -> None:
    match halt:
        case SaveHalt(coin, reason):
            db.execute("INSERT INTO halts (coin, reason, since_ms) VALUES (?, ?, ?)", (coin, reason, now_ms))
        case LiftHalt(coin, by):
            db.execute(
                "UPDATE halts SET lifted_ms = ?, lifted_by = ? WHERE coin = ? AND lifted_ms IS NULL",
                (now_ms, by, coin),
            )
