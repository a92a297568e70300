"""T16: the exchange answers every read and takes no write, for longer than any cooldown."""

from __future__ import annotations

import asyncio

from core.domain.orders import Side
from core.engine.back_off import CANCEL_AGAIN_MAX_MS, CANCEL_AGAIN_MS, JITTER
from core.engine.circuit_breaker import POLICIES, BreakerName
from core.engine.flatten import BACK_OFF_MAX_MS
from core.engine.procedures import READ_AGAIN_MS
from core.view import BreakerView
from tests.faults.pace import UNHURRIED, pace
from tests.faults.world import GRID, World

LONG_S = 330
REFUSED = {"kind": "http_503", "action": "/exchange"}


def place_breaker(world: World) -> BreakerView:
    return next(each for each in world.snapshot.api.breakers if each.name == "place")


def hit_a_bid(world: World) -> None:
    world.hit(max((o for o in world.ours() if o.side is Side.BUY), key=lambda o: o.price).remaining)


def tries_within(ms: int, wait_ms: int, longest_ms: int) -> int:
    """How often something is tried whose waits are doubled up to the longest."""
    tries = 1
    while ms > 0:
        ms, wait_ms, tries = ms - wait_ms, min(2 * wait_ms, longest_ms), tries + 1
    return tries


def said(world: World) -> str:
    """What the flatten says of itself now."""
    return " ".join(c.text for c in world.snapshot.commands if c.action == "flatten")


async def test_t16_while_writes_alone_are_refused_the_rest_of_the_grid_stays_and_it_is_whole_soon_after(
    world: World,
) -> None:
    await world.start()
    resting = {order.cloid for order in world.ours()}
    await world.faults(REFUSED)
    hit_a_bid(world)
    await world.until(lambda: place_breaker(world).state == "open", "nothing more is placed", 60)
    assert "503" in world.coin().idle_reason, "the screen says why"
    with pace(UNHURRIED):
        await asyncio.sleep(LONG_S)
    (strikes,) = await world.strikes()
    most_often_ms = POLICIES[BreakerName.PLACE].cooldown_max_ms * (1 - JITTER)
    assert strikes <= 12 + LONG_S * 1_000 // most_often_ms, "no storm (I11)"
    assert {order.cloid for order in world.ours()} < resting, "what rests is left, and read on"
    assert len(world.ours()) == GRID - 1
    assert {told["cause"] for told in world.told("circuit_break")} == {"maintenance"}
    longest_s = POLICIES[BreakerName.PLACE].cooldown_max_ms / 1000
    assert longest_s <= 30
    await world.faults()
    await world.until(world.is_whole, "the grid is whole", longest_s + 10)
    await world.check("api_error", "circuit_break", "circuit_probe", "circuit_reset", "fill")


async def test_t16_a_flatten_waits_while_writes_are_refused_says_why_and_ends_flat(world: World) -> None:
    await world.start()
    await world.trade(Side.BUY, "0.004")
    await world.until(lambda: world.coin().position and world.is_whole(), "a position is held")
    await world.faults(REFUSED)
    asking = asyncio.create_task(world.control("flatten", "BTC"))
    await world.until(lambda: "503" in said(world), "it says what it waits for", 20)
    with pace(UNHURRIED):
        await asyncio.sleep(90)
    (strikes,) = await world.strikes()
    cancels = tries_within(110_000, CANCEL_AGAIN_MS, int(CANCEL_AGAIN_MAX_MS * (1 - JITTER)))
    closings = tries_within(110_000, READ_AGAIN_MS, BACK_OFF_MAX_MS)
    assert 6 < strikes <= cancels + closings, (
        "what an operator asks for is tried again, and no storm of it (I11)"
    )
    await world.faults()
    await world.until(lambda: not world.lots() and not world.ours(), "it is out", 30)
    await world.until(lambda: said(world).startswith("CONFIRMED FLAT"), "and proven", 20)
    await asyncio.gather(asking, return_exceptions=True)
    await world.check(halted="flatten")
