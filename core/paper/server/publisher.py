"""From changes to WebSocket frames.

What concerns a user goes out at once. Market data is gathered, so that a market at sixty times its pace doesn't drown its
listeners: the newest quote and the prints at most every 20 ms, mids every 200 ms, books every 500 ms.
"""

from __future__ import annotations

from collections.abc import Callable

from core.paper.answers.rows import Rows
from core.paper.exchange import PaperExchange
from core.paper.jsonio import Json, JsonObject, dumps
from core.paper.server.subscriptions import Channel, Subscription
from core.paper.venue.batch import Batch

_QUOTES_EVERY_S = 0.02
_MIDS_EVERY_S = 0.2
_BOOKS_EVERY_S = 0.5
_SNAPSHOT_FILLS = 2000

Send = Callable[[Subscription, str], None]
"""Hands a frame to every connection that has the subscription."""


def frame(channel: str, data: Json) -> str:
    return dumps({"channel": channel, "data": data})


class Publisher:
    """``wanted`` tells whether anyone has a subscription; frames that nobody wants aren't written."""

    def __init__(self, exchange: PaperExchange, wanted: Callable[[Subscription], bool], send: Send) -> None:
        self._exchange = exchange
        self._wanted = wanted
        self._send = send
        self._rows = Rows(exchange.venue.instruments)
        self._prints: dict[str, list[Json]] = {}
        self._changed: set[str] = set()
        self._book_changed: set[str] = set()
        self._last_bbo: dict[str, Json] = {}
        self._last_mids: Json = None
        self._due = {Channel.BBO: 0.0, Channel.ALL_MIDS: 0.0, Channel.L2_BOOK: 0.0}
        exchange.listen(self._on_batch)

    def greeting(self, subscription: Subscription) -> str | None:
        """What a new subscriber is told first: the state of what has one."""
        book = self._exchange.venue.ledger.books.get(subscription.target)
        match subscription.channel:
            case Channel.ALL_MIDS:
                return frame("allMids", {"mids": self._exchange.info.market_data.mids("")})
            case Channel.BBO if book is not None:
                return frame("bbo", self._rows.bbo(book, self._exchange.now_ms()))
            case Channel.L2_BOOK if book is not None:
                return frame("l2Book", self._rows.l2_book(book, self._exchange.now_ms()))
            case Channel.USER_FILLS:
                account = self._exchange.venue.see(subscription.target)
                fills = self._exchange.info.history.fills(account, _SNAPSHOT_FILLS)
                return frame("userFills", {"isSnapshot": True, "user": account.user, "fills": fills})
            case _:
                return None

    def _on_batch(self, batch: Batch) -> None:
        self._changed |= batch.coins
        self._book_changed |= batch.coins
        for trade in batch.prints:
            if self._wanted(Subscription(Channel.TRADES, trade.coin)):
                self._prints.setdefault(trade.coin, []).append(self._rows.trade(trade))
        updates: dict[str, list[Json]] = {}
        for update in batch.updates:
            updates.setdefault(update.order.user, []).append(self._rows.order_update(update))
        for user, rows in updates.items():
            self._send(Subscription(Channel.ORDER_UPDATES, user), frame("orderUpdates", rows))
        fills: dict[str, list[Json]] = {}
        for fill in batch.fills:
            fills.setdefault(fill.user, []).append(self._rows.fill(fill))
        for user, rows in fills.items():
            data: JsonObject = {"user": user, "fills": rows}
            self._send(Subscription(Channel.USER_FILLS, user), frame("userFills", data))
            self._send(Subscription(Channel.USER_EVENTS, user), frame("user", {"fills": rows}))

    def flush(self, now_s: float) -> None:
        """Send the market data that is due; ``now_s`` is monotonic."""
        if now_s >= self._due[Channel.BBO]:
            self._due[Channel.BBO] = now_s + _QUOTES_EVERY_S
            self._flush_quotes()
        if now_s >= self._due[Channel.ALL_MIDS] and self._wanted(Subscription(Channel.ALL_MIDS, "")):
            self._due[Channel.ALL_MIDS] = now_s + _MIDS_EVERY_S
            mids = self._exchange.info.market_data.mids("")
            if mids != self._last_mids:
                self._last_mids = mids
                self._send(Subscription(Channel.ALL_MIDS, ""), frame("allMids", {"mids": mids}))
        if now_s >= self._due[Channel.L2_BOOK]:
            self._due[Channel.L2_BOOK] = now_s + _BOOKS_EVERY_S
            self._flush_books()

    def _flush_quotes(self) -> None:
        for coin, rows in self._prints.items():
            self._send(Subscription(Channel.TRADES, coin), frame("trades", rows))
        self._prints.clear()
        for coin in self._changed:
            subscription = Subscription(Channel.BBO, coin)
            if not self._wanted(subscription):
                continue
            row = self._rows.bbo(self._exchange.venue.ledger.books[coin], self._exchange.now_ms())
            if row["bbo"] != self._last_bbo.get(coin):
                self._last_bbo[coin] = row["bbo"]
                self._send(subscription, frame("bbo", row))
        self._changed.clear()

    def _flush_books(self) -> None:
        for coin in self._book_changed:
            subscription = Subscription(Channel.L2_BOOK, coin)
            if self._wanted(subscription):
                book = self._exchange.venue.ledger.books[coin]
                self._send(subscription, frame("l2Book", self._rows.l2_book(book, self._exchange.now_ms())))
        self._book_changed.clear()
