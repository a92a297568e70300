"""A paper exchange with faults, and clients that meet them: in one loop, on a market that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from eth_account.signers.local import LocalAccount

from core.paper.config import PaperConfig
from core.paper.server.http import PaperServer
from tests.unit.paper.paper_client import STILL, envelope, new_wallet, order

WITHIN_S = 5.0


@dataclass
class Stage:
    url: str
    server: PaperServer
    http: aiohttp.ClientSession
    wallet: LocalAccount

    @property
    def user(self) -> str:
        return str(self.wallet.address).lower()

    async def faults(self, *rows: dict[str, Any]) -> list[dict[str, Any]]:
        """Set these and no others."""
        async with self.http.post(f"{self.url}/paper/faults", json=list(rows)) as answer:
            assert answer.status == 200, await answer.text()
            found: list[dict[str, Any]] = await answer.json()
        return found

    async def strikes(self) -> list[int]:
        return [row["strikes"] for row in await self._get("faults")]

    async def info(self, **request: Any) -> Any:
        async with self.http.post(f"{self.url}/info", json=request) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def act(self, action: dict[str, Any], **changes: Any) -> Any:
        body = envelope(self.wallet, action, **changes)
        async with self.http.post(f"{self.url}/exchange", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def place(self, *orders: dict[str, Any]) -> list[Any]:
        answer = await self.act({"type": "order", "orders": list(orders), "grouping": "na"})
        statuses: list[Any] = answer["response"]["data"]["statuses"]
        return statuses

    async def bid(self, below: int = 1000, tif: str = "Alo", size: str = "0.001") -> dict[str, Any]:
        """An order to buy that rests that far below the best bid."""
        book = await self.info(type="l2Book", coin="BTC")
        return order(True, str(int(float(book["levels"][0][0]["px"])) - below), size, tif)

    async def trade(self, side: str = "B", size: str = "0.01") -> None:
        body = {"user": self.user, "coin": "BTC", "side": side, "size": size}
        async with self.http.post(f"{self.url}/paper/trade", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def truth(self) -> Any:
        return await self._get("truth", user=self.user)

    async def _get(self, path: str, **query: str) -> Any:
        async with self.http.get(f"{self.url}/paper/{path}", params=query) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    def listening(self) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        return self.http.ws_connect(f"{self.url}/ws", max_msg_size=0)


@asynccontextmanager
async def stage(config: PaperConfig = STILL, *faults: Any) -> AsyncIterator[Stage]:
    server = PaperServer(replace(config, faults=faults))
    url = await server.start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(WITHIN_S)) as http:
            yield Stage(url, server, http, new_wallet())
    finally:
        await server.stop()


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Ask again until it is true."""
    async with asyncio.timeout(WITHIN_S):
        while not await condition():
            pass


async def hear(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """The next frame, as JSON."""
    return await socket.receive_json(timeout=WITHIN_S)


async def subscribe(socket: aiohttp.ClientWebSocketResponse, **subscription: Any) -> None:
    """And read the acknowledgement and the snapshot."""
    await socket.send_json({"method": "subscribe", "subscription": subscription})
    assert (await hear(socket))["channel"] == "subscriptionResponse"
    if subscription["type"] == "userFills":
        assert (await hear(socket))["data"]["isSnapshot"] is True


async def post(socket: aiohttp.ClientWebSocketResponse, number: int) -> None:
    """A question whose answer carries a number."""
    request = {"type": "info", "payload": {"type": "exchangeStatus"}}
    await socket.send_json({"method": "post", "id": number, "request": request})
