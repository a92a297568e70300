"""A server on loopback that says what the test tells it to, in HTTP or in raw bytes, and notes what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

Answer = Callable[[Any], Awaitable[web.StreamResponse]]


def say(body: bytes | str, status: int = 200, content_type: str = "application/json") -> Answer:
    async def answer(_request: Any) -> web.StreamResponse:
        raw = body if isinstance(body, bytes) else body.encode()
        return web.Response(body=raw, status=status, content_type=content_type)

    return answer


def say_json(value: Any) -> Answer:
    return say(orjson.dumps(value))


@dataclass
class LittleServer:
    """``answer`` is called with the decoded body of each request."""

    answer: Answer
    url: str = ""
    asked: list[Any] = field(default_factory=list)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        self.asked.append(body)
        return await self.answer(body)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LittleServer]:
        application = web.Application()
        application.router.add_post("/{path:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()


@asynccontextmanager
async def raw_server(answer: bytes, then: str = "close") -> AsyncIterator[tuple[str, list[bytes]]]:
    """Reads a request, writes ``answer``, then closes, resets or hangs. The URL, and the requests' first lines."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            seen.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
            writer.write(answer)
            await writer.drain()
            if then == "hang":
                await asyncio.sleep(3600)
            if then == "reset":
                writer.transport.abort()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
