"""What one event costs: the core's thread, which publishes it, and the log's, which writes it, beside the standard library."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from core.domain.effects import Scalar, notify
from core.redaction import remember
from core.runtime.event_bus import EventBus
from core.telemetry.event_log import EventLogFile
from core.telemetry.log_writer import LogWriter
from tests.bench.report import Row, row

COUNT, ROUNDS = 4_000, 5
FIELDS: dict[str, Scalar] = {
    "side": "buy",
    "size": "0.0012",
    "price": "67123",
    "source": "ws",
    "liquidity": "maker",
    "closed_pnl": "0.0",
    "fee": "0.0121",
    "fee_token": "USDC",
    "trade_id": 123456789012,
    "order_id": 123456789,
    "cloid": "0x67726462aaaaaaaabbbbbbbb0000002f",
    "external": False,
    "time_ms": 1_790_000_000_000,
    "position": "0.0012",
}


def rows() -> Iterator[Row]:
    remember("0x" + "ab" * 32)
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        bus, writer = EventBus(), LogWriter(EventLogFile(directory))
        handler = logging.FileHandler(directory / "stdlib.log")
        logger = logging.Logger("bench")
        logger.addHandler(handler)
        line = {"event": "fill", "ts_ms": 1, "level": "info", "coin": "BTC", **FIELDS}
        notice = notify("fill", "info", "BTC", **FIELDS)
        works: dict[str, Callable[[], None]] = {
            "bus": lambda: bus.publish(notice, 1),
            "log": lambda: writer.write(line),
            "stdlib": lambda: logger.info(json.dumps(line)),
        }
        best: dict[str, float] = {}
        for _ in range(ROUNDS):  # by turns: what else the machine does falls on all of them
            for name, work in works.items():
                began = perf_counter()
                for _ in range(COUNT):
                    work()
                us = (perf_counter() - began) / COUNT * 1e6
                best[name] = min(best.get(name, us), us)
        handler.close()
        writer.close()
    beside = "stdlib logging of json.dumps"
    yield row(
        "published, on the core's thread", best["bus"], "us", beside, best["stdlib"], less_is_better=True
    )
    yield row("written, on the log's thread", best["log"], "us", beside, best["stdlib"], less_is_better=True)
