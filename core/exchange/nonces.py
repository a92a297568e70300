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
    """Not thread-safe: it belongs to the core's loop."""

    def __init__(self, ceiling: int, save_ceiling: Callable[[int], Awaitable[bool]]) -> None:
        """``save_ceiling`` tells whether the ceiling is on disk now."""
        self._last = ceiling
        self._ceiling = ceiling
        self._save = save_ceiling
        self._turn = asyncio.Lock()
        self.is_without_disk = False
        """The journal can't be written: nothing new may be placed."""

    async def take(self, venue_ms: int) -> int:
        """The next nonce: the venue's time in milliseconds, or one more than the last.

        One taker at a time: a second one must not pass while the ceiling above both is still being written.
        """
        async with self._turn:
            nonce = max(venue_ms, self._last + 1)
            if nonce > self._ceiling and not self.is_without_disk:
                if await self._save(nonce + RESERVE_MS):
                    self._ceiling = nonce + RESERVE_MS
                else:
                    self.is_without_disk = True
            self._last = nonce
            return nonce

    def go_on_without_disk(self) -> None:
        """The journal has failed: what is left to send are cancels, and those can't wait for a disk."""
        self.is_without_disk = True

    def use_disk_again(self) -> None:
        """The journal can be written again: the next nonce is covered by a ceiling on disk."""
        self.is_without_disk = False
