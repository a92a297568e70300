"""One channel may be dead while others live. What each owes, and when it has failed to deliver.

A quiet coin is not a stale one: ``bbo`` is held against the book over REST, ``orderUpdates`` owes a row after a placement was
answered, ``userFills`` owes every fill that a REST read finds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.domain.effects import AskBook, Effect
from core.domain.events import BookObserved
from core.domain.fills import Fill
from core.engine.coin import Coin

BOOK_CHECK_MS = 15_000
"""After so long without a quote of a coin, the book is asked for over REST, and again as often."""
BOOK_GRACE_MS = 3_000
"""What the stream may lag behind the book that REST showed."""
UPDATE_OWED_MS = 10_000
"""A placement that was answered must have shown up in orderUpdates by then."""
FILL_OWED_MS = 5_000
"""A fill this old that only REST told of should have come over the stream."""


@dataclass(slots=True)
class FeedWatch:
    """Of one connection; ``begin`` with each new one."""

    _book_asked_mono_ms: dict[str, int] = field(default_factory=dict)
    _differed_mono_ms: dict[str, int] = field(default_factory=dict)
    """Coins whose book over REST was not what the stream said last, and when that was asked."""
    _owed_update_mono_ms: int = 0
    """When the first placement was answered that was sent since the last streamed row; 0 if none was."""
    _streamed_update_mono_ms: int = 0
    """When the last row of orderUpdates came, or the connection began: what was sent before is not owed."""
    _newest_streamed_fill_ms: int = 0
    _missed_fill_ms: int = 0

    def begin(self, now: Instant) -> None:
        self._book_asked_mono_ms.clear()
        self._differed_mono_ms.clear()
        self._owed_update_mono_ms = self._newest_streamed_fill_ms = self._missed_fill_ms = 0
        self._streamed_update_mono_ms = now.mono_ms

    # -- what comes in --------------------------------------------------------------------------------------------

    def saw_quote(self, coin: str) -> None:
        self._differed_mono_ms.pop(coin, None)

    def saw_update(self, now: Instant) -> None:
        """A row of orderUpdates over the stream."""
        self._owed_update_mono_ms = 0
        self._streamed_update_mono_ms = now.mono_ms

    def saw_placed(self, sent_venue_ms: int, now: Instant) -> None:
        """The exchange answered that an order rests or has traded: the stream owes a row, if none came before that."""
        sent_mono_ms = now.mono_ms - (now.venue_ms - sent_venue_ms)
        if sent_mono_ms >= self._streamed_update_mono_ms:
            self._owed_update_mono_ms = self._owed_update_mono_ms or now.mono_ms

    def saw_fills(self, fills: Iterable[Fill], ready_venue_ms: int, now: Instant) -> None:
        """New fills; those over REST from a time when the stream should have told of them are held against it."""
        for fill in fills:
            if fill.source.counts_as_ws:
                self._newest_streamed_fill_ms = max(self._newest_streamed_fill_ms, fill.time_ms)
            elif ready_venue_ms and ready_venue_ms < fill.time_ms < now.venue_ms - FILL_OWED_MS:
                self._missed_fill_ms = max(self._missed_fill_ms, fill.time_ms)

    def saw_book(self, event: BookObserved, coin: Coin) -> None:
        """The book over REST: it must be what the stream said last, if nothing has come over it since it was asked for."""
        streamed, shown = coin.quote, event.quote
        if streamed is None or coin.quote_mono_ms >= event.asked_mono_ms:
            return
        if (streamed.bid, streamed.ask) != (shown.bid, shown.ask):
            self._differed_mono_ms.setdefault(coin.name, event.asked_mono_ms)

    # -- what follows -----------------------------------------------------------------------------------------------

    def questions(self, coins: Iterable[Coin], now: Instant) -> list[Effect]:
        """Books to ask for: of coins that have been quiet."""
        out: list[Effect] = []
        for coin in coins:
            last = max(coin.quote_mono_ms, self._book_asked_mono_ms.get(coin.name, 0))
            if now.mono_ms - last >= BOOK_CHECK_MS:
                self._book_asked_mono_ms[coin.name] = now.mono_ms
                out.append(AskBook(coin.name))
        return out

    def stale(self, now: Instant) -> str:
        """The channel that has failed to deliver what it owes, with the coin; empty if none has."""
        for coin, asked_mono_ms in self._differed_mono_ms.items():
            if now.mono_ms - asked_mono_ms >= BOOK_GRACE_MS:
                return f"bbo {coin}"
        if self._owed_update_mono_ms and now.mono_ms - self._owed_update_mono_ms >= UPDATE_OWED_MS:
            return "orderUpdates"
        return "userFills" if self._missed_fill_ms > self._newest_streamed_fill_ms else ""
