"""``gridbot exchange``: the paper exchange by itself, and what it tells whoever has started it."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from core.domain.units import decimal_text
from core.paper.config import PaperConfig
from core.paper.market.listing import Universe
from core.paper.server.http import PaperServer, ServerStats

_LOOK_EVERY_S = 0.25
_REPORT_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Console:
    """Where lines go, and how far a finite replay is (0 to 1)."""

    print_line: Callable[[str], None]
    show_progress: Callable[[float], None] = lambda _: None


async def serve(config: PaperConfig, console: Console, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set: lines at the start, one a minute, one at the end.

    Raises:
        PaperError: it couldn't start, its market has died, or its books don't balance at the end.
    """
    if not is_loopback(config.host):
        console.print_line(
            f"Warning: {config.host} is no loopback address. Whoever reaches it can trade here and pay in paper money."
        )
    server = PaperServer(config)
    url = await server.start()
    for line in _opening(config, url, server):
        console.print_line(line)
    before = server.stats()
    started_s = asyncio.get_running_loop().time()
    watch = asyncio.create_task(_watch(server, console))
    try:
        await server.serve_until(stop)
    finally:
        watch.cancel()
    server.check_books()
    now = server.stats()
    passed_s = asyncio.get_running_loop().time() - started_s
    console.print_line(f"Stopped after {_duration(passed_s)}: {_counts(before, now)}. The books balance.")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``; a name other than localhost may be anything."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _opening(config: PaperConfig, url: str, server: PaperServer) -> list[str]:
    market = server.exchange.market
    is_paced = not config.market.startswith("mirror:")
    pace = f"speed {config.speed:g}" if is_paced else "the pace of its source"
    memory = "in memory" if config.store_path is None else f"in {config.store_path}"
    funds = _funds(config, market.universe)
    opens = (
        f"An account gets {funds} when it is first seen; POST {url}/paper/fund adds more"
        if config.open_accounts
        else f"An account is opened by POST {url}/paper/fund, and gets {funds} on top"
    )
    limits = "Hyperliquid's rate limits are in force" if config.limits else "There are no rate limits"
    lines = [
        f"Paper exchange on {url} (WebSocket on /ws), market {config.market} at {pace}.",
        f"{opens}. Accounts and orders are kept {memory}.",
        f"Coins: {', '.join(market.universe.listings)}. {limits}. SIGTERM or ctrl+c stops it.",
    ]
    if config.faults:
        lines.append(f"Faults that are set: {len(config.faults)}. GET {url}/paper/faults shows them.")
    return [*lines, *market.notes]


def _funds(config: PaperConfig, universe: Universe) -> str:
    """What a new account gets, in all."""
    text = f"{decimal_text(config.funds_usd)} USDC"
    builders = [dex for dex in universe.dexs if dex]
    return f"{text}, and as much on {' and '.join(builders)}," if builders else text


async def _watch(server: PaperServer, console: Console) -> None:
    """Tell what happens while it runs."""
    loop = asyncio.get_running_loop()
    before = told = server.stats()
    shown: float | None = None
    due_s = loop.time() + _REPORT_EVERY_S
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        now = server.stats()
        if now.progress is not None and now.progress != shown:
            shown = now.progress
            console.show_progress(now.progress)
            if now.progress == 1:
                console.print_line(
                    "The recording is at its end. The exchange goes on with the book that it left, until it is stopped."
                )
        if now.warning != before.warning:
            console.print_line(f"Warning: {now.warning}." if now.warning else "The market is back.")
        before = now
        if loop.time() >= due_s:
            due_s += _REPORT_EVERY_S
            console.print_line(_minute(told, now))
            told = now


def _minute(before: ServerStats, now: ServerStats) -> str:
    line = f"Last minute: {_counts(before, now)}; {_many(now.accounts, 'account')}, {_many(now.ws_clients, 'WebSocket client')}"
    late_ms = now.late_ms - before.late_ms
    if late_ms >= 1000:
        line += f"; the market came {late_ms / 1000:.0f} s late, as this machine is too slow for its speed"
    return line


def _counts(before: ServerStats, now: ServerStats) -> str:
    return (
        f"{_many(now.requests - before.requests, 'request')}, {_many(now.orders - before.orders, 'order change')}, "
        f"{_many(now.trades - before.trades, 'trade')}"
    )


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _duration(seconds: float) -> str:
    """``1 h 2 min 3 s``, without leading zeros."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    if hours or minutes:
        parts.append(f"{minutes} min")
    return " ".join([*parts, f"{rest} s"])
