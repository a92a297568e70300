"""Bytes that are hardly HTTP, and some that are."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from random import Random

_BODY = b'{"type":"allMids"}'
_METHODS = (
    b"GET",
    b"POST",
    b"PUT",
    b"DELETE",
    b"HEAD",
    b"OPTIONS",
    b"PATCH",
    b"TRACE",
    b"BREW",
    b"",
    b"get",
    b"P\x00ST",
    b"X" * 9000,
)
_PATHS = (
    *(
        b"/info",
        b"/exchange",
        b"/ws",
        b"/",
        b"*",
        b"//",
        b"/info/",
        b"/INFO",
        b"/paper/truth?user=%zz",
        b"/paper/audit?" + b"a" * 20_000,
    ),
    *(
        b"/%zz",
        b"/%00",
        b"/\xff\xfe",
        b"http://",
        b"http://[",
        b"http://[::1",
        b"http://x:99999/info",
        b"//[",
        b"/../../etc/passwd",
    ),
    *(
        b"/info#x",
        b"?",
        b"\x00",
        b"/ info",
        b"/" + b"a" * 9000,
        b"/info;x=y",
        b"http:///info",
        b"x://y",
        b"[::1]:80",
    ),
)
_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"HTTP/1", b"", b"ICAP/1.0", b"HTTP/1.1 ")
_HEADERS = (
    *(
        b"Content-Type: application/json",
        b"Content-Type: \xff",
        b"Content-Type: text/html; charset=nope",
        b"Content-Type",
    ),
    *(
        b"Content-Length: -1",
        b"Content-Length: 1e3",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: 18, 18",
    ),
    *(
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: nope",
        b"Transfer-Encoding: chunked, chunked",
    ),
    *(
        b"Content-Encoding: gzip",
        b"Content-Encoding: deflate",
        b"Content-Encoding: br",
        b"Content-Encoding: zstd",
        b"Content-Encoding: nope",
    ),
    *(
        b"Connection: close",
        b"Connection: upgrade",
        b"Connection: keep-alive",
        b"Upgrade: websocket",
        b"Upgrade: h2c",
        b"Expect: 100-continue",
    ),
    *(
        b"Expect: nope",
        b"Sec-WebSocket-Version: 99",
        b"Sec-WebSocket-Key: x",
        b"Host: \x00",
        b": nothing",
        b" folded: x",
        b"X" * 9000 + b": y",
    ),
    *(
        b"X: " + b"y" * 9000,
        b"Cookie: " + b"a=b;" * 500,
        b"Range: bytes=0-",
        b"If-None-Match: *",
        b"Origin: null",
        b"\x00: \x00",
    ),
)
_CHUNKS = (
    *(
        b"12\r\n" + _BODY + b"\r\n0\r\n\r\n",
        b"ZZ\r\n" + _BODY,
        b"-1\r\nx\r\n",
        b"fffffffffffffffff\r\nx",
        b"5;ext=\x00\r\nhello\r\n0\r\n\r\n",
    ),
    *(
        b"0\r\nTrailer: x\r\n\r\n",
        b"12\n" + _BODY + b"\n0\n\n",
        b"3\r\nabcdef\r\n0\r\n\r\n",
        b"",
        b"0\r\n\r\n",
    ),
)


@dataclass(frozen=True, slots=True)
class Raw:
    data: bytes
    is_whole: bool
    """Nothing more has to come for an answer."""


def request(dice: Random) -> Raw:
    """One request, wrong in one place or several."""
    line = (
        _pick(_METHODS, b"POST", dice),
        _pick(_PATHS, b"/info", dice),
        _pick(_VERSIONS, b"HTTP/1.1", dice),
    )
    headers = [dice.choice(_HEADERS) for _ in range(dice.randrange(3))]
    frames_itself = any(
        header.startswith((b"Content-Length", b"Transfer", b"Expect", b"Upgrade")) for header in headers
    )
    is_chunked = any(header.startswith(b"Transfer-Encoding") for header in headers)
    if not frames_itself or (not is_chunked and dice.random() < 0.5):
        headers.append(b"Content-Length: %d" % len(_BODY))
    dice.shuffle(headers)
    if dice.random() < 0.05:
        headers += [b"X-%d: y" % number for number in range(500)]
    end = dice.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"))
    head = end.join([b" ".join(line), b"Host: x", *headers]) + end + end
    body = dice.choice(_CHUNKS) if is_chunked else _BODY
    return Raw(head + body, not frames_itself and end == b"\r\n")


def _pick(choices: tuple[bytes, ...], sound: bytes, dice: Random) -> bytes:
    return dice.choice(choices) if dice.random() < 0.35 else sound


def tell(host: str, port: int, raw: Raw) -> bytes:
    """Send it, and read one answer; empty if the server waits for more of it, or hangs up."""
    with socket.create_connection((host, port), timeout=10 if raw.is_whole else 0.03) as line:
        try:
            line.sendall(raw.data)
        except OSError:
            pass  # It was answered and closed before all was sent.
        answer, is_head = b"", raw.data.startswith(b"HEAD ")
        try:
            while not _is_complete(answer, is_head) and (chunk := line.recv(65_536)):
                answer += chunk
        except (ConnectionResetError, TimeoutError):
            pass  # It was closed with some of it unread, or the server waits.
        return answer


def _is_complete(answer: bytes, is_head: bool) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator or head.startswith(b"HTTP/1.1 100"):
        return False
    length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
    return is_head or length is None or len(body) >= int(length[1])
