"""Hyperliquid's JSON to domain values, exactly or not at all. The one place where ``px``, ``sz``, ``oid`` are spelt that way.

Sources: Hyperliquid's API documentation and recorded answers (tests/wire). Unknown extra fields are ignored, unknown coins
skipped; anything that should be there and doesn't decode raises ``WireError`` and touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import orjson

from core.domain.events import AccountObserved, OrderUpdate, Quote, RemoteOrder
from core.domain.fills import Fill, FillSource
from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.domain.units import InexactNumberError, parse_decimal

T = TypeVar("T")
Json = Any
Instruments = Mapping[str, Instrument]

SAMPLE_CHARS = 400
STORABLE_MAX = 2**63 - 1


class WireError(ValueError):
    """A message that does not decode exactly. The text names the field."""


def decode(what: str, parse: Callable[[], T]) -> T:
    """Run a parser; anything it trips over becomes one ``WireError``."""
    try:
        return parse()
    except WireError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise WireError(f"{what}: {type(error).__name__}: {error}") from error


def sample(raw: object) -> str:
    """The raw text of a message, cut, for the log."""
    try:
        text = raw if isinstance(raw, str) else repr(raw)
    except RecursionError:
        return "a message nested too deeply to show"
    return text if len(text) <= SAMPLE_CHARS else text[:SAMPLE_CHARS] + "…"


def _integer(row: Mapping[str, Json], name: str) -> int:
    value = row[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise WireError(f"{name} is {value!r}, not a whole number")
    return _storable(value, name)


def _storable(value: int, name: str) -> int:
    """The journal keeps signed 64-bit integers; a larger one would be refused there, with the whole batch."""
    if abs(value) > STORABLE_MAX:
        raise WireError(f"{name} is {value}, which is beyond 64 bits")
    return value


def _text(row: Mapping[str, Json], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise WireError(f"{name} is {value!r}, not text")
    return value


def _flag(value: Json, name: str) -> bool:
    if not isinstance(value, bool):
        raise WireError(f"{name} is {value!r}, neither true nor false")
    return value


def _rows(value: Json, name: str) -> list[Json]:
    """A list, and nothing that merely iterates: an empty object must not read as "none"."""
    if not isinstance(value, list):
        raise WireError(f"{name} is not a list")
    return value


def _cloid(row: Mapping[str, Json]) -> str | None:
    value = row.get("cloid")
    if value is not None and not isinstance(value, str):
        raise WireError(f"cloid is {value!r}, not text")
    return value


def _positive(units: int, name: str, text: str) -> int:
    if units <= 0:
        raise InexactNumberError(f"{name} {text!r} is not above zero")
    return _storable(units, name)


def _not_negative(units: int, name: str, text: str) -> int:
    if units < 0:
        raise InexactNumberError(f"{name} {text!r} is below zero")
    return _storable(units, name)


def decode_meta(answer: Json, dex_index: int = 0) -> dict[str, Instrument]:
    """``meta``: the tradable instruments by coin; delisted ones keep their index and are left out.

    Entries that don't decode are left out too: a new market of an unusual shape must not stop the others.
    """

    def parse() -> dict[str, Instrument]:
        offset = 0 if dex_index == 0 else 100_000 + dex_index * 10_000
        entries = _rows(answer["universe"], "universe")
        found = (_instrument(entry, offset + index) for index, entry in enumerate(entries))
        return {instrument.coin: instrument for instrument in found if instrument is not None}

    return decode("meta", parse)


def _instrument(entry: Json, asset_id: int) -> Instrument | None:
    match entry:
        case {"isDelisted": True}:
            return None
        case {"name": str(coin), "szDecimals": int(sz_decimals), "maxLeverage": int(max_leverage)}:
            usable = type(sz_decimals) is int and 0 <= sz_decimals <= 6
            return Instrument(coin, asset_id, sz_decimals, max_leverage) if usable else None
        case _:
            return None


def decode_fill(row: Json, account: str, source: FillSource, instruments: Instruments) -> Fill | None:
    """One row of userFills; ``None`` for a coin that isn't traded here (spot, another dex)."""

    def parse() -> Fill | None:
        instrument = instruments.get(_text(row, "coin"))
        if instrument is None:
            return None
        return Fill(
            account=account,
            coin=instrument.coin,
            time_ms=_integer(row, "time"),
            trade_id=_integer(row, "tid"),
            order_id=_integer(row, "oid"),
            cloid=_cloid(row),
            side=Side.from_wire(row["side"]),
            price=_positive(instrument.parse_price(row["px"]), "px", row["px"]),
            lots=_positive(instrument.parse_size(row["sz"]), "sz", row["sz"]),
            start_lots=_storable(instrument.round_size(row["startPosition"]), "startPosition"),
            closed_pnl=parse_decimal(row["closedPnl"]),
            fee=parse_decimal(row["fee"]),
            fee_token=_text(row, "feeToken"),
            crossed=_flag(row["crossed"], "crossed"),
            direction=_text(row, "dir"),
            hash=_text(row, "hash"),
            source=source,
            raw=orjson.dumps(row).decode(),
        )

    return decode("fill", parse)


def decode_order_update(row: Json, instruments: Instruments) -> OrderUpdate | None:
    """One row of orderUpdates; ``None`` for a coin that isn't traded here."""

    def parse() -> OrderUpdate | None:
        return _update(row["order"], _text(row, "status"), _integer(row, "statusTimestamp"), instruments)

    return decode("orderUpdate", parse)


def decode_order_status(answer: Json, instruments: Instruments) -> OrderUpdate | None:
    """``orderStatus``; ``None`` for ``unknownOid``."""

    def parse() -> OrderUpdate | None:
        if answer["status"] == "unknownOid":
            return None
        if answer["status"] != "order":
            raise WireError(f"status is {answer['status']!r}")
        entry = answer["order"]
        found = _update(
            entry["order"], _text(entry, "status"), _integer(entry, "statusTimestamp"), instruments
        )
        if found is None:
            raise WireError(f"an order of {entry['order'].get('coin')!r} was not asked for")
        return found

    return decode("orderStatus", parse)


def _update(order: Json, status: str, time_ms: int, instruments: Instruments) -> OrderUpdate | None:
    instrument = instruments.get(_text(order, "coin"))
    if instrument is None:
        return None
    return OrderUpdate(
        coin=instrument.coin,
        cloid=_cloid(order),
        order_id=_integer(order, "oid"),
        status=status,
        remaining=_not_negative(instrument.parse_size(order["sz"]), "sz", order["sz"]),
        original=_not_negative(instrument.parse_size(order["origSz"]), "origSz", order["origSz"]),
        time_ms=time_ms,
    )


def decode_open_orders(answer: Json, instruments: Instruments) -> tuple[RemoteOrder, ...]:
    """``frontendOpenOrders``, coins that aren't traded here left out."""

    def parse() -> tuple[RemoteOrder, ...]:
        found = []
        for row in _rows(answer, "the answer"):
            instrument = instruments.get(_text(row, "coin"))
            if instrument is None:
                continue
            found.append(
                RemoteOrder(
                    coin=instrument.coin,
                    cloid=_cloid(row),
                    order_id=_integer(row, "oid"),
                    side=Side.from_wire(row["side"]),
                    price=_not_negative(instrument.parse_price(row["limitPx"]), "limitPx", row["limitPx"]),
                    remaining=_not_negative(instrument.parse_size(row["sz"]), "sz", row["sz"]),
                    is_trigger=_flag(row.get("isTrigger", False), "isTrigger"),
                )
            )
        return tuple(found)

    return decode("frontendOpenOrders", parse)


def decode_account(
    answer: Json, instruments: Instruments, asked_mono_ms: int, ticket: str
) -> AccountObserved:
    """``clearinghouseState``. Flat coins are absent from it."""

    def parse() -> AccountObserved:
        positions = []
        for row in _rows(answer["assetPositions"], "assetPositions"):
            position = row["position"]
            instrument = instruments.get(_text(position, "coin"))
            if instrument is not None:
                lots = _storable(instrument.parse_size(position["szi"]), "szi")
                positions.append((instrument.coin, lots))
        summary = answer["marginSummary"]
        return AccountObserved(
            positions=tuple(positions),
            account_value=parse_decimal(summary["accountValue"]),
            margin_used=parse_decimal(summary["totalMarginUsed"]),
            venue_ms=_integer(answer, "time"),
            asked_mono_ms=asked_mono_ms,
            ticket=ticket,
        )

    return decode("clearinghouseState", parse)


def decode_entry_prices(answer: Json, instruments: Instruments) -> dict[str, Decimal]:
    """The average entry price of each open position in ``clearinghouseState``, in price units."""

    def parse() -> dict[str, Decimal]:
        found = {}
        for row in _rows(answer["assetPositions"], "assetPositions"):
            position = row["position"]
            instrument = instruments.get(_text(position, "coin"))
            if instrument is not None and position.get("entryPx") is not None:
                found[instrument.coin] = parse_decimal(position["entryPx"]).scaleb(instrument.price_decimals)
        return found

    return decode("clearinghouseState", parse)


def decode_bbo(data: Json, instruments: Instruments) -> Quote | None:
    """A ``bbo`` frame; ``None`` for a coin that isn't traded here."""

    def parse() -> Quote | None:
        instrument = instruments.get(_text(data, "coin"))
        if instrument is None:
            return None
        bid, ask = data["bbo"]
        return Quote(
            coin=instrument.coin,
            bid=_best(instrument, bid),
            ask=_best(instrument, ask),
            time_ms=_integer(data, "time"),
        )

    return decode("bbo", parse)


def _best(instrument: Instrument, level: Json) -> int | None:
    return None if level is None else _positive(instrument.parse_price(level["px"]), "px", level["px"])
