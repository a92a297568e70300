"""A WebSocket server on loopback that plays a script, and the client under test listening to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from core.domain.events import FeedChanged, Quote
from core.exchange.market_data import FeedItem, MarketData
from core.exchange.venue_clock import VenueClock
from tests.unit.exchange.samples import ACCOUNT, INSTRUMENTS, NOW_MS, until

Script = Callable[["Talk"], Awaitable[None]]


@dataclass
class Talk:
    """One connection, from the server's side."""

    number: int
    socket: ServerConnection
    heard: list[Any] = field(default_factory=list)

    async def hear(self) -> Any:
        message = orjson.loads(await self.socket.recv())
        self.heard.append(message)
        return message

    async def say(self, message: Any) -> None:
        raw = message if isinstance(message, str | bytes) else orjson.dumps(message).decode()
        await self.socket.send(raw)

    async def acknowledge(self, most: int = 4) -> None:
        """Answer subscriptions as the exchange does, with a defaulted field added."""
        for _ in range(most):
            message = await self.hear()
            subscription = {**message["subscription"], "nSigFigs": None}
            await self.say(
                {
                    "channel": "subscriptionResponse",
                    "data": {"method": "subscribe", "subscription": subscription},
                }
            )

    async def stay(self) -> None:
        """Answer pings until the client leaves."""
        while True:
            if (await self.hear()).get("method") == "ping":
                await self.say({"channel": "pong"})

    async def hush(self) -> None:
        """Stay open and answer nothing."""
        while True:
            await self.hear()


@dataclass
class Desk:
    """The client, what it delivered, and the server's side of its connections."""

    feed: MarketData = field(init=False)
    items: list[FeedItem] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    heard_early: int = 0

    async def sink(self, item: FeedItem) -> None:
        await self.gate.wait()
        self.items.append(item)

    def early(self, quote: Quote) -> None:
        """A quote that was heard before its turn in the queue of messages."""
        self.items.append(quote)
        self.heard_early += 1

    def of(self, kind: type[Any]) -> list[Any]:
        return [item for item in self.items if isinstance(item, kind)]

    async def has(self, kind: type[Any], count: int = 1) -> list[Any]:
        found: list[Any] = await until(lambda: len(self.of(kind)) >= count and self.of(kind))
        return found

    async def connected(self, generation: int) -> None:
        await until(lambda: FeedChanged(True, generation) in self.items)

    async def went_down(self, generation: int = 1) -> FeedChanged:
        def down() -> list[FeedChanged]:
            return [i for i in self.of(FeedChanged) if not i.connected and i.generation == generation]

        found: list[FeedChanged] = await until(down)
        return found[0]


@asynccontextmanager
async def feeding(*scripts: Script) -> AsyncIterator[Desk]:
    """Run the client against the scripts, one a connection; the last one is repeated."""

    async def play(socket: ServerConnection) -> None:
        talk = Talk(len(desk.talks) + 1, socket)
        desk.talks.append(talk)
        try:
            await scripts[min(talk.number, len(scripts)) - 1](talk)
        except ConnectionClosed:
            pass

    desk = Desk()
    async with serve(play, "127.0.0.1", 0, ping_interval=None, close_timeout=0.2) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        feed = MarketData(url, ACCOUNT, INSTRUMENTS, VenueClock(), desk.sink, quoted=desk.early)
        desk.feed = feed
        desk.gate.set()
        running = asyncio.create_task(feed.run())
        try:
            yield desk
            assert not running.done(), f"the feed has died: {running}"
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def stay(talk: Talk) -> None:
    """Acknowledge everything and answer pings."""
    await talk.acknowledge()
    await talk.stay()


def fills(*rows: dict[str, Any], snapshot: bool = False, user: str = ACCOUNT) -> dict[str, Any]:
    data: dict[str, Any] = {"user": user, "fills": list(rows)}
    if snapshot:
        data["isSnapshot"] = True
    return {"channel": "userFills", "data": data}


def bbo(bid: str = "83958.0", ask: str = "83959.0") -> dict[str, Any]:
    levels = [{"px": bid, "sz": "1.0", "n": 1}, {"px": ask, "sz": "1.0", "n": 1}]
    return {"channel": "bbo", "data": {"coin": "BTC", "time": NOW_MS, "bbo": levels}}


def then(*messages: Any) -> Script:
    """Acknowledge, say these, and stay."""

    async def script(talk: Talk) -> None:
        await talk.acknowledge()
        for message in messages:
            await talk.say(message)
        await talk.stay()

    return script
