"""From a key to the screen's answer and to the first cancel on the wire: the program in a terminal, on an exchange of its own.

A relay between the two sees each request as it leaves, and counts what the exchange says. An exchange gathers the news of one
market for 20 ms before it sends them; so there are several markets, and a grid in each.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pyte

from core.runtime.control_client import ask
from core.runtime.statedir import StateDir, UsageError
from tests.bench.console_pty import Pty
from tests.bench.report import Row, row
from widgets.panels import TOAST_WIDTH

ROUNDS = int(os.environ.get("BENCH_KEYS", "40"))
COINS = ("BTC", "ETH", "SOL", "DOGE", "HYPE", "XRP")
MARKET = "synthetic:" + ",".join(f"{coin}=reverting" for coin in COINS)
FEED_SPEED = 60
SIZE = (120, 40)
_MAIN = "from gridbot_tui.main import main; main()"
_REST_WITHIN_S = 60.0


class Relay:
    """A TCP relay to the exchange. ``cancels`` are the times at which a request that cancels passed."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cancels: list[float] = []
        self.messages = 0
        """That the exchange sent unasked: quotes, books, trades, orders, fills."""
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
                if not is_request:
                    self.messages += data.count(b'"channel"')
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


class Looker:
    """Reads the terminal as an operator would: its picture, not its bytes, of which only what differs is sent."""

    def __init__(self, terminal: Pty) -> None:
        self._terminal = terminal
        self._screen = pyte.Screen(*SIZE)
        self._stream = pyte.ByteStream(self._screen)

    def read(self, for_s: float) -> bool:
        """Whether anything came."""
        data = self._terminal.read(for_s)
        self._stream.feed(data)
        return bool(data)

    @property
    def answers(self) -> set[str]:
        """The toasts that a halt by key has been answered with."""
        return {row[:TOAST_WIDTH].strip() for row in self._screen.display if "H Halt: " in row[:TOAST_WIDTH]}

    def until(self, condition: Callable[[], bool], every_s: float = 0.1) -> None:
        """Read, so that the terminal never stalls, until then."""
        deadline = time.monotonic() + _REST_WITHIN_S
        while not condition():
            self.read(every_s)
            assert time.monotonic() < deadline, "it never happened: " + "\n".join(self._screen.display)

    def next_answer(self, before: set[str]) -> float:
        """When a toast came that wasn't there."""
        deadline = time.monotonic() + _REST_WITHIN_S
        while True:
            if self.read(0.05) and self.answers - before:
                return self._terminal.chunks[-1][0]
            assert time.monotonic() < deadline, "no answer: " + "\n".join(self._screen.display)


def rows() -> Iterator[Row]:
    with TemporaryDirectory() as place:
        state = Path(place, "state")
        exchange, url = _exchange()
        parts = urlsplit(url)
        relay = Relay(parts.hostname or "", parts.port or 0)
        coins = [word for coin in COINS for word in ("--coin", coin)]
        command = [sys.executable, "-c", _MAIN, "run", "--exchange-url", relay.url, "--state-dir", str(state)]
        terminal = Pty([*command, *coins], *SIZE, {**os.environ, "HOME": place})
        try:
            yield from _measure(terminal, relay, StateDir(state))
        finally:
            terminal.close()
            exchange.terminate()
            exchange.wait()


def _measure(terminal: Pty, relay: Relay, state: StateDir) -> Iterator[Row]:
    seen_ms: list[float] = []
    sent_ms: list[float] = []
    looker = Looker(terminal)
    looker.until(lambda: _open_orders(state) > 0)
    began, messages = time.monotonic(), relay.messages
    for _ in range(ROUNDS):
        looker.until(lambda: _open_orders(state) > 0)
        looker.until(lambda: not any("sent" in answer for answer in looker.answers))
        while looker.read(0):
            pass
        before = looker.answers
        relay.cancels.clear()
        pressed = terminal.type("H")
        seen_ms.append((looker.next_answer(before) - pressed) * 1_000)
        looker.until(lambda: bool(relay.cancels), 0.02)
        sent_ms.append((relay.cancels[0] - pressed) * 1_000)
        looker.until(lambda: _state(state) == "halted")
        ask(state, "resume")
    pace = (relay.messages - messages) / (time.monotonic() - began)
    under = f"{pace:.0f} messages/s come in"
    yield from _against(f"key to answer on screen, {under}", seen_ms, 100)
    yield from _against(f"key to first cancel on the wire, {under}", sent_ms, 500)


def _against(name: str, found_ms: list[float], most_ms: float) -> Iterator[Row]:
    for which, value in (("median", median(found_ms)), ("worst", max(found_ms))):
        yield row(
            f"{name}, {which} of {ROUNDS}",
            value,
            "ms",
            "the most it may be",
            most_ms,
            1,
            less_is_better=True,
        )


def _exchange() -> tuple[Popen[str], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    listen = f"127.0.0.1:{port}"
    command = [sys.executable, "-c", _MAIN, "exchange", "--listen", listen, "--market", MARKET, "--no-limits"]
    command += ["--speed", str(FEED_SPEED)]
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
