"""One nonce allocator per signer: strictly increasing, never repeated, across restarts and clock steps.

The venue remembers the highest nonces of a signer and refuses repeats. The journal keeps a ceiling that no nonce has
passed; a start begins above it, so that nothing need be written per action.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

RESERVE_MS = 10_000
"""How far ahead of the last nonce the ceiling is written."""


class NonceAllocator:
    """Not thread-safe: it belongs to the core's loop. ``save_ceiling`` must be durable when it returns."""

    def __init__(self, ceiling: int, save_ceiling: Callable[[int], Awaitable[None]]) -> None:
        self._last = ceiling
        self._ceiling = ceiling
        self._save = save_ceiling

    async def take(self, venue_ms: int) -> int:
        """The next nonce: the venue's time in milliseconds, or one more than the last."""
        nonce = max(venue_ms, self._last + 1)
        self._last = nonce
        if nonce > self._ceiling:
            self._ceiling = nonce + RESERVE_MS
            await self._save(self._ceiling)
        return nonce
