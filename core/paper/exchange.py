"""The venue with its market, its memory and its listeners: what the HTTP and WebSocket edges share.

``clock_ms`` is UTC: everything on the wire carries it, only the market's pace is scaled.

Every change goes the same way: the venue changes (by a block of actions, or by a step of the market), the store commits, the
listeners are told, and only then the callers are answered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from core.paper.answers.info import Info
from core.paper.answers.tape import Tape
from core.paper.clock import SteadyClock
from core.paper.config import PaperConfig, StoreError
from core.paper.jsonio import Json
from core.paper.market.step import Market, MarketStep
from core.paper.requests.blocks import Blocks, execution_order
from core.paper.requests.envelope import Envelope, decode_envelope
from core.paper.requests.exchange_api import ExchangeApi
from core.paper.store import Cursor, PaperStore, Saved
from core.paper.venue.batch import Batch
from core.paper.venue.venue import Venue

_MICRO = 1_000_000


class PaperExchange:
    """Use from one thread. Without a store everything is kept in memory."""

    def __init__(
        self,
        config: PaperConfig,
        market: Market,
        store: PaperStore | None = None,
        clock_ms: Callable[[], int] | None = None,
    ) -> None:
        clock_ms = clock_ms or SteadyClock()
        self._store = store
        self._failure: StoreError | None = None
        self._wall_ms = clock_ms
        self.skew_ms = 0
        """How far the exchange's clock is ahead of the real one."""
        self.ask_in_the_past: Callable[[object, int], Json] | None = None
        """Answers in place of ``info``, where views lag behind the engine."""
        self.market = market
        self.venue = Venue(
            market.universe,
            int(config.funds_usd * _MICRO),
            clock_ms(),
            config.seed,
            opens_accounts=config.open_accounts,
            settings=config.orders,
            money=config.money,
        )
        self.tape = Tape(market.universe.listings, config.answers.recent_trades)
        self.info = Info(self.venue, self.tape, config.answers)
        self.api = ExchangeApi(self.venue, config)
        self._blocks = Blocks(self._commit, config.block_ms)
        self.orders_seen = 0
        self.trades_seen = 0
        saved = store.load() if store is not None else None
        if saved is not None and saved.cursor.market == market.name:
            market.resume(saved.cursor.place)
        for book in self.venue.ledger.books.values():
            book.hidden_depth = market.hidden_depth
        for step in market.scene():
            self.venue.step(step, clock_ms())
        if saved is not None:
            _restore(self.venue, saved, clock_ms())
        self.venue.take_batch()
        self._listeners: list[Callable[[Batch], None]] = [self.tape.on_batch]

    def now_ms(self) -> int:
        return max(self._clock_ms(), self.venue.ledger.block_ms)

    def set_skew(self, skew_ms: int) -> None:
        """Step the exchange's clock. Block time, which else never runs back, steps with it."""
        if skew_ms != self.skew_ms:
            self.skew_ms = skew_ms
            self.venue.set_clock_back(self._clock_ms())

    def listen(self, listener: Callable[[Batch], None]) -> None:
        self._listeners.append(listener)

    def leave(self, listener: Callable[[Batch], None]) -> None:
        """The opposite of ``listen``."""
        self._listeners.remove(listener)

    def _clock_ms(self) -> int:
        return self._wall_ms() + self.skew_ms

    def ask(self, request: object) -> Json:
        """POST /info. Raises ``MalformedRequestError``."""
        answer = (self.ask_in_the_past or self.info.answer)(request, self.now_ms())
        self.settle()
        return answer

    async def act(self, body: object) -> Json:
        """POST /exchange; answered when the block that it is in has been stored. Raises ``MalformedRequestError``."""
        envelope = decode_envelope(body)
        self.api.check_assets(envelope.action)
        return await self._blocks.submit(envelope)

    def _commit(self, block: Sequence[Envelope]) -> Sequence[Json]:
        now_ms = self._clock_ms()
        self.venue.tick(now_ms)
        answers: list[Json] = [None] * len(block)
        for place in execution_order(block):
            answers[place] = self.api.execute(block[place], now_ms)
        self.settle()
        return answers

    def tick(self) -> None:
        """Let happen what the passing of time brings about; to be called often.

        Raises:
            StoreError: a change couldn't be stored.
        """
        self.venue.tick(self._clock_ms())
        self.settle()

    def advance(self) -> None:
        """Take the market's next step."""
        self.apply(self.market.advance())

    def apply(self, step: MarketStep) -> None:
        """Let the market take a step."""
        self.venue.step(step, self._clock_ms())
        self.settle()

    def settle(self) -> None:
        """Store what changed, then tell the listeners.

        Raises:
            StoreError: it couldn't be stored. Memory is then ahead of the disk, so every later call is refused as well.
        """
        if self._failure is not None:
            raise self._failure
        batch = self.venue.take_batch()
        if self._store is not None and batch.must_store:
            self._save(batch)
        self.orders_seen += len(batch.orders)
        self.trades_seen += len(batch.prints)
        for listener in self._listeners:
            listener(batch)

    def save_place(self) -> None:
        """Remember where the market stands, and the orders in its queues.

        Counters go with what they count: whatever an exception left unsettled is stored before them.
        """
        if self._store is not None and self._failure is None:
            self.settle()
            batch = Batch()
            for book in self.venue.ledger.books.values():
                batch.orders.update((order.oid, order) for order in book.note_places())
            self._save(batch)

    def _save(self, batch: Batch) -> None:
        assert self._store is not None
        ledger = self.venue.ledger
        cursor = Cursor(self.market.name, self.market.place)
        try:
            self._store.save(batch, ledger.counters, ledger.block_ms, cursor)
        except sqlite3.Error as error:
            self._failure = StoreError(
                f"The paper exchange can't write {self._store.path}: {error}. Fix: make room there, then restart."
            )
            raise self._failure from error


def _restore(venue: Venue, saved: Saved, now_ms: int) -> None:
    """Go on where the last run ended; what it did in the future, by a clock that was ahead, was done now."""
    ledger = venue.ledger
    _check_coins(venue, saved)
    ledger.market = saved.market
    ledger.backstop = saved.backstop or ledger.backstop
    ledger.nonces = saved.nonces
    ledger.counters = saved.counters
    ledger.block_ms = max(ledger.block_ms, saved.block_ms)
    venue.resume(saved.accounts)
    if ledger.block_ms > now_ms:
        venue.set_clock_back(now_ms)


def _check_coins(venue: Venue, saved: Saved) -> None:
    held = {coin for account in saved.accounts.values() for coin in account.positions}
    held.update(twap.coin for account in saved.accounts.values() for twap in account.twaps.values())
    held.update(o.coin for account in saved.accounts.values() for o in account.open_orders.values())
    held.update(o.coin for account in saved.accounts.values() for o in account.terminal_orders.values())
    missing = held - venue.instruments.keys()
    if missing:
        raise StoreError(
            f"The paper accounts have traded {', '.join(sorted(missing))}, which this market doesn't have. "
            "Fix: replay the recording that they were made with, or use another state directory."
        )
