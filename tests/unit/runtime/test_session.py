"""A session from its first request to its last row, against the paper exchange's own truth."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.engine.engine import Engine
from core.journal import journal as journal_module
from core.journal.journal import Anchor, Batch, Committed, Journal
from core.journal.reader import JournalReader
from core.journal.schema import ForeignJournalError, StorageError
from core.journal.writes import write as write_rows
from core.paper.faults.spec import parse_faults
from core.runtime import reach
from core.runtime.exit_code import ExitCode
from core.runtime.statedir import UsageError
from core.telemetry.crash_report import reports
from core.view import RunState
from tests.unit.exchange.little_server import LittleServer, say
from tests.unit.exchange.samples import until
from tests.unit.runtime.stage import STILL, plan, running, settings, venue

GRID = 6
"""Three levels a side."""


async def test_a_fresh_start_quotes_its_grid_and_a_stop_takes_it_back(tmp_path: Path) -> None:
    async with venue() as exchange, running(plan(tmp_path, exchange.url)) as run:
        await run.resting(GRID)
        orders = (await exchange.truth())["orders"]
        assert sorted(row["side"] for row in orders) == ["A"] * 3 + ["B"] * 3
        assert all(row["tif"] == "Alo" for row in orders)
        report = await run.stop()
        assert (report.exit_code, report.message) == (ExitCode.CLEAN, "")
        assert (await exchange.truth())["orders"] == []
        assert report.summary["account"] == exchange.user
        found = report.summary["coins"]["BTC"]
        assert (found["fills"], found["position"], found["drift"], found["open_orders"]) == (0, "0", "0", 0)
        assert not report.summary["halted"]
        assert "session_start" in run.told()


async def test_a_second_start_after_a_crash_adopts_the_same_resting_orders(tmp_path: Path) -> None:
    async with venue() as exchange:
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(GRID)
            before = await exchange.cloids()
            await run.crash()
        assert await exchange.cloids() == before
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(GRID)
            await until(lambda: "ws_ready" in run.told())
            assert await exchange.cloids() == before
            report = await run.stop()
        assert report.exit_code is ExitCode.CLEAN
        assert await exchange.cloids() == set()


async def test_what_happened_to_the_account_while_it_was_down_is_read_back(tmp_path: Path) -> None:
    async with venue() as exchange:
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(GRID)
            await exchange.trade("B", "0.002")
            await until(lambda: run.snapshots[-1].coins[0].fills.total == 1)
            await run.crash()
        await exchange.trade("B", "0.001")
        await exchange.trade("A", "0.0005")
        async with running(plan(tmp_path, exchange.url)) as run:
            await until(lambda: run.snapshots and run.snapshots[-1].coins[0].fills.total == 3)
            report = await run.stop()
        found = report.summary["coins"]["BTC"]
        assert (found["position"], found["exchange_position"], found["drift"]) == ("0.0025", "0.0025", "0")
        assert found["fills"] == len((await exchange.truth())["fills"]) == 3
        assert found["fills_from_ws"] + found["fills_from_rest"] == 3


async def test_a_position_from_before_the_first_start_is_the_anchor(tmp_path: Path) -> None:
    async with venue() as exchange:
        await exchange.trade("A", "0.003")
        taken = plan(tmp_path, exchange.url)
        taken = replace(taken, settings=settings("BTC", adopt=True))
        async with running(taken) as run:
            await run.resting(GRID)
            report = await run.stop()
        found = report.summary["coins"]["BTC"]
        assert (found["position"], found["exchange_position"], found["drift"]) == ("-0.003", "-0.003", "0")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"key": "0x" + "11" * 32}, "belongs to account 0x"),
        ({"network": "testnet"}, "belongs to network paper"),
    ],
)
async def test_the_journal_of_another_account_or_network_is_refused_and_untouched(
    tmp_path: Path, changes: dict[str, str], says: str
) -> None:
    async with venue() as exchange:
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(GRID)
            await run.stop()
        mine = plan(tmp_path, exchange.url)
        before = await JournalReader(mine.state.journal).meta()
        async with running(plan(tmp_path, exchange.url, **changes)) as run:
            with pytest.raises(ForeignJournalError, match=f"{says}.*name another with --state-dir"):
                await asyncio.wait_for(run.task, 10)
        assert await JournalReader(mine.state.journal).meta() == before


async def test_a_coin_that_the_exchange_does_not_have_is_refused_with_those_it_has(tmp_path: Path) -> None:
    async with venue() as exchange, running(plan(tmp_path, exchange.url, "NOPE")) as run:
        with pytest.raises(UsageError, match=r"the exchange has no coin 'NOPE'; it has .*BTC"):
            await run.task


@pytest.mark.parametrize("SEED", range(1, 13))
async def test_one_answer_that_lacks_a_coin_neither_ends_a_start_nor_gives_another_its_number(
    tmp_path: Path, SEED: int
) -> None:
    two_coins = replace(STILL, market="synthetic:BTC=reverting,ETH=reverting")
    lacks_btc = {"kind": "http_corrupt", "action": "meta", "mode": "short", "count": 1, "seed": SEED}
    config = replace(two_coins, faults=parse_faults([lacks_btc]))
    async with venue(config) as exchange, running(plan(tmp_path, exchange.url, "ETH")) as run:
        await run.resting(GRID)
        assert {order["coin"] for order in (await exchange.truth())["orders"]} == {"ETH"}


async def test_a_key_that_signs_for_another_account_is_refused(tmp_path: Path) -> None:
    async with venue() as exchange:
        mine = plan(tmp_path, exchange.url)
        watched = replace(mine, identity=replace(mine.identity, account="0x" + "ab" * 20))
        async with running(watched) as run:
            with pytest.raises(UsageError, match="is an account of its own, not an agent of"):
                await run.task
        assert not mine.state.journal.exists()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "REACH_FOR_S", 0.1)
    monkeypatch.setattr(reach, "RETRY_S", 0.02)


@pytest.mark.usefixtures("_impatient")
async def test_an_exchange_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    async with running(plan(tmp_path, "http://127.0.0.1:1")) as run:
        report = await run.task
    assert report.exit_code is ExitCode.UNREACHABLE
    assert "was not reachable" in report.message
    assert run.told() == ["exchange_unreachable"], "said once"
    first, last = run.snapshots[0], run.snapshots[-1]
    (alert,) = first.alerts
    assert first.state is RunState.STARTING
    assert alert.text.startswith("NOT STARTED, THE EXCHANGE IS NOT REACHED: http://127.0.0.1:1 cannot be")
    assert "then the start fails" in alert.fix
    assert last.alerts == (), "what has ended tries no longer"


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(("status", "body"), [(502, "<html>"), (200, "<html>"), (200, "null"), (200, "[]")])
async def test_an_exchange_that_answers_nonsense_counts_as_not_there(
    tmp_path: Path, status: int, body: str
) -> None:
    async with (
        LittleServer(say(body, status)).running() as server,
        running(plan(tmp_path, server.url)) as run,
    ):
        report = await run.task
        assert report.exit_code is ExitCode.UNREACHABLE
        assert len(server.asked) > 1


async def test_a_stop_before_the_exchange_was_reached_says_that_it_never_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "RETRY_S", 0.01)
    async with running(plan(tmp_path, "http://127.0.0.1:1")) as run:
        await until(run.told)
        report = await run.stop()
    assert report.exit_code is ExitCode.UNREACHABLE


async def test_a_journal_that_cannot_be_written_any_more_cancels_everything_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every commit fails from one moment on, the one of the nonces' ceiling included."""
    real = Journal.commit
    full: list[bool] = []

    async def commit(journal: Journal, batch: Batch) -> Committed:
        if full:
            raise StorageError("the disk is full")
        return await real(journal, batch)

    monkeypatch.setattr(Journal, "commit", commit)
    monkeypatch.setattr("core.exchange.nonces.RESERVE_MS", 0)
    async with venue() as exchange, running(plan(tmp_path, exchange.url)) as run:
        await run.resting(GRID)
        full.append(True)
        await exchange.trade("B", "0.001")
        await until(lambda: run.snapshots[-1].alerts and run.snapshots[-1].alerts[0].id == "storage")
        await until(lambda: "abandoned_orders_cancelled" in run.told())
        assert await exchange.cloids() == set()
        assert not run.task.done()
        report = await run.stop()
        assert report.exit_code is ExitCode.STORAGE
        assert "the disk is full" in report.message
        assert (await exchange.truth())["orders"] == []
        assert report.summary["coins"]["BTC"]["fills"] == 0, "the held commit changed nothing that is shown"
        assert run.told().count("storage_failed") == 1


async def test_a_loop_that_dies_leaves_no_orders_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Engine.step
    broken: list[bool] = []

    def step(engine: Engine, event: Any, now: Any, acts: bool = True) -> Any:
        if broken:
            raise AssertionError("a bug")
        return real(engine, event, now, acts)

    monkeypatch.setattr(Engine, "step", step)
    async with venue() as exchange, running(plan(tmp_path, exchange.url)) as run:
        await run.resting(GRID)
        broken.append(True)
        report = await asyncio.wait_for(run.task, 10)
        assert report.exit_code is ExitCode.INTERNAL
        assert "AssertionError: a bug" in report.message
        assert (await exchange.truth())["orders"] == []
        assert "core_task_failed" in run.told()


async def test_a_row_that_the_journal_refuses_ends_the_run_with_its_orders_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is to be written is wrong: no disk space would help, and no second try."""
    broken = list[bool]()

    def write(db: sqlite3.Connection, batch: Batch) -> Committed:
        anchor = Anchor("BTC", 1, 1, 1, "a bug")
        return write_rows(db, replace(batch, anchors=[anchor, anchor]) if broken else batch)

    monkeypatch.setattr(journal_module, "write", write)
    async with venue() as exchange:
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(GRID)
            broken.append(True)
            await exchange.trade("B", "0.001")
            report = await asyncio.wait_for(run.task, 10)
            assert report.exit_code is ExitCode.INTERNAL
            assert "UNIQUE constraint failed" in report.message
            assert (await exchange.truth())["orders"] == []
            assert "core_task_failed" in run.told()
            assert "storage_failed" not in run.told()
        broken.clear()
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(GRID)
            found = (await run.stop()).summary["coins"]["BTC"]
    assert (found["fills"], found["position"], found["drift"]) == (1, "0.001", "0"), "the fill was read again"
    await until(lambda: reports(plan(tmp_path, "").state.logs))


async def test_a_feed_that_dies_ends_the_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(_feed: object, _message: object) -> None:
        raise RuntimeError("a bug")

    async with venue() as exchange, running(plan(tmp_path, exchange.url)) as run:
        await run.resting(GRID)
        monkeypatch.setattr("core.exchange.market_data.MarketData._handle", die)
        await exchange.trade("B", "0.001")
        report = await asyncio.wait_for(run.task, 20)
        assert report.exit_code is ExitCode.INTERNAL
        assert "internal error in feed" in report.message
        assert (await exchange.truth())["orders"] == []


async def test_every_start_has_a_boot_of_its_own_and_one_instance(tmp_path: Path) -> None:
    async with venue() as exchange:
        for _ in range(2):
            async with running(plan(tmp_path, exchange.url)) as run:
                await run.resting(GRID)
                await run.crash()
    journal = plan(tmp_path, "").state.journal
    db = sqlite3.connect(journal)
    (boots,) = db.execute("SELECT count(DISTINCT boot) FROM boots").fetchone()
    ((instance,),) = db.execute("SELECT DISTINCT substr(cloid, 11, 8) FROM orders").fetchall()
    db.close()
    assert boots == 2
    assert plan(tmp_path, "").state.read_instance() == instance, "a rebuilt journal still knows its orders"


async def test_a_journal_that_was_removed_leaves_orders_that_are_still_ours(tmp_path: Path) -> None:
    async with venue() as exchange:
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(GRID)
            await run.crash()
        state = plan(tmp_path, exchange.url).state
        instance = state.read_instance()
        before = {order["cloid"] for order in (await exchange.truth())["orders"]}
        for file in state.path.glob("journal.db*"):
            file.unlink()
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(GRID)
            now = {order["cloid"] for order in (await exchange.truth())["orders"]}
            report = await run.stop()
        assert len(before) == len(now) == GRID
        assert not before & now, "taken back, and others placed"
        assert not report.summary["halted"]
        assert state.read_instance() == instance
