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
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire

_HOUR_MS = 3_600_000


class Contexts:
    def __init__(self, venue: Venue, tape: Tape, rows: Rows, metadata: Metadata) -> None:
        self._venue = venue
        self._tape = tape
        self._rows = rows
        self._metadata = metadata

    def handlers(self) -> dict[str, Handler]:
        return {
            "metaAndAssetCtxs": self._meta_and_contexts,
            "perpsAtOpenInterestCap": lambda *_: [],
            "predictedFundings": self._predicted,
            "fundingHistory": self._funding_history,
        }

    def of_dex(self, dex: str, now_ms: int) -> list[Json]:
        """In the order of ``meta``."""
        return [self.context(listing, now_ms) for listing in self._venue.universe.of_dex(dex)]

    def of_all_dexs(self, now_ms: int) -> list[Json]:
        return [[dex, self.of_dex(dex, now_ms)] for dex in self._venue.universe.dexs]

    def context(self, listing: Listing, now_ms: int) -> JsonObject:
        coin = listing.coin
        book = self._venue.ledger.books[coin]
        mark = self._rows.price(coin, book.mark())
        day = self._tape.day(coin, now_ms)
        has_both = book.bids.best is not None and book.asks.best is not None
        return {
            "funding": "0.0",
            "openInterest": self._rows.size(coin, self.open_lots(coin)),
            "prevDayPx": self._rows.price(coin, day.previous) if day.previous else mark,
            "dayNtlVlm": micro_wire(day.micro),
            "premium": "0.0" if has_both else None,
            "oraclePx": mark,
            "markPx": mark,
            "midPx": self._rows.mid(book) if has_both else None,
            "impactPxs": self._impact_prices(listing, book) if has_both else None,
            "dayBaseVlm": self._rows.size(coin, day.lots),
        }

    def open_lots(self, coin: str) -> int:
        """The open interest, one side of it."""
        parties = (*self._venue.ledger.accounts.values(), self._venue.ledger.market)
        return sum(max(0, account.lots(coin)) for account in parties)

    def _meta_and_contexts(self, request: Request, now_ms: int) -> Json:
        dex = get_dex(request)
        meta = self._metadata.meta(dex)
        return None if meta is None else [meta, self.of_dex(dex, now_ms)]

    def _impact_prices(self, listing: Listing, book: Book) -> list[Json]:
        return [self._impact_price(listing, book, side) for side in (Side.BUY, Side.SELL)]

    def _impact_price(self, listing: Listing, book: Book, side: Side) -> str:
        """The average price of trading the coin's impact notional against ``side``, as far as it reaches."""
        left, lots, micro = listing.rules.impact_micro, 0, 0
        for price, offered, _ in book.depth(side, 1000):
            taken = min(offered, -(-left // price))
            lots, micro, left = lots + taken, micro + taken * price, left - taken * price
            if left <= 0:
                break
        return self._rows.average(listing.coin, micro, lots)

    def _predicted(self, _request: Request, now_ms: int) -> Json:
        """Of the first dex, this venue's row alone: the paper exchange follows no other."""
        following = (now_ms // _HOUR_MS + 1) * _HOUR_MS
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
        get_listing(request, self._venue.universe)
        rows: list[JsonObject] = []
        return within(request, rows, lambda row: int(str(row["time"])))[:MAX_ROWS]
