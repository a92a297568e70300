"""A stop in order ends within a minute whatever the exchange does: a service manager kills what takes longer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.domain.orders import Side
from core.runtime.exit_code import ExitCode
from tests.faults.world import GRID, World

Faults = tuple[dict[str, Any], ...]
MINUTE_S = 60.0

NO_ANSWER: Faults = ({"kind": "http_503", "probability": 1.0}, {"kind": "ws_silent"})
CANCELS_REFUSED: Faults = ({"kind": "http_500", "action": "cancelByCloid", "probability": 1.0},)
SLOW: Faults = ({"kind": "http_delay", "delay_ms": 4_000},)
LIMITED: Faults = ({"kind": "http_429", "probability": 0.8, "seed": 5},)


async def test_a_second_signal_waits_for_nothing_says_what_rests_and_leaves_nothing_torn(
    world: World,
) -> None:
    await world.start()
    await world.faults(*NO_ANSWER)
    world.run.session.request_stop("SIGINT")
    await world.until(lambda: bool(world.told("stopping")), "it stops in order")
    world.run.session.stop_at_once("SIGINT again")
    report = await asyncio.wait_for(world.run.task, MINUTE_S)
    assert report.exit_code is ExitCode.UNREACHABLE
    assert "stopped at once (SIGINT again)" in report.message
    assert f"BTC flat, {GRID} orders still rest" in report.message
    assert world.told("stop_incomplete")
    assert len(world.ours()) == GRID, "so it is: none of the cancels came through"
    await world.faults()
    await world.start()


@pytest.mark.parametrize(
    ("weather", "value"),
    [(NO_ANSWER, ""), (CANCELS_REFUSED, ""), (SLOW, ""), (NO_ANSWER, "keep"), (LIMITED, "keep")],
    ids=["no-answer", "cancels-refused", "slow", "keep-without-answer", "keep-limited"],
)
async def test_it_ends_in_time_and_says_if_it_could_not_prove_what_rests(
    world: World, weather: Faults, value: str
) -> None:
    await world.start()
    await world.faults(*weather)
    world.hit(400, 400)
    await world.trade(Side.BUY, "0.001")
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    asked = asyncio.create_task(world.control("stop", value=value))
    report = await asyncio.wait_for(world.run.task, 2 * MINUTE_S)
    assert loop.time() - began_s < MINUTE_S
    stop = world.told("stop_incomplete")
    assert bool(stop) is bool(report.exit_code), report.message
    assert (await asyncio.gather(asked, return_exceptions=True))[0] is not None
