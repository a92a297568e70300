"""Fills that neither the stream nor a read tells of for minutes, and what is known of the position meanwhile (F15, T18). In
virtual time, at the earnest pace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.orders import Side
from tests.faults.pace import UNHURRIED, pace
from tests.faults.world import GRID, World
from tests.unit.runtime.stage import STILL, venue
from tests.virtual_time import NOON_MS, run_virtually

DROPPED = {"kind": "ws_drop", "channel": "userFills"}
LAGS = {"kind": "rest_lag", "action": "userFillsByTime", "delay_ms": 600_000}
BOUGHT = "0.002"


def in_a_world(directory: Path, body: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    settings = {"num_grids": 3, "investment_usd": Decimal(1_000), "recenter_interval_sec": Decimal(0)}

    async def live() -> None:
        with pace(UNHURRIED):
            async with venue(STILL) as exchange:
                world = World(exchange, directory, settings)
                try:
                    await world.start(resting=None)
                    await world.until(lambda: len(world.ours()) == GRID and world.is_whole(), "it rests", 30)
                    await body(world)
                    assert not world.watch.breaches, world.watch.breaches[:5]
                finally:
                    await world.crash()
                    world.watch.close()

    run_virtually(live, NOON_MS)


async def bought_unseen(world: World, lasts_s: float) -> None:
    """The account has bought, and neither way tells of it for so long."""
    await asyncio.sleep(10)
    await world.faults(DROPPED, LAGS)
    world.watch.outside_breach = True
    await world.trade(Side.BUY, BOUGHT)
    await world.until(lambda: world.is_halted("position drift"), "the exchange shows it", 20)
    await asyncio.sleep(lasts_s)
    assert world.coin().position == 0


def holds_what_was_bought(world: World) -> bool:
    return world.coin().position == Decimal(BOUGHT) and not world.coin().drift.amount


def test_f15_a_fill_that_was_withheld_for_minutes_is_found_by_the_bot_itself_and_told_as_found(
    tmp_path: Path,
) -> None:
    async def body(world: World) -> None:
        await bought_unseen(world, 400)
        (told,) = world.told("position_drift_detected")
        for explained in (told["explanation"], world.coin().drift.explanation):
            assert explained.startswith("no fill, order or transfer explains it; those since "), explained
        await world.faults(DROPPED)
        await world.until(lambda: holds_what_was_bought(world), "a read has found it", 75, 0.5)
        await world.until(lambda: world.told("position_drift_resolved"), "it is told", 10)
        (resolved,) = world.told("position_drift_resolved")
        assert resolved["explanation"] == "fills found: 1 external"
        assert world.coin().fills.total == 1

    in_a_world(tmp_path, body)


def test_f15_a_resync_finds_at_once_what_was_withheld_for_minutes(tmp_path: Path) -> None:
    async def body(world: World) -> None:
        await bought_unseen(world, 400)
        answer = await world.control("resync")
        assert f"drift -{BOUGHT} (no fill, order or transfer explains it" in answer["text"]
        await world.faults(DROPPED)
        answer = await world.control("resync")
        assert answer["text"].endswith("BTC drift 0"), answer
        await world.until(lambda: holds_what_was_bought(world), "it is found")
        assert await world.control("resume")

    in_a_world(tmp_path, body)


def test_f15_a_run_that_begins_after_it_was_withheld_reads_it_by_its_cursor(tmp_path: Path) -> None:
    async def body(world: World) -> None:
        await bought_unseen(world, 400)
        await world.crash()
        await world.faults(DROPPED)
        await world.start(resting=None)
        await world.until(
            lambda: world.run.snapshots and world.coin().position == Decimal(BOUGHT), "it is found"
        )

    in_a_world(tmp_path, body)


def test_f15_the_search_for_it_asks_ever_less_often(tmp_path: Path) -> None:
    async def body(world: World) -> None:
        await bought_unseen(world, 0)
        before = await world.strikes()
        await asyncio.sleep(600)
        read = (await world.strikes())[1] - before[1]
        assert 30 < read < 60, "30 by the clock, and one a minute in the end"

    in_a_world(tmp_path, body)


def test_t18_the_search_for_fills_leaves_the_look_at_the_position_its_weight(tmp_path: Path) -> None:
    """Each read of the last two minutes has 1,800 rows: a search that only looks at its own pace takes all there is."""

    async def body(world: World) -> None:
        world.buy_and_sell(1_800)
        await asyncio.sleep(70)
        await world.faults(DROPPED, {**LAGS, "delay_ms": 60_000})
        unseen_ms: list[int] = []
        least = 1_200
        for second in range(50):
            if second % 4 == 0 and (bids := [o for o in world.ours() if o.side is Side.BUY]):
                world.hit(bids[0].remaining // 8)
            await asyncio.sleep(1)
            unseen_ms.append(world.snapshot.time_ms - world.coin().drift.observed_ms)
            least = min(least, world.snapshot.budget.ip_left)
        assert max(unseen_ms) < 8_000, unseen_ms
        assert least > 60, "nothing of what cancels have was taken"
        assert not world.told("position_unread")

    in_a_world(tmp_path, body)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"kind": "http_500", "action": "clearinghouseState"}, "HTTP 500"),
        ({"kind": "http_429", "action": "clearinghouseState"}, "429"),
    ],
)
def test_t18_while_the_position_cannot_be_read_nothing_is_quoted_and_in_the_end_orders_are_taken_back(
    tmp_path: Path, fault: dict[str, Any], cause: str
) -> None:
    async def body(world: World) -> None:
        await asyncio.sleep(10)
        await world.faults(fault)
        await asyncio.sleep(12)
        assert not world.told("position_unread"), "a look or two may fail"
        await world.until(lambda: world.told("position_unread"), "quoting pauses", 20)
        await world.turn()
        assert len(world.ours()) == GRID, "what rests stays"
        assert world.coin().idle_reason.startswith("the exchange's position has not been read for 2")
        (alert,) = [alert for alert in world.snapshot.alerts if alert.id == "position_unread"]
        assert cause in alert.text, alert
        (told,) = world.told("position_unread")
        assert cause in told["reason"]
        bids = [order for order in world.ours() if order.side is Side.BUY]
        world.hit(bids[0].remaining)
        await asyncio.sleep(10)
        assert len(world.ours()) == GRID - 1, "nothing is placed in its stead"
        await world.until(lambda: not world.ours(), "they are taken back", 120)
        await world.faults()
        await world.until(world.is_whole, "it goes on by itself", 60)
        assert len(world.told("position_read_again")) == 1
        assert not world.snapshot.halt_reason

    in_a_world(tmp_path, body)
