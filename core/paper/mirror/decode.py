"""What another Hyperliquid-compatible server tells of its market, in integers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.domain.units import InexactNumberError, parse_decimal
from core.paper.jsonio import MalformedRequestError, as_list, as_object, get_int, get_str
from core.paper.market.listing import MarginMode, Rules, Tier
from core.paper.market.step import MarketTrade

_MICRO = 1_000_000
_BOOK_LEVELS = 20
"""A book of fewer levels is whole."""
_LARGE_IMPACT = frozenset({"BTC", "ETH"})
_LARGE_IMPACT_MICRO = 20_000 * _MICRO
_IMPACT_MICRO = 6_000 * _MICRO

_MODES: dict[object, MarginMode] = {"strictIsolated": "strictIsolated", "noCross": "noCross"}


@dataclass(frozen=True, slots=True)
class SourceLevels:
    """One side of a book, best first: (price, lots). ``is_whole``: there is nothing behind the last one."""

    levels: tuple[tuple[int, int], ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class SourceTrade:
    time_ms: int
    tid: int
    trade: MarketTrade


def decode_rules(meta: object) -> list[Rules]:
    """Of ``meta``, in its order, what is delisted included. Raises ``MalformedRequestError``, as all of these."""
    source = as_object(meta)
    tables: dict[int, tuple[Tier, ...]] = {}
    for row in as_list(source.get("marginTables")) if source.get("marginTables") is not None else []:
        number, table = as_list(row)
        if isinstance(number, int):
            tables[number] = _tiers(as_object(table))
    rules = []
    for row in as_list(source.get("universe")):
        asset = as_object(row)
        coin, leverage = get_str(asset, "name"), get_int(asset, "maxLeverage")
        flat = (Tier(0, leverage),)
        table_id = asset.get("marginTableId")
        rules.append(
            Rules(
                coin,
                get_int(asset, "szDecimals"),
                tables.get(table_id, flat) if isinstance(table_id, int) else flat,
                _MODES.get(asset.get("marginMode")),
                _LARGE_IMPACT_MICRO if coin in _LARGE_IMPACT else _IMPACT_MICRO,
                has_growth_mode=asset.get("growthMode") == "enabled",
                is_delisted=asset.get("isDelisted") is True,
            )
        )
    return rules


def decode_volumes(contexts: object) -> list[Decimal]:
    """The day's volume of every coin, in the order of ``meta``."""
    return [_number(as_object(row).get("dayNtlVlm")) for row in as_list(contexts)]


def decode_book(levels: object, instrument: Instrument) -> tuple[SourceLevels, SourceLevels]:
    """Bids and asks of ``l2Book``."""
    sides = as_list(levels)
    if len(sides) != 2:
        raise MalformedRequestError("a book has two sides")
    bids, asks = (
        SourceLevels(tuple(_level(row, instrument) for row in rows), len(rows) < _BOOK_LEVELS)
        for rows in map(as_list, sides)
    )
    return bids, asks


def decode_best(bbo: object, instrument: Instrument) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Best bid and ask of ``bbo``; None where a side is empty."""
    rows = as_list(bbo)
    if len(rows) != 2:
        raise MalformedRequestError("a bbo has two sides")
    bid, ask = (None if row is None else _level(row, instrument) for row in rows)
    return bid, ask


def decode_trade(row: object, instrument: Instrument) -> SourceTrade:
    source = as_object(row)
    try:
        side = Side.from_wire(get_str(source, "side"))
        trade = MarketTrade(
            instrument.parse_price(get_str(source, "px")), instrument.parse_size(get_str(source, "sz")), side
        )
    except ValueError as error:
        raise MalformedRequestError(str(error)) from error
    if trade.price <= 0 or trade.lots <= 0:
        raise MalformedRequestError(f"no trade: {source}")
    return SourceTrade(get_int(source, "time"), get_int(source, "tid"), trade)


def decode_prices(context: object, instrument: Instrument) -> tuple[int, int]:
    """Oracle and mark of ``activeAssetCtx``, to the nearest price unit."""
    source = as_object(context)
    oracle, mark = (
        round(_number(source.get(name)).scaleb(instrument.price_decimals)) for name in ("oraclePx", "markPx")
    )
    if oracle <= 0 or mark <= 0:
        raise MalformedRequestError(f"no prices: {source}")
    return oracle, mark


def _tiers(table: dict[str, object]) -> tuple[Tier, ...]:
    rows = [as_object(row) for row in as_list(table.get("marginTiers"))]
    return tuple(
        Tier(int(_number(row.get("lowerBound")) * _MICRO), get_int(row, "maxLeverage")) for row in rows
    )


def _level(row: object, instrument: Instrument) -> tuple[int, int]:
    source = as_object(row)
    try:
        price, lots = (
            instrument.parse_price(get_str(source, "px")),
            instrument.parse_size(get_str(source, "sz")),
        )
    except InexactNumberError as error:
        raise MalformedRequestError(str(error)) from error
    if price <= 0 or lots <= 0:
        raise MalformedRequestError(f"no level: {source}")
    return price, lots


def _number(value: object) -> Decimal:
    if not isinstance(value, str):
        raise MalformedRequestError(f"{value!r} is not a decimal string")
    try:
        return parse_decimal(value)
    except InexactNumberError as error:
        raise MalformedRequestError(str(error)) from error
