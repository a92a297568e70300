"""A coin that is traded again is told what came while it wasn't: fills that the journal holds aside, and funding since then."""

from __future__ import annotations

import asyncio
import csv
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from core.domain.fills import Adjustment, Fill, FillSource, ForeignFill, Funding
from core.domain.orders import Side
from core.exchange.reads import Reads
from core.exchange.venue_clock import VenueClock
from core.journal.batch import Anchor, Batch, Committed
from core.journal.certificate import read_evidence
from core.journal.journal import Journal
from core.journal.reader import CoinRows, JournalReader, Restored
from core.paper.config import PaperConfig
from core.runtime.comeback import fills_to_take_back, funding_known_ms, funding_marks
from core.runtime.export.export import WHAT, export
from core.runtime.export.period import Period
from core.runtime.keys import Identity
from core.runtime.opening import restore_journal
from core.runtime.plan import RunPlan
from core.runtime.verify import verify_journal
from core.runtime.verify_online import compare_online
from tests.unit.exchange.samples import ACCOUNT, INSTRUMENTS, NOW_MS, until
from tests.unit.journal.desk import batch, opened
from tests.unit.runtime.kept_journal import Trades
from tests.unit.runtime.stage import Venue, plan, running, venue


def aside(fill: Fill) -> ForeignFill:
    return ForeignFill(ACCOUNT, fill.coin, fill.time_ms, fill.trade_id, fill.order_id, fill.raw)


async def test_what_is_held_aside_comes_back_from_the_beginning_or_the_last_adjustment_on(
    tmp_path: Path,
) -> None:
    path, desk = tmp_path / "j.db", Trades()
    fills = [desk.fill(Side.BUY, 3, 840_000, NOW_MS + n) for n in range(4)]
    odd = replace(aside(fills[3]), trade_id=99, raw="{}")
    async with opened(path) as journal:
        await journal.commit(batch(foreign=[*map(aside, fills), odd]))
        await journal.commit(batch(fills=fills[1:2]))
        rows = CoinRows(Anchor("BTC", 3, 0, NOW_MS + 1, ""))
        restored = Restored({}, {"BTC": rows, "ETH": CoinRows()}, "", {})
        back = await fills_to_take_back(JournalReader(path), ACCOUNT, restored, INSTRUMENTS)
        assert [fill.trade_id for fill in back] == [3, 4]
        rows.adjustments = [Adjustment("a", "BTC", NOW_MS + 2, 6, 9, 840_000, NOW_MS + 2, "cli", "")]
        back = await fills_to_take_back(JournalReader(path), ACCOUNT, restored, INSTRUMENTS)
        assert [fill.trade_id for fill in back] == [4]


async def test_a_start_takes_back_what_no_read_may_reach_any_more(tmp_path: Path) -> None:
    of, desk = plan(tmp_path, "http://127.0.0.1:1"), Trades(start_lots=2)
    fills = [desk.fill(Side.BUY, 3, 840_000, NOW_MS + n) for n in range(2)]
    paid = Funding(ACCOUNT, "BTC", NOW_MS, Decimal(1), "0x0", "{}")
    of = replace(of, identity=Identity(ACCOUNT, of.identity.signer))
    async with opened(of.state.journal) as journal:
        await journal.commit(batch(anchors=[Anchor("BTC", 2, 0, NOW_MS, "")], meta={"risk_coins": "ETH"}))
        await journal.commit(batch(fills=fills[:1], foreign=[*map(aside, fills)], funding=[paid]))
        reads, clock = cast(Reads, None), VenueClock()
        restored = await restore_journal(of, journal, reads, {"BTC": INSTRUMENTS["BTC"]}, clock)
        again = await restore_journal(of, journal, reads, {"BTC": INSTRUMENTS["BTC"]}, clock)
    assert restored.coins["BTC"].fills == [fills[0], replace(fills[1], source=FillSource.REST)]
    assert (restored.meta["funding_known_ms:BTC"], restored.cursor_ms) == (str(NOW_MS), 0)
    assert again.coins == restored.coins


def _restored(meta: dict[str, str], **paid_ms: int) -> Restored:
    """BTC is anchored at 5, ETH at 3; the time of each one's newest payment, or 0."""
    coins = {"BTC": CoinRows(Anchor("BTC", 0, 0, 5, "")), "ETH": CoinRows(Anchor("ETH", 0, 0, 3, ""))}
    for coin, time_ms in paid_ms.items():
        coins[coin].funding = [Funding(ACCOUNT, coin, time_ms, Decimal(1), "0x0", "{}")]
    return Restored(meta, coins, "", {})


def test_funding_is_read_on_from_where_that_of_a_coin_which_came_back_ends() -> None:
    assert funding_known_ms(_restored({})) == 3
    both = _restored({"risk_coins": "BTC,ETH"}, BTC=90, ETH=20)
    assert (funding_marks(both), funding_known_ms(both)) == ({}, 90)
    marks = funding_marks(_restored({"risk_coins": "BTC"}, BTC=90, ETH=20))
    assert list(marks.values()) == ["20"]
    again = {"risk_coins": "BTC,ETH", **marks}
    assert funding_known_ms(_restored(again, BTC=90, ETH=20)) == 20, "also at the start after a kill"
    assert funding_known_ms(_restored(again, BTC=90, ETH=30)) == 90
    assert list(funding_marks(_restored({"risk_coins": "BTC"}, BTC=90)).values()) == ["3"]


TWO = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)


async def _run_while(of: RunPlan, at: Venue, coins: int, *by_hand: tuple[str, str]) -> None:
    """A run with three levels a side, in which ETH is traded by hand."""
    async with running(of) as run:
        await run.resting(6 * coins)
        for side, size in by_hand:
            await at.trade(side, size, "ETH")
        if by_hand:
            told = "fill" if coins > 1 else "foreign_fill"
            await until(lambda: run.told().count(told) >= len(by_hand))
        await run.stop()


async def _dies_in_its_start(of: RunPlan, monkeypatch: pytest.MonkeyPatch, is_written: bool) -> None:
    """Around the one transaction in which what was held aside comes back."""
    commit, taken_back = Journal.commit, 0

    async def dies(journal: Journal, batch: Batch) -> Committed:
        nonlocal taken_back
        if not batch.fills:
            return await commit(journal, batch)
        taken_back = len((await commit(journal, batch)).new_fills if is_written else batch.fills)
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "commit", dies)
        async with running(of) as run:
            _, waiting = await asyncio.wait([run.task], timeout=20)
            assert not waiting
    assert taken_back == 4, "all that was traded by hand while ETH was left out"


async def _agrees(of: RunPlan, at: Venue, output: Path) -> None:
    """Journal and export know each fill of the exchange's once, and ``verify --online`` agrees."""
    proof = verify_journal(of.state.journal, False, 0)
    await compare_online(proof, of.state)
    assert proof.verified, proof.as_text()
    done, fills = export(of.state, output, Period(), WHAT), (await at.truth())["fills"]
    with (output / "fills.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(int(row["trade_id"]) for row in rows) == sorted(fill["tid"] for fill in fills)
    for column, name in (("fee", "fee"), ("closed_pnl_usd", "closedPnl")):
        total = sum(Decimal(row[column]) for row in rows)
        assert total == sum(Decimal(fill[name]) for fill in fills)
    assert done.reconciles
    assert not any("fills are missing" in note for note in done.notes)


async def test_each_fill_is_known_once_whether_its_coin_is_traded_left_out_or_traded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was traded by hand while ETH was left out ends where it began: no gap in the chain would ever tell of it."""
    async with venue(TWO) as at:
        both, one = plan(tmp_path, at.url, "BTC", "ETH"), plan(tmp_path, at.url, "BTC")
        await _run_while(both, at, 2, ("B", "0.1"))
        await at.trade("B", "0.05", "ETH")
        await _run_while(one, at, 1, ("A", "0.05"), ("A", "0.03"), ("B", "0.03"))
        await _agrees(one, at, tmp_path / "left-out")
        for is_written in (False, True):
            await _dies_in_its_start(both, monkeypatch, is_written)
        await _run_while(both, at, 2)
        with read_evidence(both.state.journal) as evidence:
            assert not evidence.foreign_fills()
        await _run_while(both, at, 2, ("A", "0.1"))
        await _agrees(both, at, tmp_path / "again")
