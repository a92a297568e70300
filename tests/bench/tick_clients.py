"""Clients that answer each quote with an order: ``python -m tests.bench.tick_clients KIND URL DIRECTORY``, a process each.

All decide the same: to buy 0.001 at the best bid. They live until they are ended.
"""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.domain.cloid import make_cloid
from core.domain.events import Quote
from core.domain.instrument import Instrument
from core.domain.orders import Order, Purpose, Side, Slot, Tif
from core.exchange import market_data
from core.exchange.lanes import Lane
from core.exchange.market_data import FeedItem, MarketData
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import OrderRouter
from core.exchange.rest import Rest
from core.exchange.sender import Sender
from core.exchange.signing import Signer
from core.exchange.venue_clock import VenueClock
from core.journal.batch import Batch
from core.journal.journal import Journal
from core.journal.schema import prepare

KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
BTC = Instrument("BTC", 0, 5, 40)
_CLOID = make_cloid("1057a9ce", "b0070001", 1)
SUBSCRIPTIONS = {"relay": 0, "relay_commit": 0, "sdk": 1, "sdk_pure": 1, "ours": 3, "ours_durable": 3}
"""What each kind subscribes to before its first quote."""

_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def relay(url: str, directory: Path, with_commit: bool) -> None:
    """The floor: an order made beforehand, one read and one write. ``with_commit``: after a bare commit of a row to a disk."""
    parts = urlsplit(url)
    where = parts.hostname or "", parts.port or 0
    body = _signed_body()
    request = b"POST /exchange HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    quotes, orders = socket.create_connection(where), socket.create_connection(where)
    for each in (quotes, orders):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    quotes.sendall(_UPGRADE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += quotes.recv(1)  # no more than that: the first quote may be right behind it
    database = sqlite3.connect(directory / f"{with_commit}.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, raw TEXT)")
    while quotes.recv(65_536):
        if with_commit:
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO orders (raw) VALUES (?)", ("x" * 200,))
            database.execute("COMMIT")
        orders.sendall(request)
        orders.recv(65_536)


def _signed_body() -> bytes:
    from core.exchange.actions import order_action

    return Signer(KEY, False).body(order_action([_order(839_590)], {"BTC": BTC}), 1_769_814_589_170, None)


def sdk(url: str) -> None:
    """As the SDK's examples have it: its stream of quotes, and its orders, on its own threads."""
    from eth_account import Account
    from hyperliquid.exchange import Exchange
    from hyperliquid.info import Info
    from hyperliquid.utils.types import Cloid

    meta: Any = {"universe": [{"name": "BTC", "szDecimals": 5}]}
    spot: Any = {"universe": [], "tokens": []}
    exchange = Exchange(Account.from_key(KEY), url, meta=meta, spot_meta=spot)
    info = Info(url, meta=meta, spot_meta=spot)
    cloid = Cloid.from_str(_CLOID)

    def on_quote(message: Any) -> None:
        bid = float(message["data"]["bbo"][0]["px"])
        exchange.order("BTC", True, 0.001, bid, {"limit": {"tif": "Alo"}}, cloid=cloid)

    info.subscribe({"type": "bbo", "coin": "BTC"}, on_quote)
    threading.Event().wait()


def _order(price: int) -> Order:
    return Order(
        cloid=_CLOID,
        coin="BTC",
        side=Side.BUY,
        price=price,
        lots=100,
        tif=Tif.ALO,
        reduce_only=False,
        purpose=Purpose.GRID,
        slot=Slot(1, Side.BUY, 1),
        created_ms=0,
        expires_ms=4_000_000_000_000,
        ledger_version=1,
    )


async def ours(url: str, journal: Journal | None) -> None:
    """The bot's own stream, router, signer and connections. With a journal the intent is on disk before a byte leaves."""
    clock, signer = VenueClock(), Signer(KEY, False)
    rest = Rest(url, clock)
    await rest.open()
    rest._lines(Lane.PLACE).open_ahead()
    router = OrderRouter(Sender(rest, signer, NonceAllocator(0, _unwritten), clock), clock, {"BTC": BTC})
    sending: set[asyncio.Task[None]] = set()

    async def send(bid: int) -> None:
        order = _order(bid)
        if journal is not None:
            await journal.commit(Batch(clock.now().venue_ms, orders=[order]))
        outcome = await router.place([order])
        if outcome.failure is not None:
            raise RuntimeError(f"an order was withheld or not answered: {outcome.failure.text}")

    def on_quote(quote: Quote) -> None:
        if quote.bid is not None:
            task = asyncio.create_task(send(quote.bid))
            sending.add(task)
            task.add_done_callback(sending.discard)

    async def on_item(item: FeedItem) -> None:
        if isinstance(item, Quote):
            on_quote(item)

    market_data.PING_AFTER_S = market_data.SILENT_AFTER_S = (
        3_600.0  # it waits for its turn, which is long in coming
    )
    await MarketData(url, signer.address, {"BTC": BTC}, clock, on_item, quoted=on_quote).run()


async def _unwritten(_ceiling: int) -> bool:
    return True


async def _durable(url: str, directory: Path) -> None:
    path = directory / "journal.db"
    await prepare(path)
    journal = Journal(path)
    await journal.open()
    await ours(url, journal)


def main(kind: str, url: str, directory: str) -> None:
    match kind:
        case "relay" | "relay_commit":
            relay(url, Path(directory), kind == "relay_commit")
        case "sdk" | "sdk_pure":
            sdk(url)
        case "ours":
            asyncio.run(ours(url, None))
        case _:
            asyncio.run(_durable(url, Path(directory)))


if __name__ == "__main__":
    main(*sys.argv[1:])
