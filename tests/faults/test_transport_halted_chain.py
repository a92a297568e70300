"""The chain stands still for twenty minutes, goes on at another price, and what waited lands late (T17). In virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.faults.pace import UNHURRIED, pace
from tests.faults.world import GRID, World
from tests.unit.runtime.stage import STILL, venue
from tests.virtual_time import run_virtually

BEGINS_MS = 1_767_270_960_000
HALTED_MIN = 20


async def halted_chain(directory: Path) -> None:
    """Actions are taken and queued, reads and the stream go on saying what was."""
    settings = {"num_grids": 3, "investment_usd": Decimal(1_000), "recenter_interval_sec": Decimal(0)}
    with pace(UNHURRIED):
        async with venue(replace(STILL)) as exchange:
            world = World(exchange, directory, settings)
            await world.start(resting=None)
            await world.until(lambda: len(world.ours()) == GRID and world.is_whole(), "the grid rests", 30)
            late_ms = HALTED_MIN * 60_000
            await world.faults(
                {"kind": "action_late", "delay_ms": late_ms, "status": 504},
                {"kind": "ws_silent", "channel": "bbo"},
            )
            world.hit(world.ours()[0].remaining)
            await world.until(
                lambda: world.told("order_unknown"), "what it sent for the fill is in doubt", 60
            )
            doubted = {told["cloid"] for told in world.told("order_unknown")}
            await asyncio.sleep(60)
            await world.faults({"kind": "action_late", "delay_ms": late_ms, "status": 504})
            await asyncio.sleep((HALTED_MIN - 2) * 60)
            sent_while_halted = len(world.rows("SELECT 1 FROM orders"))
            assert sent_while_halted < 60, "no storm of placements into a chain that stands still"
            world.move(4)
            await world.faults()
            await asyncio.sleep(5 * 60)
            await world.until(world.is_whole, "the grid is whole at the new price", 120, 1.0)
            states = Counter(
                state for cloid, state in world.rows("SELECT cloid, state FROM orders") if cloid in doubted
            )
            assert set(states) <= {"never_placed", "cancelled", "filled", "rejected"}, states
            assert not doubted & world.watch.cloids, "what landed late was refused for its age"
            assert len(world.ours()) == GRID, "placed once"
            await world.check("order_unknown", "order_settled", "fill")
            await world.crash()
            world.watch.close()


def test_t17_what_was_queued_while_the_chain_stood_still_is_refused_for_its_age_and_nothing_is_placed_twice(
    tmp_path: Path,
) -> None:
    run_virtually(lambda: halted_chain(tmp_path), BEGINS_MS)
