"""One viewer's stream: a whole snapshot, then what changed, at its pace. A slow one is waited for by nobody but itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.runtime.control.protocol import encoded
from core.view import Snapshot
from core.view.delta import delta

BEHIND_S = 5.0
"""A viewer that took so long to read a line gets a whole snapshot next."""

DEAD_S = 30.0
"""One that took so long is dropped: it can attach again."""

UNREAD_BYTES = 64 * 1024
"""Of what was written may be unread before the next line waits; besides at most one line."""


class Watching:
    """``latest`` is the newest Snapshot; ``now`` is the loop's time."""

    def __init__(
        self, writer: asyncio.StreamWriter, latest: Callable[[], Snapshot | None], pace_hz: float
    ) -> None:
        self._writer, self._latest, self._pause_s = writer, latest, 1 / pace_hz
        self._sent: Snapshot | None = None
        writer.transport.set_write_buffer_limits(high=UNREAD_BYTES)

    async def run(self) -> str:
        """Until it has to be dropped; why. Cancelled, it still tells what is newest: that the core is stopping, say."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                started = loop.time()
                self._tell()
                try:
                    async with asyncio.timeout(DEAD_S):
                        await self._writer.drain()
                except TimeoutError:
                    return f"read nothing for {DEAD_S:.0f} s and was dropped"
                if loop.time() - started >= BEHIND_S:
                    self._sent = None
                await asyncio.sleep(self._pause_s)
        except asyncio.CancelledError:
            if not self._writer.is_closing():
                self._tell()
            raise

    def _tell(self) -> None:
        line = self._next_line()
        if line:
            self._writer.write(line)

    def _next_line(self) -> bytes:
        newest, sent = self._latest(), self._sent
        if newest is None or newest is sent:
            return b""
        self._sent = newest
        if sent is None:
            return encoded({"snapshot": newest})
        patch = delta(sent, newest)
        return encoded({"delta": patch}) if patch is not None else b""
