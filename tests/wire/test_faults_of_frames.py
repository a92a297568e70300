"""Every ws_ fault through a real server, as a client sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.unit.paper.paper_client import new_wallet
from tests.wire.faulty import Stage, hear, post, stage, subscribe

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Stage]:
    async with stage() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def exchange(server: Stage) -> AsyncIterator[Stage]:
    """With an account that nobody else has used, and no faults afterwards."""
    yield replace(server, wallet=new_wallet())
    await server.faults()


async def _numbers(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[int]:
    return [(await hear(socket))["data"]["id"] for _ in range(count)]


async def _ask(socket: aiohttp.ClientWebSocketResponse, *numbers: int) -> None:
    for number in numbers:
        await post(socket, number)


async def test_a_dropped_frame_never_comes_and_the_others_do(exchange: Stage) -> None:
    async with exchange.listening() as socket:
        await exchange.faults({"kind": "ws_drop", "channel": "post", "count": 2})
        await _ask(socket, 1, 2, 3)
        await socket.send_json({"method": "ping"})
        assert await _numbers(socket, 1) == [3]
        assert await hear(socket) == {"channel": "pong"}
        assert await exchange.strikes() == [2]


async def test_what_is_dropped_depends_on_the_seed_alone(exchange: Stage) -> None:
    async def dropped(seed: int) -> list[int]:
        async with exchange.listening() as socket:
            fault = {"kind": "ws_drop", "channel": "post", "probability": 0.5, "seed": seed}
            await exchange.faults(fault)
            await _ask(socket, *range(40))
            await socket.send_json({"method": "ping"})
            heard: list[int] = []
            while (frame := await hear(socket))["channel"] == "post":
                heard.append(frame["data"]["id"])
            return heard

    first = await dropped(1)
    assert 5 < len(first) < 35
    assert await dropped(1) == first
    assert await dropped(2) != first


async def test_a_delayed_frame_is_overtaken_by_other_channels(exchange: Stage) -> None:
    async with exchange.listening() as socket:
        await exchange.faults({"kind": "ws_delay", "channel": "post", "delay_ms": 50})
        await _ask(socket, 1, 2)
        await socket.send_json({"method": "ping"})
        assert await hear(socket) == {"channel": "pong"}
        assert await _numbers(socket, 2) == [1, 2]


async def test_a_duplicated_frame_comes_twice(exchange: Stage) -> None:
    async with exchange.listening() as socket:
        await exchange.faults({"kind": "ws_duplicate", "channel": "post", "count": 1})
        await _ask(socket, 1, 2)
        assert await _numbers(socket, 3) == [1, 1, 2]


async def test_a_reordered_frame_comes_after_its_successor(exchange: Stage) -> None:
    async with exchange.listening() as socket:
        await exchange.faults({"kind": "ws_reorder", "channel": "post", "count": 2, "delay_ms": 60_000})
        await _ask(socket, 1, 2, 3, 4)
        assert await _numbers(socket, 4) == [3, 2, 1, 4]


async def test_a_reordered_frame_without_a_successor_comes_in_the_end(exchange: Stage) -> None:
    async with exchange.listening() as socket:
        await exchange.faults({"kind": "ws_reorder", "delay_ms": 20})
        await _ask(socket, 1)
        assert await _numbers(socket, 1) == [1]


@pytest.mark.parametrize("mode", ["truncate", "garble", "types", "short"])
async def test_a_corrupt_frame_differs_and_the_next_is_sound(exchange: Stage, mode: str) -> None:
    async with exchange.listening() as socket:
        await subscribe(socket, type="userFills", user=exchange.user)
        await exchange.faults({"kind": "ws_corrupt", "channel": "userFills", "count": 1, "mode": mode})
        await exchange.trade()
        damaged = await socket.receive_str(timeout=5)
        await exchange.trade()
        sound = await hear(socket)
        assert sound["data"]["fills"] == [(await exchange.truth())["fills"][0]]
        try:
            assert orjson.loads(damaged)["data"] != {
                "user": exchange.user,
                "fills": (await exchange.truth())["fills"][1:],
            }
        except orjson.JSONDecodeError:
            assert mode in ("truncate", "garble")


async def test_a_closed_connection_breaks_off_or_says_goodbye(exchange: Stage) -> None:
    address = "ws" + exchange.url[4:] + "/ws"
    for code in (None, 1001):
        await exchange.faults({"kind": "ws_close", "code": code, "count": 1})
        async with connect(address, proxy=None) as socket:
            await socket.send('{"method":"ping"}')
            with pytest.raises(ConnectionClosed) as ended:
                await socket.recv()
            assert (ended.value.rcvd.code if ended.value.rcvd else None) == code
    async with connect(address, proxy=None) as socket:
        await socket.send('{"method":"ping"}')
        assert await socket.recv() == '{"channel":"pong"}'


async def test_with_scope_all_every_connection_closes_at_once(exchange: Stage) -> None:
    async with exchange.listening() as first, exchange.listening() as second:
        await exchange.faults({"kind": "ws_close", "scope": "all", "count": 1})
        await first.send_json({"method": "ping"})
        for socket in (first, second):
            assert (await socket.receive(timeout=5)).type is not aiohttp.WSMsgType.TEXT


async def test_a_silent_connection_stays_open_and_silent_even_without_the_fault(exchange: Stage) -> None:
    async with exchange.listening() as silent:
        await subscribe(silent, type="userFills", user=exchange.user)
        await exchange.faults({"kind": "ws_silent", "count": 1})
        await exchange.trade()
        async with exchange.listening() as other:
            await subscribe(other, type="userFills", user=exchange.user)
            await exchange.faults()
            await exchange.trade()
            assert (await hear(other))["channel"] == "userFills"
        await silent.send_json({"method": "ping"})
        with pytest.raises(asyncio.TimeoutError):
            await silent.receive(timeout=0.05)
        assert not silent.closed


async def test_one_channel_can_fall_silent_alone(exchange: Stage) -> None:
    async with exchange.listening() as socket:
        await subscribe(socket, type="userFills", user=exchange.user)
        await subscribe(socket, type="orderUpdates", user=exchange.user)
        await exchange.faults({"kind": "ws_silent", "channel": "userFills"})
        for _ in range(3):
            await exchange.trade()
        for _ in range(3):
            assert (await hear(socket))["channel"] == "orderUpdates"


async def test_a_fault_for_one_user_spares_the_connections_of_others(exchange: Stage) -> None:
    async with exchange.listening() as mine, exchange.listening() as theirs:
        await subscribe(mine, type="orderUpdates", user=exchange.user)
        await exchange.faults({"kind": "ws_drop", "user": exchange.user})
        for socket in (mine, theirs):
            await socket.send_json({"method": "ping"})
        assert await hear(theirs) == {"channel": "pong"}
        assert await exchange.strikes() == [1]


async def test_faults_are_for_connections_that_come_later_too_and_go_when_cleared(exchange: Stage) -> None:
    await exchange.faults({"kind": "ws_duplicate", "channel": "post"})
    async with exchange.listening() as socket:
        await _ask(socket, 1)
        assert await _numbers(socket, 2) == [1, 1]
        await exchange.faults()
        await _ask(socket, 2, 3)
        assert await _numbers(socket, 2) == [2, 3]
        hub = exchange.server._hub
        assert hub is not None
        assert all(connection.interference is None for connection in hub.connections)


async def test_two_servers_with_the_same_faults_misbehave_alike() -> None:
    async def heard() -> list[Any]:
        async with stage() as found, found.listening() as socket:
            await found.faults(
                {"kind": "ws_corrupt", "channel": "post", "probability": 0.3, "seed": 4},
                {"kind": "ws_duplicate", "channel": "post", "probability": 0.3, "seed": 5},
            )
            for number in range(30):
                bad = {"method": "post", "id": number, "request": {"type": "info", "payload": {"type": "x"}}}
                await socket.send_json(bad)
            await socket.send_json({"method": "ping"})
            texts: list[str] = []
            while (text := await socket.receive_str(timeout=5)) != '{"channel":"pong"}':
                texts.append(text)
            return texts

    first = await heard()
    assert len(first) > 30
    assert await heard() == first
