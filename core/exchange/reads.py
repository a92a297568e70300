"""Questions to ``/info``, decoded: fills by pages, the account, open orders, one order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.domain.events import AccountObserved, OpenOrdersObserved, OrderNotFound, OrderUpdate
from core.domain.fills import Fill, FillSource
from core.domain.instrument import Instrument
from core.exchange.rest import Rest
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import (
    WireError,
    decode_account,
    decode_entry_prices,
    decode_fill,
    decode_meta,
    decode_open_orders,
    decode_order_status,
)

PAGES_MAX = 200
"""A read of fills is given up after this many pages; the exchange lets 10,000 fills be read, at most 2,000 in a page."""


@dataclass(frozen=True, slots=True)
class Page:
    fills: tuple[Fill, ...]
    newest_ms: int


class Reads:
    """Reads for one account on one dex (empty: the first)."""

    def __init__(
        self, rest: Rest, clock: VenueClock, account: str, instruments: dict[str, Instrument], dex: str = ""
    ) -> None:
        self._rest, self._clock, self._account = rest, clock, account
        self._instruments, self._dex = instruments, dex

    async def fills_since(self, since_ms: int) -> AsyncIterator[Page]:
        """Pages of ``userFillsByTime`` from ``since_ms`` (inclusive) until a page adds nothing.

        Pages overlap by the last millisecond, so that a millisecond that straddles two pages is whole.
        """
        seen: set[tuple[object, ...]] = set()
        start = max(0, since_ms)
        for _ in range(PAGES_MAX):
            rows = await self._fill_rows(start)
            fresh = [row for row in rows if _row_identity(row) not in seen]
            if not fresh:
                return
            seen.update(map(_row_identity, fresh))
            fills = (decode_fill(row, self._account, FillSource.REST, self._instruments) for row in fresh)
            newest = max(row["time"] for row in fresh)
            yield Page(tuple(fill for fill in fills if fill is not None), newest)
            start = max(start, newest)
        raise WireError(f"more than {PAGES_MAX} pages of fills since {since_ms}")

    async def _fill_rows(self, start: int) -> list[dict[str, Any]]:
        request = {
            "type": "userFillsByTime",
            "user": self._account,
            "startTime": start,
            "aggregateByTime": False,
        }
        rows = await self._rest.info(request)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise WireError("userFillsByTime: not a list of fills")
        if not all(type(row.get("time")) is int for row in rows):
            raise WireError("userFillsByTime: a fill without a time")
        return rows

    async def account(self, ticket: str = "") -> AccountObserved:
        asked = self._clock.now().mono_ms
        answer = await self._rest.info(
            {"type": "clearinghouseState", "user": self._account, "dex": self._dex}
        )
        return decode_account(answer, self._instruments, asked, ticket)

    async def account_with_entries(self) -> tuple[AccountObserved, dict[str, Decimal]]:
        """The account, and the average entry of each position in price units."""
        asked = self._clock.now().mono_ms
        answer = await self._rest.info(
            {"type": "clearinghouseState", "user": self._account, "dex": self._dex}
        )
        return decode_account(answer, self._instruments, asked, ""), decode_entry_prices(
            answer, self._instruments
        )

    async def open_orders(self, ticket: str = "") -> OpenOrdersObserved:
        asked = self._clock.now().mono_ms
        answer = await self._rest.info(
            {"type": "frontendOpenOrders", "user": self._account, "dex": self._dex}
        )
        return OpenOrdersObserved(decode_open_orders(answer, self._instruments), asked, ticket)

    async def order_status(self, cloid: str) -> OrderUpdate | OrderNotFound:
        seen_ms = self._clock.seen_ms
        answer = await self._rest.info({"type": "orderStatus", "user": self._account, "oid": cloid})
        found = decode_order_status(answer, self._instruments)
        return OrderNotFound(cloid, seen_ms) if found is None else found


def _row_identity(row: dict[str, Any]) -> tuple[object, ...]:
    identity = tuple(row.get(name) for name in ("coin", "time", "tid", "oid", "hash", "sz", "startPosition"))
    if not all(isinstance(value, str | int | float | None) for value in identity):
        raise WireError("userFillsByTime: a fill of another shape")
    return identity


async def read_instruments(rest: Rest, dex: str = "") -> dict[str, Instrument]:
    """Every tradable perpetual of one dex."""
    index = 0
    if dex:
        dexs = await rest.info({"type": "perpDexs"})
        if not isinstance(dexs, list):
            raise WireError("perpDexs: not a list")
        names = [entry.get("name") if isinstance(entry, dict) else "" for entry in dexs]
        if dex not in names:
            raise WireError(f"the exchange has no dex {dex!r}")
        index = names.index(dex)
    return decode_meta(await rest.info({"type": "meta", "dex": dex}), index)
