"""The one inbox of the account's loop: bounded, in order, never dropping; a newer quote replaces an unread older one."""

from __future__ import annotations

import asyncio
from collections import deque

from core.domain.events import Event, FillsArrived, FundingArrived, Quote, TransfersArrived

Item = Event | FillsArrived | FundingArrived | TransfersArrived

CAPACITY = 4_096
"""Items that may wait. A full inbox holds back whoever feeds it: the socket's reader stops reading."""

RESERVE = 64
"""So many more of what is urgent: while the journal is held the feed fills the inbox, and who halts then must be heard."""


class Inbox:
    """Belongs to one event loop. ``offer`` from other threads goes through ``call_soon_threadsafe``."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._quotes: dict[str, Quote] = {}
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._items)

    async def put(self, item: Item) -> None:
        """Queue an item, waiting while there is no room."""
        if isinstance(item, Quote):
            self.quote(item)
            return
        while len(self._items) >= CAPACITY:
            self._room.clear()
            await self._room.wait()
        self._append(item)

    def quote(self, item: Quote) -> None:
        """Take a quote in the place of an unread one of its coin: there is always room."""
        self._quotes[item.coin] = item
        self._filled.set()

    def offer(self, item: Item, is_urgent: bool = False) -> bool:
        """Queue an item now; False if there is no room."""
        if len(self._items) >= CAPACITY + (RESERVE if is_urgent else 0):
            return False
        self._append(item)
        return True

    def force(self, item: Item) -> None:
        """Queue an answer that someone in the core waits for, even over the bound; there are few of them."""
        self._append(item)

    def unread_quote(self, coin: str) -> Quote | None:
        """The newest one, if it waits here."""
        return self._quotes.get(coin)

    async def drain(self, wait_s: float, most: int = 512) -> list[Item]:
        """What is waiting, at most ``most`` items, quotes last; after ``wait_s`` an empty list."""
        if not self._filled.is_set():
            handle = asyncio.get_running_loop().call_later(wait_s, self._filled.set)
            await self._filled.wait()
            handle.cancel()
        items = [self._items.popleft() for _ in range(min(most, len(self._items)))]
        items += self._quotes.values()
        self._quotes.clear()
        self._room.set()
        if not self._items:
            self._filled.clear()
        return items

    def _append(self, item: Item) -> None:
        self._items.append(item)
        self._filled.set()
