"""The health of the host as the engine sees it: gaps in time, a slow disk, a backlog, a journal that couldn't be written.

Each stops quoting for as long as it lasts. After a gap nothing that was known before it is traded on: prices are forgotten, and
fills, open orders and account are read anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import AskAccount, AskBook, AskOpenOrders, Backfill, Effect, notify
from core.domain.events import (
    AccountObserved,
    BackfillDone,
    BookObserved,
    Event,
    LoopLagged,
    OpenOrdersObserved,
    Quote,
    StorageRecovered,
    Tick,
)
from core.engine.risk_engine import Refusal, Rule

if TYPE_CHECKING:
    from core.engine.engine import Engine

SLOW_COMMIT_MS = 1_000
SLOW_FOR_MS = 5_000
BACKLOG_MAX, BACKLOG_OVER = 1_000, 100
"""Waiting items above which nothing new is quoted, and below which it is again."""

REREAD_EVERY_MS = 2_000
FRESH_MS = 500
"""A quote that the venue stamped so long before the end of a gap came in the gap: it waited in a socket's buffer."""


@dataclass(slots=True)
class Vitals:
    commit_ms: int = 0
    slow_until_mono_ms: int = 0
    backlog: int = 0
    """Items that wait, while there are too many; 0 otherwise."""
    why: str = ""
    """What the last gap was."""
    unread: set[str] = field(default_factory=set)
    """What must be read anew before anything is quoted: ``fills``, ``orders``, ``account``."""
    unquoted: set[str] = field(default_factory=set)
    """Coins whose price is not known anew yet."""
    since_mono_ms: int = 0
    """The end of the last gap."""
    fresh_venue_ms: int = 0
    """Quotes stamped earlier are from before it, or from in it."""
    asked_mono_ms: int = 0

    @property
    def ticket(self) -> str:
        return f"anew:{self.since_mono_ms}"

    def idleness(self, engine: Engine, now: Instant) -> Refusal | None:
        if trouble := engine.storage_trouble:
            return Refusal(Rule.IDLE, f"the journal cannot be written: {trouble}", ends="free disk space")
        if self.unread:
            return Refusal(Rule.IDLE, f"{self.why}; reading the account anew")
        if now.mono_ms < self.slow_until_mono_ms:
            return Refusal(Rule.IDLE, f"the disk is slow: a commit took {self.commit_ms} ms")
        if self.backlog:
            return Refusal(Rule.IDLE, f"the core is behind: {self.backlog} messages wait")
        return None

    def is_stale(self, quote: Quote) -> bool:
        return quote.time_ms < self.fresh_venue_ms

    def notice(self, engine: Engine, event: Event, now: Instant) -> list[Effect]:
        """Before the event is handled: what it says of the host."""
        match event:
            case StorageRecovered(lasted_ms):
                engine.storage_trouble, self.why = "", "the journal can be written again"
                told = notify("storage_recovered", "info", "", lasted_s=round(lasted_ms / 1000, 1))
            case LoopLagged(gap_ms):
                self.why = "the process stood still"
                told = notify("loop_lag", "warn", "", gap_s=round(gap_ms / 1000, 1))
            case Tick():
                return self._on_tick(event, now)
            case _:
                return []
        return [told, *self._begin_anew(engine, now)]

    def follow(self, engine: Engine, event: Event, now: Instant) -> list[Effect]:
        """After the event was handled: what has been read anew, and what must be asked for again."""
        match event:
            case BackfillDone(ticket=t, error="") if t == self.ticket:
                self.unread.discard("fills")
            case OpenOrdersObserved(ticket=t) if t == self.ticket:
                self.unread.discard("orders")
            case AccountObserved(ticket=t) if t == self.ticket:
                self.unread.discard("account")
            case BookObserved(quote=quote, asked_mono_ms=asked) if asked >= self.since_mono_ms:
                if quote.coin in self.unquoted:
                    coin = engine.coins[quote.coin]
                    coin.quote, coin.quote_wall_ms = quote, now.wall_ms
                self.unquoted.discard(quote.coin)
            case Quote(coin=name) if not self.is_stale(event):
                self.unquoted.discard(name)
            case Tick() if now.mono_ms - self.asked_mono_ms >= REREAD_EVERY_MS:
                return self._ask(now)
            case _:
                pass
        return []

    def _on_tick(self, tick: Tick, now: Instant) -> list[Effect]:
        out: list[Effect] = []
        if tick.commit_ms > SLOW_COMMIT_MS:
            if now.mono_ms >= self.slow_until_mono_ms:
                out.append(notify("slow_commit", "warn", "", commit_ms=tick.commit_ms))
            self.commit_ms, self.slow_until_mono_ms = tick.commit_ms, now.mono_ms + SLOW_FOR_MS
        if tick.backlog > BACKLOG_MAX:
            if not self.backlog:
                out.append(notify("backlog", "warn", "", waiting=tick.backlog))
            self.backlog = tick.backlog
        elif self.backlog:
            self.backlog = tick.backlog if tick.backlog >= BACKLOG_OVER else 0
        return out

    def _begin_anew(self, engine: Engine, now: Instant) -> list[Effect]:
        for coin in engine.coins.values():
            coin.quote = None
        self.since_mono_ms, self.fresh_venue_ms = now.mono_ms, now.venue_ms - FRESH_MS
        self.unread, self.unquoted = {"fills", "orders", "account"}, set(engine.coins)
        return self._ask(now)

    def _ask(self, now: Instant) -> list[Effect]:
        """Each at most every two seconds until it is answered."""
        asks: dict[str, Effect] = {
            "fills": Backfill(ticket=self.ticket),
            "orders": AskOpenOrders(self.ticket),
            "account": AskAccount(self.ticket),
        }
        wanted = [asks[what] for what in sorted(self.unread)] + [AskBook(c) for c in sorted(self.unquoted)]
        if wanted:
            self.asked_mono_ms = now.mono_ms
        return wanted
