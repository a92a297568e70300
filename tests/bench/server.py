"""Signed orders over real HTTP: how many a second, how late, and where the time goes.

The requests are signed beforehand with the official SDK, so that only the server is measured; it has a process of its own.
"""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from hyperliquid.utils.signing import construct_phantom_agent, l1_payload, sign_l1_action

from core.paper.config import PaperConfig
from core.paper.exchange import PaperExchange
from core.paper.jsonio import Json, dumps, loads
from core.paper.market.load import load_market
from core.paper.requests.actions import PlaceAction
from core.paper.requests.envelope import decode_envelope
from core.paper.requests.payloads import L1Payload
from core.paper.requests.signatures import recover
from tests.bench.report import Row, microseconds_each, percentile, row

_ORDERS = 960
"""Per measurement and round; an account may have 1000 resting orders."""
_ROUNDS = 3
_SIZES = (1, 8, 40)
_CONNECTIONS = 8

_CONFIG = PaperConfig(funds_usd=Decimal(100_000_000), limits=False, block_ms=0)

_nonces = itertools.count(int(time.time() * 1000))


@dataclass(frozen=True, slots=True)
class _Measured:
    orders_per_second: float
    p50_ms: float
    p99_ms: float


def rows() -> list[Row]:
    result: list[Row] = []
    for size in _SIZES:
        result += _compare(size, connections=1)
    result += _compare(1, connections=_CONNECTIONS)
    return result + _parts()


def _compare(size: int, connections: int) -> list[Row]:
    rounds = [
        (_measure("floor", size, connections), _measure("paper", size, connections)) for _ in range(_ROUNDS)
    ]
    name = f"{size} order{'s' if size > 1 else ''} a request, {connections} connection{'s' if connections > 1 else ''}"
    floor = [floor for floor, _ in rounds]
    paper = [paper for _, paper in rounds]
    return [
        row(
            f"{name}: orders",
            median(m.orders_per_second for m in paper),
            "1/s",
            "constant answer",
            median(m.orders_per_second for m in floor),
        ),
        row(
            f"{name}: p50",
            median(m.p50_ms for m in paper),
            "ms",
            "constant answer",
            median(m.p50_ms for m in floor),
        ),
        row(
            f"{name}: p99",
            median(m.p99_ms for m in paper),
            "ms",
            "constant answer",
            median(m.p99_ms for m in floor),
        ),
    ]


@contextmanager
def serving(kind: str) -> Iterator[str]:
    """The URL of an ``exchange_process``."""
    command = [sys.executable, "-m", "tests.bench.exchange_process", kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(20)


def _measure(kind: str, size: int, connections: int) -> _Measured:
    bodies = [_requests(Account.create(), size) for _ in range(connections)]
    latencies: list[float] = []
    with serving(kind) as url:
        host = url.removeprefix("http://")
        threads = [threading.Thread(target=_send, args=(host, mine, latencies)) for mine in bodies]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - started
    count = sum(len(mine) for mine in bodies) * size
    assert len(latencies) * size == count, "a request failed"
    return _Measured(count / took, percentile(latencies, 0.5), percentile(latencies, 0.99))


def _send(host: str, bodies: list[bytes], latencies: list[float]) -> None:
    connection = http.client.HTTPConnection(host, timeout=30)
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST", "/exchange", body, {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
        latencies.append((time.perf_counter() - started) * 1000)
        assert b'"resting"' in answer, answer
        assert b'"error"' not in answer, answer
    connection.close()


def _action(size: int, first: int) -> dict[str, Any]:
    """Post-only bids far below the market."""
    orders = [
        {
            "a": 0,
            "b": True,
            "p": str(60_000 + (first + number) % 900),
            "s": "0.001",
            "r": False,
            "t": {"limit": {"tif": "Alo"}},
        }
        for number in range(size)
    ]
    return {"type": "order", "orders": orders, "grouping": "na"}


def _request(wallet: LocalAccount, size: int, first: int) -> dict[str, Any]:
    action, nonce = _action(size, first), next(_nonces)
    signature = sign_l1_action(wallet, action, None, nonce, None, False)
    return {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None}


def _requests(wallet: LocalAccount, size: int) -> list[bytes]:
    return [json.dumps(_request(wallet, size, n * size)).encode() for n in range(_ORDERS // size // 4)]


def _parts() -> list[Row]:
    """The same single order, taken apart in this process."""
    exchange = PaperExchange(_CONFIG, load_market("replay:bundled"))
    wallet = Account.create()
    user = wallet.address.lower()
    body = json.dumps(_request(wallet, 1, 0)).encode()
    envelope = decode_envelope(loads(body))
    action, signature, payload = envelope.action, envelope.signature, envelope.payload
    assert isinstance(action, PlaceAction)
    assert isinstance(payload, L1Payload)
    assert signature is not None
    digest = payload.digest(envelope.nonce, None, None, is_mainnet=False)
    statuses: list[Json] = [{"resting": {"oid": 77738308}}]
    answer: Json = {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}
    venue, now_ms = exchange.venue, exchange.now_ms()

    def place_and_cancel() -> None:
        (placed,) = venue.place(user, action.orders, now_ms)
        venue.cancel(user, ((0, placed.order.oid),), now_ms)
        venue.take_batch()

    parts: dict[str, Callable[[], object]] = {
        "JSON read, action decoded": lambda: decode_envelope(loads(body)),
        "hashed": lambda: payload.digest(envelope.nonce, None, None, is_mainnet=False),
        "signature recovered": lambda: recover(digest, signature),
        "placed and cancelled": place_and_cancel,
        "answer written": lambda: dumps(answer),
    }
    typed = encode_typed_data(full_message=l1_payload(construct_phantom_agent(b"\0" * 32, False)))
    vrs = (signature.v, signature.r, signature.s)
    reference = microseconds_each(lambda: Account.recover_message(typed, vrs=vrs), 50)
    return [
        row(f"one order: {name}", microseconds_each(work, 200), "us", "eth_account recovers it", reference)
        for name, work in parts.items()
    ]
