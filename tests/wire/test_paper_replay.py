"""A recording that is run once through the real server leaves what was recorded: its last price and its volume."""

from __future__ import annotations

import csv
import gzip
import time
from decimal import Decimal

import pytest

from core.paper.config import PaperConfig
from core.paper.embedded import EmbeddedExchange
from core.paper.market.recording import BUNDLED
from tests.unit.paper.paper_client import info, until


@pytest.mark.parametrize("speed", [1_000, 20_000])
def test_once_over_the_bundled_recording_gives_its_last_price_and_its_volume(speed: float) -> None:
    with gzip.open(BUNDLED, "rt") as lines:
        prints = list(csv.DictReader(lines))
    exchange = EmbeddedExchange(PaperConfig(speed=speed, loops=False))
    started_ms = int(time.time() * 1000)
    url = exchange.start()
    try:
        until(lambda: (stats := exchange.stats()) is not None and stats.progress == 1, timeout_s=30)
        request = {
            "coin": "BTC",
            "interval": "1m",
            "startTime": started_ms - 60_000,
            "endTime": started_ms + 600_000,
        }
        candles = info(url, type="candleSnapshot", req=request)
        newest = info(url, type="recentTrades", coin="BTC")[0]
        stats = exchange.stats()
    finally:
        exchange.stop()
    assert sum(Decimal(candle["v"]) for candle in candles) == sum(Decimal(row["sz"]) for row in prints)
    assert sum(candle["n"] for candle in candles) == len(prints)
    assert Decimal(candles[-1]["c"]) == Decimal(prints[-1]["px"])
    assert (Decimal(newest["px"]), Decimal(newest["sz"])) == (
        Decimal(prints[-1]["px"]),
        Decimal(prints[-1]["sz"]),
    )
    assert stats is not None
    assert stats.trades == len(prints)
