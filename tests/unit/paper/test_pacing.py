"""The market's pace: it forgives arrears, no pause is too long for it, and its death is told."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest

from core.paper.config import MarketDiedError, PaperConfig, StoreError
from core.paper.embedded import EmbeddedExchange
from core.paper.market.load import load_market
from core.paper.market.recording import load_recording
from core.paper.market.replay import Replay
from core.paper.server.http import PaperServer
from core.paper.server.pacing import owed_after
from core.paper.standalone import Console, serve
from core.paper.store import PaperStore


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0, 60.0])
def test_the_longest_pause_of_the_bundled_recording_comes_due_at_every_speed(speed: float) -> None:
    (track,) = load_recording("bundled").tracks
    times = [track.time_ms(number) for number in range(len(track))]
    longest = max(b - a for a, b in pairwise(times))
    assert longest > 1_000
    owed, ticks = 0.0, 0
    while owed < longest:
        owed = owed_after(owed, 5.0 * speed, longest, 1_000 * speed)
        ticks += 1
        assert ticks < 10 + longest / (5.0 * speed)


def test_arrears_of_a_machine_that_slept_are_forgiven() -> None:
    assert owed_after(0.0, 3_600_000.0, 20, 1_000.0) == 1_000.0


def _full(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def _break(*_: object) -> None:
    raise RuntimeError("a fault in the market")


async def test_a_market_that_dies_closes_the_port_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    with caplog.at_level(logging.CRITICAL):
        running = asyncio.create_task(
            serve(PaperConfig(speed=60), Console(lines.put_nowait), asyncio.Event())
        )
        url = (await asyncio.wait_for(lines.get(), 10)).split()[3]
        monkeypatch.setattr(Replay, "advance", _break)
        with pytest.raises(MarketDiedError, match=r"RuntimeError: a fault in the market. Fix: "):
            await asyncio.wait_for(running, 10)
    assert "the paper market has stopped" in caplog.text
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post(f"{url}/info", json={"type": "meta"})


async def test_a_disk_that_is_full_is_the_same_but_told_by_its_sentence_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = PaperServer(PaperConfig(speed=60, store_path=tmp_path / "paper.db"))
    url = await server.start()
    monkeypatch.setattr(PaperStore, "save", _full)
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
        asked = {"type": "clearinghouseState", "user": "0x" + "1" * 40}
        await socket.send_json({"method": "post", "id": 1, "request": {"type": "info", "payload": asked}})
        async with session.post(f"{url}/info", json=asked) as answer:
            assert answer.status == 500
    with pytest.raises(StoreError, match=r"disk is full. Fix: make room"):
        await asyncio.wait_for(server.serve_until(asyncio.Event()), 10)
    assert not [record for record in caplog.records if record.name.startswith("core.")]


def test_an_embedded_exchange_says_what_it_died_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = EmbeddedExchange(PaperConfig(speed=60, store_path=tmp_path / "paper.db"))
    exchange.start()
    monkeypatch.setattr(PaperStore, "save", _full)
    assert isinstance(exchange.ended.result(10), StoreError)
    exchange.stop()
    assert not [record for record in caplog.records if record.name.startswith("core.")]


def test_an_embedded_exchange_that_is_told_to_stop_died_of_nothing() -> None:
    exchange = EmbeddedExchange(PaperConfig(speed=1e-6))
    exchange.start()
    exchange.stop()
    assert exchange.ended.result(0) is None


def test_the_death_of_an_embedded_market_is_critical_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = EmbeddedExchange(PaperConfig(speed=60))
    with caplog.at_level(logging.CRITICAL):
        exchange.start()
        monkeypatch.setattr(Replay, "advance", _break)
        assert isinstance(exchange.ended.result(10), MarketDiedError)
        exchange.stop()
    assert "the paper exchange has died" in caplog.text


async def test_a_market_that_is_too_fast_for_the_machine_comes_late_but_whole_and_requests_are_answered() -> (
    None
):
    config = PaperConfig(market="synthetic", speed=1_000_000, seed=4, limits=False)
    server = PaperServer(config)
    url = await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            while server.stats().late_ms == 0:
                async with session.post(f"{url}/info", json={"type": "allMids"}) as answer:
                    assert answer.status == 200
                    assert len(await answer.json()) == 4
        stats = server.stats()
        scene = server.exchange.market.scene()
        books = {coin: (b.bids.best, b.asks.best) for coin, b in server.exchange.venue.ledger.books.items()}
    finally:
        await server.stop()
    market = load_market("synthetic", seed=4)
    prints = sum(len(market.advance().trades) for _ in range(stats.steps))
    assert stats.trades == prints
    assert scene == market.scene()
    standing = {s.coin: (s.quote.bid, s.quote.ask) if s.quote else (None, None) for s in scene}
    assert books == standing, "the last quote of every coin stands"
