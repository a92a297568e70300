"""From a key to the screen's answer and to the first cancel on the wire: the program in a terminal, on an exchange of its own.

A relay between the two sees each request as it leaves; market data flows at the rate that ``FEED_SPEED`` gives.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from core.runtime.control_client import ask
from core.runtime.statedir import StateDir, UsageError
from tests.bench.console_pty import Pty
from tests.bench.report import Row, row

ROUNDS = int(os.environ.get("BENCH_KEYS", "12"))
FEED_SPEED = 600
_MAIN = "from gridbot_tui.main import main; main()"
_REST_WITHIN_S = 60.0


class Relay:
    """A TCP relay to the exchange. ``cancels`` are the times at which a request that cancels passed."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cancels: list[float] = []
        self.received = 0
        """Pieces that came from the exchange."""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_request: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if is_request and b'"cancel' in data:
                    self.cancels.append(time.monotonic())
                self.received += not is_request
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def rows() -> list[Row]:
    with TemporaryDirectory() as place:
        state = Path(place, "state")
        exchange, url = _exchange()
        parts = urlsplit(url)
        relay = Relay(parts.hostname or "", parts.port or 0)
        command = [sys.executable, "-c", _MAIN, "run", "--exchange-url", relay.url, "--state-dir", str(state)]
        terminal = Pty(command, 120, 40, {**os.environ, "HOME": place})
        try:
            return _measure(terminal, relay, StateDir(state))
        finally:
            terminal.close()
            exchange.terminate()
            exchange.wait()


def _measure(terminal: Pty, relay: Relay, state: StateDir) -> list[Row]:
    seen_ms: list[float] = []
    sent_ms: list[float] = []
    _until(terminal, lambda: _open_orders(state) > 0)
    began, received = time.monotonic(), relay.received
    for _ in range(ROUNDS):
        _until(terminal, lambda: _open_orders(state) > 0)
        while terminal.read(0):
            pass
        relay.cancels.clear()
        pressed = terminal.type("H")
        answered = terminal.wait_for(b"Halt", 10)
        _until(terminal, lambda: bool(relay.cancels))
        seen_ms.append((answered - pressed) * 1_000)
        sent_ms.append((relay.cancels[0] - pressed) * 1_000)
        _until(terminal, lambda: _state(state) == "halted")
        ask(state, "resume")
    pace = (relay.received - received) / (time.monotonic() - began)
    under = f"worst of {ROUNDS}, {pace:.0f} packets/s from the exchange"
    return [
        row(
            f"key to answer on screen, {under}",
            max(seen_ms),
            "ms",
            "the most it may be",
            100,
            1,
            less_is_better=True,
        ),
        row(
            f"key to first cancel on the wire, {under}",
            max(sent_ms),
            "ms",
            "the most it may be",
            500,
            1,
            less_is_better=True,
        ),
    ]


def _exchange() -> tuple[Popen[str], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    listen = f"127.0.0.1:{port}"
    command = [sys.executable, "-c", _MAIN, "exchange", "--listen", listen, "--speed", str(FEED_SPEED)]
    process = Popen(command, stdout=DEVNULL, stderr=DEVNULL, text=True)
    deadline = time.monotonic() + _REST_WITHIN_S
    while True:
        assert process.poll() is None, "the exchange has ended"
        assert time.monotonic() < deadline, "the exchange doesn't answer"
        with suppress(OSError):
            urllib.request.urlopen(f"http://{listen}/paper/audit", timeout=5).close()
            return process, f"http://{listen}"
        time.sleep(0.1)


def _status(state: StateDir) -> dict[str, object]:
    try:
        found: dict[str, object] = ask(state, "status")["status"]
    except UsageError:
        return {}
    return found


def _state(state: StateDir) -> object:
    return _status(state).get("state")


def _open_orders(state: StateDir) -> int:
    found = json.loads(json.dumps(_status(state)))
    return sum(int(coin["open_orders"]) for coin in found.get("coins", {}).values())


def _until(terminal: Pty, condition: Callable[[], bool]) -> None:
    """Read the terminal, so that it never stalls, until then."""
    deadline = time.monotonic() + _REST_WITHIN_S
    while not condition():
        terminal.read(0.02)
        assert time.monotonic() < deadline, "it never happened"
