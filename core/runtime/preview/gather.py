"""The facts of a preview before anything runs: from the exchange that would be traded on, or the embedded one's recording."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.clock import DAY_MS
from core.domain.events import Quote
from core.domain.instrument import Instrument
from core.domain.market_history import Candle
from core.domain.request_limits import RequestBudget
from core.engine.side_caps import Money, PortfolioLimits
from core.exchange.reads import NoSuchDexError, Reads, read_instruments
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import WireError, decode_book, decode_meta
from core.exchange.wire_market import decode_candles
from core.runtime.margin_setup import read_mode
from core.runtime.preview.report import CoinFacts, Facts
from core.runtime.preview.seen import fingerprint
from core.runtime.restore import coin_config, portfolio_limits
from core.runtime.settings import Loaded
from core.runtime.statedir import UsageError
from core.runtime.tool_budget import tool_budget

MOST_COUNTED = 5
"""Coins whose candles are asked for: a day of minutes weighs 44 of the 1200 that an address may ask for in a minute."""


@dataclass(slots=True)
class Seen:
    """What an exchange told. ``quotes`` and ``candles`` by coin."""

    listed: dict[str, Instrument] = field(default_factory=dict)
    quotes: dict[str, Quote | None] = field(default_factory=dict)
    candles: dict[str, tuple[Candle, ...]] = field(default_factory=dict)
    money: Money | None = None
    budget: RequestBudget | None = None


def facts_before_a_start(
    settings: Loaded, url: str, account: str, price: Decimal | None, now_ms: int
) -> Facts:
    """``url`` empty: the embedded exchange; ``price``: instead of the present one.

    Raises:
        UsageError: a coin that isn't listed, has no price, or settings that make no grid of it.
        RestError: nobody answers.
    """
    coins = list(settings.by_coin)
    seen = asyncio.run(_ask(url, coins, account)) if url else _ask_embedded(coins, now_ms)
    found = []
    for coin in coins:
        if coin not in seen.listed:
            raise UsageError(f"the exchange has no coin {coin!r}; it has {', '.join(list(seen.listed)[:12])}")
        instrument, one = seen.listed[coin], settings.by_coin[coin]
        mid = _mid(coin, instrument, seen.quotes.get(coin), price)
        skipped = "" if coin in seen.candles else f"only the first {MOST_COUNTED} coins are counted"
        found.append(CoinFacts(one, coin_config(one, instrument), mid, seen.candles.get(coin, ()), skipped))
    limits: PortfolioLimits = portfolio_limits(settings.common)
    return Facts(tuple(found), limits, now_ms, fingerprint(settings), seen.money, seen.budget)


def _mid(coin: str, instrument: Instrument, quote: Quote | None, price: Decimal | None) -> int:
    if price is not None:
        if units := instrument.price_units(price):
            return units
        least = instrument.price_decimal(1)
        raise UsageError(f"--price {price:f} is below {coin}'s least price of {least:f}; write more")
    if quote is not None and quote.bid and quote.ask:
        return (quote.bid + quote.ask) // 2
    raise UsageError(f"{coin} has no quote with both sides now; name a price with --price")


async def _ask(url: str, coins: list[str], account: str) -> Seen:
    clock = VenueClock()
    rest = Rest(url, clock, budget=tool_budget(url))
    await rest.open()
    seen = Seen()
    try:
        dexs = list(dict.fromkeys(coin.partition(":")[0] if ":" in coin else "" for coin in coins))
        for dex in dexs:
            seen.listed |= await read_instruments(rest, dex)
        reads = Reads(rest, clock, account or "0x" + "0" * 40, seen.listed)
        for coin in coins:
            if coin in seen.listed:
                seen.quotes[coin] = (await reads.book(coin)).quote
                if len(seen.candles) < MOST_COUNTED:
                    seen.candles[coin] = await day_of_candles(reads, coin, clock.now().venue_ms)
        if account:
            of_dex = Reads(rest, clock, account, {}, dexs[0])  # an instance trades one
            of_dex.mode = await read_mode(of_dex)
            seen.money = Money((await of_dex.account()).account_value, Decimal(0))
            seen.budget = await reads.request_budget()
        return seen
    except NoSuchDexError as error:
        raise UsageError(str(error)) from error
    except WireError as error:
        raise RestError(f"the exchange's answer could not be understood ({error})") from error
    finally:
        await rest.close()


async def day_of_candles(reads: Reads, coin: str, now_ms: int) -> tuple[Candle, ...]:
    """The minutes of the last day, the present one included; none if nothing is known of it."""
    return await reads.candles(coin, "1m", now_ms - DAY_MS, now_ms)


def _ask_embedded(coins: list[str], now_ms: int) -> Seen:
    from core.paper.config import PaperConfig
    from core.paper.exchange import PaperExchange
    from core.paper.market.load import load_market

    config = PaperConfig()
    exchange = PaperExchange(config, load_market(config.market))
    exchange.advance()
    seen = Seen(decode_meta(exchange.ask({"type": "meta"})))
    for coin in coins:
        if coin in seen.listed:
            book = exchange.ask({"type": "l2Book", "coin": coin})
            seen.quotes[coin] = decode_book(book, coin, seen.listed)
            wanted = {"coin": coin, "interval": "1m", "startTime": now_ms - DAY_MS}
            rows = exchange.ask({"type": "candleSnapshot", "req": wanted})
            seen.candles[coin] = decode_candles(rows, seen.listed[coin])
    return seen
