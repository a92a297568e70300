"""One nonce allocator per signer: strictly increasing, never repeated, across restarts and clock steps.

The venue remembers the highest nonces of a signer and refuses repeats. The journal keeps a ceiling that no nonce has
passed; a start begins above it, so that nothing need be written per action. The ceiling is written ahead in the background:
an order waits for it at the very start alone.

A bot and its watchdog sign with one key and share no memory: even nonces are the bot's, odd ones its watchdog's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

RESERVE_MS = 60_000
"""How far ahead of the venue's time the ceiling is written."""

SPARE = 1_000
"""How far ahead of the last nonce, if that has run ahead of time: every restart takes so much of the venue's window at most."""

AHEAD_MAX_MS = 86_400_000 - 600_000
"""No nonce a day ahead is taken (its edge was measured 2 minutes inside): what is remembered beyond that was never used up."""

CLEAR_MS = 1_000
"""The venue names the lowest of the 100 nonces that it remembers: one just above it is likely to be another of them."""

STRIDE = 2
BOT, WATCHDOG = 0, 1
"""Whose nonces they are: the remainder of each by ``STRIDE``."""


class NonceAllocator:
    """Not thread-safe: it belongs to the core's loop."""

    def __init__(
        self, ceiling: int, save_ceiling: Callable[[int], Awaitable[bool]], whose: int = BOT
    ) -> None:
        """``save_ceiling`` tells whether the ceiling is on disk now."""
        self._last = ceiling
        self._ceiling = ceiling
        self._save = save_ceiling
        self._whose = whose
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None
        self.is_without_disk = False
        """The journal can't be written: nothing new may be placed."""

    async def take(self, venue_ms: int) -> int:
        """The next nonce: the venue's time in milliseconds, or the next after the last.

        Above the ceiling one taker at a time: a second one must not pass while the ceiling above both is being written.
        """
        nonce = self._next(venue_ms)
        if nonce > self._ceiling and not self.is_without_disk:
            nonce = await self._take_when_written(venue_ms)
        self._last = nonce
        self.keep_ahead(venue_ms)
        return nonce

    async def _take_when_written(self, venue_ms: int) -> int:
        async with self._turn:
            while (nonce := self._next(venue_ms)) > self._ceiling and not self.is_without_disk:
                await self._write(self._wanted(venue_ms))
            self._last = nonce
            return nonce

    def keep_ahead(self, venue_ms: int) -> None:
        """Have the ceiling raised in the background before it is needed. Called often, also while nothing is sent."""
        if self._writing is not None and self._writing.done():
            writing, self._writing = self._writing, None
            writing.result()  # what isn't a disk's failure is a bug, and ends the loop loudly
        is_near = venue_ms + RESERVE_MS // 2 > self._ceiling or self._last + SPARE // 2 > self._ceiling
        if is_near and self._writing is None and not self.is_without_disk:
            self._writing = asyncio.create_task(self._raise(venue_ms), name="nonce ceiling")

    async def end(self) -> None:
        """What is being written is written before the journal closes."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    @property
    def last(self) -> int:
        """The highest that was given out, 0 before the first of a signer that is new."""
        return self._last

    def begin_anew(self, above: int, ceiling: int, save_ceiling: Callable[[int], Awaitable[bool]]) -> None:
        """Another signer's from here on: above ``above``, and covered by that signer's own ``ceiling``. What has been given out
        stays passed, so that an action that another one signed ahead can't meet a nonce of its own again.
        """
        self._last = max(self._last, above)
        self._ceiling, self._save = ceiling, save_ceiling

    def rise_above(self, nonce: int, venue_ms: int) -> None:
        """The venue takes none up to ``nonce``: go on well above it, unless it lies so far ahead that none would be taken."""
        if nonce - venue_ms < AHEAD_MAX_MS - CLEAR_MS:
            self._last = max(self._last, nonce + CLEAR_MS)

    def sink_below(self, nonce: int, venue_ms: int) -> None:
        """The venue takes none from ``nonce`` on: what was remembered above it was never used up."""
        if self._last >= nonce > venue_ms:
            self._last, self._ceiling = venue_ms, 0

    def go_on_without_disk(self) -> None:
        """The journal has failed: what is left to send are cancels, and those can't wait for a disk."""
        self.is_without_disk = True

    def use_disk_again(self) -> None:
        """The journal can be written again: the next nonce is covered by a ceiling on disk."""
        self.is_without_disk = False

    def _next(self, venue_ms: int) -> int:
        if self._last - venue_ms >= AHEAD_MAX_MS:
            self._last, self._ceiling = venue_ms, 0
        nonce = max(venue_ms, self._last + 1)
        return nonce + (self._whose - nonce) % STRIDE

    def _wanted(self, venue_ms: int) -> int:
        return max(venue_ms + RESERVE_MS + STRIDE, self._last + SPARE)

    async def _raise(self, venue_ms: int) -> None:
        async with self._turn:
            if not self.is_without_disk:
                await self._write(self._wanted(venue_ms))

    async def _write(self, ceiling: int) -> None:
        save = self._save
        is_on_disk = await save(ceiling)
        if save is not self._save:
            return  # it was of the signer before
        if is_on_disk:
            self._ceiling = ceiling
        else:
            self.is_without_disk = True
