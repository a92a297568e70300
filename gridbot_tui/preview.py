"""``gridbot preview``: the grid of these settings at the present price, and what it may cost, before anything is started."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from decimal import Decimal
from typing import Any

from core.domain.events import Quote
from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.engine.grid_calculator import GridImpossibleError
from core.engine.preview import Edge, Preview, preview
from core.engine.withdrawable import EdgeCase, Need, coin_need, portfolio_need, withdrawable
from core.runtime.keys import account_hint
from core.runtime.plan import ExitCode
from core.runtime.preview_seen import fingerprint, remember
from core.runtime.restore import coin_config
from core.runtime.settings import Loaded, Settings
from core.runtime.statedir import StateDir, UsageError
from core.telemetry.event_log import json_line
from gridbot_tui import sessions
from gridbot_tui.headless import print_line


def show(
    settings: Loaded, url: str, state: StateDir, network: str, price: Decimal | None, as_json: bool
) -> int:
    """Print the preview of every coin and note that it was seen. Raises ``UsageError``, and ``RestError`` if nobody answers."""
    found = [
        _preview(settings.by_coin[coin], instrument, mid)
        for coin, (instrument, mid) in _market(settings, url, price).items()
    ]
    need = portfolio_need(_need(each, settings.by_coin[each.instrument.coin]) for each in found)
    equity = _equity(url, {_dex_of(coin) for coin in settings.by_coin})
    mark, now_ms = fingerprint(settings), time.time_ns() // 10**6

    def of(each: Preview) -> Settings:
        return settings.by_coin[each.instrument.coin]

    if as_json:
        coins = [as_dict(each) | {"session": sessions.as_dict(of(each), now_ms)} for each in found]
        print_line(json_line({"coins": coins, "account": _account(need, equity), "fingerprint": mark}))
    else:
        end = f"preview {mark} of these settings: {_use(network)}"
        texts = ["\n".join([as_text(each), *sessions.as_lines(of(each), now_ms)]) for each in found]
        print_line("\n\n".join([*texts, _account_text(need, equity), end]))
    try:
        remember(state, mark, network, now_ms)
    except (OSError, UsageError) as error:
        sys.stderr.write(f"gridbot: the preview can't be noted ({error}); a start needs --preview {mark}\n")
    return int(ExitCode.CLEAN)


def _use(network: str) -> str:
    return "a start on mainnet wants it" if network != "mainnet" else "noted, a start may follow"


def _need(found: Preview, settings: Settings) -> Need:
    """At the worse of the two edges, or while both sides rest, as the exchange lends by the leverage that is set."""
    leverage = min(settings.leverage, Decimal(found.instrument.max_leverage))
    resting = EdgeCase(Decimal(0), sum((abs(edge.position) * edge.entry for edge in found.edges), Decimal(0)))
    return coin_need([resting, *(EdgeCase(edge.loss, edge.notional) for edge in found.edges)], leverage)


def _dex_of(coin: str) -> str:
    return coin.partition(":")[0] if ":" in coin else ""


def _equity(url: str, dexs: set[str]) -> Decimal | None:
    """What the account that is named in the environment is worth on all these dexs; ``None`` if none is named."""
    account = account_hint(dict(os.environ))
    if not url or not account:
        return None
    from core.exchange.reads import Reads
    from core.exchange.rest import Rest, RestError
    from core.exchange.venue_clock import VenueClock
    from core.exchange.wire import WireError

    async def ask() -> Decimal:
        clock = VenueClock()
        rest = Rest(url, clock)
        await rest.open()
        try:
            seen = [await Reads(rest, clock, account, {}, dex).account() for dex in sorted(dexs)]
            return sum((each.account_value for each in seen), Decimal(0))
        except WireError as error:
            raise RestError(f"the exchange's answer could not be understood ({error})") from error
        finally:
            await rest.close()

    return asyncio.run(ask())


def _account(need: Need, equity: Decimal | None) -> dict[str, Any]:
    return {
        "worst_loss_usd": f"{need.loss:.2f}",
        "margin_usd": f"{need.margin:.2f}",
        "needed_usd": f"{need.usd:.2f}",
        "value_usd": None if equity is None else f"{equity:.2f}",
        "withdrawable_usd": None if equity is None else f"{withdrawable(equity, need):.2f}",
    }


def _account_text(need: Need, equity: Decimal | None) -> str:
    text = (
        f"with every coin at its worst at once (an edge, or both sides resting): a loss of {need.loss:.2f} USD and "
        f"a margin of {need.margin:.2f} USD, so {need.usd:.2f} USD must stay in the account"
    )
    if equity is None:
        return f"{text}; what it holds beyond that can be withdrawn with the grid intact"
    if equity < need.usd:
        return f"{text}, and it holds {equity:.2f}: pay in {need.usd - equity:.2f}, or make the grids smaller"
    return f"{text}; of the {equity:.2f} that it holds {withdrawable(equity, need):.2f} can be withdrawn with the grid intact"


def _preview(settings: Settings, instrument: Instrument, mid: int) -> Preview:
    price = instrument.price_decimal(mid)
    for name in ("stop_loss_low", "take_profit_low", "stop_loss_high", "take_profit_high"):
        limit = getattr(settings, name)
        if limit and (price < limit if name.endswith("low") else price > limit):
            raise UsageError(
                f"{instrument.coin} at {price.normalize():f} is past {name} {limit}: a run would halt and close a position at "
                "once"
            )
    try:
        return preview(coin_config(settings, instrument), settings.investment_usd, mid)
    except GridImpossibleError as error:
        raise UsageError(str(error)) from None


def _market(settings: Loaded, url: str, price: Decimal | None) -> dict[str, tuple[Instrument, int]]:
    """Instrument and mid (price units) of each coin, from the exchange, or from the embedded one's recording."""
    coins = list(settings.by_coin)
    listed, quotes = asyncio.run(_ask(url, coins)) if url else _ask_embedded(coins)
    found = {}
    for coin in coins:
        if coin not in listed:
            raise UsageError(f"the exchange has no coin {coin!r}; it has {', '.join(list(listed)[:12])}")
        instrument, quote = listed[coin], quotes[coin]
        if price is not None:
            found[coin] = instrument, instrument.price_units(price)
            if not found[coin][1]:
                least = instrument.price_decimal(1)
                raise UsageError(f"--price {price:f} is below {coin}'s least price of {least:f}; write more")
        elif quote is not None and quote.bid and quote.ask:
            found[coin] = instrument, (quote.bid + quote.ask) // 2
        else:
            raise UsageError(f"{coin} has no quote with both sides now; name a price with --price")
    return found


Market = tuple[dict[str, Instrument], dict[str, Quote | None]]


async def _ask(url: str, coins: list[str]) -> Market:
    from core.exchange.reads import NoSuchDexError, Reads, read_instruments
    from core.exchange.rest import Rest, RestError
    from core.exchange.venue_clock import VenueClock
    from core.exchange.wire import WireError

    clock = VenueClock()
    rest = Rest(url, clock)
    await rest.open()
    try:
        listed: dict[str, Instrument] = {}
        for dex in dict.fromkeys(coin.partition(":")[0] if ":" in coin else "" for coin in coins):
            listed |= await read_instruments(rest, dex)
        reads = Reads(rest, clock, "0x" + "0" * 40, listed)
        quotes = {coin: (await reads.book(coin)).quote if coin in listed else None for coin in coins}
        return listed, quotes
    except NoSuchDexError as error:
        raise UsageError(str(error)) from error
    except WireError as error:
        raise RestError(f"the exchange's answer could not be understood ({error})") from error
    finally:
        await rest.close()


def _ask_embedded(coins: list[str]) -> Market:
    from core.exchange.wire import decode_book, decode_meta
    from core.paper.config import PaperConfig
    from core.paper.exchange import PaperExchange
    from core.paper.market.load import load_market

    config = PaperConfig()
    exchange = PaperExchange(config, load_market(config.market))
    exchange.advance()
    listed = decode_meta(exchange.ask({"type": "meta"}))
    quotes: dict[str, Quote | None] = {
        coin: decode_book(exchange.ask({"type": "l2Book", "coin": coin}), coin, listed)
        for coin in coins
        if coin in listed
    }
    return listed, {coin: quotes.get(coin) for coin in coins}


def as_text(found: Preview) -> str:
    """A few lines and a table, highest price first."""
    coin = found.instrument.coin
    head = f"{coin} at {found.mid.normalize():f}: {len(found.levels)} levels every {found.spacing_pct.normalize():f} %"
    lines = [
        head + (f" ({found.override})" if found.override else ""),
        f"fees of a round trip {found.fees_pct.normalize():f} %, so one level earns {found.profit_usd:.4f} USD by one; "
        f"worst-case position {found.cap.normalize():f} {coin}",
    ]
    if found.initial:
        does = "buys" if found.initial > 0 else "sells"
        lines.append(
            f"to begin with it {does} {abs(found.initial).normalize():f} {coin} at the market, {found.initial_usd:.2f} USD"
        )
    for level in sorted(found.levels, key=lambda each: -each.price):
        price, size = found.instrument.price_text(level.price), found.instrument.size_text(level.lots)
        lines.append(
            f"  {level.slot.side.value:<4} {price:>12} {size:>12} {Decimal(level.price * level.lots).scaleb(-6):>12.2f} USD"
        )
    return "\n".join([*lines, *(_edge_text(edge, coin) for edge in found.edges)])


def _edge_text(edge: Edge, coin: str) -> str:
    way = "falls" if edge.side is Side.BUY else "rises"
    held = f"{edge.position.normalize():+f} {coin} for {edge.entry:.6g}" if edge.position else f"no {coin}"
    text = (
        f"if the price {way} to {edge.price.normalize():f}: {held}, "
        f"{edge.notional:.2f} USD ({edge.leverage:.2f} x the investment), a loss of {edge.loss:.2f} USD"
    )
    if edge.stop is not None:
        text += f"; at the stop {edge.stop.normalize():f} of {edge.stop_loss:.2f} USD"
    at = f"{edge.liquidation.normalize():f}" if edge.liquidation is not None else "no price"
    return f"{text}; liquidated at {at}, if the investment alone backs it"


def as_dict(found: Preview) -> dict[str, Any]:
    """The object of ``--json``: decimals as text."""
    instrument = found.instrument
    return {
        "coin": instrument.coin,
        "mid": f"{found.mid.normalize():f}",
        "spacing_pct": float(found.spacing_pct),
        "override": found.override,
        "round_trip_fees_pct": float(found.fees_pct),
        "round_trip_profit_usd": f"{found.profit_usd:f}",
        "position_cap": f"{found.cap.normalize():f}",
        "initial_size": f"{found.initial.normalize():f}",
        "initial_usd": f"{found.initial_usd:.2f}",
        "levels": [
            {
                "side": level.slot.side.value,
                "price": instrument.price_text(level.price),
                "size": instrument.size_text(level.lots),
                "notional_usd": f"{Decimal(level.price * level.lots).scaleb(-6):f}",
            }
            for level in sorted(found.levels, key=lambda each: -each.price)
        ],
        "edges": [
            {
                "side": edge.side.value,
                "price": f"{edge.price.normalize():f}",
                "position": f"{edge.position.normalize():f}",
                "entry": f"{edge.entry:.8g}",
                "notional_usd": f"{edge.notional:.2f}",
                "loss_usd": f"{edge.loss:.2f}",
                "stop": None if edge.stop is None else f"{edge.stop.normalize():f}",
                "stop_loss_usd": None if edge.stop_loss is None else f"{edge.stop_loss:.2f}",
                "liquidation": None if edge.liquidation is None else f"{edge.liquidation.normalize():f}",
            }
            for edge in found.edges
        ],
    }
