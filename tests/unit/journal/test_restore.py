"""What a start reads is what the runs before it wrote."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.effects import Effect, LiftHalt, SaveDay, SaveHalt
from core.domain.fills import Fill, FillSource
from core.domain.orders import Order, OrderState, Purpose, Side, Slot, Tif
from core.journal.journal import Anchor
from core.journal.reader import JournalReader
from tests.unit.exchange.samples import ACCOUNT, NOW_MS, cloid, fill, order
from tests.unit.journal.desk import batch, grid, opened, restored, rows

_INT64 = st.integers(0, 2**63 - 1)
_DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=6)
_FILLS = st.builds(
    Fill,
    account=st.just(ACCOUNT),
    coin=st.just("BTC"),
    time_ms=_INT64,
    trade_id=_INT64,
    order_id=_INT64,
    cloid=st.none() | st.text(max_size=34),
    side=st.sampled_from(Side),
    price=st.integers(1, 2**63 - 1),
    lots=st.integers(1, 2**40),
    start_lots=st.integers(-(2**40), 2**40),
    closed_pnl=_DECIMALS,
    fee=_DECIMALS,
    fee_token=st.text(max_size=8),
    crossed=st.booleans(),
    direction=st.text(max_size=20),
    hash=st.text(max_size=8),
    source=st.sampled_from(FillSource),
    raw=st.text(),
)
_SLOTS = st.builds(Slot, st.integers(0, 2**40), st.sampled_from(Side), st.integers(0, 500))
_ORDERS = st.builds(
    Order,
    cloid=st.integers(0, 2**32 - 1).map(cloid),
    coin=st.just("BTC"),
    side=st.sampled_from(Side),
    price=_INT64,
    lots=_INT64,
    tif=st.sampled_from(Tif),
    reduce_only=st.booleans(),
    purpose=st.sampled_from(Purpose),
    slot=st.none() | _SLOTS,
    created_ms=_INT64,
    expires_ms=_INT64,
    ledger_version=_INT64,
    state=st.sampled_from(OrderState),
    order_id=st.none() | _INT64,
    final_filled=st.none() | _INT64,
    reason=st.text(max_size=50),
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(_FILLS, max_size=8, unique_by=lambda f: f.key),
    st.lists(_ORDERS, max_size=8, unique_by=lambda o: o.cloid),
)
def test_restoring_gives_back_what_was_written(fills: list[Fill], orders: list[Order]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "j.db"
            async with opened(path) as journal:
                await journal.commit(batch(orders=orders))
                committed = await journal.commit(batch(fills=fills))
            assert committed.new_fills == tuple(fills)
            found = (await restored(path)).coins["BTC"]
            assert found.fills == fills
            live = {o.cloid: o for o in orders if o.state.is_live}
            assert {o.cloid for o in found.live_orders} == set(live)
            for each in found.live_orders:
                before = live[each.cloid]
                mine = [f for f in fills if f.cloid == each.cloid]
                by_id = [f for f in fills if f.cloid is None and f.order_id == each.order_id]
                assert each == replace(before, filled=sum(f.lots for f in [*mine, *by_id]))

    asyncio.run(run())


async def test_an_empty_journal_restores_to_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db"):
        pass
    found = await restored(tmp_path / "j.db")
    rows = found.coins["BTC"]
    assert (rows.anchor, rows.fills, rows.live_orders, rows.grid, rows.halted) == (None, [], [], None, "")
    assert (found.halted, found.meta, found.cursor_ms, found.pnl_peak) == ("", {}, 0, None)


TODAY, YESTERDAY = (SaveDay(f"2026-01-{n}", Decimal(n), Decimal(1000)) for n in (30, 29))


async def test_anchor_grid_meta_and_nonces_come_back(tmp_path: Path) -> None:
    path, anchor = tmp_path / "j.db", Anchor("BTC", -5, 4_000, NOW_MS, "opening position")
    async with opened(path) as journal:
        await journal.commit(
            batch(
                anchors=[anchor],
                grids=[grid(1), grid(2, center=840_000), grid(9, coin="ETH")],
                meta={"pnl_peak": "100.5", "fill_cursor_ms": "17"},
                nonce_ceiling=("0xa", 50),
                boots=[("b0070001", 42, "0.1.0")],
            )
        )
        await journal.commit(
            batch(meta={"pnl_peak": "101"}, days=[TODAY, YESTERDAY], nonce_ceiling=("0xa", 40))
        )
        await journal.commit(batch(nonce_ceiling=("0xb", 7)))
    found = await restored(path)
    assert (found.coins["BTC"].anchor, found.coins["BTC"].grid) == (anchor, grid(2, center=840_000))
    assert (found.pnl_peak, found.cursor_ms) == (Decimal(101), 17)
    assert found.day == (TODAY.day, TODAY.pnl)
    assert found.nonce_ceilings == {"0xa": 50, "0xb": 7}, "a ceiling never sinks"


async def test_an_anchor_is_written_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await journal.commit(batch(anchors=[Anchor("BTC", 1, 0, 0, "opening position")]))
        with pytest.raises(sqlite3.IntegrityError):
            await journal.commit(batch(anchors=[Anchor("BTC", 2, 0, 0, "again")]))
    anchor = (await restored(tmp_path / "j.db")).coins["BTC"].anchor
    assert anchor is not None
    assert anchor.lots == 1


async def test_what_the_cells_of_the_newest_grid_have_traded_is_summed(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    old = order(1, slot=Slot(1, Side.BUY, 3))
    buy, sell = order(2, slot=Slot(2, Side.BUY, 3)), order(3, slot=Slot(2, Side.SELL, 4), order_id=9)
    async with opened(path) as journal:
        await journal.commit(batch(grids=[grid(1), grid(2)], orders=[old, buy, sell]))
        fills = [
            fill(1, cloid=old.cloid, lots=7),
            fill(2, cloid=buy.cloid, lots=10),
            fill(3, cloid=buy.cloid, lots=5),
            fill(4, order_id=9, lots=4, side=Side.SELL),
            fill(5, lots=99),
        ]
        await journal.commit(batch(fills=fills))
    assert (await restored(path)).coins["BTC"].traded == {3: 15, 4: -4}


_HALT, _RISK = SaveHalt("BTC", "operator"), SaveHalt("BTC", "drawdown")
_LIFT, _ALL, _LIFT_ALL = LiftHalt("BTC", "cli"), SaveHalt("", "equity"), LiftHalt("", "cli")


@pytest.mark.parametrize(
    ("steps", "coin", "account"),
    [
        ([_HALT], "operator", ""),
        ([_HALT, _LIFT], "", ""),
        ([_HALT, _LIFT, _RISK], "drawdown", ""),
        ([_LIFT, _RISK], "drawdown", ""),
        ([_HALT, _RISK], "drawdown", ""),
        ([_RISK, _HALT], "operator", ""),
        ([_HALT, _RISK, _LIFT], "", ""),
        ([_ALL, _LIFT], "", "equity"),
        ([_ALL, _HALT, _LIFT_ALL], "operator", ""),
    ],
    ids=str,
)
@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_halts_outlive_the_process_until_lifted_in_the_order_they_came(
    tmp_path: Path, steps: list[Effect], coin: str, account: str, in_one_batch: bool
) -> None:
    path = tmp_path / "j.db"
    for group in [steps] if in_one_batch else [[step] for step in steps]:
        async with opened(path) as journal:
            whole = batch()
            assert all(whole.take(step) for step in group)
            await journal.commit(whole)
    found = await restored(path)
    assert (found.coins["BTC"].halted, found.halted) == (coin, account)


async def test_a_lift_says_when_and_by_whom_and_leaves_older_ones_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(halts=[_HALT, LiftHalt("BTC", "tui")]))
        await journal.commit(batch(halts=[_RISK, LiftHalt("BTC", "cli")]))
    assert rows(path, "SELECT reason, lifted_ms, lifted_by FROM halts ORDER BY id") == [
        ("operator", NOW_MS, "tui"),
        ("drawdown", NOW_MS, "cli"),
    ]


@pytest.mark.parametrize("name", ["plain", "what? #1 50%41", "ümläut", "a&mode=rwc"])
async def test_a_state_dir_of_any_name_is_read_and_reading_creates_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    path = tmp_path / name / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(meta={"network": "paper"}))
    assert await JournalReader(path).meta() == {"network": "paper"}
    with pytest.raises(Exception, match="unable to open"):
        await JournalReader(tmp_path / name / "absent.db").meta()
    assert not (tmp_path / name / "absent.db").exists()
