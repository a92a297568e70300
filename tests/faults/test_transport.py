"""The line: silent, half silent, flapping, doubled, garbled, unreachable, served by a node that lags (T1-T4, T8, T15, T18)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.engine import feed_watch
from core.exchange import market_data, rest
from core.runtime import session
from core.runtime.plan import ExitCode
from tests.faults.world import World, living

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for in seconds, in tenths of them."""
    monkeypatch.setattr(market_data, "PING_AFTER_S", 0.3)
    monkeypatch.setattr(market_data, "SILENT_AFTER_S", 1.0)
    monkeypatch.setattr(market_data, "ACK_TIMEOUT_S", 1.0)
    monkeypatch.setattr(rest, "READ_TIMEOUT_S", 1.0)


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_watch, "BOOK_CHECK_MS", 1_000)
    monkeypatch.setattr(feed_watch, "BOOK_GRACE_MS", 500)
    monkeypatch.setattr(feed_watch, "UPDATE_OWED_MS", 1_500)
    monkeypatch.setattr(feed_watch, "FILL_OWED_MS", 500)


async def reconnected(world: World, generation: int = 2) -> None:
    await world.until(lambda: world.snapshot.feed.generation >= generation, "a new connection", 12)
    await world.until(lambda: world.snapshot.feed.ready, "its gap is read back")


async def test_t01_a_connection_that_says_nothing_is_down_though_it_is_open(world: World) -> None:
    await world.start()
    await world.faults({"kind": "ws_silent", "count": 1})
    world.move(0.01)
    await world.struck()
    world.hit(50)
    await reconnected(world)
    await world.check("ws_disconnected", "ws_reconnected")
    assert "silent" in str(world.told("ws_disconnected")[0]["reason"])
    assert world.coin().fills.from_rest + world.coin().fills.from_ws == 1


@pytest.mark.usefixtures("watchful")
@pytest.mark.parametrize("channel", ["bbo", "userFills", "orderUpdates"])
async def test_t01_one_dead_channel_beside_live_ones_is_noticed(world: World, channel: str) -> None:
    await world.start()
    await world.faults({"kind": "ws_silent", "channel": channel, "count": 1})
    for step in range(1, 8):
        world.move(0.02 if step % 2 else -0.02)
        world.hit(30)
        await asyncio.sleep(0.05)
    await world.struck()
    await reconnected(world)
    await world.check("ws_channel_stale", "ws_reconnected")
    assert str(world.told("ws_channel_stale")[0]["channel"]).startswith(channel)


@pytest.mark.usefixtures("watchful")
async def test_t01_a_market_that_stands_still_is_not_taken_for_a_dead_channel(world: World) -> None:
    await world.start()
    asked = len(world.events)
    await world.until(lambda: world.snapshot.time_ms - world.coin().market_ms > 5_000, "five quiet seconds")
    assert world.snapshot.feed.generation == 1
    assert not [e for e in world.events[asked:] if e.name.startswith("ws_")]
    await world.check()


async def test_t02_a_subscription_that_is_never_acknowledged_is_given_up(world: World) -> None:
    await world.faults({"kind": "ws_drop", "channel": "subscriptionResponse", "count": 1})
    await world.start(resting=None)
    await world.until(lambda: world.told("ws_connect_failed"), "the connection is given up")
    await world.until(world.is_whole, "the next one is whole")
    await world.check()


async def test_t03_a_line_that_flaps_causes_no_storm_of_connections(world: World) -> None:
    await world.start()
    before = world.snapshot.feed.generation
    await world.faults(
        {"kind": "ws_close", "scope": "all", "count": 1},
        {"kind": "ws_close", "channel": "subscriptionResponse", "for_s": 6},
    )
    world.move(0.01)
    await world.until(lambda: world.told("ws_disconnected"), "the line breaks")
    await world.until(lambda: world.told("ws_reconnected"), "it holds again", 25)
    tries = world.snapshot.feed.generation - before
    assert tries <= 12, "the exchange allows thirty a minute"
    await world.check("ws_connect_failed")
    assert len(world.told("grid_recentered")) == 0, "no storm of grids either"


async def test_t04_an_old_connection_that_goes_on_telling_counts_nothing_twice(world: World) -> None:
    """Every fill comes twice, over both connections."""
    await world.start()
    await world.faults({"kind": "ws_duplicate", "channel": "userFills"})
    for _ in range(10):
        world.hit(20)
    await world.control("reconnect")
    for _ in range(10):
        world.hit(20)
    await world.struck()
    truth = await world.check("ws_reconnected")
    assert len(truth["fills"]) == 20
    assert world.coin().fills.duplicates >= 10


_GARBAGE: list[dict[str, Any]] = [
    {"kind": "http_html", "action": "clearinghouseState", "count": 1},
    {"kind": "http_empty", "action": "frontendOpenOrders", "count": 1},
    {"kind": "http_truncate", "action": "userFillsByTime", "count": 1},
    {"kind": "http_corrupt", "action": "userFillsByTime", "mode": "types", "count": 2},
    {"kind": "http_corrupt", "action": "clearinghouseState", "mode": "types", "count": 2},
    {"kind": "ws_corrupt", "channel": "userFills", "mode": "types", "count": 2},
    {"kind": "ws_corrupt", "channel": "bbo", "mode": "garble", "count": 2},
    {"kind": "ws_corrupt", "channel": "orderUpdates", "mode": "truncate", "count": 1},
]


async def test_t08_garbage_on_every_way_in_touches_nothing_and_is_told_of(world: World) -> None:
    await world.start()
    await world.faults(*_GARBAGE)
    for step in range(12):
        world.hit(20)
        world.move(0.01 if step % 2 else -0.01)
        await asyncio.sleep(0.05)
    await world.control("resync")
    await world.control("poll")
    await world.struck(15)
    truth = await world.check("wire_quarantined")
    assert len(truth["fills"]) >= 12
    assert world.snapshot.feed.quarantined >= 5
    told = world.told("wire_quarantined")
    samples = [str(each["sample"]) for each in told if each["channel"] != "rest:frontendOpenOrders"]
    assert all(samples), "each with its raw text, but for the answer that was empty"


async def test_t08_three_unreadable_messages_in_a_row_on_a_channel_force_a_new_connection(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "ws_corrupt", "channel": "bbo", "mode": "truncate", "count": 3})
    for step in range(3):
        world.move(0.01 if step % 2 else -0.01)
        await asyncio.sleep(0.03)
    await reconnected(world)
    await world.check("wire_quarantined", "ws_reconnected")
    assert "undecodable" in str(world.told("ws_disconnected")[0]["reason"])


@asynccontextmanager
async def answering(handle: Handler) -> AsyncIterator[str]:
    """A server on loopback that treats connections its own way; its URL."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


async def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.mark.parametrize("way", ["accepts and never answers", "speaks no TLS", "has no address"])
async def test_t15_an_exchange_that_cannot_be_reached_is_given_up_in_a_sentence(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "REACH_FOR_S", 1.0)
    monkeypatch.setattr(session, "RETRY_S", 0.1)
    async with answering(_never) as url, living(tmp_path) as world:
        if way == "speaks no TLS":
            url = url.replace("http:", "https:")
        elif way == "has no address":
            url = "http://exchange.invalid:3001"
        world.exchange.url = url
        await world.start(resting=None)
        report = await asyncio.wait_for(world.run.task, 20)
    assert report.exit_code is ExitCode.UNREACHABLE
    assert "not reachable" in report.message


async def test_t15_requests_that_hang_while_it_trades_end_by_themselves_and_it_goes_on(world: World) -> None:
    await world.start()
    await world.faults({"kind": "http_delay", "action": "/info", "delay_ms": 20_000, "for_s": 3})
    world.hit(50)
    await world.until(lambda: world.told("api_error"), "a read is given up")
    assert world.coin().fills.total == 1, "the stream is not held up by it"
    await world.check("api_error")


async def test_t18_a_node_that_lags_by_half_a_minute_causes_no_drift(world: World) -> None:
    await world.start()
    world.hit(100)
    await world.until(lambda: world.coin().fills.total == 1, "it traded")
    await world.faults({"kind": "rest_lag", "action": "clearinghouseState", "delay_ms": 30_000})
    world.hit(100)
    seen = world.coin().drift.observed_ms
    await world.struck()
    for _ in range(3):
        await world.control("resync")
    assert world.coin().drift.observed_ms >= seen, "never back in time"
    await world.check()
    assert not world.told("position_drift_detected")


async def test_a_grid_whose_cancels_succeed_and_whose_placements_dont_is_never_naked(world: World) -> None:
    """C-1, over the wire: the market leaves the grid while the placing of orders is out of order."""
    await world.start()
    await world.faults({"kind": "http_500", "action": "order"})
    least = len(world.ours())
    world.move(2)
    seen = len(world.told("grid_recentered"))
    await world.until(lambda: len(world.told("grid_recentered")) > seen or seen, "a new grid is wanted")
    deadline = asyncio.get_running_loop().time() + 4
    while asyncio.get_running_loop().time() < deadline:
        least = min(least, len(world.ours()))
        await asyncio.sleep(0.01)
    assert least >= 1, "nothing rested"
    await world.struck()
    await world.faults()
    await world.until(world.is_whole, "whole again", 25)
    await world.check("order_unknown")
