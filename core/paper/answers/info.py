"""POST /info: the exchange's answers, in Hyperliquid's shapes, order and caps.

A ``user`` that wasn't known becomes an account with the starting funds: whoever asks for an account is about to use it.
"""

from __future__ import annotations

from collections.abc import Callable

from core.paper.answers.portfolio import clearinghouse_state
from core.paper.answers.rows import Rows
from core.paper.jsonio import (
    Json,
    JsonObject,
    MalformedRequestError,
    as_object,
    get_address,
    get_int,
    get_optional_int,
    get_str,
    is_cloid,
)
from core.paper.venue.accounts import Account
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire

MAX_FILLS = 2000
_REACHABLE_FILLS = 10_000
_BASE_REQUESTS = 10_000
_MICRO = 1_000_000

Request = dict[str, object]


class Info:
    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._rows = Rows(venue.instruments)
        self._answers: dict[str, Callable[[Request, int], Json]] = {
            "meta": lambda request, _: self._meta() if _is_first_dex(request) else None,
            "metaAndAssetCtxs": lambda *_: [self._meta(), self._asset_contexts()],
            "spotMeta": lambda *_: {"universe": [], "tokens": []},
            "perpDexs": lambda *_: [None],
            "allMids": lambda request, _: self.mids() if _is_first_dex(request) else {},
            "l2Book": self._l2_book,
            "clearinghouseState": self._clearinghouse_state,
            "openOrders": self._open_orders,
            "frontendOpenOrders": self._frontend_open_orders,
            "orderStatus": self._order_status,
            "userFills": self._user_fills,
            "userFillsByTime": self._user_fills_by_time,
            "userRateLimit": self._user_rate_limit,
            "userRole": self._user_role,
            "exchangeStatus": lambda _, now_ms: {"time": now_ms, "specialStatuses": None},
        }

    def answer(self, request: object, now_ms: int) -> Json:
        """Raises ``MalformedRequestError`` for an unknown type, or arguments of the wrong shape."""
        source = as_object(request)
        handler = self._answers.get(get_str(source, "type"))
        if handler is None:
            raise MalformedRequestError(f"no info {source['type']!r}")
        return handler(source, now_ms)

    def mids(self) -> dict[str, Json]:
        return self._rows.mids(self._venue.ledger.books)

    def fills(self, account: Account, count: int) -> list[Json]:
        """The newest ``count`` fills, newest first."""
        return [self._rows.fill(fill) for fill in reversed(account.fills[-count:])]

    def _account(self, request: Request) -> Account:
        return self._venue.see(get_address(request, "user"))

    def _meta(self) -> JsonObject:
        universe: list[Json] = [
            {
                "szDecimals": instrument.sz_decimals,
                "name": instrument.coin,
                "maxLeverage": instrument.max_leverage,
                "marginTableId": instrument.max_leverage,
            }
            for instrument in self._venue.instruments.values()
        ]
        tables: list[Json] = [
            [
                leverage,
                {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": leverage}]},
            ]
            for leverage in sorted({i.max_leverage for i in self._venue.instruments.values()})
        ]
        return {"universe": universe, "marginTables": tables, "collateralToken": 0}

    def _asset_contexts(self) -> list[Json]:
        contexts: list[Json] = []
        for instrument in self._venue.instruments.values():
            coin = instrument.coin
            book = self._venue.ledger.books[coin]
            bid, ask = book.bids.best, book.asks.best
            has_both = bid is not None and ask is not None
            mark = self._rows.price(coin, book.mark())
            longs = sum(max(0, account.lots(coin)) for account in self._venue.ledger.accounts.values())
            contexts.append(
                {
                    "funding": "0.0",
                    "openInterest": self._rows.size(coin, longs),
                    "prevDayPx": mark,
                    "dayNtlVlm": "0.0",
                    "premium": "0.0" if has_both else None,
                    "oraclePx": mark,
                    "markPx": mark,
                    "midPx": self._rows.mid(book) if has_both else None,
                    "impactPxs": [self._rows.price(coin, bid), self._rows.price(coin, ask)]
                    if bid is not None and ask is not None
                    else None,
                    "dayBaseVlm": "0.0",
                }
            )
        return contexts

    def _l2_book(self, request: Request, now_ms: int) -> Json:
        if request.get("nSigFigs") is not None or request.get("mantissa") is not None:
            raise MalformedRequestError("aggregated books are not available")
        book = self._venue.ledger.books.get(get_str(request, "coin"))
        return None if book is None else self._rows.l2_book(book, now_ms)

    def _clearinghouse_state(self, request: Request, now_ms: int) -> Json:
        account = self._account(request) if _is_first_dex(request) else Account("")
        return clearinghouse_state(self._venue, account, now_ms)

    def _open_orders(self, request: Request, _: int) -> Json:
        if not _is_first_dex(request):
            return []
        return [
            self._rows.open_order(order) for order in reversed(self._account(request).open_orders.values())
        ]

    def _frontend_open_orders(self, request: Request, _: int) -> Json:
        return self.frontend_orders(self._account(request)) if _is_first_dex(request) else []

    def frontend_orders(self, account: Account) -> list[Json]:
        """Newest first."""
        return [self._rows.full_order(order) for order in reversed(account.open_orders.values())]

    def _order_status(self, request: Request, _: int) -> Json:
        account = self._account(request)
        oid = request.get("oid")
        if isinstance(oid, str):
            if not is_cloid(oid):
                raise MalformedRequestError(f"{oid!r} is not a cloid")
            order = account.find_order(oid)
        else:
            order = account.find_order(get_int(request, "oid"))
        if order is None:
            return {"status": "unknownOid"}
        return {
            "status": "order",
            "order": {
                "order": self._rows.full_order(order),
                "status": order.status.value,
                "statusTimestamp": order.status_ms,
            },
        }

    def _user_fills(self, request: Request, _: int) -> Json:
        return self.fills(self._account(request), MAX_FILLS)

    def _user_fills_by_time(self, request: Request, _: int) -> Json:
        """Inclusive bounds, oldest first; of more than 2000 the oldest, so that paging by the last time reaches all."""
        account = self._account(request)
        start = get_int(request, "startTime")
        end = get_optional_int(request, "endTime")
        chosen = [
            fill
            for fill in account.fills[-_REACHABLE_FILLS:]
            if start <= fill.time_ms and (end is None or fill.time_ms <= end)
        ]
        rows: list[Json] = [self._rows.fill(fill) for fill in chosen[:MAX_FILLS]]
        return rows[::-1] if request.get("reversed") is True else rows

    def _user_rate_limit(self, request: Request, _: int) -> Json:
        account = self._account(request)
        return {
            "cumVlm": micro_wire(account.volume),
            "nRequestsUsed": account.requests,
            "nRequestsCap": _BASE_REQUESTS + account.volume // _MICRO,
            "nRequestsSurplus": 0,
        }

    def _user_role(self, request: Request, _: int) -> Json:
        self._account(request)
        return {"role": "user"}


def _is_first_dex(request: Request) -> bool:
    """Only the first perp dex (``""``, null or absent) exists here."""
    dex = request.get("dex")
    if dex is not None and not isinstance(dex, str):
        raise MalformedRequestError("dex must be a string")
    return not dex
