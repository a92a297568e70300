"""The control plane under /paper, for tests and demos. Never part of Hyperliquid's own API."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from heapq import merge

from core.domain.orders import Side
from core.domain.units import InexactNumberError, decimal_text, micro_to_usd, parse_decimal, units_text
from core.paper.config import MAX_FUNDS_USD
from core.paper.exchange import PaperExchange
from core.paper.faults.spec import FaultError, parse_faults
from core.paper.jsonio import Json, JsonObject, MalformedRequestError, as_object, get_address, get_str
from core.paper.server.faults.faults import Faults
from core.paper.venue.audit import audit_row
from core.paper.venue.trade_ids import trade_number

_MICRO = 1_000_000
_MAX_DIGITS = 24
"""Written out, a number like 1e999999999 would fill the memory."""


class ControlError(Exception):
    """A request that can't be done; the text says why. HTTP 400."""


class Control:
    def __init__(self, exchange: PaperExchange, faults: Faults) -> None:
        self._exchange = exchange
        self._faults = faults
        self._venue = exchange.venue

    def fund(self, body: object) -> JsonObject:
        """``{user, usd}``: pay in. ``usd`` is a number or a decimal string above 0."""
        request = _object(body)
        user = _address(request)
        usd = _decimal(request.get("usd"), "usd")
        if not 0 < usd <= MAX_FUNDS_USD:
            raise ControlError(f"usd is {usd}; it must be above 0 and at most {MAX_FUNDS_USD}.")
        account = self._venue.fund(user, int(usd * _MICRO))
        self._exchange.settle()
        return {"user": user, "account_value": decimal_text(micro_to_usd(self._venue.value_of(account)))}

    def trade(self, body: object) -> JsonObject:
        """``{user, coin, side, size}``: a market order by that account; what the book can't fill is cancelled."""
        request = _object(body)
        user = _address(request)
        coin = request.get("coin")
        if not isinstance(coin, str) or coin not in self._venue.instruments:
            raise ControlError(f"coin is {coin!r}; this market has {', '.join(self._venue.instruments)}.")
        try:
            side = Side.from_wire(str(request.get("side")))
        except ValueError as error:
            raise ControlError(f"side: {error}.") from error
        instrument = self._venue.instruments[coin]
        size = _decimal(request.get("size"), "size")
        try:
            lots = instrument.parse_size(decimal_text(size))
        except InexactNumberError as error:
            raise ControlError(f"size: {error}.") from error
        if lots <= 0:
            raise ControlError(f"size is {size}; it must be above 0.")
        placed = self._venue.market_order(user, coin, side, lots, self._exchange.now_ms())
        self._exchange.settle()
        if placed.error:
            raise ControlError(placed.error)
        return {
            "oid": placed.order.oid,
            "filled": units_text(placed.order.filled, instrument.sz_decimals),
            "average_price": decimal_text(round(self._venue.average_price(placed.order), 6)),
        }

    def truth(self, query: Mapping[str, str]) -> JsonObject:
        """What the matching engine holds of an account now; its fills, newest first, are those of TWAPs too. ``last`` fills are
        told, or all: who looks often at a long history needs few. ``scheduled_cancel``: when its dead man's switch fires (UTC
        ms); null: never.
        """
        account = self._venue.see(_address(dict(query)))
        last = query.get("last")
        if last is not None and not (last.isascii() and last.isdecimal() and len(last) <= _MAX_DIGITS):
            raise ControlError(f"last is {last!r}; it must be a whole number of fills, or left out for all.")
        self._exchange.settle()
        positions: dict[str, Json] = {
            coin: units_text(position.lots, self._venue.instruments[coin].sz_decimals)
            for coin, position in account.positions.items()
            if position.lots
        }
        fills = [*merge(account.fills, account.slice_fills, key=lambda fill: trade_number(fill.tid))]
        if last is not None:
            fills = fills[max(0, len(fills) - int(last)) :]
        return {
            "fills": self._exchange.info.history.fill_rows(reversed(fills), aggregate=False),
            "orders": self._exchange.info.orders.frontend(account),
            "positions": positions,
            "account_value": decimal_text(micro_to_usd(self._venue.value_of(account))),
            "scheduled_cancel": account.switch.at_ms,
        }

    def market(self) -> JsonObject:
        """What runs, how far it is, and what is wrong with it, if anything is."""
        market = self._exchange.market
        return {
            "market": market.name,
            "coins": list(market.universe.listings),
            "notes": list(market.notes),
            "warning": market.warning,
            "has_ended": market.has_ended,
            "progress": market.progress,
            "laps": market.laps,
        }

    def audit(self) -> JsonObject:
        return audit_row(self._venue)

    def faults(self) -> list[Json]:
        """Those that are set, with their strikes and what is left of them."""
        return list(self._faults.rows())

    def set_faults(self, body: object) -> list[Json]:
        """Replace them all; an empty list clears."""
        try:
            self._faults.replace(parse_faults(body))
        except FaultError as error:
            raise ControlError(str(error)) from error
        return self.faults()


def _object(body: object) -> dict[str, object]:
    try:
        return as_object(body)
    except MalformedRequestError as error:
        raise ControlError(f"The body must be a JSON object: {error}.") from error


def _address(request: Mapping[str, object]) -> str:
    try:
        get_str(request, "user")
        return get_address(request, "user")
    except MalformedRequestError as error:
        raise ControlError(f"{error}: 0x and 40 hex digits.") from error


def _decimal(value: object, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ControlError(f"{name} must be a number or a decimal string.")
    try:
        number = Decimal(str(value))
        if number.is_finite() and abs(number.adjusted()) > _MAX_DIGITS:
            raise ControlError(f"{name} has more than {_MAX_DIGITS} digits.")
        return parse_decimal(format(number, "f"))
    except (InvalidOperation, InexactNumberError, ValueError) as error:
        raise ControlError(f"{name} is {value!r}, which is not a number.") from error
