"""What Hyperliquid says of an account: its value, positions, margin and spot money. Exactly or not at all, as in ``wire``."""

from __future__ import annotations

from decimal import Decimal

from core.domain.events import AccountObserved
from core.domain.instrument import Instrument
from core.domain.margin import HeldMargin, Leverage, MarginMode
from core.domain.units import parse_decimal
from core.exchange.wire import (
    Instruments,
    Json,
    WireError,
    decode,
    integer,
    list_of,
    storable,
    text_of,
    time_of,
)

USDC_TOKEN = 0


def decode_account(
    answer: Json, instruments: Instruments, asked_mono_ms: int, ticket: str
) -> AccountObserved:
    """``clearinghouseState``. Flat coins are absent from it."""

    def parse() -> AccountObserved:
        positions, held = [], []
        liquidations: list[tuple[str, Decimal]] = []
        for row in list_of(answer["assetPositions"], "assetPositions"):
            position = row["position"]
            instrument = instruments.get(text_of(position, "coin"))
            if instrument is not None:
                lots = storable(instrument.parse_size(position["szi"]), "szi")
                positions.append((instrument.coin, lots))
                if (price := position.get("liquidationPx")) is not None:
                    liquidations.append((instrument.coin, parse_decimal(price)))
                held.append(_held_margin(position, instrument))
        summary = answer["marginSummary"]
        return AccountObserved(
            positions=tuple(positions),
            account_value=parse_decimal(summary["accountValue"]),
            margin_used=parse_decimal(summary["totalMarginUsed"]),
            venue_ms=time_of(answer),
            asked_mono_ms=asked_mono_ms,
            ticket=ticket,
            raw_usd=parse_decimal(summary["totalRawUsd"]),
            liquidations=tuple(liquidations),
            held=tuple(held),
        )

    return decode("clearinghouseState", parse)


def _held_margin(position: Json, instrument: Instrument) -> HeldMargin:
    liquidation = position.get("liquidationPx")
    return HeldMargin(
        coin=instrument.coin,
        leverage=_leverage(position["leverage"]),
        size=parse_decimal(position["szi"]),
        value_usd=parse_decimal(position["positionValue"]),
        used_usd=parse_decimal(position["marginUsed"]),
        liquidation=None if liquidation is None else parse_decimal(liquidation),
    )


def _leverage(value: Json) -> Leverage:
    return Leverage(MarginMode(text_of(value, "type")), integer(value, "value"))


def decode_leverage(answer: Json, coin: str) -> Leverage:
    """``activeAssetData``: what is set for a coin, whether or not anything is held of it."""

    def parse() -> Leverage:
        if text_of(answer, "coin") != coin:
            raise WireError(f"the leverage of {answer['coin']!r}, which was not asked for")
        return _leverage(answer["leverage"])

    return decode("activeAssetData", parse)


def decode_spot_money(answer: Json) -> tuple[Decimal, Decimal]:
    """``spotClearinghouseState``: all USDC of the spot wallet, and what of it is held by orders and positions."""

    def parse() -> tuple[Decimal, Decimal]:
        for row in list_of(answer["balances"], "balances"):
            if integer(row, "token") == USDC_TOKEN:
                return parse_decimal(row["total"]), parse_decimal(row["hold"])
        return Decimal(0), Decimal(0)

    return decode("spotClearinghouseState", parse)


def unrealized_usd(answer: Json) -> Decimal:
    """Of all positions in ``clearinghouseState``, of coins that aren't traded here, too."""

    def parse() -> Decimal:
        rows = list_of(answer["assetPositions"], "assetPositions")
        return sum((parse_decimal(row["position"]["unrealizedPnl"]) for row in rows), Decimal(0))

    return decode("clearinghouseState", parse)


def decode_entry_prices(answer: Json, instruments: Instruments) -> dict[str, Decimal]:
    """The average entry price of each open position in ``clearinghouseState``, in price units."""

    def parse() -> dict[str, Decimal]:
        found = {}
        for row in list_of(answer["assetPositions"], "assetPositions"):
            position = row["position"]
            instrument = instruments.get(text_of(position, "coin"))
            if instrument is not None and position.get("entryPx") is not None:
                found[instrument.coin] = parse_decimal(position["entryPx"]).scaleb(instrument.price_decimals)
        return found

    return decode("clearinghouseState", parse)
