"""Prices, books, trades and candles."""

from __future__ import annotations

from core.paper.answers.arguments import Handler, Request, get_dex, get_listing
from core.paper.answers.books import get_grouping
from core.paper.answers.candles import INTERVALS, next_start
from core.paper.answers.rows import Rows
from core.paper.answers.tape import Tape
from core.paper.jsonio import (
    Json,
    MalformedRequestError,
    as_object,
    get_int,
    get_optional_int,
    get_str,
)
from core.paper.venue.venue import Venue


class MarketData:
    def __init__(self, venue: Venue, tape: Tape, rows: Rows) -> None:
        self._venue = venue
        self._tape = tape
        self._rows = rows

    def handlers(self) -> dict[str, Handler]:
        return {
            "allMids": lambda request, _: self.mids(get_dex(request)),
            "l2Book": self._l2_book,
            "recentTrades": lambda request, _: self.trades(get_listing(request, self._venue.universe).coin),
            "candleSnapshot": self._candles,
            "exchangeStatus": lambda _, now_ms: {"time": now_ms, "specialStatuses": None},
            "liquidatable": lambda *_: [],
        }

    def mids(self, dex: str) -> dict[str, Json]:
        """Coins that have never had a price are left out."""
        books = self._venue.ledger.books
        return self._rows.mids(
            {listing.coin: books[listing.coin] for listing in self._venue.universe.of_dex(dex)}
        )

    def trades(self, coin: str) -> list[Json]:
        """The latest, newest first."""
        return [self._rows.trade(trade) for trade in self._tape.prints(coin)]

    def _l2_book(self, request: Request, now_ms: int) -> Json:
        grouping = get_grouping(request)
        book = self._venue.ledger.books.get(get_str(request, "coin"))
        return None if book is None else self._rows.l2_book(book, now_ms, grouping)

    def _candles(self, request: Request, now_ms: int) -> Json:
        """Oldest first, from the candle that ``startTime`` falls into to the one of ``endTime``."""
        wanted = as_object(request.get("req"))
        coin = get_listing(wanted, self._venue.universe).coin
        interval = get_interval(wanted)
        start = get_int(wanted, "startTime")
        end = get_optional_int(wanted, "endTime")
        rows = [
            candle
            for candle in self._tape.candles(coin).all(interval, now_ms)
            if start < next_start(interval, candle.start_ms) and (end is None or candle.start_ms <= end)
        ]
        return [self._rows.candle(coin, interval, candle) for candle in rows]


def get_interval(request: Request) -> str:
    interval = get_str(request, "interval")
    if interval not in INTERVALS:
        raise MalformedRequestError(f"no interval {interval!r}")
    return interval
