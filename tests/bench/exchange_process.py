"""A paper exchange, or a floor to compare it with, as a process of its own: prints its URL and ends when its stdin does.

``paper:10`` gathers blocks of ten milliseconds.
"""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal

from aiohttp import web

from core.paper.config import PaperConfig
from core.paper.server.http import PaperServer

STILL = 1e-6
_ANSWER = b'{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":77738308}}]}}}'


async def _until_stdin_ends() -> None:
    await asyncio.to_thread(sys.stdin.buffer.read)


async def _paper(block_ms: int) -> None:
    config = PaperConfig(speed=STILL, funds_usd=Decimal(100_000_000), limits=False, block_ms=block_ms)
    server = PaperServer(config)
    print(await server.start(), flush=True)
    await _until_stdin_ends()
    await server.stop()


async def _floor() -> None:
    """The same HTTP library reading a body and answering a constant."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=_ANSWER, content_type="application/json")

    application = web.Application()
    application.add_routes([web.post("/exchange", answer)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await _until_stdin_ends()
    await runner.cleanup()


if __name__ == "__main__":
    kind, _, block_ms = sys.argv[1].partition(":")
    asyncio.run(_paper(int(block_ms or 0)) if kind == "paper" else _floor())
