"""One kept connection to the exchange, for actions: a request is one write, and its answer is the only thing awaited on it.

What leaves, leaves once. A request that cannot be begun is ``NotSent``; from the moment its bytes were given to the connection
every other end than an answer is ``NoAnswer``: it may have acted.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Callable
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from core import VERSION
from core.exchange.venue_clock import mono_ms

ANSWER_MAX = 4 * 2**20
"""Bytes of an answer, its head included. That to 200 cancels has 20 thousand."""

CONNECT_TIMEOUT_S = 5.0

_HUNG_UP = getattr(select, "POLLRDHUP", 0)
_KEEP_ALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""Seconds, seconds, times: a way that swallows everything is found out by an idle connection, not by an order."""


class NotSent(Exception):
    """Not a byte of the request has left."""


class NoAnswer(Exception):
    """The request was given to a connection, and no whole answer came back."""


class TooLate(NoAnswer):
    """Nor will it be waited for any longer."""


class Answer(NamedTuple):
    status: int
    retry_after: str
    """The header's text; empty without one."""
    body: bytes


class Target:
    """Where requests go: the place to connect to, and the head that each begins with."""

    def __init__(self, base_url: str, path: str) -> None:
        """The certificate of an ``https`` server is verified against the authorities that this host trusts."""
        parts = urlsplit(base_url)
        self.is_tls = parts.scheme == "https"
        self.host, self.port = parts.hostname or "", parts.port or (443 if self.is_tls else 80)
        self.context: ssl.SSLContext | None = None
        if self.is_tls:
            self.context = ssl.create_default_context()
            self.context.set_alpn_protocols(["http/1.1"])
        self._head = (
            f"POST {parts.path.rstrip('/')}{path} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n"
            f"User-Agent: gridbot/{VERSION}\r\nAccept: application/json\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()

    def request(self, body: bytes) -> bytes:
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    async def connect(self, freed: Callable[[Line], None], lost: Callable[[Line], None]) -> Line:
        """Raises ``OSError``, and ``UnicodeError`` for a name that can't be one."""
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, protocol = await asyncio.get_running_loop().create_connection(
                lambda: Line(self.is_tls, freed, lost),
                self.host,
                self.port,
                ssl=self.context,
                server_hostname=self.host if self.is_tls else None,
                happy_eyeballs_delay=0.25,
            )
        return protocol


class _Reading:
    """The answer to one request, as its bytes come in."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._body = bytearray()
        self._received = 0
        self._retry_after = b""
        self._has_end = self._has_head = False
        self.is_whole = self.may_stay = False

    def feed(self, data: bytes) -> None:
        """Raises ``NoAnswer`` for what is no answer."""
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.is_whole:
                raise NoAnswer(f"it answered something that isn't HTTP ({error})") from error
            self.may_stay = False
        if self._received > ANSWER_MAX and not self.is_whole:
            raise NoAnswer(f"its answer is longer than {ANSWER_MAX // 2**20} MiB")

    def end(self) -> None:
        """The server has closed: an answer that doesn't say how long it is ends there."""
        self.is_whole = self.is_whole or (self._has_head and not self._has_end)

    def answer(self) -> Answer:
        text = self._retry_after.decode("latin-1")
        return Answer(self._parser.get_status_code(), text, bytes(self._body))

    # -- what the parser finds ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.is_whole:
            self.may_stay = False
            raise ValueError("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"retry-after":
                self._retry_after = value
            case b"content-length" | b"transfer-encoding":
                self._has_end = True

    def on_headers_complete(self) -> None:
        self._has_head = self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._has_head:  # or it was only "100 Continue", and the answer follows
            self.is_whole, self.may_stay = True, self._parser.should_keep_alive()


class Line(asyncio.Protocol):
    """Free, or waiting for the one answer that it owes."""

    def __init__(self, is_tls: bool, freed: Callable[[Line], None], lost: Callable[[Line], None]) -> None:
        """``freed``: its answer has come and it can be used again; ``lost``: it is gone, used or not."""
        self._freed, self._lost = freed, lost
        self._transport: asyncio.Transport | None = None
        self._reading: _Reading | None = None
        self._owed: asyncio.Future[Answer] | None = None
        self._poll: select.poll | None = None
        # Under TLS a server may say something that is no answer.
        self._events = _HUNG_UP if is_tls else _HUNG_UP | select.POLLIN
        self.born_s = self.free_since_s = 0.0
        """By the clock that goes on while the machine is suspended, which the loop's doesn't."""
        self.has_answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.born_s = self.free_since_s = mono_ms() / 1000
        wire = transport.get_extra_info("socket")
        if wire.family in (socket.AF_INET, socket.AF_INET6):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _KEEP_ALIVE:
                if hasattr(socket, name):
                    wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._poll = select.poll()
        self._poll.register(wire.fileno(), self._events)

    @property
    def is_lost(self) -> bool:
        return self._transport is None

    @property
    def is_usable(self) -> bool:
        """Free, and not closed by the server so far as this host's kernel knows, which may be more than the loop has seen."""
        transport, poll = self._transport, self._poll
        return (
            transport is not None
            and poll is not None
            and self._owed is None
            and not transport.is_closing()
            and not poll.poll(0)
        )

    def send(self, request: bytes) -> asyncio.Future[Answer]:
        """Its bytes are on their way when this returns. The answer, or ``NoAnswer``."""
        assert self._transport is not None
        assert self._owed is None
        self._transport.write(request)
        self._owed = asyncio.get_running_loop().create_future()
        self._reading = _Reading()
        return self._owed

    def give_up(self, why: NoAnswer) -> None:
        """Close at once; an answer that is owed will not come."""
        self._settle(why)
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._reading is None:
            self.give_up(NoAnswer("it spoke without being asked"))
            return
        try:
            self._reading.feed(data)
        except NoAnswer as error:
            self.give_up(error)
            return
        if self._reading.is_whole:
            self._answered(self._reading)

    def eof_received(self) -> None:
        """The transport closes itself after this."""
        if self._reading is not None:
            self._reading.end()
            self._reading.may_stay = False
            if self._reading.is_whole:
                self._answered(self._reading)

    def connection_lost(self, exc: Exception | None) -> None:
        said = f" ({exc})" if exc is not None else ""
        self._settle(NoAnswer(f"the connection ended before its answer had{said}"))
        self._transport = self._poll = None
        self._lost(self)

    def _answered(self, reading: _Reading) -> None:
        self._settle(reading.answer())
        self.free_since_s, self.has_answered = mono_ms() / 1000, True
        if reading.may_stay:
            self._freed(self)
        elif self._transport is not None:
            self._transport.close()

    def _settle(self, outcome: Answer | NoAnswer) -> None:
        owed, self._owed, self._reading = self._owed, None, None
        if owed is None or owed.done():
            return
        if isinstance(outcome, Answer):
            owed.set_result(outcome)
        else:
            owed.set_exception(outcome)
