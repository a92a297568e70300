"""What the exchange tells of a market's past, and of an address's requests."""

from __future__ import annotations

from core.domain.instrument import Instrument
from core.domain.market_history import Candle
from core.domain.request_limits import RequestBudget
from core.domain.units import parse_decimal
from core.exchange.wire import Json, WireError, decode, integer, list_of, text_of, time_of


def decode_candles(answer: Json, instrument: Instrument) -> tuple[Candle, ...]:
    """The rows of ``candleSnapshot``, oldest first. Raises ``WireError``."""

    def parse() -> tuple[Candle, ...]:
        return tuple(_candle(row, instrument) for row in list_of(answer, "candles"))

    return decode("candleSnapshot", parse)


def _candle(row: Json, instrument: Instrument) -> Candle:
    if text_of(row, "s") != instrument.coin:
        raise WireError(f"a candle of {row['s']!r}, which was not asked for")
    opened, high, low, close = (instrument.parse_price(text_of(row, name)) for name in "ohlc")
    if not 0 < low <= min(opened, close) <= max(opened, close) <= high:
        raise WireError(f"a candle whose prices don't lie between its low and its high: {row!r}")
    return Candle(time_of({"time": row["t"]}), opened, high, low, close, integer(row, "n"))


def decode_request_budget(answer: Json) -> RequestBudget:
    """``userRateLimit``. What was bought in advance and isn't used up yet counts as room. Raises ``WireError``."""

    def parse() -> RequestBudget:
        surplus = integer(answer, "nRequestsSurplus") if "nRequestsSurplus" in answer else 0
        cap, used = integer(answer, "nRequestsCap") + surplus, integer(answer, "nRequestsUsed")
        return RequestBudget(cap, used, parse_decimal(text_of(answer, "cumVlm")))

    return decode("userRateLimit", parse)
