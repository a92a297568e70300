"""A webhook on loopback: takes what is posted or fetched, and answers as a test wants it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Sink:
    """``status`` 0: take the request and never answer."""

    def __init__(self) -> None:
        self.status = 200
        self.answer = b""
        self.posted: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        """Of what was posted, by lower-case names."""
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=lambda: self._server.serve_forever(0.02), daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def texts(self) -> list[str]:
        """The bodies, in the order they came."""
        return [each["message"] for each in self.posted]

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(sink: Sink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            row = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sink.asked.append(self.path)
            sink.headers.append({name.lower(): value for name, value in self.headers.items()})
            if sink.status == 200:
                sink.posted.append(row)
            self._answer()

        def do_GET(self) -> None:
            sink.asked.append(self.path)
            self._answer()

        def _answer(self) -> None:
            if not sink.status:
                sink.released.wait()
                return
            self.send_response(sink.status)
            self.send_header("Content-Length", str(len(sink.answer)))
            self.end_headers()
            self.wfile.write(sink.answer)

        def log_message(self, *_: object) -> None:
            """Nothing on a test's stderr."""

    return Handler


@contextmanager
def sink() -> Iterator[Sink]:
    one = Sink()
    try:
        yield one
    finally:
        one.close()


def until(condition: Callable[[], object], what: str, within_s: float = 15.0) -> None:
    """Poll what other threads bring about; fail with what was waited for."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.005)
