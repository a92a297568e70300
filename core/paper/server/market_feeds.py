"""Channels that are the same for everyone: prices, books, trades, candles, market contexts.

What changed is gathered and sent at intervals, so that a market at many times its pace doesn't drown its listeners.
"""

from __future__ import annotations

import base64
import zlib

from core.paper.answers.books import FAST_LEVELS, MAX_LEVELS
from core.paper.exchange import PaperExchange
from core.paper.jsonio import Json, JsonObject, dumps
from core.paper.server.frames import frame
from core.paper.server.subscriptions import Channel, Subscribers, Subscription
from core.paper.venue.batch import Batch
from core.paper.venue.orders import TradePrint

_QUOTES_EVERY_S = 0.02
_CANDLES_EVERY_S = 0.1
_MIDS_EVERY_S = 0.2
_CONTEXTS_EVERY_S = 0.5


class MarketFeeds:
    def __init__(self, exchange: PaperExchange, subscribers: Subscribers, books_every_s: float) -> None:
        self._exchange = exchange
        self._subscribers = subscribers
        self._info = exchange.info
        self._prints: dict[str, list[TradePrint]] = {}
        self._quoted: set[str] = set()
        self._traded: set[str] = set()
        self._moved: set[str] = set()
        self._last: dict[Subscription, Json] = {}
        """What was told last on channels that only tell what is new."""
        self._fast: dict[str, Json] = {}
        self._schedule = {
            self._flush_quotes: _QUOTES_EVERY_S,
            self._flush_candles: _CANDLES_EVERY_S,
            self._flush_mids: _MIDS_EVERY_S,
            self._flush_books: books_every_s,
            self._flush_contexts: _CONTEXTS_EVERY_S,
        }
        self._due = dict.fromkeys(self._schedule, 0.0)

    def on_batch(self, batch: Batch) -> None:
        self._quoted |= batch.coins
        self._moved |= batch.coins
        for trade in batch.prints:
            self._traded.add(trade.coin)
            if Subscription(Channel.TRADES, trade.coin) in self._subscribers:
                self._prints.setdefault(trade.coin, []).append(trade)

    def flush(self, now_s: float) -> None:
        """Send what is due; ``now_s`` is monotonic."""
        for send, every_s in self._schedule.items():
            if now_s >= self._due[send]:
                self._due[send] = now_s + every_s
                send()

    def greeting(self, subscription: Subscription) -> Json:
        """The state that a new subscriber is told first; None if there is nothing to tell."""
        match subscription.channel:
            case Channel.ALL_MIDS:
                return self._mids(subscription)
            case Channel.L2_BOOK:
                return self._book(subscription)
            case Channel.BBO:
                row = self._bbo(subscription)
                if self._subscribers.count(subscription) == 1:
                    self._last[subscription] = row["bbo"]
                return row
            case Channel.TRADES:
                return self._info.market_data.trades(subscription.coin)[::-1] or None
            case Channel.CANDLE:
                return self._candle(subscription)
            case Channel.ACTIVE_ASSET_CTX:
                return self._context(subscription)
            case Channel.ASSET_CTXS:
                return self._contexts(subscription)
            case Channel.ALL_DEXS_ASSET_CTXS:
                return self._all_contexts()
            case Channel.FAST_ASSET_CTXS:
                return _deflated(self._fast_contexts())
            case Channel.SPOT_ASSET_CTXS:
                return []
            case _:
                return None

    def _send(self, subscription: Subscription, data: Json) -> None:
        self._subscribers.send(subscription, frame(subscription.channel, data))

    def _send_if_new(self, subscription: Subscription, data: Json, news: Json) -> None:
        if self._last.get(subscription) != news:
            self._last[subscription] = news
            self._send(subscription, data)

    def _flush_quotes(self) -> None:
        for coin, prints in self._prints.items():
            rows = [self._info.rows.trade(trade) for trade in prints]
            self._send(Subscription(Channel.TRADES, coin), rows)
        self._prints.clear()
        for subscription in self._subscribers.of(Channel.BBO):
            if subscription.coin in self._quoted:
                row = self._bbo(subscription)
                self._send_if_new(subscription, row, row["bbo"])
        self._quoted.clear()

    def _flush_candles(self) -> None:
        for subscription in self._subscribers.of(Channel.CANDLE):
            if subscription.coin in self._traded:
                self._send(subscription, self._candle(subscription))
        self._traded.clear()

    def _flush_mids(self) -> None:
        for subscription in self._subscribers.of(Channel.ALL_MIDS):
            mids = self._mids(subscription)
            self._send_if_new(subscription, mids, mids)

    def _flush_books(self) -> None:
        for subscription in self._subscribers.of(Channel.L2_BOOK):
            if subscription.coin in self._moved:
                self._send(subscription, self._book(subscription))
        self._moved.clear()

    def _flush_contexts(self) -> None:
        for subscription in self._subscribers.of(Channel.ACTIVE_ASSET_CTX):
            row = self._context(subscription)
            self._send_if_new(subscription, row, row)
        for subscription in self._subscribers.of(Channel.ASSET_CTXS):
            row = self._contexts(subscription)
            self._send_if_new(subscription, row, row)
        for subscription in self._subscribers.of(Channel.ALL_DEXS_ASSET_CTXS):
            everything = self._all_contexts()
            self._send_if_new(subscription, everything, everything)
        for subscription in self._subscribers.of(Channel.FAST_ASSET_CTXS):
            present = self._fast_contexts()
            changed = {coin: row for coin, row in present.items() if self._fast.get(coin) != row}
            self._fast = present
            if changed:
                self._send(subscription, _deflated(changed))

    def _mids(self, subscription: Subscription) -> JsonObject:
        row: JsonObject = {"mids": self._info.market_data.mids(subscription.dex)}
        if subscription.dex:
            row["dex"] = subscription.dex
        return row

    def _bbo(self, subscription: Subscription) -> JsonObject:
        book = self._exchange.venue.ledger.books[subscription.coin]
        return self._info.rows.bbo(book, self._exchange.now_ms())

    def _book(self, subscription: Subscription) -> JsonObject:
        book = self._exchange.venue.ledger.books[subscription.coin]
        count = FAST_LEVELS if subscription.is_fast else MAX_LEVELS
        row = self._info.rows.l2_book(book, self._exchange.now_ms(), subscription.grouping, count)
        if subscription.is_fast:
            row["fast"] = True
        return row

    def _candle(self, subscription: Subscription) -> Json:
        coin, interval = subscription.coin, subscription.interval
        candle = self._exchange.tape.candles(coin).latest(interval, self._exchange.now_ms())
        return None if candle is None else self._info.rows.candle(coin, interval, candle)

    def _context(self, subscription: Subscription) -> JsonObject:
        listing = self._exchange.venue.universe.listings[subscription.coin]
        return {"coin": listing.coin, "ctx": self._info.contexts.context(listing, self._exchange.now_ms())}

    def _contexts(self, subscription: Subscription) -> JsonObject:
        contexts = self._info.contexts.of_dex(subscription.dex, self._exchange.now_ms())
        return {"dex": subscription.dex, "ctxs": contexts}

    def _all_contexts(self) -> JsonObject:
        return {"ctxs": self._info.contexts.of_all_dexs(self._exchange.now_ms())}

    def _fast_contexts(self) -> dict[str, Json]:
        now_ms = self._exchange.now_ms()
        contexts = {
            listing.coin: self._info.contexts.context(listing, now_ms)
            for listing in self._exchange.venue.universe.listings.values()
        }
        return {coin: {"markPx": row["markPx"], "midPx": row["midPx"]} for coin, row in contexts.items()}


def _deflated(value: Json) -> str:
    """JSON as raw DEFLATE in base64."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return base64.b64encode(packer.compress(dumps(value).encode()) + packer.flush()).decode()
