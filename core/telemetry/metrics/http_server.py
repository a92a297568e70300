"""A small HTTP server of its own thread, on loopback alone: so many connections, each for so long, one request each.

It never touches the core's loop. What a client does or leaves undone costs this thread some seconds of waiting, nobody else.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

HOST = "127.0.0.1"
CONNECTIONS_MAX = 32
"""One more is closed at once."""

REQUEST_BYTES_MAX = 16_384
WITHIN_S = 5.0
"""From the connection to the end of its answer."""

_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_THIS_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)

Stray = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]
"""An exception handler, as asyncio calls it."""


@dataclass(frozen=True, slots=True)
class Request:
    """``headers`` have lower-case names; of one that comes twice the last counts; ``host`` comes once."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class HttpServer:
    """``answer`` is called in the server's thread, with GET and HEAD alone; ``failed`` there with what it raised."""

    listener: socket.socket
    answer: Callable[[Request], Response]
    failed: Callable[[Request, Exception], None] = lambda request, error: None
    _ended: threading.Event = field(default_factory=threading.Event)
    _stop: Callable[[], None] | None = None
    _open: int = 0

    def start(self, stray: Stray | None = None) -> None:
        """``stray`` is told, in the server's thread, of a fault that is nobody's answer; without it asyncio writes that."""
        ready = threading.Event()
        thread = threading.Thread(
            target=lambda: asyncio.run(self._main(ready, stray)), name="metrics server", daemon=True
        )
        thread.start()
        ready.wait()

    def close(self, wait_s: float = 2.0) -> None:
        """For a bounded time; a server that was never started just gives its port back."""
        if self._stop is None:
            self.listener.close()
            return
        self._stop()
        self._ended.wait(wait_s)

    async def _main(self, ready: threading.Event, stray: Stray | None) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        loop.set_exception_handler(stray)
        self._stop = lambda: _call(loop, stopped.set)
        try:
            server = await asyncio.start_server(self._serve, sock=self.listener, limit=REQUEST_BYTES_MAX)
            ready.set()
            await stopped.wait()
            server.close()
        finally:
            self._ended.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._open += 1
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._respond(reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            head = b""
        method, request = parsed(head)
        writer.write(_encoded(self._answered(method, request), with_body=method != "HEAD"))
        await writer.drain()

    def _answered(self, method: str, request: Request | None) -> Response:
        if request is None:
            return Response(400, b"not an HTTP request\n")
        if method not in ("GET", "HEAD"):
            return Response(405, b"GET and HEAD alone\n", headers=(("Allow", "GET, HEAD"),))
        if not _is_of_this_host(request.headers.get("host", "")):
            return Response(403, b"this server answers to 127.0.0.1 and localhost alone\n")
        try:
            return self.answer(request)
        except Exception as error:
            # One scrape that fails must not end the thread that answers the next.
            self.failed(request, error)
            return Response(500, f"{type(error).__name__}\n".encode())


def listen(port: int) -> socket.socket:
    """Take the port on loopback; 0: any that is free. Raises ``OSError``."""
    return socket.create_server((HOST, port), backlog=CONNECTIONS_MAX)


def parsed(head: bytes) -> tuple[str, Request | None]:
    """The method, and the request if it is one: of two hosts, as of two requests, nobody knows which is meant."""
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
        return "", None
    try:
        parts = urlsplit(words[1])
    except ValueError:
        return "", None
    pairs = (line.partition(":") for line in lines[1:] if line)
    told = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    if sum(name == "host" for name, _ in told) > 1:
        return "", None
    headers = dict(told)
    return words[0], Request(parts.path, parse_qs(parts.query), headers)


def _encoded(response: Response, with_body: bool) -> bytes:
    head = [
        f"HTTP/1.1 {response.status} {_REASONS[response.status]}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *(f"{name}: {value}" for name, value in response.headers),
    ]
    return "\r\n".join((*head, "", "")).encode() + (response.body if with_body else b"")


def _is_of_this_host(host: str) -> bool:
    """A page in a browser may have its own name point to 127.0.0.1: it then asks under that name."""
    return _THIS_HOST.fullmatch(host) is not None


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(what)
    except RuntimeError:
        pass  # it has ended
