"""Limits, outages, a signer that is no longer approved, an upgrade: each trips its own breaker (T5-T7, T14, T16)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.domain.orders import Side
from core.engine import address_budget, breaker_watch
from core.paper.venue.budget import request_cap
from core.view import BreakerView, BudgetMode
from tests.faults.pace import BRISK, PROBING, pace
from tests.faults.world import GRID, WHOLE_WITHIN_S, World, living
from tests.unit.runtime.stage import STILL

SPARING: dict[ModuleType, dict[str, Any]] = {
    breaker_watch: {"ADDRESS_WAIT_MS": 2_000},
    address_budget: {"READ_EVERY_MS": 2_000, "READ_SPENT_MS": 1_000},
}


@pytest.fixture(autouse=True)
def brisk() -> Iterator[None]:
    with pace(BRISK, PROBING, SPARING):
        yield


def breaker(world: World, name: str) -> BreakerView:
    return next(each for each in world.snapshot.api.breakers if each.name == name)


def events_of(world: World, event: str, name: str) -> list[dict[str, Any]]:
    return [told for told in world.told(event) if told["breaker"] == name]


def hit_a_bid(world: World) -> None:
    world.hit(max((o for o in world.ours() if o.side is Side.BUY), key=lambda o: o.price).remaining)


async def is_in(world: World, name: str, state: str, within_s: float = WHOLE_WITHIN_S) -> None:
    await world.until(lambda: breaker(world, name).state == state, f"{name} is {state}", within_s)


# -- limits (T5, T6) -----------------------------------------------------------------------------------------------


async def test_t05_a_storm_of_429_is_met_with_less_traffic_and_not_with_more(world: World) -> None:
    await world.start()
    await world.faults({"kind": "http_429"})
    await is_in(world, "info", "open")
    hit_a_bid(world)
    (before,) = await world.strikes()
    began = len(events_of(world, "circuit_probe", "info"))
    await world.until(
        lambda: len(events_of(world, "circuit_probe", "info")) >= began + 2, "it is probed twice more"
    )
    (after,) = await world.strikes()
    probes = len(events_of(world, "circuit_probe", "info")) - began
    assert after - before <= probes + 2, "each of them one request, and little else"
    assert world.coin().idle_reason.startswith("circuit breaker")
    await world.check("api_error", "circuit_break", "circuit_probe", "circuit_reset", "fill")
    assert {told["cause"] for told in world.told("circuit_break")} == {"rate_limited_ip"}


@pytest.mark.real_time
async def test_t05_cancels_go_out_while_reads_are_starved(world: World) -> None:
    await world.start()
    await world.faults({"kind": "http_429", "action": "/info"})
    await is_in(world, "info", "open")
    asking = asyncio.create_task(world.control("halt"))
    await world.until(lambda: not world.ours(), "nothing of ours rests", 3)
    await world.faults()
    assert (await asking)["outcome"] == "done"


async def test_t06_a_spent_address_budget_stops_placing_keeps_cancelling_and_resumes_by_itself(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, replace(STILL, limits=True)) as world:
        await world.start()
        world.account.requests = request_cap(world.account) + 1_000  # the fill earns some
        world.account.throttled_ms = world.venue.now_ms()
        hit_a_bid(world)
        await world.until(lambda: world.snapshot.budget.mode is BudgetMode.ONE_PER_10S, "it is known")
        (told,) = world.told("request_budget")
        assert told["mode"] == "one_per_10s"
        assert {each.state for each in world.snapshot.api.breakers} == {"closed"}, (
            "one truth, and no breaker's"
        )
        (alert,) = [each for each in world.snapshot.alerts if each.id == "requests"]
        assert "REQUESTS SPENT" in alert.text
        await world.until(
            lambda: any(level.rule == "budget" for level in world.coin().grid.levels),
            "the ladder says what a level waits for",
        )
        seen = world.snapshot.time_ms
        await world.until(lambda: world.snapshot.time_ms > seen + 5_000, "five seconds pass")
        assert len(world.told("api_error")) <= 2, "what would be refused isn't sent again and again"
        assert (await world.control("halt"))["outcome"] == "done", "cancels have a budget of their own"
        assert not world.ours()
        world.account.requests = 0
        await world.until(lambda: world.snapshot.budget.mode is BudgetMode.NORMAL, "it is seen to have room")
        assert (await world.control("resume"))["outcome"] == "done"
        await world.check("request_budget", "api_error", "fill")
        sent = world.snapshot.budget.address_used
        assert sent <= world.account.requests + GRID, "and it counts on as the exchange does"


# -- an outage (T7) ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["http_502", "request_lost"])
async def test_t07_an_outage_of_placements_is_probed_by_one_order_and_cancels_nothing(
    world: World, kind: str
) -> None:
    await world.start()
    await world.faults({"kind": kind, "action": "order"})
    hit_a_bid(world)
    await is_in(world, "place", "open", 30)
    assert world.coin().idle_reason.startswith("circuit breaker place is open")
    assert breaker(world, "info").state == "closed", "reads go on"
    assert len(world.ours()) >= GRID - 1, "what rests is left where it is"
    (before,) = await world.strikes()
    await world.until(lambda: len(events_of(world, "circuit_probe", "place")) >= 2, "probes", 30)
    (after,) = await world.strikes()
    assert after - before <= 3, "an order now and then"
    await world.check("circuit_break", "circuit_probe", "circuit_reset", "fill")


async def test_t07_while_placements_have_no_answer_a_halt_takes_everything_back(world: World) -> None:
    await world.start()
    await world.faults({"kind": "http_502", "action": "order"})
    hit_a_bid(world)
    await is_in(world, "place", "open", 30)
    assert (await world.control("halt"))["outcome"] == "done"
    assert not world.ours()


# -- a signer that is not approved any more (T14) ------------------------------------------------------------------


async def test_t14_a_signer_that_is_no_longer_approved_halts_at_its_first_refusal_and_is_not_tried_again(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "agent_expired"})
    hit_a_bid(world)
    await world.until(lambda: world.coin().halt_reason.startswith("auth: "), "it halts")
    reason = world.coin().halt_reason
    assert "the key is of an approved agent" in reason
    assert "then resume" in reason
    (before,) = await world.strikes()
    assert before <= 2, "the placement, and the cancels that the halt asks for"
    lists = world.snapshot.time_ms
    await world.until(
        lambda: world.snapshot.time_ms > lists + 3_000, "three seconds of ticks and reads pass", 15
    )
    (after,) = await world.strikes()
    assert after - before <= 2
    assert len(world.told("risk_halt")) == 1
    seen = world.snapshot.version
    await world.until(lambda: world.snapshot.version > seen, "it goes on watching")
    await world.check("circuit_break", "risk_halt", halted="auth: ")


async def test_t14_after_a_kill_it_is_halted_still_and_resumes_once_the_signer_is_approved(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "agent_expired"})
    hit_a_bid(world)
    await world.until(lambda: world.coin().halt_reason.startswith("auth: "), "it halts")
    await world.crash()
    await world.start(resting=None)
    await world.faults()
    await world.until(lambda: world.is_halted("auth: "), "halted, and nothing rests", WHOLE_WITHIN_S)
    assert (await world.control("resume"))["outcome"] == "done"
    await world.check("fill")


# -- after an upgrade (T16) ----------------------------------------------------------------------------------------


async def test_t16_in_post_only_mode_the_grid_goes_on_and_a_flatten_waits_and_says_why(world: World) -> None:
    await world.start()
    await world.faults({"kind": "post_only_mode"})
    hit_a_bid(world)
    await world.until(lambda: len(world.ours()) == GRID and world.is_whole(), "post-only orders go on")
    asking = asyncio.create_task(world.control("flatten", "BTC"))
    await world.until(
        lambda: any("only post-only orders after an upgrade" in c.text for c in world.snapshot.commands),
        "it says why it waits",
    )
    assert world.lots()
    await world.faults()
    answer = await asking
    assert answer["outcome"] == "done", answer
    assert world.lots() == 0
    assert not events_of(world, "circuit_break", "place"), "a refusal is no outage"
