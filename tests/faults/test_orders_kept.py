"""A stop that keeps the grid's orders, and the start after it: what rests, what is counted, and what if no start comes."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.runtime import vigil
from core.runtime.plan import RunReport
from core.view import DeadManState
from tests.faults.test_watchdog import AFTER_MS, dog_beside, hurried
from tests.faults.world import GRID, WHOLE_WITHIN_S, World, living

__all__ = ["hurried"]
MILLION = 10**12


def oids(world: World) -> set[int]:
    return {order.oid for order in world.ours()}


async def keeps_its_orders(world: World) -> tuple[dict[str, Any], RunReport]:
    answer = await world.control("stop", value="keep")
    return answer, await asyncio.wait_for(world.run.task, WHOLE_WITHIN_S)


async def test_the_next_start_goes_on_with_the_very_orders_and_fills_of_the_gap_are_counted_once(
    world: World,
) -> None:
    await world.start()
    before = oids(world)
    answer, report = await keeps_its_orders(world)
    assert answer["ok"], answer
    assert answer["text"].startswith(f"stopped; {GRID} orders of the grid stay")
    assert (report.exit_code, report.summary["coins"]["BTC"]["open_orders"]) == (0, GRID)
    assert world.told("orders_kept") == [{"severity": "warn", "coin": "", "orders": GRID}]
    assert oids(world) == before

    world.hit(400)
    left = oids(world)
    assert left <= before
    await world.start(resting=None)
    await world.check()
    assert left <= oids(world), "what didn't trade keeps its place in the queue"
    assert len(world.told("fill")) == world.fill_count()
    assert not world.told("orphan_order_cancelled")
    assert not world.told("order_cancelled")


async def test_an_order_under_way_when_it_is_told_to_stop_is_settled_first_and_kept(world: World) -> None:
    await world.faults({"kind": "answer_lost", "action": "order", "count": 1})
    await world.start(resting=None)
    await world.until(world.ours, "the first batch has reached the exchange")
    answer, report = await keeps_its_orders(world)
    assert (answer["ok"], report.exit_code) == (True, 0), answer
    kept = oids(world)
    live = "SELECT count(*) FROM orders WHERE state = 'open'"
    assert world.rows(live) == [(len(kept),)], "each has a row that says where it is"
    await world.start(resting=None)
    await world.check()
    assert kept <= oids(world)


async def test_a_halted_bot_keeps_none(world: World) -> None:
    await world.start()
    await world.control("halt")
    answer, report = await keeps_its_orders(world)
    assert answer["text"].startswith("stopped; 0 orders")
    assert report.summary["halted"]
    assert not world.ours()
    await world.start(resting=None)
    await world.until(lambda: world.is_halted("operator"), "a restart lifts no halt")


async def test_the_exchanges_switch_is_off_when_the_orders_are_left(tmp_path: Path) -> None:
    async with living(tmp_path, dead_man_switch_sec=Decimal(60)) as world:
        world.account.volume = MILLION
        await world.start()
        await world.until(lambda: world.snapshot.dead_man.state is DeadManState.ARMED, "it is armed")
        await keeps_its_orders(world)
        assert world.account.switch.at_ms is None, "it would cancel what was to be kept, and the stops"
        assert len(world.ours()) == GRID


async def test_a_watchdog_says_that_they_rest_and_takes_them_back_if_no_start_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vigil, "KEPT_MS", 4 * AFTER_MS)
    await world.start()
    async with dog_beside(world) as dog:
        before = oids(world)
        await keeps_its_orders(world)
        await world.until(lambda: "watchdog_orders_kept" in dog.names(), "it says so")
        await asyncio.sleep(2 * AFTER_MS / 1000)
        assert oids(world) == before, "longer than a bot may be silent: it has said that it goes"
        await world.start(resting=None)
        await world.until(lambda: dog.names().count("watchdog_armed") == 2, "armed again")
        await world.until(world.is_whole, "the grid")
        assert oids(world) == before
        await keeps_its_orders(world)
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "nobody came", WHOLE_WITHIN_S)
        assert "kept for a start" in str(dog.said("watchdog_bot_lost")["reason"])
        assert not world.ours()


async def test_of_two_that_tell_it_to_stop_the_second_is_told_that_it_does(world: World) -> None:
    await world.start()
    first, second = await asyncio.gather(world.control("stop", value="keep"), world.control("stop"))
    assert first["ok"], first
    assert (second["ok"], second["text"]) == (False, "the bot is stopping")
    await world.run.task
    assert len(world.ours()) == GRID
