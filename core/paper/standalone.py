"""``gridbot exchange``: the paper exchange by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.domain.units import decimal_text
from core.paper.config import PaperConfig
from core.paper.server.http import PaperServer, ServerStats

_REPORT_EVERY_S = 60.0


async def serve(config: PaperConfig, print_line: Callable[[str], None], stop: asyncio.Event) -> None:
    """Run until ``stop`` is set: one line at the start, one a minute, one at the end.

    Raises:
        PaperError: it couldn't start.
    """
    server = PaperServer(config)
    url = await server.start()
    memory = "in memory" if config.store_path is None else f"in {config.store_path}"
    print_line(
        f"Paper exchange on {url} (WebSocket on /ws), market {config.market} at speed {config.speed:g}. An account gets "
        f"{decimal_text(config.funds_usd)} USDC when it is first seen, POST {url}/paper/fund adds more; kept {memory}."
    )
    report = asyncio.create_task(_report(server, print_line))
    try:
        await server.serve_until(stop)
        print_line("Stopping.")
    finally:
        report.cancel()


async def _report(server: PaperServer, print_line: Callable[[str], None]) -> None:
    before = server.stats()
    while True:
        await asyncio.sleep(_REPORT_EVERY_S)
        now = server.stats()
        print_line(_minute(before, now))
        before = now


def _minute(before: ServerStats, now: ServerStats) -> str:
    return (
        f"last minute: {now.requests - before.requests} requests, {now.orders - before.orders} order changes, "
        f"{now.trades - before.trades} trades; {now.accounts} accounts, {now.ws_clients} WebSocket clients"
    )
