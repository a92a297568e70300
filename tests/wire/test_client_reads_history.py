"""The account's past as a real server tells it: by pages, of all coins, and with damage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from core.domain.events import Quote, WireQuarantined
from core.domain.orders import Side
from core.exchange.reads import FILLS_PER_PAGE, Page, Reads, read_instruments
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import WireError
from tests.unit.paper.paper_client import STILL
from tests.wire.faulty import Stage, stage

_HOUR_MS = 3_600_000


@dataclass
class Reader:
    """The bot's reads of one account that trades BTC and nothing else, as far as the bot knows."""

    exchange: Stage
    reads: Reads
    quarantined: list[WireQuarantined] = field(default_factory=list)

    def trade(self, coin: str, side: Side, lots: int) -> None:
        paper = self.exchange.server.exchange
        placed = paper.venue.market_order(self.exchange.user, coin, side, lots, paper.now_ms())
        assert not placed.error, placed.error

    async def pages(self) -> list[Page]:
        return [page async for page in self.reads.fills_since(0)]


@asynccontextmanager
async def _reader() -> AsyncIterator[Reader]:
    quarantined: list[WireQuarantined] = []
    async with stage(replace(STILL, market="synthetic")) as exchange:
        clock = VenueClock()
        rest = Rest(exchange.url, clock, quarantined.append)
        await rest.open()
        try:
            found = await read_instruments(rest)
            reads = Reads(rest, clock, exchange.user, {"BTC": found["BTC"]})
            yield Reader(exchange, reads, quarantined)
        finally:
            await rest.close()


async def test_more_fills_than_a_page_holds_are_read_whole_and_in_order() -> None:
    count = FILLS_PER_PAGE + 400
    async with _reader() as reader:
        for number in range(count):
            reader.trade("BTC", Side.SELL if number % 2 else Side.BUY, 10)
        reader.exchange.server.exchange.settle()
        pages = await reader.pages()
        truth = reader.exchange.server.exchange.venue.see(reader.exchange.user).fills
    fills = [fill for page in pages for fill in page.fills]
    assert len(pages) > 1
    assert len({fill.key for fill in fills}) == len(fills) == len(truth) >= count
    assert all(first.end_lots == second.start_lots for first, second in pairwise(fills))


async def test_fills_of_coins_that_are_not_traded_come_apart_and_whole() -> None:
    async with _reader() as reader:
        reader.trade("ETH", Side.BUY, 100)
        reader.trade("BTC", Side.BUY, 10)
        reader.trade("xyz:TSLA", Side.BUY, 100)
        reader.exchange.server.exchange.settle()
        (page,) = await reader.pages()
        rows = await reader.exchange.info(type="userFills", user=reader.exchange.user)
    assert {fill.coin for fill in page.fills} == {"BTC"}
    assert {(f.coin, f.trade_id, f.order_id, f.time_ms) for f in page.foreign} == {
        (row["coin"], row["tid"], row["oid"], row["time"]) for row in rows if row["coin"] != "BTC"
    }
    assert {f.coin for f in page.foreign} == {"ETH", "xyz:TSLA"}
    assert page.quarantined == ()


async def test_funding_is_read_as_the_exchange_has_booked_it() -> None:
    async with _reader() as reader:
        paper = reader.exchange.server.exchange
        reader.trade("BTC", Side.BUY, 1_000)
        reader.trade("ETH", Side.BUY, 1_000)
        for _ in range(3):
            paper.skew_ms += _HOUR_MS
            paper.tick()
        paper.settle()
        pages = [page async for page in reader.reads.funding_since(0)]
        rows = await reader.exchange.info(type="userFunding", user=reader.exchange.user, startTime=0)
    payments = [payment for page in pages for payment in page]
    assert [(p.time_ms, p.usd, p.hash) for p in payments] == [
        (row["time"], Decimal(row["delta"]["usdc"]), row["hash"])
        for row in rows
        if row["delta"]["coin"] == "BTC"
    ]
    assert len({p.time_ms for p in payments}) >= 2
    assert {row["delta"]["coin"] for row in rows} == {"BTC", "ETH"}


async def test_the_best_prices_and_the_deposits_are_read() -> None:
    async with _reader() as reader:
        seen = await reader.reads.book("BTC")
        best = (await reader.exchange.info(type="l2Book", coin="BTC"))["levels"]
        body = {"user": reader.exchange.user, "usd": 5}
        async with reader.exchange.http.post(f"{reader.exchange.url}/paper/fund", json=body) as answer:
            assert answer.status == 200
        updates = await reader.reads.ledger_updates_since(0)
    instrument = reader.reads._instruments["BTC"]
    assert seen.quote == Quote(
        "BTC",
        instrument.parse_price(best[0][0]["px"]),
        instrument.parse_price(best[1][0]["px"]),
        seen.quote.time_ms,
    )
    assert dict(updates.kinds)["deposit"] >= 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http_html", "status": 200},
        {"kind": "http_empty"},
        {"kind": "http_corrupt", "mode": "truncate"},
    ],
    ids=lambda fault: str(fault["kind"]),
)
async def test_a_damaged_answer_ends_the_read_and_is_set_aside(fault: dict[str, Any]) -> None:
    async with _reader() as reader:
        reader.trade("BTC", Side.BUY, 10)
        reader.exchange.server.exchange.settle()
        await reader.exchange.faults({**fault, "action": "userFillsByTime", "count": 1})
        with pytest.raises((RestError, WireError)):
            await reader.pages()
        (quarantined,) = reader.quarantined
        assert quarantined.channel == "rest:userFillsByTime"
        (page,) = await reader.pages()
        assert page.fills
