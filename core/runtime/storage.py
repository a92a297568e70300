"""Storage trouble: a commit that fails is held and tried again until it succeeds; meanwhile nothing of ours is left quoted.

Two stages. Held: the journal refuses writes, the account's loop waits, cancels go out without it. Low: the journal takes writes
again, on the space that the reserve gave back; the loop goes on, but nothing is quoted until the reserve can be made anew.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from core.domain.clock import Instant
from core.domain.events import StorageRecovered
from core.exchange.venue_clock import mono_us
from core.journal.journal import Batch, Committed, Journal
from core.journal.schema import StorageError

RESERVE_BYTES = 2**20
"""Enough for the rows of a stop and the log of it."""

RETRY_S = 1.0
WATCH_S = 0.2
"""How often the screen is served while a commit is held."""


class Reserve:
    """A file that keeps space on the state dir's disk, to be given back when nothing else is left."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """Take the space, unless it is taken. Raises ``OSError`` if there is not enough."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(fd).st_size < RESERVE_BYTES:
                os.posix_fallocate(fd, 0, RESERVE_BYTES)
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)

    def release(self) -> None:
        """Give the space back; on a disk that takes no change at all there is none to give."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return


class TroubleListener(Protocol):
    """What the session does about it; each is called once per change, in the core's loop."""

    def storage_failed(self, reason: str) -> None:
        """Nothing can be written: stop quoting and take back what rests."""

    def storage_writes(self) -> None:
        """What was held is on disk."""

    async def storage_well(self) -> None:
        """There is space again: end what was begun in ``storage_failed``."""


class Storage:
    """The journal as the account's loop commits to it. One committer at a time."""

    def __init__(
        self,
        journal: Journal,
        reserve: Reserve,
        clock: Callable[[], Instant],
        stop_asked: asyncio.Event,
        listener: TroubleListener,
    ) -> None:
        self._journal, self._reserve, self._clock = journal, reserve, clock
        self._stop_asked, self._listener = stop_asked, listener
        self.watch: Callable[[], None] = lambda: None
        """Called now and then while a commit is held."""
        self.trouble = ""
        """Why nothing is quoted, in SQLite's or the system's words; empty if all is well."""
        self.sentence = ""
        """The same with what to do about it."""
        self._began_mono_ms = self._tried_mono_ms = 0
        self._slowest_ms = 0
        self.timed: Callable[[int], None] = lambda took_us: None
        """Called with what each commit took, microseconds."""

    def take_commit_ms(self) -> int:
        """The longest commit since the last call."""
        slowest, self._slowest_ms = self._slowest_ms, 0
        return slowest

    async def commit(self, batch: Batch) -> Committed:
        """Write a batch; on return it is durable, however long that took.

        Raises:
            StorageError: a stop was asked for, and it still can't be written.
            sqlite3.Error: what is to be written is a bug's; nothing of it is.
        """
        try:
            return await self._timed(batch)
        except StorageError as error:
            self.fail(error)
            failure = error
        while True:
            # What the reserve gave back may do at once.
            try:
                committed = await self._timed(batch)
            except StorageError as error:
                failure = error
            else:
                self._listener.storage_writes()
                return committed
            if self._stop_asked.is_set():
                raise failure
            await self._wait(RETRY_S)

    def fail(self, error: StorageError) -> None:
        """A write has failed, here or elsewhere."""
        cause = error.__cause__
        reason, is_new = str(cause) if cause else str(error), not self.trouble
        self.trouble, self.sentence = reason, str(error)
        self._tried_mono_ms = self._clock().mono_ms
        if is_new:
            self._began_mono_ms = self._tried_mono_ms
        self._reserve.release()
        self._listener.storage_failed(reason)

    async def recovered(self) -> StorageRecovered | None:
        """Look, at most once a second, whether trouble is over: it is once the reserve can be made anew."""
        now = self._clock()
        if not self.trouble or now.mono_ms - self._tried_mono_ms < RETRY_S * 1000:
            return None
        self._tried_mono_ms = now.mono_ms
        try:
            await asyncio.to_thread(self._reserve.make)
        except OSError:
            return None
        self.trouble = self.sentence = ""
        await self._listener.storage_well()
        return StorageRecovered(self._clock().mono_ms - self._began_mono_ms)

    async def _timed(self, batch: Batch) -> Committed:
        began, began_us = self._clock().mono_ms, mono_us()
        try:
            return await self._journal.commit(batch)
        finally:
            self._slowest_ms = max(self._slowest_ms, self._clock().mono_ms - began)
            self.timed(mono_us() - began_us)

    async def _wait(self, seconds: float) -> None:
        """Until it is time to try again, or a stop is asked for."""
        until = self._clock().mono_ms + seconds * 1000
        while True:
            self.watch()
            await asyncio.sleep(WATCH_S)
            if self._clock().mono_ms >= until or self._stop_asked.is_set():
                return
