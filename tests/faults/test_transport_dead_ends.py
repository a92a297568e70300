"""Nobody answers: a server that is silent, a black hole, TLS to a plain port, a name that doesn't exist (T15)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from core.runtime.exit_code import ExitCode
from core.runtime.plan import RunReport
from tests.faults.gate import Gate, black_hole, gate_to
from tests.faults.pace import IMPATIENT, pace
from tests.faults.world import WHOLE_WITHIN_S, World


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    with pace(IMPATIENT):
        yield


@asynccontextmanager
async def through_a_gate(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gate]:
    """The core reaches the exchange through a gate; the test goes by another way."""
    async with gate_to(world.exchange.url) as gate:
        sees(world, gate.url, monkeypatch)
        yield gate


def sees(world: World, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = replace(world.plan(), exchange_url=url)
    monkeypatch.setattr(world, "plan", lambda: plan)


async def ended(world: World) -> RunReport:
    await world.start(resting=None)
    async with asyncio.timeout(10):
        return await world.run.task


def assert_unreachable(world: World, report: RunReport, why: str) -> None:
    assert report.exit_code is ExitCode.UNREACHABLE
    assert "was not reachable for 1 s" in report.message
    assert why in report.message, report.message
    assert len(world.told("exchange_unreachable")) == 1


async def test_t15_a_server_that_takes_connections_and_never_answers_ends_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with through_a_gate(world, monkeypatch) as gate:
        gate.close()
        report = await ended(world)
        assert_unreachable(world, report, "no answer from")
        assert gate.connections > 1, "it tried again"


@pytest.mark.real_time
async def test_t15_an_address_that_swallows_connections_ends_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as url:
        sees(world, url, monkeypatch)
        assert_unreachable(world, await ended(world), "no answer from")


@pytest.mark.real_time
async def test_t15_tls_to_a_plain_port_ends_the_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sees(world, world.exchange.url.replace("http:", "https:"), monkeypatch)
    assert_unreachable(world, await ended(world), "cannot be reached")


@pytest.mark.real_time
async def test_t15_a_name_that_does_not_exist_ends_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sees(world, "http://name.invalid:3001", monkeypatch)
    assert_unreachable(world, await ended(world), "name.invalid")


async def test_t15_a_start_that_is_told_to_stop_while_nobody_answers_stops(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with through_a_gate(world, monkeypatch) as gate:
        gate.close()
        await world.start(resting=None)
        await world.until(lambda: world.told("exchange_unreachable"), "it says so")
        report = await world.stop()
        assert report.exit_code is ExitCode.UNREACHABLE
        assert "stopped before it had started" in report.message


async def test_t15_when_the_exchange_falls_silent_it_says_so_and_goes_on_when_it_answers_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with through_a_gate(world, monkeypatch) as gate:
        await world.start()
        gate.close()
        bids = [order for order in world.ours() if order.side.sign > 0]
        world.hit(max(bids, key=lambda order: order.price).remaining)
        await world.until(lambda: world.told("ws_disconnected"), "it notices")
        await world.until(lambda: world.told("api_error"), "REST too")
        await world.until(lambda: world.told("circuit_break"), "and stops adding exposure")
        assert world.coin().idle_reason
        assert world.coin().fills.total == 0
        gate.open()
        truth = await world.check("ws_disconnected", "api_error", "ws_reconnected", "fill")
        assert len(truth["fills"]) == 1


@pytest.mark.real_time
async def test_t15_when_every_connection_breaks_and_none_is_answered_it_recovers_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with through_a_gate(world, monkeypatch) as gate:
        await world.start()
        gate.close()
        gate.cut()
        await world.until(lambda: world.told("ws_connect_failed"), "the next is not made")
        made = gate.connections
        await world.until(lambda: gate.connections > made + 2, "it tries again")
        assert len(world.told("ws_connect_failed")) == 1, "said once"
        gate.open()
        gate.cut()
        await world.until(lambda: world.told("ws_reconnected"), "the receipt", WHOLE_WITHIN_S)
        await world.check("ws_disconnected", "ws_connect_failed")
