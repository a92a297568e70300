"""A gate on the way to the exchange: what passes it, hangs in it, or finds nobody. And addresses where nobody ever answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Gate:
    """Forwards bytes both ways while it is open. Closed, it takes connections and what they say, and nothing comes back."""

    target: tuple[str, int]
    url: str = ""
    way: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def close(self) -> None:
        self.way.clear()

    def open(self) -> None:
        self.way.set()

    def cut(self) -> None:
        """Every connection there is breaks."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self.way.wait()
            there, back = await asyncio.open_connection(*self.target)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._forward(reader, back))
                ways.create_task(self._forward(there, writer))
        except* (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                await self.way.wait()
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def gate_to(url: str) -> AsyncIterator[Gate]:
    """A gate to the server at ``url``, open at first."""
    parts = urlsplit(url)
    gate = Gate((parts.hostname or "", parts.port or 0))
    gate.open()
    server = await asyncio.start_server(gate.serve, "127.0.0.1", 0)
    gate.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield gate
    finally:
        server.close()
        gate.cut()


@contextmanager
def black_hole() -> Iterator[str]:
    """An address where a connection is never made: its queue of connections is full and nobody takes one."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            for one in waiting:
                one.close()
