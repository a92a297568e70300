"""Money in the journal: kept with the fills in their transaction, once, and carried over from older journals."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from core.domain.orders import Side, Slot
from core.domain.transfers import Transfer
from core.journal.batch import CashMark
from core.journal.cells import cell_sums
from core.journal.rows import INSERT_FILL, UPSERT_ORDER, fill_values, order_values
from core.journal.schema import APPLICATION_ID, MIGRATIONS, prepare
from tests.unit.exchange.samples import ACCOUNT, NOW_MS, cloid, fill, order
from tests.unit.journal.desk import batch, opened, restored, rows

_BEFORE = 4
"""The schema before money was kept."""


_ORDERS = [
    order(1, side=Side.BUY, slot=Slot(1, Side.BUY, 0), order_id=1_001),
    order(2, side=Side.SELL, slot=Slot(1, Side.SELL, 0), order_id=1_002),
    order(3, side=Side.BUY, slot=Slot(2, Side.BUY, 0), order_id=1_003),
    order(4, side=Side.SELL, slot=None, order_id=1_004),
]
_FILLS = [
    fill(1, cloid=cloid(1), order_id=1_001, side=Side.BUY, lots=30, price=100),
    fill(2, cloid=None, order_id=1_002, side=Side.SELL, lots=20, price=103),
    fill(3, cloid=cloid(3), order_id=1_003, side=Side.BUY, lots=5, price=90),
    fill(4, cloid=cloid(4), order_id=1_004, side=Side.SELL, lots=9, price=200),
    fill(5, cloid=None, order_id=77, side=Side.SELL, lots=2, price=300),
]
_CASH = -3_000 + 2_060 - 450 + 1_800 + 600
_CELLS = [("BTC", 1, 0, "30", "3000", "20", "2060"), ("BTC", 2, 0, "5", "450", "0", "0")]


async def test_each_fill_of_the_grid_is_counted_once_in_its_cell_and_every_fill_in_the_cash(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(orders=_ORDERS))
        first = await journal.commit(batch(fills=_FILLS[:1]))
        both = await journal.commit(batch(fills=_FILLS))
        again = await journal.commit(batch(fills=_FILLS))
    assert [committed.matched for committed in (first, both, again)] == [(("BTC", 0),), (("BTC", 60),), ()]
    assert rows(path, "SELECT * FROM cells") == _CELLS
    found = (await restored(path)).coins["BTC"]
    assert (found.cash, found.matched) == (_CASH, 60)


async def test_a_fill_that_was_nobodys_when_it_came_belongs_to_no_cell(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=_FILLS[1:2]))
        await journal.commit(batch(orders=_ORDERS))
    assert rows(path, "SELECT * FROM cells") == []
    db = sqlite3.connect(path)
    assert cell_sums(db, "f.coin = 'BTC'") == {}, "nor when they are counted again"
    db.close()
    assert (await restored(path)).coins["BTC"].cash == 2_060


async def test_an_older_journal_gets_the_same_sums_from_its_fills(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    db = sqlite3.connect(path)
    steps = "".join(MIGRATIONS[:_BEFORE])
    db.executescript(
        f"BEGIN; {steps} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {_BEFORE}; COMMIT;"
    )
    older = UPSERT_ORDER.replace(", trigger_price", "").replace("(?, ", "(", 1)
    db.executemany(older, [order_values(each)[:-1] for each in _ORDERS])
    db.executemany(INSERT_FILL, [fill_values(each, NOW_MS) for each in _FILLS])
    odd = [replace(_FILLS[0], trade_id=10, price=101), replace(_FILLS[1], trade_id=11, lots=1, price=104)]
    db.executemany(INSERT_FILL, [fill_values(each, NOW_MS) for each in odd])
    db.commit()
    db.close()
    await prepare(path)
    new = tmp_path / "new.db"
    async with opened(new) as journal:
        await journal.commit(batch(orders=_ORDERS))
        await journal.commit(batch(fills=[*_FILLS, *odd]))
    for table in ("cells", "money"):
        assert rows(path, f"SELECT * FROM {table}") == rows(new, f"SELECT * FROM {table}")
    assert (await restored(path)).coins["BTC"].matched == 2_164 - -(-6_030 * 21 // 60)


async def test_a_fill_whose_notional_outgrows_64_bits_is_stored_all_the_same(tmp_path: Path) -> None:
    path, lots = tmp_path / "j.db", 2**40
    async with opened(path) as journal:
        await journal.commit(batch(orders=_ORDERS))
        for number in (1, 2):
            large = fill(number, cloid=cloid(1), order_id=1_001, lots=lots, price=2**23)
            await journal.commit(batch(fills=[large]))
    assert (await restored(path)).coins["BTC"].cash == -(2**64)


def _transfer(time_ms: int = NOW_MS, hash_: str = "0xa1", usd: str = "100") -> Transfer:
    moves = (("", Decimal(usd)), ("spot", -Decimal(usd)))
    return Transfer(ACCOUNT, time_ms, hash_, "accountClassTransfer", moves, f"{{{usd}}}")


async def test_a_transfer_is_stored_once_by_time_and_hash_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    one, other, later = _transfer(), _transfer(hash_="0xa2"), _transfer(NOW_MS + 1)
    async with opened(path) as journal:
        first = await journal.commit(batch(transfers=[one, other, one]))
        second = await journal.commit(batch(transfers=[later, one]))
    assert (first.new_transfers, second.new_transfers) == ((one, other), (later,))
    assert (await restored(path)).transfers == [one, other, later]


async def test_cash_is_marked_once(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(cash_marks=[CashMark(ACCOUNT, "", 5, Decimal("10.5"))]))
        await journal.commit(batch(cash_marks=[CashMark(ACCOUNT, "", 9, Decimal(3))]))
    assert rows(path, "SELECT time_ms, raw_usd FROM cash_marks") == [(5, "10.5")]
    assert (await restored(path)).cash_marked == {""}
