"""Starting, stopping, the market's pace, slow readers."""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
import subprocess
import sys
import threading
import time
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from core.paper.config import PaperConfig, PaperError, PortInUseError, UnknownMarketError
from core.paper.embedded import EmbeddedExchange
from core.paper.server import ws
from core.paper.server.http import PaperServer
from tests.unit.paper.paper_client import envelope
from tests.wire.faulty import hear, stage


def test_the_configuration_is_cheap_to_import() -> None:
    code = (
        "import sys, core.paper.config, core.paper.embedded; "
        "print([m for m in ('aiohttp', 'eth_account', 'hyperliquid', 'sqlite3') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "values", [{"speed": 0.0}, {"speed": float("nan")}, {"port": -1}, {"funds_usd": Decimal(-1)}]
)
def test_values_that_cannot_be_meant_are_refused_with_the_fix(values: dict[str, Any]) -> None:
    with pytest.raises(PaperError, match="Fix: "):
        PaperConfig(**values)


async def test_a_port_in_use_is_named_and_nothing_is_left_behind() -> None:
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"Port {port} on 127.0.0.1 is in use. Fix: "):
            await PaperServer(PaperConfig(port=port)).start()


async def test_books_that_do_not_balance_are_told_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    server = PaperServer(PaperConfig())
    await server.start()
    server.exchange.venue.see("0x" + "a1" * 20).pay("", 1)
    await server.stop()
    (record,) = caplog.records
    assert record.levelno == logging.CRITICAL
    assert "money 1 (millionths of a USDC)" in record.getMessage()


def test_the_embedded_exchange_raises_what_kept_it_from_starting() -> None:
    exchange = EmbeddedExchange(PaperConfig(market="film"))
    with pytest.raises(UnknownMarketError):
        exchange.start()
    exchange.stop()


def test_the_embedded_exchange_starts_and_stops_from_any_thread() -> None:
    exchange = EmbeddedExchange(PaperConfig())
    urls: list[str] = []
    threads = [threading.Thread(target=lambda: urls.append(exchange.start())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(urls)) == 1
    assert exchange.stats() is not None
    started = time.monotonic()
    exchange.stop()
    exchange.stop()
    assert time.monotonic() - started < 5
    assert exchange.stats() is None


async def test_the_market_runs_at_its_speed_and_publishes_it() -> None:
    server = PaperServer(PaperConfig(speed=300))
    url = await server.start()
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
            for channel in ("bbo", "trades", "l2Book", "allMids"):
                subscription: dict[str, str] = {"type": channel}
                if channel != "allMids":
                    subscription["coin"] = "BTC"
                await socket.send_json({"method": "subscribe", "subscription": subscription})
            seen: dict[str, int] = {}
            while min((seen.get(name, 0) for name in ("bbo", "trades", "l2Book", "allMids")), default=0) < 2:
                frame = await socket.receive_json(timeout=5)
                seen[frame["channel"]] = seen.get(frame["channel"], 0) + 1
        assert server.stats().steps > 20
        assert server.stats().trades > 5
    finally:
        await server.stop()


async def test_stopping_says_goodbye_to_clients_within_bounded_time() -> None:
    server = PaperServer(PaperConfig())
    url = await server.start()
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
        await socket.send_json({"method": "ping"})
        await socket.receive_json(timeout=5)
        started = time.monotonic()
        stopping = asyncio.create_task(server.stop())
        message = await socket.receive(timeout=5)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)
        await stopping
        assert time.monotonic() - started < 5


async def test_a_client_that_does_not_read_is_cut_off_loudly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ws, "_MAX_QUEUED", 3)
    server = PaperServer(PaperConfig(speed=1e-6))
    url = await server.start()
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
            await socket.send_json({"method": "ping"})
            await socket.receive_json(timeout=5)
            hub = server._hub
            assert hub is not None
            (connection,) = hub.connections
            with caplog.at_level(logging.WARNING):
                for _ in range(5):
                    connection.send("{}")
            assert "cut off a client" in caplog.text
            while (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert socket.closed
    finally:
        await server.stop()


_HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def test_a_client_that_has_stopped_reading_does_not_hold_up_the_stop() -> None:
    server = PaperServer(PaperConfig(speed=1e-6))
    url = await server.start()
    loop = asyncio.get_running_loop()
    with sockets.socket() as client:
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", int(url.rsplit(":", 1)[1])))
        await loop.sock_sendall(client, _HANDSHAKE)
        assert b"101 Switching Protocols" in await loop.sock_recv(client, 4096)
        hub = server._hub
        assert hub is not None
        (connection,) = hub.connections
        for _ in range(100):
            connection.send("x" * 1_000_000)
        started = time.monotonic()
        await asyncio.wait_for(server.stop(), 8)
        assert time.monotonic() - started < 6


async def test_a_post_that_meets_a_bug_is_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage() as exchange, exchange.listening() as socket:
        monkeypatch.setattr(exchange.server.exchange.info, "answer", _break)
        monkeypatch.setattr(exchange.server.exchange.api, "execute", _break)
        asked = {"type": "info", "payload": {"type": "exchangeStatus"}}
        acted = {"type": "action", "payload": envelope(exchange.wallet, {"type": "noop"})}
        for number, request in enumerate((asked, acted)):
            await socket.send_json({"method": "post", "id": number, "request": request})
            response = {"type": "error", "payload": "500 Internal Server Error"}
            assert await hear(socket) == {"channel": "post", "data": {"id": number, "response": response}}
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL] * 2


def _break(*_: object) -> None:
    raise ZeroDivisionError


async def test_a_connection_on_which_nothing_was_sent_for_a_minute_is_closed() -> None:
    server = PaperServer(PaperConfig(speed=1e-6))
    url = await server.start()
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
            await socket.send_json({"method": "ping"})
            await socket.receive_json(timeout=5)
            hub = server._hub
            assert hub is not None
            now_s = asyncio.get_running_loop().time()
            hub.sweep(now_s + 59)
            await socket.send_json({"method": "ping"})
            await socket.receive_json(timeout=5)
            hub.sweep(now_s + 70)
            assert (await socket.receive(timeout=5)).type is not aiohttp.WSMsgType.TEXT
    finally:
        await server.stop()
