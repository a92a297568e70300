"""Committing: each fill once, each batch whole or not at all, on disk when the call returns."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.commands import Action, Command
from core.domain.effects import (
    Effect,
    LiftHalt,
    SaveAction,
    SaveDay,
    SaveGrid,
    SaveHalt,
    SaveOrder,
    SavePnlPeak,
    notify,
)
from core.domain.orders import OrderState, Side
from core.journal.journal import Anchor, Batch, Journal
from tests.unit.exchange.samples import NOW_MS, cloid, fill, order
from tests.unit.journal.desk import batch, grid, opened, restored, rows


async def test_the_file_is_written_through_to_the_disk_with_a_write_ahead_log(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        assert await _pragma(journal, "journal_mode") == "wal"
        assert await _pragma(journal, "synchronous") == 2, "FULL"


async def _pragma(journal: Journal, name: str) -> object:
    def read() -> object:
        assert journal._db is not None
        return journal._db.execute(f"PRAGMA {name}").fetchone()[0]

    return await journal._run(read)


async def test_a_fill_counts_once_whatever_the_source_the_batch_or_the_run(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        first = await journal.commit(batch(fills=[fill(1), fill(2), fill(1)]))
        again = await journal.commit(batch(fills=[fill(2, hash="0x0", fee_token="HYPE"), fill(3)]))
    async with opened(path) as journal:
        later = await journal.commit(batch(fills=[fill(3), fill(1, coin="ETH")]))
    assert [f.trade_id for f in first.new_fills] == [1, 2]
    assert first.duplicates == (("BTC", 1),)
    assert [f.trade_id for f in again.new_fills] == [3]
    assert again.duplicates == (("BTC", 1),)
    assert [f.coin for f in later.new_fills] == ["ETH"]
    assert later.duplicates == (("BTC", 1),)
    found = await restored(path, "BTC", "ETH")
    assert [f.trade_id for f in found.coins["BTC"].fills] == [1, 2, 3]
    assert (found.coins["BTC"].counts["duplicates"], found.coins["ETH"].counts.get("duplicates")) == (3, None)


@pytest.mark.parametrize(
    "changes", [{"time_ms": NOW_MS + 1}, {"coin": "ETH"}, {"account": "0x" + "bb" * 20}, {"trade_id": 6}]
)
async def test_a_trade_id_is_the_same_fill_only_at_one_time_of_one_coin_and_account(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    async with opened(tmp_path / "j.db") as journal:
        committed = await journal.commit(batch(fills=[fill(5), replace(fill(5), **changes)]))  # type: ignore[arg-type]
    assert len(committed.new_fills) == 2
    assert committed.duplicates == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"order_id": 78},
        {"hash": "0x1"},
        {"start_lots": 30},
        {"lots": 31},
        {"price": 839_600},
        {"side": Side.SELL},
    ],
)
async def test_two_system_rows_with_trade_id_zero_are_told_apart_by_what_they_say(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    other = replace(fill(0), **changes)  # type: ignore[arg-type]
    async with opened(tmp_path / "j.db") as journal:
        committed = await journal.commit(batch(fills=[fill(0), other, fill(0)]))
    assert committed.new_fills == (fill(0), other)
    assert committed.duplicates == (("BTC", 1),)


async def test_a_batch_that_fails_in_its_middle_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(1)], grids=[grid(1)]))
        spoilt = batch(
            fills=[fill(1), fill(2)],
            orders=[order(1)],
            halts=[SaveHalt("BTC", "drawdown")],
            grids=[grid(2), grid(1)],
            meta={"pnl_peak": "5"},
            nonce_ceiling=("0xa", 99),
        )
        with pytest.raises(sqlite3.IntegrityError):
            await journal.commit(spoilt)
        after = await journal.commit(batch(fills=[fill(3)]))
        assert [f.trade_id for f in after.new_fills] == [3], "the journal goes on"
    found = await restored(path)
    assert [f.trade_id for f in found.coins["BTC"].fills] == [1, 3]
    assert (found.coins["BTC"].live_orders, found.coins["BTC"].halted, found.meta) == ([], "", {})
    assert (found.coins["BTC"].counts, found.nonce_ceilings) == (
        {"fills": 2, "buys": 2, "external": 2, "ws": 2, "maker": 2},
        {},
    )


async def test_what_commit_returned_is_seen_by_others(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(1)], orders=[order(1)]))
        assert rows(path, "SELECT count(*) FROM fills") == [(1,)]
        assert rows(path, "SELECT cloid, state FROM orders") == [(cloid(1), "sent")]


async def test_an_order_row_follows_its_order(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(orders=[order(1), order(2)]))
        moved = replace(order(1), state=OrderState.OPEN, order_id=7, final_filled=3, reason="why")
        await journal.commit(batch(orders=[moved, replace(order(2), state=OrderState.CANCELLED)]))
    assert (await restored(path)).coins["BTC"].live_orders == [moved]


async def test_commits_at_the_same_time_are_each_whole_and_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await asyncio.gather(
            *(journal.commit(batch(fills=[fill(2 * n), fill(2 * n + 1)])) for n in range(1, 40))
        )
    assert [f.trade_id for f in (await restored(path)).coins["BTC"].fills] == list(range(2, 80))


async def test_fills_of_our_orders_are_ours_and_all_others_external(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(orders=[order(1), order(2, order_id=900)]))
        mine = [fill(1, cloid=cloid(1)), fill(2, order_id=900)]
        foreign = [fill(3, cloid="0x" + "9" * 32), fill(4), fill(5, order_id=900, coin="ETH")]
        await journal.commit(batch(fills=[*mine, *foreign]))
    found = await restored(path, "BTC", "ETH")
    assert found.coins["BTC"].counts["external"] == 2
    assert found.coins["ETH"].counts["external"] == 1


def test_a_batch_takes_rows_and_nothing_else() -> None:
    taken: list[Effect] = [
        SaveOrder(order(1)),
        SaveGrid(grid()),
        SaveHalt("", "x"),
        LiftHalt("", "cli"),
        SavePnlPeak(Decimal(5)),
        SaveDay("2026-01-30", Decimal(5), Decimal(1000)),
        SaveAction(Command("1", Action.HALT), "started"),
    ]
    for effect in taken:
        each = Batch(0)
        assert each.is_empty
        assert each.take(effect)
        assert not each.is_empty
    assert not Batch(0).take(notify("fill"))
    assert not Batch(0, nonce_ceiling=("0x", 1)).is_empty
    assert not Batch(0, boots=[("b", 1, "v")]).is_empty
    assert not Batch(0, anchors=[Anchor("BTC", 0, 0, 0, "")]).is_empty


async def test_a_journal_that_is_closed_twice_is_closed(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        pass
    with pytest.raises(RuntimeError):
        await journal.commit(batch())
    db = sqlite3.connect(tmp_path / "j.db")
    assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
    db.close()


@pytest.mark.parametrize(
    ("standing", "side", "lots", "start", "is_ours", "becomes"),
    [
        ("flattening new_grid", Side.SELL, 40, 40, False, "by_hand flattening new_grid"),
        ("flattening", Side.BUY, 5, 40, False, "by_hand flattening"),
        ("flattening", Side.SELL, 50, 40, False, "by_hand flattening"),
        ("flattening", Side.SELL, 10, 40, False, "flattening"),
        ("flattening", Side.SELL, 40, 40, True, "flattening"),
        ("new_grid", Side.BUY, 5, 40, False, "new_grid"),
    ],
)
async def test_a_trade_by_hand_during_a_flatten_is_marked_in_its_own_commit(
    tmp_path: Path, standing: str, side: Side, lots: int, start: int, is_ours: bool, becomes: str
) -> None:
    """A kill may come before anybody looks at it, and no read brings it again."""
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        known = batch(meta={"standing:BTC": standing})
        if is_ours:
            known.orders.append(order())
        await journal.commit(known)
        cloid = order().cloid if is_ours else None
        one = fill(1, side=side, lots=lots, start_lots=start, cloid=cloid, order_id=order().order_id or 1)
        await journal.commit(batch(fills=[one]))
    assert rows(path, "SELECT value FROM meta WHERE key = 'standing:BTC'") == [(becomes,)]
