"""Hyperliquid's JSON to domain values, exactly or not at all. The one place where ``px``, ``sz``, ``oid`` are spelt that way.

Sources: Hyperliquid's API documentation and recorded answers (tests/wire). Unknown extra fields are ignored, unknown coins
skipped; anything that should be there and doesn't decode raises ``WireError`` and touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import orjson

from core.domain.cloid import parse_cloid
from core.domain.events import OrderUpdate, Quote, RemoteOrder
from core.domain.fills import Fill, FillKind, FillSource, ForeignFill
from core.domain.instrument import Instrument
from core.domain.margin import MarginTier
from core.domain.orders import Side
from core.domain.units import InexactNumberError, parse_decimal
from core.exchange.refusals import one_cause

T = TypeVar("T")
Json = Any
Instruments = Mapping[str, Instrument]

SAMPLE_CHARS = 400
STORABLE_MAX = 2**63 - 1
TIME_MAX_MS = 4_102_444_800_000
"""2100-01-01 00:00 UTC."""


TRIPPED = (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError)
"""What a parser may trip over in a message of another shape."""


class WireError(ValueError):
    """A message that does not decode exactly. The text names the field."""


def decode(what: str, parse: Callable[[], T]) -> T:
    """Run a parser; anything it trips over becomes one ``WireError``."""
    try:
        return parse()
    except WireError:
        raise
    except TRIPPED as error:
        raise WireError(f"{what}: {type(error).__name__}: {error}") from error


def sample(raw: object) -> str:
    """The raw text of a message, cut, for the log; of a decoded part of one its JSON."""
    text = raw_text(raw)
    return text if len(text) <= SAMPLE_CHARS else text[:SAMPLE_CHARS] + "…"


def raw_text(raw: object) -> str:
    """A message as it came, or a decoded part of one as JSON again."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "replace")
    try:
        return orjson.dumps(raw).decode()
    except orjson.JSONEncodeError:
        return "a message nested too deeply to show"


def integer(row: Mapping[str, Json], name: str) -> int:
    value = row[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise WireError(f"{name} is {value!r}, not a whole number")
    return storable(value, name)


def time_of(row: Mapping[str, Json]) -> int:
    """A ``time`` in milliseconds. However odd, it is taken; one that is no time at all (another unit, damage) is refused."""
    value = integer(row, "time")
    if value > TIME_MAX_MS:
        raise WireError(f"time is {value}, which is past the year 2100 in milliseconds")
    return value


def storable(value: int, name: str) -> int:
    """The journal keeps signed 64-bit integers; a larger one would be refused there, with the whole batch."""
    if abs(value) > STORABLE_MAX:
        raise WireError(f"{name} is {value}, which is beyond 64 bits")
    return value


def text_of(row: Mapping[str, Json], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise WireError(f"{name} is {value!r}, not text")
    return value


def _flag(value: Json, name: str) -> bool:
    if not isinstance(value, bool):
        raise WireError(f"{name} is {value!r}, neither true nor false")
    return value


def list_of(value: Json, name: str) -> list[Json]:
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
    return storable(units, name)


def _not_negative(units: int, name: str, text: str) -> int:
    if units < 0:
        raise InexactNumberError(f"{name} {text!r} is below zero")
    return storable(units, name)


def decode_meta(answer: Json, dex_index: int = 0) -> dict[str, Instrument]:
    """``meta``: the tradable instruments by coin; delisted ones keep their index and are left out.

    Entries that don't decode are left out too: a new market of an unusual shape must not stop the others.
    """

    def parse() -> dict[str, Instrument]:
        offset = 0 if dex_index == 0 else 100_000 + dex_index * 10_000
        entries, tables = list_of(answer["universe"], "universe"), _margin_tables(answer)
        found = (_instrument(entry, offset + index, tables) for index, entry in enumerate(entries))
        return {instrument.coin: instrument for instrument in found if instrument is not None}

    return decode("meta", parse)


def _margin_tables(answer: Json) -> dict[int, tuple[MarginTier, ...]]:
    """By id. Coins of one tier mostly name a table that isn't listed: its id is their leverage."""
    return {
        integer({"id": number}, "id"): tuple(
            MarginTier(parse_decimal(tier["lowerBound"]), integer(tier, "maxLeverage"))
            for tier in list_of(table["marginTiers"], "marginTiers")
        )
        for number, table in list_of(answer.get("marginTables") or [], "marginTables")
    }


def _instrument(
    entry: Json, asset_id: int, tables: Mapping[int, tuple[MarginTier, ...]]
) -> Instrument | None:
    match entry:
        case {"isDelisted": True}:
            return None
        case {"name": str(coin), "szDecimals": int(sz_decimals), "maxLeverage": int(max_leverage)}:
            usable = type(sz_decimals) is int and 0 <= sz_decimals <= 6
            if not usable:
                return None
            only_isolated = entry.get("onlyIsolated") is True or entry.get("marginMode") is not None
            table = tables.get(entry.get("marginTableId"), ())
            return Instrument(coin, asset_id, sz_decimals, max_leverage, only_isolated, table)
        case _:
            return None


def decode_fill(row: Json, account: str, source: FillSource, instruments: Instruments) -> Fill | None:
    """One row of userFills; ``None`` for a coin that isn't traded here (spot, another dex): see ``decode_foreign_fill``."""

    def parse() -> Fill | None:
        instrument = instruments.get(text_of(row, "coin"))
        if instrument is None:
            return None
        return Fill(
            account=account,
            coin=instrument.coin,
            time_ms=time_of(row),
            trade_id=integer(row, "tid"),
            order_id=integer(row, "oid"),
            cloid=_cloid(row),
            side=Side.from_wire(row["side"]),
            price=_positive(instrument.parse_price(row["px"]), "px", row["px"]),
            lots=_positive(instrument.parse_size(row["sz"]), "sz", row["sz"]),
            start_lots=storable(instrument.round_size(row["startPosition"]), "startPosition"),
            closed_pnl=parse_decimal(row["closedPnl"]),
            fee=parse_decimal(row["fee"]),
            fee_token=text_of(row, "feeToken"),
            crossed=_flag(row["crossed"], "crossed"),
            direction=text_of(row, "dir"),
            hash=text_of(row, "hash"),
            source=source,
            raw=orjson.dumps(row).decode(),
            kind=_kind(row, account),
        )

    return decode("fill", parse)


def _kind(row: Mapping[str, Json], account: str) -> FillKind:
    """The ``liquidation`` object is on both sides of a liquidation's trade: only the liquidated one's is a liquidation."""
    liquidation = row.get("liquidation")
    if liquidation is not None:
        if not isinstance(liquidation, dict):
            raise WireError(f"liquidation is {liquidation!r}, not an object")
        if text_of(liquidation, "liquidatedUser").lower() == account.lower():
            return FillKind.LIQUIDATION
    direction = text_of(row, "dir")
    if "auto-deleveraging" in direction.lower():
        return FillKind.ADL
    return FillKind.SETTLEMENT if direction == "Settlement" else FillKind.TRADE


def decode_foreign_fill(row: Json, account: str) -> ForeignFill:
    """One row of userFills in a coin that isn't traded here: what tells it apart, and the row as it came."""

    def parse() -> ForeignFill:
        return ForeignFill(
            account=account,
            coin=text_of(row, "coin"),
            time_ms=time_of(row),
            trade_id=integer(row, "tid"),
            order_id=integer(row, "oid"),
            raw=orjson.dumps(row).decode(),
        )

    return decode("foreign fill", parse)


def decode_order_update(row: Json, instruments: Instruments) -> OrderUpdate | None:
    """One row of orderUpdates; ``None`` for a coin that isn't traded here."""

    def parse() -> OrderUpdate | None:
        return _update(row["order"], text_of(row, "status"), integer(row, "statusTimestamp"), instruments)

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
            entry["order"], text_of(entry, "status"), integer(entry, "statusTimestamp"), instruments
        )
        if found is None:
            raise WireError(f"an order of {entry['order'].get('coin')!r} was not asked for")
        return found

    return decode("orderStatus", parse)


def _update(order: Json, status: str, time_ms: int, instruments: Instruments) -> OrderUpdate | None:
    instrument = instruments.get(text_of(order, "coin"))
    if instrument is None:
        return None
    return OrderUpdate(
        coin=instrument.coin,
        cloid=_cloid(order),
        order_id=integer(order, "oid"),
        status=status,
        remaining=_not_negative(instrument.parse_size(order["sz"]), "sz", order["sz"]),
        original=_not_negative(instrument.parse_size(order["origSz"]), "origSz", order["origSz"]),
        time_ms=time_ms,
        cause=one_cause(status),
    )


def decode_open_orders(answer: Json, instruments: Instruments) -> tuple[RemoteOrder, ...]:
    """``frontendOpenOrders``, coins that aren't traded here left out."""

    def parse() -> tuple[RemoteOrder, ...]:
        found = []
        for row in list_of(answer, "the answer"):
            instrument = instruments.get(text_of(row, "coin"))
            if instrument is None:
                continue
            found.append(
                RemoteOrder(
                    coin=instrument.coin,
                    cloid=_cloid(row),
                    order_id=integer(row, "oid"),
                    side=Side.from_wire(row["side"]),
                    price=_not_negative(instrument.parse_price(row["limitPx"]), "limitPx", row["limitPx"]),
                    remaining=_not_negative(instrument.parse_size(row["sz"]), "sz", row["sz"]),
                    is_trigger=_flag(row.get("isTrigger", False), "isTrigger"),
                )
            )
        return tuple(found)

    return decode("frontendOpenOrders", parse)


def tagged_elsewhere(answer: Json, coins: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Of ``frontendOpenOrders`` the coin and cloid of every order with our tag in one of ``coins`` that is no trigger order."""
    rows = [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
    return tuple(
        (row["coin"], row["cloid"])
        for row in rows
        if row.get("coin") in coins and not row.get("isTrigger") and _has_our_tag(row.get("cloid"))
    )


def _has_our_tag(cloid: object) -> bool:
    return isinstance(cloid, str) and parse_cloid(cloid) is not None


def decode_bbo(data: Json, instruments: Instruments, arrived_us: int = 0) -> Quote | None:
    """A ``bbo`` frame; ``None`` for a coin that isn't traded here."""
    # Every tick comes through here: in one stretch what ``decode`` would make of a function for each.
    try:
        instrument = instruments.get(text_of(data, "coin"))
        if instrument is None:
            return None
        bid, ask = data["bbo"]
        return Quote(
            instrument.coin, _best(instrument, bid), _best(instrument, ask), time_of(data), arrived_us
        )
    except WireError:
        raise
    except TRIPPED as error:
        raise WireError(f"bbo: {type(error).__name__}: {error}") from error


def _best(instrument: Instrument, level: Json) -> int | None:
    return None if level is None else _positive(instrument.parse_price(level["px"]), "px", level["px"])


def decode_book(answer: Json, coin: str, instruments: Instruments) -> Quote:
    """The best of each side of ``l2Book``, ``None`` for an empty one. For an unknown coin it is ``null``, which is refused."""

    def parse() -> Quote:
        if text_of(answer, "coin") != coin:
            raise WireError(f"a book of {answer['coin']!r}, which was not asked for")
        instrument = instruments[coin]
        bids, asks = (list_of(side, "a side of levels") for side in list_of(answer["levels"], "levels"))
        return Quote(
            coin=coin,
            bid=_best(instrument, bids[0]) if bids else None,
            ask=_best(instrument, asks[0]) if asks else None,
            time_ms=time_of(answer),
        )

    return decode("l2Book", parse)
