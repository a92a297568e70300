"""Questions to ``/info``, decoded: fills and other history by pages, the account, open orders, one order, one book."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

from core.domain.agent import AgentObserved, Role
from core.domain.events import (
    AccountObserved,
    BookObserved,
    DepthObserved,
    FundingRatesObserved,
    LedgerUpdatesObserved,
    OpenOrdersObserved,
    OrderNotFound,
    OrderUpdate,
    WireQuarantined,
)
from core.domain.fills import Fill, FillSource, ForeignFill, Funding
from core.domain.instrument import Instrument
from core.domain.listing import ListingsObserved
from core.domain.margin import AccountMode, Leverage
from core.domain.market_history import Candle
from core.domain.request_limits import RequestBudget
from core.domain.transfers import Transfer
from core.exchange.lanes import Lane
from core.exchange.rest import Rest
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import (
    WireError,
    decode_book,
    decode_meta,
    decode_open_orders,
    decode_order_status,
    raw_text,
    tagged_elsewhere,
)
from core.exchange.wire_account import (
    decode_account,
    decode_entry_prices,
    decode_leverage,
    decode_spot_money,
    unrealized_usd,
)
from core.exchange.wire_agents import decode_agent, decode_role
from core.exchange.wire_history import (
    decode_any_funding,
    decode_fill_rows,
    decode_funding,
    decode_funding_rates,
    decode_rows,
    decode_time,
    decode_update_kind,
)
from core.exchange.wire_market import decode_candles, decode_request_budget
from core.exchange.wire_orders import decode_depth, decode_listings, orders_elsewhere
from core.exchange.wire_transfers import decode_transfer

T = TypeVar("T")

AGREE_WITHIN = 5
"""More reads of the coins after the first, before it is left for later."""

PAGES_MAX = 200
"""A read is given up after this many pages; the exchange lets 10,000 fills be read, at most 2,000 in a page."""

FILLS_PER_PAGE = 2_000
HISTORY_PER_PAGE = 500
"""Rows at most in one answer: of fills, and of funding or transfers (Hyperliquid: pagination)."""


@dataclass(frozen=True, slots=True)
class Page:
    """``newest_ms`` is the latest time in it; ``quarantined`` the rows that didn't decode."""

    fills: tuple[Fill, ...]
    newest_ms: int
    foreign: tuple[ForeignFill, ...] = ()
    quarantined: tuple[WireQuarantined, ...] = ()


class Reads:
    """Reads for one account on one dex (empty: the first)."""

    def __init__(
        self, rest: Rest, clock: VenueClock, account: str, instruments: dict[str, Instrument], dex: str = ""
    ) -> None:
        self._rest, self._clock, self._account = rest, clock, account
        self._lane: Lane | None = None
        self._instruments, self._dex = instruments, dex
        self.mode = AccountMode.STANDARD
        """Where the account's money stands; whoever knows sets it."""
        self.elsewhere: frozenset[str] = frozenset()
        """Coins that the dex lists beside those traded here, if somebody takes care of our orders in them."""

    def at(self, lane: Lane) -> Reads:
        """The same reads, on another lane."""
        twin = copy(self)
        twin._lane = lane
        return twin

    async def _ask(self, request: dict[str, Any], parse: Callable[[Any], T]) -> T:
        return await self._rest.ask(request, parse, self._lane)

    async def fills_since(
        self, since_ms: int, source: FillSource = FillSource.REST, until_ms: int | None = None
    ) -> AsyncIterator[Page]:
        """Pages of ``userFillsByTime`` from ``since_ms`` (to ``until_ms``, both inclusive) until a page adds nothing.

        Pages overlap by the last millisecond, so that a millisecond that straddles two pages is whole. Which end of its span a
        full page was cut at isn't documented, so both ends are read on. The exchange shows only the 10,000 most recent fills of
        an account, and no answer tells that older ones were left out: after an outage with more of them, the chain of start
        positions does.

        Raises:
            WireError: after the last page if a row that may be of a coin of ours didn't decode; at once if pages can't go on.
        """
        seen: set[str] = set()
        spans: list[tuple[int, int | None]] = [(max(0, since_ms), until_ms)]
        spoilt = ""
        for _ in range(PAGES_MAX):
            if not spans:
                break
            start, end = spans.pop()
            rows = await self._fill_rows(start, end)
            fresh = _unseen(rows, seen)
            if not fresh:
                spans += _narrower(rows, start, end)
                continue
            found = decode_fill_rows(fresh, self._account, source, self._instruments, "rest:userFillsByTime")
            spoilt = spoilt or (found.bad[0].reason if found.bad else "")
            times = [fill.time_ms for fill in found.fills] + [fill.time_ms for fill in found.foreign]
            newest = max(times, default=start)
            yield Page(found.fills, newest, found.foreign, found.quarantined)
            if found.bad and newest <= start:
                continue  # It gets no further, and damage that differs each time would be read for ever.
            spans.append((max(start, newest), end))
            oldest = min((row["time"] for row in rows if _has_time(row)), default=start)
            if len(rows) >= FILLS_PER_PAGE and oldest > start:
                spans.append((start, oldest))
        else:
            raise WireError(f"more than {PAGES_MAX} pages of fills since {since_ms}")
        if spoilt:
            raise WireError(f"userFillsByTime: a row that can't be read may be a fill of ours: {spoilt}")

    async def funding_since(self, since_ms: int) -> AsyncIterator[tuple[Funding, ...]]:
        """Pages of ``userFunding`` of our coins from ``since_ms`` (inclusive) until one adds nothing. Raises ``WireError``."""
        pages = self._pages(
            "userFunding", since_ms, lambda row: decode_funding(row, self._account, self._instruments)
        )
        async for page in pages:
            yield tuple(payment for payment in page if payment is not None)

    async def transfers_since(self, since_ms: int) -> AsyncIterator[tuple[Transfer, ...]]:
        """Pages of what moved money without a trade since ``since_ms`` (inclusive). Raises ``WireError``."""
        pages = self._pages(
            "userNonFundingLedgerUpdates", since_ms, lambda row: decode_transfer(row, self._account)
        )
        async for page in pages:
            yield tuple(page)

    async def all_funding_since(self, since_ms: int) -> list[Funding]:
        """Funding of every coin of the account, traded here or not, from ``since_ms`` (inclusive). Raises ``WireError``."""
        pages = self._pages("userFunding", since_ms, lambda row: decode_any_funding(row, self._account))
        return [payment async for page in pages for payment in page]

    async def ledger_updates_since(self, since_ms: int) -> LedgerUpdatesObserved:
        """What moved on the account without a fill since ``since_ms`` (inclusive). Raises ``WireError``."""
        pages = self._pages("userNonFundingLedgerUpdates", since_ms, decode_update_kind)
        kinds = Counter([kind async for page in pages for kind in page])
        return LedgerUpdatesObserved(since_ms, tuple(sorted(kinds.items())))

    async def _pages(self, kind: str, since_ms: int, parse: Callable[[Any], T]) -> AsyncIterator[list[T]]:
        """What is new in each page of a history, oldest first; one row that doesn't decode ends it."""

        def rows_of(answer: Any) -> list[tuple[str, int, T]]:
            return [(raw_text(row), decode_time(row, kind), parse(row)) for row in decode_rows(answer, kind)]

        seen: set[str] = set()
        start = max(0, since_ms)
        for _ in range(PAGES_MAX):
            request = {"type": kind, "user": self._account, "startTime": start}
            rows = await self._ask(request, rows_of)
            fresh = [(time_ms, found) for text, time_ms, found in rows if text not in seen]
            if not fresh:
                _must_not_be_full(kind, len(rows), HISTORY_PER_PAGE, start)
                return
            seen.update(text for text, _, _ in rows)
            yield [found for _, found in fresh]
            start = max(start, *(time_ms for time_ms, _ in fresh))
        raise WireError(f"more than {PAGES_MAX} pages of {kind} since {since_ms}")

    async def _fill_rows(self, start: int, end: int | None) -> list[Any]:
        request = {
            "type": "userFillsByTime",
            "user": self._account,
            "startTime": start,
            "aggregateByTime": False,
        }
        if end is not None:
            request["endTime"] = end
        return await self._ask(request, lambda answer: decode_rows(answer, "userFillsByTime"))

    async def book(self, coin: str) -> BookObserved:
        """The best bid and ask of one coin."""
        asked = self._clock.now().mono_ms
        return await self._ask(
            {"type": "l2Book", "coin": coin},
            lambda answer: BookObserved(decode_book(answer, coin, self._instruments), asked),
        )

    async def listings(self) -> ListingsObserved:
        """Whether, and in what steps, our coins are traded by now."""
        return await self._ask(
            {"type": "meta", "dex": self._dex}, lambda answer: decode_listings(answer, self._instruments)
        )

    async def depth(self, coin: str, ticket: str = "") -> DepthObserved:
        """The whole book of one coin, as far as the exchange tells it."""
        return await self._ask(
            {"type": "l2Book", "coin": coin},
            lambda answer: DepthObserved(decode_depth(answer, coin, self._instruments), ticket),
        )

    async def candles(self, coin: str, interval: str, since_ms: int, until_ms: int) -> tuple[Candle, ...]:
        """Of one coin, oldest first, from the one that ``since_ms`` falls into; the last one may still be open."""
        span = {"coin": coin, "interval": interval, "startTime": since_ms, "endTime": until_ms}
        return await self._ask(
            {"type": "candleSnapshot", "req": span},
            lambda answer: decode_candles(answer, self._instruments[coin]),
        )

    async def request_budget(self) -> RequestBudget:
        """How many requests the exchange still takes of the account."""
        return await self._ask({"type": "userRateLimit", "user": self._account}, decode_request_budget)

    async def agent(self, address: str) -> AgentObserved:
        """What is listed of an address among the account's named agents."""
        return await self._ask(
            {"type": "extraAgents", "user": self._account}, lambda answer: decode_agent(answer, address)
        )

    async def role(self, address: str) -> Role:
        """What an address is to the exchange."""
        return await self._ask({"type": "userRole", "user": address}, decode_role)

    async def account(self, ticket: str = "") -> AccountObserved:
        """Of a unified account the value is the spot wallet's USDC, where positions count at their entry, plus what the
        positions of this dex have made since; ``clearinghouseState`` has no meaningful sums then.
        """
        asked = self._clock.now().mono_ms
        seen, unrealized = await self._ask(
            {"type": "clearinghouseState", "user": self._account, "dex": self._dex},
            lambda answer: (
                decode_account(answer, self._instruments, asked, ticket),
                unrealized_usd(answer) if self.mode is AccountMode.UNIFIED else Decimal(0),
            ),
        )
        if self.mode is AccountMode.STANDARD:
            return seen
        total, hold = await self._ask(
            {"type": "spotClearinghouseState", "user": self._account}, decode_spot_money
        )
        return replace(seen, account_value=total + unrealized, margin_used=hold)

    async def funding_rates(self) -> FundingRatesObserved:
        """Of this hour, as far as it has gone, of our coins."""
        return await self._ask(
            {"type": "metaAndAssetCtxs", "dex": self._dex},
            lambda answer: FundingRatesObserved(decode_funding_rates(answer, self._instruments)),
        )

    async def abstraction(self) -> str:
        """The account's mode, in Hyperliquid's word for it."""

        def parse(answer: Any) -> str:
            if not isinstance(answer, str):
                raise WireError("userAbstraction: not text")
            return answer

        return await self._ask({"type": "userAbstraction", "user": self._account}, parse)

    async def leverage(self, coin: str) -> Leverage:
        """What is set for a coin, whether or not anything is held of it."""
        return await self._ask(
            {"type": "activeAssetData", "user": self._account, "coin": coin},
            lambda answer: decode_leverage(answer, coin),
        )

    async def account_with_entries(self) -> tuple[AccountObserved, dict[str, Decimal]]:
        """The account, and the average entry of each position in price units."""
        asked, ours = self._clock.now().mono_ms, self._instruments
        return await self._ask(
            {"type": "clearinghouseState", "user": self._account, "dex": self._dex},
            lambda answer: (decode_account(answer, ours, asked, ""), decode_entry_prices(answer, ours)),
        )

    async def open_orders(self, ticket: str = "") -> OpenOrdersObserved:
        asked = self._clock.now().mono_ms
        orders, elsewhere, others = await self._ask(
            {"type": "frontendOpenOrders", "user": self._account, "dex": self._dex},
            lambda answer: (
                decode_open_orders(answer, self._instruments),
                tagged_elsewhere(answer, self.elsewhere),
                orders_elsewhere(answer, self._instruments),
            ),
        )
        return OpenOrdersObserved(orders, asked, ticket, elsewhere, others)

    async def order_status(self, cloid: str) -> OrderUpdate | OrderNotFound:
        seen_ms = self._clock.seen_ms
        found = await self._ask(
            {"type": "orderStatus", "user": self._account, "oid": cloid},
            lambda answer: decode_order_status(answer, self._instruments),
        )
        return OrderNotFound(cloid, seen_ms) if found is None else found


def _unseen(rows: list[Any], seen: set[str]) -> list[Any]:
    """The rows that no earlier page of the read had; they are noted in ``seen``."""
    fresh = {text: row for row in rows if (text := raw_text(row)) not in seen}
    seen.update(fresh)
    return list(fresh.values())


def _has_time(row: Any) -> bool:
    return isinstance(row, dict) and type(row.get("time")) is int


def _narrower(rows: list[Any], start: int, end: int | None) -> list[tuple[int, int | None]]:
    """What a page without news may have cut off, if it is full: its millisecond at either end. Raises ``WireError`` if it is of
    a single one.
    """
    if len(rows) < FILLS_PER_PAGE:
        return []
    times = [row["time"] for row in rows if _has_time(row)]
    spans = [(start, min(times, default=start)), (max(times, default=start), end)]
    found = [span for span in spans if span != (start, end)]
    if not found:
        _must_not_be_full("userFillsByTime", len(rows), FILLS_PER_PAGE, start)
    return found


def _must_not_be_full(kind: str, count: int, page_size: int, start: int) -> None:
    """A page without news ends a read, but not one that is full: there may be more behind it. Raises ``WireError``."""
    if count >= page_size:
        raise WireError(
            f"{kind}: one answer is full with the {count} rows of {start} ms, so what comes after them can't be read; "
            "look for it in the exchange's own history"
        )


class NoSuchDexError(Exception):
    """The exchange answered, and doesn't know the dex."""


async def read_instruments(rest: Rest, dex: str = "") -> dict[str, Instrument]:
    """Every tradable perpetual of one dex. Raises ``NoSuchDexError``."""
    index = 0
    if dex:
        dexs = await rest.ask({"type": "perpDexs"}, lambda answer: decode_rows(answer, "perpDexs"))
        names = [entry.get("name") if isinstance(entry, dict) else "" for entry in dexs]
        if dex not in names:
            raise NoSuchDexError(
                f"the exchange has no dex {dex!r}, so no coin of it; check the part before the colon"
            )
        index = names.index(dex)
    return await rest.ask({"type": "meta", "dex": dex}, lambda answer: decode_meta(answer, index))


async def read_agreed_instruments(rest: Rest, dex: str = "") -> dict[str, Instrument]:
    """As ``read_instruments``, asked until two answers in a row agree: one that lacks a row gives every coin after it another
    coin's number. Raises ``WireError`` if none do.
    """
    found = await read_instruments(rest, dex)
    for _ in range(AGREE_WITHIN):
        before, found = found, await read_instruments(rest, dex)
        if found == before:
            return found
    raise WireError("meta: no two answers in a row agree")
