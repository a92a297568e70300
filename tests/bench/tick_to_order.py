"""From a quote on the wire to the order that answers it on the wire, over loopback: the bot, SDK users' way, and the floor.

Every client is a process of its own, they take turns in rounds, and the exchange's side is the same for all: blocking sockets
that send a quote a millisecond after the last answer. p99 is what a shared machine makes of it: read it beside the floor's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench.report import ROUNDS, Row, percentile, row
from tests.bench.tick_clients import SUBSCRIPTIONS
from tests.bench.tick_engine import tick_to_wire_us
from tests.bench.tick_feed import Feed

TICKS = 120
_FIRST = 30
"""Ticks before the first that counts."""

_NAMES = {
    "ours": "tick to order, no journal",
    "ours_durable": "tick to order, its intent on disk first",
    "sdk": "websocket-client + requests + SDK with coincurve",
    "sdk_pure": "websocket-client + requests + SDK as installed",
    "relay": "raw sockets, order made before",
}


def rows() -> list[Row]:
    Path("build").mkdir(exist_ok=True)
    took = _measured()
    p50, p99 = (
        {kind: median(percentile(each, part) for each in found) for kind, found in took.items()}
        for part in (0.5, 0.99)
    )
    result: list[Row] = []
    for part, us in (("p50", p50), ("p99", p99)):
        goals = {"relay": 1 / 6, "sdk": 12.0} if part == "p50" else {}
        result += [
            row(
                f"{_NAMES['ours']}, {part}",
                us["ours"],
                "µs",
                _NAMES[beside],
                us[beside],
                goals.get(beside),
                less_is_better=True,
            )
            for beside in ("relay", "sdk", "sdk_pure")
        ]
        result += [
            row(f"{_NAMES[kind]}, {part}", us[kind], "µs", _NAMES["relay"], us["relay"], less_is_better=True)
            for kind in ("sdk", "sdk_pure")
        ]
    return [*result, *_durable_rows(p50, p99), *_engine_rows(p50["ours_durable"])]


def _engine_rows(without_us: float) -> list[Row]:
    p50_us, p99_us, count = tick_to_wire_us()
    name = f"tick to wire, the whole bot by its own stamps ({count} actions)"
    beside = "the same without an engine, p50"
    return [
        row(f"{name}, {part}", us, "µs", beside, without_us, less_is_better=True)
        for part, us in (("p50", p50_us), ("p99", p99_us))
    ]


def _durable_rows(p50: dict[str, float], p99: dict[str, float]) -> list[Row]:
    """What durability adds, beside what a bare commit adds to the floor."""
    name, bare = "what the intent on disk adds", "a bare commit, synchronous=FULL"
    return [
        row(
            _NAMES["ours_durable"] + ", p50",
            p50["ours_durable"],
            "µs",
            _NAMES["relay"],
            p50["relay"],
            less_is_better=True,
        ),
        row(
            _NAMES["ours_durable"] + ", p99",
            p99["ours_durable"],
            "µs",
            _NAMES["relay"],
            p99["relay"],
            less_is_better=True,
        ),
        row(
            f"{name}, p50",
            p50["ours_durable"] - p50["ours"],
            "µs",
            bare,
            p50["relay_commit"] - p50["relay"],
            1 / 1.2,
            less_is_better=True,
        ),
    ]


def _measured() -> dict[str, list[list[float]]]:
    """Microseconds by client and round."""
    feeds = {kind: Feed() for kind in SUBSCRIPTIONS}
    took: dict[str, list[list[float]]] = {kind: [] for kind in SUBSCRIPTIONS}
    with _clients({kind: feed.url for kind, feed in feeds.items()}):
        for kind, feed in feeds.items():
            feed.wait_until_subscribed(SUBSCRIPTIONS[kind])
            for _ in range(_FIRST):
                feed.tick()
        for _ in range(ROUNDS):
            for kind, feed in feeds.items():
                took[kind].append([feed.tick() for _ in range(TICKS)])
    for feed in feeds.values():
        feed.close()
    return took


@contextmanager
def _clients(urls: dict[str, str]) -> Iterator[None]:
    running: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory(prefix="bench-tick-", dir="build") as directory:
        try:
            for kind, url in urls.items():
                backend = "NativeECCBackend" if kind == "sdk_pure" else "CoinCurveECCBackend"
                environment = {**os.environ, "ECC_BACKEND_CLASS": f"eth_keys.backends.{backend}"}
                command = [sys.executable, "-m", "tests.bench.tick_clients", kind, url, directory]
                running.append(subprocess.Popen(command, env=environment))
            yield
        finally:
            for client in running:
                client.kill()
                client.wait()
