"""The exchange's side of a tick's way: sends one quote, waits for the order that answers it, and counts what lay between.

Blocking sockets and nothing else, the same for every client: a listener of its own for each, quotes by WebSocket, and orders
over however many HTTP connections the client likes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import select
import socket
import time

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BODY = b'{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":77738308}}]}}}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)
_GAP_S = 0.001
_PATIENCE_S = 30.0


class Feed:
    """Of one client."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ws: socket.socket | None = None
        self._read: dict[int, tuple[socket.socket, bytearray]] = {}
        self._poll = select.poll()
        self._poll.register(self._listener.fileno(), select.POLLIN)
        self._ticks = 0
        self.orders: list[bytes] = []
        """The body of the last order."""

    def wait_until_subscribed(self, subscriptions: int) -> None:
        """Let the client connect and subscribe; every subscription is acknowledged."""
        deadline, heard = time.monotonic() + _PATIENCE_S, b""
        while self._ws is None and time.monotonic() < deadline:
            self._turn(100)
        assert self._ws is not None, "the client never connected"
        self._ws.settimeout(_PATIENCE_S)
        while subscriptions:
            heard += self._ws.recv(65_536)
            messages, heard = _messages(heard)
            for message in messages:
                if message.get("method") == "subscribe":
                    self._say({"channel": "subscriptionResponse", "data": message})
                    subscriptions -= 1

    def tick(self) -> float:
        """One quote and its order; microseconds from before the one was sent until the whole of the other was here."""
        assert self._ws is not None
        self._ticks += 1
        px = 83_959 + self._ticks % 7
        quote = {
            "coin": "BTC",
            "time": time.time_ns() // 1_000_000,
            "bbo": [{"px": f"{px}.0", "sz": "0.0312", "n": 3}, {"px": f"{px + 1}.0", "sz": "1.5", "n": 12}],
        }
        frame = _frame({"channel": "bbo", "data": quote})
        time.sleep(_GAP_S)
        began = time.perf_counter_ns()
        self._ws.sendall(frame)
        while (order := self._turn(5_000)) is None:
            assert time.perf_counter_ns() - began < _PATIENCE_S * 1e9, "the order never came"
        ended = time.perf_counter_ns()
        client, body = order
        client.sendall(_ANSWER)
        self.orders = [body]
        return (ended - began) / 1e3

    def close(self) -> None:
        for client, _ in self._read.values():
            client.close()
        if self._ws is not None:
            self._ws.close()
        self._listener.close()

    def _turn(self, wait_ms: int) -> tuple[socket.socket, bytes] | None:
        """Take what has come in; an order if one is whole now."""
        for fd, _ in self._poll.poll(wait_ms):
            if fd == self._listener.fileno():
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._read[client.fileno()] = client, bytearray()
                self._poll.register(client.fileno(), select.POLLIN)
                continue
            client, heard = self._read[fd]
            data = client.recv(65_536)
            if not data:
                self._forget(fd)
                client.close()
                continue
            heard += data
            head, end, body = bytes(heard).partition(b"\r\n\r\n")
            if head.startswith(b"GET") and end:
                self._ws = client
                self._forget(fd)
                client.sendall(_switched(head))
            elif end and len(body) >= _length(head):
                heard.clear()
                return client, body
        return None

    def _forget(self, fd: int) -> None:
        self._poll.unregister(fd)
        del self._read[fd]

    def _say(self, message: object) -> None:
        assert self._ws is not None
        self._ws.sendall(_frame(message))


def _frame(message: object) -> bytes:
    text = json.dumps(message, separators=(",", ":")).encode()
    size = bytes([len(text)]) if len(text) < 126 else b"\x7e" + len(text).to_bytes(2, "big")
    return b"\x81" + size + text


def _messages(heard: bytes) -> tuple[list[dict[str, object]], bytes]:
    """The whole masked text frames of a client, and what is left."""
    found: list[dict[str, object]] = []
    while len(heard) >= 2:
        size, at = heard[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(heard[2:4], "big"), 4
        if len(heard) < at + 4 + size:
            break
        mask, masked = heard[at : at + 4], heard[at + 4 : at + 4 + size]
        if heard[0] & 0xF == 1:
            found.append(json.loads(bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))))
        heard = heard[at + 4 + size :]
    return found, heard


def _field(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return b""


def _length(head: bytes) -> int:
    return int(_field(head, b"content-length") or 0)


def _switched(head: bytes) -> bytes:
    accept = base64.b64encode(hashlib.sha1(_field(head, b"sec-websocket-key") + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )
