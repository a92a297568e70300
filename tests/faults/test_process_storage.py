"""A journal that can't be written, or is slow (P10, P13): nothing is lost, nothing acts, and it goes on where it stopped."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

import pytest

from core.domain.commands import Action, Command, Origin
from core.domain.events import CommandReceived
from core.domain.orders import OrderState
from core.journal.journal import Batch, Committed, Journal
from core.journal.schema import StorageError
from core.runtime.exit_code import ExitCode
from core.view import LevelState
from tests.faults.world import World

FULL = "database or disk is full"


@contextmanager
def full_disk(refuses: Callable[[Batch], object] = lambda _: True) -> Iterator[list[Batch]]:
    """Every such commit fails meanwhile; what was refused."""
    refused, real = [], Journal.commit

    async def commit(journal: Journal, batch: Batch) -> Committed:
        if not refuses(batch):
            return await real(journal, batch)
        refused.append(batch)
        raise StorageError(f"the journal j cannot be written ({FULL}); free disk space") from OSError(FULL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "commit", commit)
        yield refused


@contextmanager
def slow_disk(takes_s: float, turns: list[int]) -> Iterator[list[int]]:
    """Every commit takes so long, on the journal's own thread; how many ``turns`` the loop made during each."""
    real, made = Journal._commit, []

    def commit(journal: Journal, batch: Batch) -> Committed:
        before = turns[0]
        time.sleep(takes_s)
        made.append(turns[0] - before)
        return real(journal, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "_commit", commit)
        yield made


def has_alert(world: World) -> bool:
    return any(alert.id == "storage" for alert in world.snapshot.alerts)


def is_placing(world: World) -> bool:
    return any(level.state is LevelState.IN_FLIGHT for level in world.coin().grid.levels)


async def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = (await world.control("status"))["status"]
    return found


async def test_p10_a_fill_that_cannot_be_written_is_held_and_counted_once_when_there_is_space_again(
    world: World,
) -> None:
    await world.start()
    with full_disk() as refused:
        world.hit(100)
        await world.until(lambda: has_alert(world), "the screen says so")
        await world.until(lambda: not world.ours(), "what rested is taken back without the disk")
        await world.exchange.trade("B", "0.001")
        seen = len(world.run.snapshots)
        await world.until(lambda: len(world.run.snapshots) > seen + 3, "the screen goes on")
        shown = world.coin()
        assert (shown.fills.total, shown.position) == (0, Decimal(0)), "what isn't on disk changes nothing"
        assert shown.idle_reason == f"the journal cannot be written: {FULL}"
        told = (await status(world))["alerts"]
        assert (told[0]["text"], told[0]["fix"]) == (f"JOURNAL CANNOT BE WRITTEN: {FULL}", "free disk space")
        await world.until(lambda: len(refused) >= 3, "it is tried again")
        assert len({id(batch) for batch in refused if batch.fills}) == 1, "the same batch, nothing else"
        assert not world.ours()
    truth = await world.check("storage_failed", "storage_recovered", "abandoned_orders_cancelled")
    assert len(truth["fills"]) == 2
    assert not has_alert(world)
    assert (await world.stop()).exit_code is ExitCode.CLEAN


async def test_p10_orders_whose_rows_cannot_be_written_are_never_sent(world: World) -> None:
    await world.start()
    before = set(world.watch.cloids)
    with full_disk(lambda batch: any(o.state is OrderState.SENT for o in batch.orders)) as refused:
        world.hit(100)
        await world.until(lambda: refused, "a new order was to be written")
        await world.until(lambda: not world.ours(), "what rested is taken back")
        assert world.watch.cloids == before
    await world.check("storage_failed", "storage_recovered")
    held = {o.cloid for batch in refused for o in batch.orders if o.state is OrderState.SENT}
    assert held
    assert not held & world.watch.cloids, "not even late"


async def test_p10_a_nonce_that_cannot_be_covered_stops_placing_and_not_cancelling(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the ceiling's own commit fails: nothing waits for it, so the router must refuse by itself."""
    monkeypatch.setattr("core.exchange.nonces.RESERVE_MS", 0)
    monkeypatch.setattr("core.exchange.nonces.SPARE", 0)
    await world.start()
    before = set(world.watch.cloids)
    with full_disk(lambda batch: batch.nonce_ceiling):
        world.hit(100)
        await world.until(lambda: world.told("storage_failed"), "it is told")
        await world.until(lambda: not world.ours(), "what rested is taken back")
        assert world.watch.cloids == before
    await world.check("storage_failed", "storage_recovered")


@pytest.mark.parametrize("hit", [True, False], ids=["with-a-fill-held", "with-rows-held"])
async def test_p10_a_stop_on_a_full_disk_takes_our_orders_back_and_ends_with_4(
    world: World, hit: bool
) -> None:
    await world.start()
    with full_disk():
        if hit:
            world.hit(100)
        else:
            world.move(0.5)
        await world.until(lambda: has_alert(world), "the screen says so")
        report = await world.stop()
    assert report.exit_code is ExitCode.STORAGE
    assert "free disk space" in report.message
    assert world.ours() == []
    await world.start(resting=None)
    await world.check()


async def test_p10_a_halt_that_was_in_force_before_is_in_force_after(world: World) -> None:
    await world.start()
    world.run.session.inbox.force(CommandReceived(Command("halt", Action.HALT, "", Origin.CLI)))
    await world.until(lambda: not world.ours(), "halted")
    with full_disk():
        await world.exchange.trade("B", "0.001")
        await world.until(lambda: has_alert(world), "the screen says so")
    await world.until(lambda: world.told("storage_recovered"), "it is over")
    await world.check(halted="operator")


@pytest.mark.real_time
async def test_p13_a_disk_that_takes_its_time_blocks_neither_the_loop_nor_the_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.vitals.SLOW_COMMIT_MS", 40)
    monkeypatch.setattr("core.engine.vitals.SLOW_FOR_MS", 1_000)
    monkeypatch.setattr("core.exchange.market_data.PING_AFTER_S", 0.02)
    await world.start()
    generation, turns = world.snapshot.feed.generation, [0]
    heart = asyncio.create_task(_beat(turns))
    with slow_disk(0.09, turns) as made:
        world.hit(100)
        await world.until(lambda: world.told("slow_commit"), "it is noticed")
        await world.until(lambda: "the disk is slow" in world.coin().idle_reason, "the screen says so")
        await world.until(lambda: not is_placing(world), "what was under way has been placed")
        before = {order.cloid for order in world.ours()}
        world.hit(100)
        await world.until(lambda: world.coin().fills.total == 2, "fills go on being counted")
        assert {order.cloid for order in world.ours()} <= before, "nothing new is placed"
    heart.cancel()
    assert min(made) > 0, "the loop waited for the disk"
    assert world.snapshot.feed.generation == generation
    await world.check("slow_commit")


async def _beat(turns: list[int]) -> None:
    """Counts the turns of the loop, some hundred a second."""
    while True:
        turns[0] += 1
        await asyncio.sleep(0.002)


async def test_p3_the_stored_position_that_a_kill_left_behind_is_put_right_by_the_next_start(
    world: World,
) -> None:
    await world.start()
    for total in (1, 2):
        world.hit(100)
        await world.until(lambda n=total: world.coin().fills.total == n, "a fill")  # type: ignore[misc]
    held = world.rows("SELECT lots, fills FROM positions")
    await world.crash()
    with closing(
        sqlite3.connect(world.plan().state.journal)
    ) as db:  # as between a fill's commit and what follows
        db.execute("UPDATE positions SET lots = 100, fills = 1")
        db.commit()
    await world.start(resting=None)
    await world.check()
    assert world.rows("SELECT lots, fills FROM positions") == held
