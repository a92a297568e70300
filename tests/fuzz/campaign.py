"""Thousands of bad requests against a real server, and a judge: never a 500, never a dropped connection, no crash, no leak.

Every case follows from (seed, number) alone, so that a verdict names what repeats it.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

import orjson
from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action, sign_usd_transfer_action
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from core.paper.config import PaperConfig
from core.paper.embedded import EmbeddedExchange
from core.paper.server.subscriptions import Channel
from core.paper.server.ws import Connection
from tests.fuzz import rawhttp, templates
from tests.fuzz.mutations import encoded, mutate

_CONFIG = PaperConfig(speed=50, limits=False, block_ms=0)
_KEYS = tuple("0x" + f"{number:02x}" * 32 for number in (0x11, 0x22, 0x33))
_FRAMES = 20
"""WebSocket frames of one case's connection, before it has to answer a ping."""
_WATCHED = (asyncio.Task, Connection)


class FoundError(AssertionError):
    """What no client may ever see."""


@dataclass
class Report:
    cases: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, 0)
    """Seconds until the answer, and the number of the case."""


class _Ear(logging.Handler):
    """The server's own words: it has nothing to complain about."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))


class Campaign:
    def __init__(self, url: str, info_kinds: tuple[str, ...], seed: int) -> None:
        self._host, self._port = urlsplit(url).hostname or "", urlsplit(url).port or 0
        self._seed = seed
        self._info_kinds = info_kinds
        self._wallets = [Account.from_key(key) for key in _KEYS]
        self._nonces = itertools.count(int(time.time() * 1000))
        self._line = self._connected()
        self._open = ExitStack()
        self._socket: ClientConnection | None = None
        self._said = 0
        self._number = 0
        self.report = Report()

    def run(self, cases: int, begin: int = 0) -> Report:
        """So many cases from number ``begin`` on; what all runs have seen so far.

        Raises:
            FoundError: with what repeats it.
        """
        started = time.monotonic()
        kinds: list[tuple[str, Callable[[Random], None]]] = [
            *[("info", self._info)] * 6,
            *[("exchange", self._exchange)] * 5,
            *[("signed", self._signed)] * 3,
            *[("frames", self._frame)] * 6,
            *[("control", self._control)] * 3,
            *[("raw", self._raw)] * 2,
        ]
        for number in range(begin, begin + cases):
            dice, self._number = Random(f"{self._seed}:{number}"), number
            name, attempt = dice.choice(kinds)
            try:
                attempt(dice)
            except (OSError, http.client.HTTPException, ConnectionClosed, FoundError) as error:
                raise FoundError(f"seed {self._seed}, case {number} ({name}): {error!r}") from error
            self.report.cases[name] += 1
        self._hang_up()
        self.report.seconds += time.monotonic() - started
        return self.report

    def close(self) -> None:
        self._hang_up()
        self._line.close()

    def ask(self, path: str) -> Any:
        status, body = self._send("GET", path, b"")
        assert status == 200, body
        return orjson.loads(body)

    def _connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=20)

    def _send(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """On one connection that has to last."""
        begun = time.monotonic()
        self._line.request(method, path, body, {"Content-Type": "application/json"})
        answer = self._line.getresponse()
        data = answer.read()
        self.report.slowest = max(self.report.slowest, (time.monotonic() - begun, self._number))
        if answer.will_close and answer.status != 413:
            raise FoundError(f"{method} {path}: HTTP {answer.status} and the connection is closed")
        return answer.status, data

    def _judge(self, method: str, path: str, body: bytes, allowed: tuple[int, ...]) -> tuple[int, bytes]:
        status, data = self._send(method, path, body)
        self.report.answers[status] += 1
        if status not in allowed:
            raise FoundError(f"{method} {path} {body[:300]!r}: HTTP {status} {data[:300]!r}")
        return status, data

    def _info(self, dice: Random) -> None:
        sound = templates.info(dice.choice(self._info_kinds), dice)
        self._judge("POST", "/info", encoded(mutate(sound, dice), dice), (200, 422))

    def _exchange(self, dice: Random) -> None:
        body = encoded(mutate(templates.envelope(dice), dice), dice)
        self._judge("POST", "/exchange", body, (200, 422))

    def _signed(self, dice: Random) -> None:
        """A valid signature under absurd values."""
        wallet = dice.choice(self._wallets)
        nonce = next(self._nonces) if dice.random() < 0.9 else dice.choice((0, 1, 2**53, 2**63, 2**64 - 1))
        try:
            if dice.random() < 0.1:
                action = {
                    "destination": templates.USERS[0],
                    "amount": dice.choice(("1", "1e5", "-1", str(10**30))),
                    "time": nonce,
                }
                signature = sign_usd_transfer_action(wallet, action, False)
                action = {"type": "usdSend", **action}
            else:
                sound = templates.action(dice)
                action = mutate(sound, dice) if dice.random() < 0.7 else sound
                signature = sign_l1_action(wallet, action, None, nonce, None, False)
        except (ValueError, TypeError, AttributeError, OverflowError, KeyError, IndexError):
            return  # The SDK itself refuses to sign it.
        body = {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None}
        try:
            data = orjson.dumps(body)
        except TypeError:
            return  # A number that JSON can't carry.
        self._judge("POST", "/exchange", data, (200, 422))

    def _control(self, dice: Random) -> None:
        method, path, body = templates.control(dice)
        if method == "GET":
            noise = (
                "".join(dice.choice("%&=?;/\\0xfF ") for _ in range(dice.randrange(9)))
                if dice.random() < 0.7
                else ""
            )
            self._judge("GET", (path + noise).replace(" ", "+"), b"", (200, 400, 404))
            return
        status, _ = self._judge(method, path, encoded(mutate(body, dice), dice), (200, 400))
        if status == 200 and path == "/paper/faults":
            self._judge("POST", "/paper/faults", b"[]", (200,))

    def _frame(self, dice: Random) -> None:
        """On one connection that has to answer a ping now and then."""
        if self._socket is None:
            address = f"ws://{self._host}:{self._port}/ws"
            client = connect(address, proxy=None, max_size=None, max_queue=None)
            self._socket = self._open.enter_context(client)
            self._said = 0
        sound = templates.frame(tuple(Channel), self._info_kinds, dice)
        body = encoded(mutate(sound, dice) if dice.random() < 0.9 else sound, dice)
        try:
            self._socket.send(body.decode())
        except UnicodeDecodeError:
            self._socket.send(body)
        self._said += 1
        if self._said % _FRAMES == 0:
            self._socket.send('{"method":"ping"}')
            while self._socket.recv(timeout=20) != '{"channel":"pong"}':
                pass
        if self._said >= 40 * _FRAMES:
            self._hang_up()

    def _raw(self, dice: Random) -> None:
        raw = rawhttp.request(dice)
        answer = rawhttp.tell(self._host, self._port, raw)
        status = int(answer[9:12]) if answer.startswith(b"HTTP/") else 0
        self.report.answers[status] += 1
        if status >= 500 or (not status and (answer or raw.is_whole)):
            raise FoundError(f"{raw.data[:500]!r}: {answer[:300]!r}")

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._open.close()
            self._socket = None


@contextmanager
def target() -> Iterator[tuple[str, tuple[str, ...]]]:
    """A server, with the info types that it knows; what it logs, leaves behind or miscounts is a finding."""
    ear = _Ear()
    root = logging.getLogger()
    exchange = EmbeddedExchange(_CONFIG)
    url = exchange.start()
    root.addHandler(ear)
    try:
        server = exchange._server
        assert server is not None
        yield url, tuple(server.exchange.info._handlers)
        if ear.heard:
            raise FoundError(f"the server complained {len(ear.heard)} times: {ear.heard[0][-3000:]}")
    except FoundError as error:
        raise FoundError(f"{error}\nThe server said: {' '.join(ear.heard[-1:])[-3000:]}") from error
    finally:
        root.removeHandler(ear)
        exchange.stop()


def living() -> dict[str, int]:
    """How many of the things that come and go with requests there are now."""
    gc.collect()
    counts = Counter(type(found).__name__ for found in gc.get_objects() if isinstance(found, _WATCHED))
    return {kind.__name__: counts[kind.__name__] for kind in _WATCHED}


def left_behind(before: dict[str, int]) -> dict[str, int]:
    """What there is more of than before, once all have had their time to end."""
    deadline = time.monotonic() + 10
    while any((now := living())[kind] > count for kind, count in before.items()):
        if time.monotonic() > deadline:
            return {kind: now[kind] - count for kind, count in before.items()}
        time.sleep(0.01)
    return {}
