"""Following the public market data of another server: snapshots over REST, then frames, for as long as we run.

A connection that breaks is opened again, sooner first, later every five seconds. When nothing has come for ``stale_after_s`` (a
ping is due more often), the source's quotes are withdrawn and the market says so, until the source is heard again.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import aiohttp

from core.paper.config import MirrorSettings, SourceUnreachableError, UnknownMarketError
from core.paper.jsonio import Json, MalformedRequestError, as_list, as_object, dumps, get_int, get_str, loads
from core.paper.market.listing import FIRST_DEX, Rules, Universe
from core.paper.mirror.book import SourceBook
from core.paper.mirror.decode import (
    decode_best,
    decode_book,
    decode_prices,
    decode_rules,
    decode_trade,
    decode_volumes,
)
from core.paper.mirror.market import MirrorMarket

_log = logging.getLogger(__name__)

_REST_TIMEOUT_S = 10.0
_FIRST_RETRY_S = 0.25
_LAST_RETRY_S = 5.0
_CHANNELS = ("trades", "bbo", "l2Book", "activeAssetCtx")


@dataclass(frozen=True, slots=True)
class MirrorTarget:
    """``coins`` empty: those of the first dex that trade most."""

    url: str
    coins: tuple[str, ...]


def parse_target(text: str) -> MirrorTarget:
    """Of what comes after ``mirror:``: ``http(s)://HOST[:PORT][?coins=BTC,xyz:TSLA]``. Raises ``UnknownMarketError``."""
    parts = urlsplit(text)
    query = parse_qs(parts.query)
    if others := sorted(query.keys() - {"coins"}):
        raise UnknownMarketError(
            f"The market mirror:{text} names {', '.join(others)}, but coins alone can be named. Fix: write "
            "mirror:http://127.0.0.1:3001?coins=BTC,ETH."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UnknownMarketError(
            f"The market mirror:{text} names no server. Fix: write mirror:https://api.hyperliquid.xyz, or "
            "mirror:http://127.0.0.1:3001?coins=BTC,ETH."
        )
    coins = tuple(coin for part in query.get("coins", []) for coin in part.split(",") if coin)
    return MirrorTarget(f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", coins)


async def open_mirror(text: str, settings: MirrorSettings) -> MirrorFeed:
    """Read what the source lists and shows now.

    Raises:
        UnknownMarketError: no server is named, or it doesn't list a coin that was asked for.
        SourceUnreachableError: it doesn't answer, or not as Hyperliquid would.
    """
    target = parse_target(text)
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_REST_TIMEOUT_S))
    try:
        rest = _Rest(session, target.url)
        universe, notes = await _list_coins(rest, target, settings)
        market = MirrorMarket(target.url, universe, notes)
        for book in market.books.values():
            snapshot = as_object(await rest.ask({"type": "l2Book", "coin": book.coin}))
            time_ms = get_int(snapshot, "time")
            book.begin(time_ms)
            book.on_book(time_ms, *decode_book(snapshot.get("levels"), book.instrument))
    except (aiohttp.ClientError, TimeoutError, MalformedRequestError, ValueError) as error:
        await session.close()
        raise SourceUnreachableError(
            f"{target.url} doesn't answer as Hyperliquid would: {_reason(error)}. Fix: start it, or name "
            "another server to mirror."
        ) from error
    except BaseException:
        await session.close()
        raise
    return MirrorFeed(target.url, session, market, settings)


def _reason(error: Exception) -> str:
    """Why a source can't be followed, in a user's words."""
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"{error.host}:{error.port} has no TLS that can be used ({error.os_error})"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        why = os.strerror(number) if number is not None and number > 0 else error.os_error.strerror
        return f"{error.host}:{error.port} can't be reached ({why or error.os_error})"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP {error.status} ({error.message})"
    if isinstance(error, TimeoutError):
        return f"nothing came within {_REST_TIMEOUT_S:g} s"
    return str(error) or type(error).__name__


class _Rest:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def ask(self, request: Json) -> object:
        async with self._session.post(f"{self._url}/info", json=request) as answer:
            answer.raise_for_status()
            return loads(await answer.read())


async def _list_coins(
    rest: _Rest, target: MirrorTarget, settings: MirrorSettings
) -> tuple[Universe, tuple[str, ...]]:
    if target.coins:
        listed: dict[str, Rules] = {}
        for dex in dict.fromkeys(coin.rpartition(":")[0] for coin in target.coins):
            for rule in decode_rules(await rest.ask({"type": "meta", "dex": dex})):
                listed[rule.coin] = rule
        missing = [coin for coin in target.coins if coin not in listed or listed[coin].is_delisted]
        if missing:
            raise UnknownMarketError(
                f"{target.url} doesn't trade {', '.join(missing)}. Fix: name coins of its meta, as in ?coins=BTC,ETH."
            )
        return Universe.of(listed[coin] for coin in dict.fromkeys(target.coins)), ()
    meta, contexts = as_list(await rest.ask({"type": "metaAndAssetCtxs", "dex": FIRST_DEX}))
    rules, volumes = decode_rules(meta), decode_volumes(contexts)
    traded = [(volume, rule) for rule, volume in zip(rules, volumes, strict=True) if not rule.is_delisted]
    if not traded:
        raise UnknownMarketError(
            f"{target.url} lists no coin on its first dex. Fix: name coins with ?coins=xyz:TSLA."
        )
    most = sorted(traded, key=lambda pair: -pair[0])[: settings.max_coins]
    chosen = [rule for pair in traded if pair in most for rule in (pair[1],)]
    if len(chosen) == len(traded):
        return Universe.of(chosen), ()
    note = (
        f"Of {len(traded)} coins the {len(chosen)} that trade most are mirrored; name others with ?coins=A,B."
    )
    return Universe.of(chosen), (note,)


class MirrorFeed:
    """Brings the source's news to ``market``. Use from one event loop."""

    def __init__(
        self, url: str, session: aiohttp.ClientSession, market: MirrorMarket, settings: MirrorSettings
    ) -> None:
        self.market = market
        self._url = url
        self._session = session
        self._settings = settings
        self._heard_s = asyncio.get_running_loop().time()
        self._retry_s = _FIRST_RETRY_S
        self._trouble = ""
        self._readers: dict[str, Callable[[object], None]] = {
            "l2Book": self._on_book,
            "bbo": self._on_best,
            "trades": self._on_trades,
            "activeAssetCtx": self._on_prices,
        }

    async def close(self) -> None:
        await self._session.close()

    async def watch(self) -> None:
        """Withdraw what a silent source has shown, until cancelled."""
        while True:
            if self._silent_s() >= self._settings.stale_after_s and not self.market.warning:
                self.market.withdraw(
                    f"{self._url} has been silent for {self._silent_s():.1f} s; its quotes are withdrawn until it is back"
                )
            await asyncio.sleep(self._settings.stale_after_s / 10)

    async def run(self) -> None:
        """Follow the source until cancelled."""
        while True:
            try:
                await self._follow()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self._tell_trouble(_reason(error))
            await asyncio.sleep(self._retry_s)
            self._retry_s = min(_LAST_RETRY_S, 2 * self._retry_s)

    def _tell_trouble(self, reason: str) -> None:
        """Once, however often it is tried again."""
        if reason != self._trouble:
            self._trouble = reason
            _log.warning("the mirror's connection is broken, and is tried again until it works: %s", reason)

    def _silent_s(self) -> float:
        return asyncio.get_running_loop().time() - self._heard_s

    async def _follow(self) -> None:
        """One connection, from its first frame to its last."""
        ping_s = self._settings.stale_after_s / 3
        async with self._session.ws_connect(f"{self._url}/ws", max_msg_size=0) as socket:
            for coin in self.market.books:
                for channel in _CHANNELS:
                    subscription: Json = {"type": channel, "coin": coin}
                    await socket.send_str(dumps({"method": "subscribe", "subscription": subscription}))
            while True:
                try:
                    message = await socket.receive(timeout=ping_s)
                except TimeoutError:
                    if self._silent_s() >= self._settings.stale_after_s:
                        return
                    await socket.send_str(dumps({"method": "ping"}))
                    continue
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                self._on_text(message.data)
                await self.market.has_room.wait()

    def _on_text(self, text: str) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        self._retry_s = _FIRST_RETRY_S
        self._trouble = ""
        self.market.warning = ""
        try:
            frame = as_object(loads(text))
            channel = frame.get("channel")
            if channel == "error":
                _log.warning("%s refuses: %s", self._url, frame.get("data"))
            reader = self._readers.get(channel) if isinstance(channel, str) else None
            if reader is not None:
                reader(frame.get("data"))
        except MalformedRequestError as error:
            _log.warning("a frame of %s can't be used: %s: %.200s", self._url, error, text)

    def _book_of(self, source: dict[str, object]) -> SourceBook:
        coin = get_str(source, "coin")
        if coin not in self.market.books:
            raise MalformedRequestError(f"nobody asked for {coin}")
        return self.market.books[coin]

    def _on_book(self, data: object) -> None:
        source = as_object(data)
        book = self._book_of(source)
        bids, asks = decode_book(source.get("levels"), book.instrument)
        self.market.push(book.on_book(get_int(source, "time"), bids, asks))

    def _on_best(self, data: object) -> None:
        source = as_object(data)
        book = self._book_of(source)
        bid, ask = decode_best(source.get("bbo"), book.instrument)
        self.market.push(book.on_best(get_int(source, "time"), bid, ask))

    def _on_trades(self, data: object) -> None:
        by_coin: dict[str, list[object]] = {}
        for row in as_list(data):
            by_coin.setdefault(self._book_of(as_object(row)).coin, []).append(row)
        for coin, rows in by_coin.items():
            book = self.market.books[coin]
            self.market.push(book.on_trades([decode_trade(row, book.instrument) for row in rows]))

    def _on_prices(self, data: object) -> None:
        source = as_object(data)
        book = self._book_of(source)
        self.market.push(book.on_prices(*decode_prices(source.get("ctx"), book.instrument)))
