"""The state of each market: prices, funding, open interest, the day's volume."""

from __future__ import annotations

from core.domain.orders import Side
from core.paper.answers.arguments import MAX_ROWS, Handler, Request, get_dex, get_listing, within
from core.paper.answers.metadata import Metadata
from core.paper.answers.rows import Rows
from core.paper.answers.tape import Tape
from core.paper.jsonio import Json, JsonObject
from core.paper.market.listing import FIRST_DEX, Listing
from core.paper.venue.book import Book
from core.paper.venue.funding import HOUR_MS, RATE_DECIMALS, premium
from core.paper.venue.prices import impact_price
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire, units_wire


class Contexts:
    def __init__(self, venue: Venue, tape: Tape, rows: Rows, metadata: Metadata) -> None:
        self._venue = venue
        self._tape = tape
        self._rows = rows
        self._metadata = metadata

    def handlers(self) -> dict[str, Handler]:
        return {
            "metaAndAssetCtxs": self._meta_and_contexts,
            "perpsAtOpenInterestCap": lambda request, _: self.at_cap(get_dex(request)),
            "predictedFundings": self._predicted,
            "fundingHistory": self._funding_history,
        }

    def of_dex(self, dex: str, now_ms: int) -> list[Json]:
        """In the order of ``meta``."""
        return [self.context(listing, now_ms) for listing in self._venue.universe.of_dex(dex)]

    def of_all_dexs(self, now_ms: int) -> list[Json]:
        return [[dex, self.of_dex(dex, now_ms)] for dex in self._venue.universe.dexs]

    def at_cap(self, dex: str) -> list[Json]:
        """Coins whose open interest is at its cap."""
        return [
            listing.coin for listing in self._venue.universe.of_dex(dex) if self._venue.is_at_cap(listing)
        ]

    def context(self, listing: Listing, now_ms: int) -> JsonObject:
        coin = listing.coin
        book = self._venue.ledger.books[coin]
        mark = self._rows.price(coin, self._venue.mark_of(coin))
        oracle = self._venue.oracle_of(coin)
        over = premium(book, listing, oracle)
        day = self._tape.day(coin, now_ms)
        has_both = book.bids.best is not None and book.asks.best is not None
        return {
            "funding": units_wire(self._venue.upkeep.funding(coin).rate, RATE_DECIMALS),
            "openInterest": self._rows.size(coin, self._venue.ledger.open_interest(coin)),
            "prevDayPx": self._rows.price(coin, day.previous) if day.previous else mark,
            "dayNtlVlm": micro_wire(day.micro),
            "premium": None if over is None else units_wire(over, RATE_DECIMALS),
            "oraclePx": self._rows.price(coin, oracle),
            "markPx": mark,
            "midPx": self._rows.mid(book) if has_both else None,
            "impactPxs": self._impact_prices(listing, book) if has_both else None,
            "dayBaseVlm": self._rows.size(coin, day.lots),
        }

    def _meta_and_contexts(self, request: Request, now_ms: int) -> Json:
        dex = get_dex(request)
        meta = self._metadata.meta(dex)
        return None if meta is None else [meta, self.of_dex(dex, now_ms)]

    def _impact_prices(self, listing: Listing, book: Book) -> list[Json]:
        """What trading the coin's impact notional would cost on average."""
        prices = (impact_price(book, side, listing.rules.impact_micro) for side in (Side.BUY, Side.SELL))
        return [None if price is None else self._rows.price(listing.coin, price) for price in prices]

    def _predicted(self, _request: Request, now_ms: int) -> Json:
        """Of the first dex, this venue's row alone: the paper exchange follows no other."""
        following = (now_ms // HOUR_MS + 1) * HOUR_MS
        return [
            [
                listing.coin,
                [
                    [
                        "HlPerp",
                        {
                            "fundingRate": self.context(listing, now_ms)["funding"],
                            "nextFundingTime": following,
                            "fundingIntervalHours": 1,
                        },
                    ]
                ],
            ]
            for listing in self._venue.universe.of_dex(FIRST_DEX)
        ]

    def _funding_history(self, request: Request, _: int) -> Json:
        """Oldest first; of more than 500 the oldest, so that paging by the last time reaches all."""
        coin = get_listing(request, self._venue.universe).coin
        rows = within(request, self._venue.upkeep.funding_history(coin), lambda row: row.time_ms)
        return [
            {
                "coin": coin,
                "fundingRate": units_wire(row.rate, RATE_DECIMALS),
                "premium": units_wire(row.premium, RATE_DECIMALS),
                "time": row.time_ms,
            }
            for row in rows[:MAX_ROWS]
        ]
