"""A session and what it reads beside the fills of its grid: other coins, funding, and messages that can't be read."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.domain.orders import Side
from core.paper.faults.spec import parse_faults
from tests.unit.exchange.samples import until
from tests.unit.runtime.stage import STILL, Run, Venue, plan, running, venue

GRID = 6
_MANY = replace(STILL, market="synthetic")
_HOUR_MS = 3_600_000


def _rows(run: Run, query: str) -> list[Any]:
    with sqlite3.connect(run.session._plan.state.journal) as db:
        return db.execute(query).fetchall()


async def _faults(exchange: Venue, *rows: dict[str, Any]) -> None:
    async with exchange.http.post(f"{exchange.url}/paper/faults", json=list(rows)) as answer:
        assert answer.status == 200, await answer.text()


async def test_a_fill_of_another_coin_is_kept_told_and_moves_no_position(tmp_path: Path) -> None:
    async with venue(_MANY) as exchange, running(plan(tmp_path, exchange.url)) as run:
        await run.resting(GRID)
        paper = exchange.server.exchange
        placed = paper.venue.market_order(exchange.user, "ETH", Side.BUY, 100, paper.now_ms())
        assert not placed.error
        paper.settle()
        await until(lambda: "foreign_fill" in run.told())
        rows = _rows(run, "SELECT coin, trade_id, order_id FROM foreign_fills ORDER BY trade_id")
        theirs = (await exchange.truth())["fills"]
        assert rows == sorted((row["coin"], row["tid"], row["oid"]) for row in theirs)
        assert _rows(run, "SELECT count(*) FROM fills") == [(0,)]


async def test_funding_is_kept_once_over_restarts(tmp_path: Path) -> None:
    async with venue(_MANY) as exchange:
        paper = exchange.server.exchange
        for _ in range(2):
            async with running(plan(tmp_path, exchange.url)) as run:
                await until(lambda: "ws_ready" in run.told())
                await exchange.trade("B", "0.001")
                paper.skew_ms += 2 * _HOUR_MS
                paper.tick()
                paper.settle()
                await run.crash()
        async with running(plan(tmp_path, exchange.url)) as run:
            booked = len([row for row in paper.venue.see(exchange.user).history if row.is_funding])
            assert booked >= 2
            await until(lambda: _rows(run, "SELECT count(*) FROM funding") == [(booked,)])


async def test_fills_in_a_damaged_message_are_read_back_at_once_over_the_same_connection(
    tmp_path: Path,
) -> None:
    async with venue() as exchange, running(plan(tmp_path, exchange.url)) as run:
        await run.resting(GRID)
        await _faults(
            exchange, {"kind": "ws_corrupt", "channel": "userFills", "mode": "truncate", "count": 1}
        )
        await exchange.trade("B", "0.001")
        await until(lambda: run.snapshots[-1].coins[0].fills.total == 1)
        assert "ws_disconnected" not in run.told()
        assert _rows(run, "SELECT source FROM fills") == [("rest",)]
        (told,) = [event.detail for event in run.bus.tail() if event.name == "wire_quarantined"]
        assert "text" in told


async def test_an_answer_that_cannot_be_read_is_told_with_its_text_even_before_the_engine_lives(
    tmp_path: Path,
) -> None:
    fault = {"kind": "http_html", "action": "clearinghouseState", "count": 1}
    config = replace(STILL, faults=parse_faults([fault]))
    async with venue(config) as exchange, running(plan(tmp_path, exchange.url)) as run:
        await run.resting(GRID)
        (told,) = [event.detail for event in run.bus.tail() if event.name == "wire_quarantined"]
        assert "rest:clearinghouseState" in told
        assert "<html" in told.lower()
