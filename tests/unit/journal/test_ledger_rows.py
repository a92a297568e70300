"""What the ledger is restored from: checkpoints and what isn't in them, counts, adjustments, funding, foreign fills."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.clock import DAY_MS
from core.domain.effects import (
    Effect,
    RevokeAdjustment,
    SaveAdjustment,
    SaveCheckpoint,
    SavePosition,
)
from core.domain.events import FillConflict
from core.domain.fills import Adjustment, FillKind, FillSource, ForeignFill, Funding
from core.domain.orders import Side
from core.journal.batch import Batch
from core.journal.reader import FILLS_SHOWN
from tests.unit.exchange.samples import ACCOUNT, NOW_MS, cloid, fill, order
from tests.unit.journal.desk import batch, opened, restored, rows

_DAY = NOW_MS // DAY_MS * DAY_MS


def _checkpoint(cut_ms: int, coin: str = "BTC") -> SaveCheckpoint:
    return SaveCheckpoint(coin, cut_ms, -30, 12_345, Decimal("1.25"), Decimal("-0.5"))


def _adjustment(id_: str = "a1", time_ms: int = NOW_MS, coin: str = "BTC") -> Adjustment:
    return Adjustment(id_, coin, time_ms, 30, 20, 839_590, NOW_MS, "tui", "sold elsewhere")


def _funding(time_ms: int, usd: str, coin: str = "BTC") -> Funding:
    return Funding(ACCOUNT, coin, time_ms, Decimal(usd), "0x0", "{}")


def _cuts(path: Path) -> list[tuple[Any, ...]]:
    return rows(path, "SELECT coin, cut_ms FROM checkpoints ORDER BY coin, cut_ms")


async def test_counts_are_kept_with_the_fills_by_coin_and_over_runs(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    fills = [
        fill(1, cloid=cloid(1)),
        fill(2, source=FillSource.REST, crossed=True, side=Side.SELL),
        fill(3, source=FillSource.SNAPSHOT, coin="ETH"),
    ]
    async with opened(path) as journal:
        await journal.commit(batch(orders=[order(1)]))
        await journal.commit(batch(fills=fills))
    async with opened(path) as journal:
        await journal.commit(batch(fills=[*fills, fill(4, source=FillSource.RESOLVER), fill(4)]))
    found = await restored(path, "BTC", "ETH")
    assert found.coins["BTC"].counts == {
        "fills": 3,
        "buys": 2,
        "external": 2,
        "ws": 1,
        "maker": 2,
        "duplicates": 3,
    }
    assert found.coins["ETH"].counts == {"fills": 1, "buys": 1, "external": 1, "maker": 1, "duplicates": 1}


async def test_the_kind_of_a_fill_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(fills=[fill(1, kind=FillKind.LIQUIDATION)]))
    assert (await restored(path)).coins["BTC"].fills == [fill(1, kind=FillKind.LIQUIDATION)]


@pytest.mark.parametrize(
    "changes",
    [
        {"side": Side.SELL},
        {"price": 1},
        {"lots": 31},
        {"start_lots": 1},
        {"order_id": 78},
        {"closed_pnl": Decimal("0.01")},
        {"fee": Decimal(0)},
    ],
    ids=lambda changes: next(iter(changes)),
)
@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_a_known_key_with_another_content_is_told_and_the_row_stands(
    tmp_path: Path, changes: dict[str, Any], in_one_batch: bool
) -> None:
    path, known, told = tmp_path / "j.db", fill(5), replace(fill(5), **changes)
    async with opened(path) as journal:
        if not in_one_batch:
            await journal.commit(batch(fills=[known]))
        committed = await journal.commit(
            batch(fills=[known, told, fill(6)] if in_one_batch else [told, fill(6)])
        )
    assert committed.conflicts == (FillConflict(known, told),)
    assert committed.duplicates == (("BTC", 1),)
    assert (await restored(path)).coins["BTC"].fills == [known, fill(6)]


async def test_a_duplicate_that_says_the_same_in_other_words_is_no_conflict(tmp_path: Path) -> None:
    async with opened(tmp_path / "j.db") as journal:
        await journal.commit(batch(fills=[fill(5)]))
        again = fill(5, fee=Decimal("0.00362700"), source=FillSource.REST, raw="{ }", hash="0x0")
        committed = await journal.commit(batch(fills=[again]))
    assert (committed.conflicts, committed.duplicates) == ((), (("BTC", 1),))


async def test_foreign_fills_and_funding_are_new_once(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    foreign = [ForeignFill(ACCOUNT, "PURR/USDC", NOW_MS, n, 7, f'{{"tid": {n}}}') for n in (1, 2)]
    funding = [_funding(NOW_MS, "-0.5"), _funding(NOW_MS + 1, "0.25")]
    async with opened(path) as journal:
        first = await journal.commit(batch(foreign=foreign[:1], funding=funding[:1]))
        second = await journal.commit(batch(foreign=[*foreign, foreign[1]], funding=[*funding, funding[0]]))
    assert (first.new_foreign, first.new_funding) == ((foreign[0],), (funding[0],))
    assert (second.new_foreign, second.new_funding) == ((foreign[1],), (funding[1],))
    assert rows(path, "SELECT coin, trade_id, raw, received_ms FROM foreign_fills ORDER BY id") == [
        ("PURR/USDC", n, f'{{"tid": {n}}}', NOW_MS) for n in (1, 2)
    ]


async def test_a_fill_that_the_ledger_counts_is_no_foreign_one(tmp_path: Path) -> None:
    """A start without a coin that was traded before is told its fills once more. Without a trade id the order is the key."""
    path = tmp_path / "j.db"
    counted = [fill(1), fill(0, order_id=7)]
    told = [
        *(ForeignFill(ACCOUNT, "BTC", NOW_MS, 1, 77, "{}"), ForeignFill(ACCOUNT, "BTC", NOW_MS, 0, 7, "{}")),
        *(ForeignFill(ACCOUNT, "BTC", NOW_MS, 0, 8, "{}"), ForeignFill(ACCOUNT, "ETH", NOW_MS, 1, 77, "{}")),
        ForeignFill(ACCOUNT, "BTC", NOW_MS + 1, 1, 77, "{}"),
    ]
    async with opened(path) as journal:
        await journal.commit(batch(fills=counted[:1]))
        committed = await journal.commit(batch(fills=counted[1:], foreign=told))
    assert list(committed.new_foreign) == told[2:]


async def test_all_funding_is_summed_and_the_newest_two_days_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    old, edge, recent = (
        _funding(NOW_MS + d * DAY_MS, usd) for d, usd in ((-9, "1.1"), (-2, "0.2"), (-1, "-4"))
    )
    newest = _funding(NOW_MS, "0.000001")
    async with opened(path) as journal:
        await journal.commit(batch(funding=[newest, recent, old, edge, _funding(NOW_MS, "9", "ETH")]))
    found = (await restored(path)).coins["BTC"]
    assert found.funding_usd == Decimal("-2.699999")
    assert list(found.funding_days.values()) == [
        Decimal("1.1"),
        Decimal("0.2"),
        Decimal(-4),
        Decimal("0.000001"),
    ]
    assert all(day % DAY_MS == 0 for day in found.funding_days)
    assert found.funding == [recent, newest]


async def test_the_stored_position_is_the_last_one_told(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(positions=[SavePosition("BTC", 30, 1, 0), SavePosition("ETH", 5, 9, 1)]))
        await journal.commit(Batch(NOW_MS + 9, positions=[SavePosition("BTC", -60, 2, 3)]))
    assert rows(path, "SELECT * FROM positions ORDER BY coin") == [
        ("BTC", -60, 2, 3, NOW_MS + 9),
        ("ETH", 5, 9, 1, NOW_MS),
    ]


async def test_a_start_reads_the_newest_checkpoint_and_only_what_is_not_in_it(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    times = (NOW_MS - 1, NOW_MS, NOW_MS + 1)
    fills = [fill(n, time_ms=ms) for n, ms in enumerate(times)]
    adjustments = [_adjustment(f"a{n}", ms) for n, ms in enumerate(times)]
    async with opened(path) as journal:
        await journal.commit(batch(fills=fills, adjustments=adjustments))
        await journal.commit(batch(revoked=["a2"]))
        everything = (await restored(path)).coins["BTC"]
        cuts = [_checkpoint(NOW_MS), _checkpoint(NOW_MS - 1), _checkpoint(NOW_MS + 9, "ETH")]
        await journal.commit(batch(checkpoints=cuts))
    assert (everything.checkpoint, everything.fills) == (None, fills)
    assert (everything.adjustments, everything.adjustments_ever) == (adjustments[:2], 3)
    found = (await restored(path)).coins["BTC"]
    assert found.checkpoint == _checkpoint(NOW_MS)
    assert found.fills == fills[1:]
    assert (found.adjustments, found.adjustments_ever) == (adjustments[1:2], 3)
    assert found.counts["fills"] == 3


async def test_the_newest_four_checkpoints_of_a_coin_are_kept_and_each_is_replaced_whole(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(batch(checkpoints=[_checkpoint(1, "ETH")]))
        for cut_ms in (5, 3, 1, 4, 2):
            await journal.commit(batch(checkpoints=[_checkpoint(cut_ms)]))
        moved = replace(_checkpoint(5), lots=1, cost=2, realized=Decimal(3), fees=Decimal(4))
        await journal.commit(batch(checkpoints=[moved]))
    assert _cuts(path) == [("BTC", 2), ("BTC", 3), ("BTC", 4), ("BTC", 5), ("ETH", 1)]
    assert (await restored(path)).coins["BTC"].checkpoint == moved


_LATE = fill(9, time_ms=NOW_MS + 1)
_BEFORE, _LEFT = [NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 3], [NOW_MS, NOW_MS + 1]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"fills": [_LATE]}, _LEFT),
        ({"fills": [fill(8, time_ms=NOW_MS + 8), _LATE]}, _LEFT),
        ({"fills": [fill(8, time_ms=NOW_MS + 3)]}, _BEFORE),
        ({"fills": [fill(1, time_ms=NOW_MS)]}, _BEFORE),
        ({"fills": [replace(_LATE, coin="ETH")]}, _BEFORE),
        ({"adjustments": [_adjustment("new", NOW_MS + 1)]}, _LEFT),
        ({"adjustments": [_adjustment("new", NOW_MS + 3)]}, _BEFORE),
        ({"adjustments": [_adjustment("new", NOW_MS + 2)], "fills": [_LATE]}, _LEFT),
        ({"revoked": ["old"]}, _LEFT),
        ({"revoked": ["old"], "fills": [replace(_LATE, time_ms=NOW_MS + 2)]}, _LEFT),
        ({"revoked": ["no such"]}, _BEFORE),
        ({"fills": [_LATE], "checkpoints": [_checkpoint(NOW_MS + 9)]}, _LEFT),
    ],
)
async def test_what_comes_before_a_cut_deletes_the_checkpoints_that_it_is_not_in(
    tmp_path: Path, change: dict[str, Any], left: list[int]
) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(
            batch(fills=[fill(1, time_ms=NOW_MS)], adjustments=[_adjustment("old", NOW_MS + 1)])
        )
        await journal.commit(batch(checkpoints=[_checkpoint(ms) for ms in _BEFORE]))
        await journal.commit(batch(**change))
    assert _cuts(path) == [("BTC", ms) for ms in left]


async def test_an_adjustment_counts_until_it_is_revoked_and_its_row_stays(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with opened(path) as journal:
        await journal.commit(
            batch(adjustments=[_adjustment("a1"), _adjustment("a2"), _adjustment("e", coin="ETH")])
        )
        with pytest.raises(sqlite3.IntegrityError):
            await journal.commit(batch(adjustments=[_adjustment("a2")]))
        await journal.commit(Batch(NOW_MS + 5, revoked=["a1"]))
        await journal.commit(Batch(NOW_MS + 6, revoked=["a1"]))
    found = (await restored(path)).coins["BTC"]
    assert (found.adjustments, found.adjustments_ever) == ([_adjustment("a2")], 2)
    assert rows(path, "SELECT revoked_ms FROM adjustments WHERE id = 'a1'") == [(NOW_MS + 5,)]


async def test_what_was_realized_today_before_the_cut_is_told_less_its_usdc_fees(tmp_path: Path) -> None:
    path, fee = tmp_path / "j.db", Decimal("0.1")
    told: list[tuple[int, str, dict[str, Any]]] = [
        (_DAY - 1, "100", {}),
        (_DAY, "1", {}),
        (_DAY + 1, "2", {"fee_token": "HYPE"}),
        (_DAY + 2, "-4", {"coin": "ETH"}),
        (_DAY + 3, "8", {}),
        (_DAY + 4, "16", {}),
    ]
    fills = [
        fill(n, **{"time_ms": ms, "closed_pnl": Decimal(pnl), "fee": fee, **changes})
        for n, (ms, pnl, changes) in enumerate(told)
    ]
    async with opened(path) as journal:
        await journal.commit(batch(fills=fills))
        whole = (await restored(path)).coins["BTC"]
        await journal.commit(batch(checkpoints=[_checkpoint(_DAY + 4)]))
    found = (await restored(path)).coins["BTC"]
    assert (whole.day_ms, whole.day_realized) == (_DAY, Decimal(0)), "all of the day is among the fills"
    assert (found.day_ms, found.day_realized) == (_DAY, Decimal("10.8"))
    today = [each for each in fills if _DAY <= each.time_ms < _DAY + 4 and each.coin == "BTC"]
    assert (whole.day_lots, found.day_lots) == (0, sum(each.signed_lots for each in today))
    assert found.day_lots
    assert found.other_fees == {"HYPE": fee}


def test_a_batch_takes_the_ledgers_rows() -> None:
    taken: list[Effect] = [
        SaveAdjustment(_adjustment()),
        RevokeAdjustment("a1"),
        SavePosition("BTC", 1, 1, 0),
        _checkpoint(1),
    ]
    for effect in taken:
        each = Batch(0)
        assert each.take(effect)
        assert not each.is_empty
    assert not Batch(0, foreign=[ForeignFill(ACCOUNT, "X", 0, 0, 0, "")]).is_empty
    assert not Batch(0, funding=[_funding(0, "1")]).is_empty


async def test_the_newest_fills_come_back_newest_first_with_when_they_were_committed(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    made = [replace(fill(n, cloid=cloid(n)), time_ms=NOW_MS + n // 2) for n in range(1, FILLS_SHOWN + 10)]
    async with opened(path) as journal:
        await journal.commit(batch(fills=made))
    found = (await restored(path)).coins["BTC"].newest_fills
    assert [each.trade_id for each, _, _ in found] == [each.trade_id for each in reversed(made)][:FILLS_SHOWN]
    assert {(received, external) for _, received, external in found} == {(NOW_MS, True)}
