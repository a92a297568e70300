"""One nonce allocator per signer: strictly increasing, never repeated, across restarts and clock steps.

The venue remembers the highest nonces of a signer and refuses repeats. The journal keeps a ceiling that no nonce has
passed; a start begins above it, so that nothing need be written per action.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

RESERVE_MS = 10_000
"""How far ahead of the last nonce the ceiling is written."""


class NonceAllocator:
    """Not thread-safe: it belongs to the core's loop. ``save_ceiling`` must be durable when it returns."""

    def __init__(self, ceiling: int, save_ceiling: Callable[[int], Awaitable[None]]) -> None:
        self._last = ceiling
        self._ceiling = ceiling
        self._save: Callable[[int], Awaitable[None]] | None = save_ceiling
        self._turn = asyncio.Lock()

    async def take(self, venue_ms: int) -> int:
        """The next nonce: the venue's time in milliseconds, or one more than the last.

        One taker at a time: a second one must not pass while the ceiling above both is still being written.
        """
        async with self._turn:
            nonce = max(venue_ms, self._last + 1)
            if nonce > self._ceiling and self._save is not None:
                await self._save(nonce + RESERVE_MS)
                self._ceiling = nonce + RESERVE_MS
            self._last = nonce
            return nonce

    def go_on_without_disk(self) -> None:
        """The journal has failed: what is left to send are cancels, and those can't wait for a disk."""
        self._save = None
