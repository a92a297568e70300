"""GridBot itself against an exchange that misbehaves in many ways at once: what it believes in the end is what is true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.exchange import weight_window
from core.paper.faults.spec import parse_faults
from tests.unit.exchange.samples import until
from tests.unit.runtime.stage import STILL, Venue, plan, running, venue

_FROM_THE_START = parse_faults([{"kind": "answer_lost", "action": "order", "count": 1}])
_WEATHER: list[dict[str, Any]] = [
    {"kind": "answer_lost", "probability": 0.3},
    {"kind": "http_corrupt", "action": "order", "mode": "short", "probability": 0.3},
    {"kind": "action_late", "action": "cancel", "delay_ms": 200, "probability": 0.3},
    {"kind": "http_html", "action": "openOrders", "count": 1},
    {"kind": "http_429", "action": "/info", "probability": 0.05},
    {"kind": "http_502", "action": "/info", "probability": 0.1},
    {"kind": "request_lost", "action": "/info", "probability": 0.05},
    {"kind": "http_delay", "probability": 0.2, "delay_ms": 60},
    {"kind": "ws_corrupt", "channel": "userFills", "count": 1},
    {"kind": "ws_drop", "channel": "userFills", "probability": 0.3},
    {"kind": "ws_duplicate", "channel": "userFills", "probability": 0.3},
    {"kind": "ws_delay", "channel": "userFills", "probability": 0.3, "delay_ms": 150},
    {"kind": "ws_reorder", "channel": "orderUpdates", "probability": 0.3, "delay_ms": 100},
    {"kind": "ws_close", "channel": "bbo", "probability": 0.01},
    {"kind": "rest_lag", "delay_ms": 300},
]
_CERTAIN = {"ws_corrupt", "ws_drop", "ws_duplicate", "rest_lag"}
_FILLS, _FILLS_MOST = 15, 60


async def struck(exchange: Venue) -> set[str]:
    """Which kinds of fault it has met. Whether an order was unknown meanwhile is a race with the stream."""
    async with exchange.http.get(f"{exchange.url}/paper/faults") as answer:
        return {row["kind"] for row in await answer.json() if row["strikes"]}


async def test_in_mixed_weather_position_and_fills_end_as_the_exchange_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_window, "PAUSE_MOST_S", 0.5)  # refused at random, it would read ever less
    config = replace(STILL, speed=300, faults=_FROM_THE_START)
    async with venue(config) as exchange, running(plan(tmp_path, exchange.url)) as run:
        await run.resting(6)
        assert "answer_lost" in await struck(exchange), "the answer to its first orders"
        async with exchange.http.post(f"{exchange.url}/paper/faults", json=_WEATHER) as answer:
            assert answer.status == 200, await answer.text()
        number, met = 0, set[str]()
        while number < _FILLS or (not met >= _CERTAIN and number < _FILLS_MOST):
            await exchange.trade("B" if number % 3 else "A", "0.0007")
            await until(lambda seen=number: run.snapshots[-1].coins[0].fills.total > seen, 8)  # type: ignore[misc]
            number, met = number + 1, await struck(exchange)
        async with exchange.http.post(f"{exchange.url}/paper/faults", json=[]) as answer:
            assert answer.status == 200
        report = await run.stop()
        truth = await exchange.truth()
    assert met >= _CERTAIN
    found = report.summary["coins"]["BTC"]
    assert found["fills"] == len(truth["fills"]) >= _FILLS
    assert found["position"] == found["exchange_position"] == truth["positions"].get("BTC", "0")
    assert (found["drift"], found["open_orders"], truth["orders"]) == ("0", 0, [])
