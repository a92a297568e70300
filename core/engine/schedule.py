"""What the engine asks for by the clock: the account, the open orders, the fills, funding, books, and what doubts are due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import (
    AskAccount,
    AskBook,
    AskFunding,
    AskFundingRates,
    AskListings,
    AskOpenOrders,
    AskRequestBudget,
    AskTransfers,
    Backfill,
    Effect,
    Reconnect,
    notify,
)
from core.engine.breaker_probes import read_gate
from core.engine.chain_watch import read_gaps
from core.engine.guard import guarded
from core.engine.listing_watch import LISTINGS_EVERY_MS

if TYPE_CHECKING:
    from core.engine.engine import Engine

ACCOUNT_EVERY_MS = 5_000
OPEN_ORDERS_EVERY_MS = 30_000
FILL_POLL_EVERY_MS = 20_000
FUNDING_EVERY_MS = 300_000
TRANSFERS_EVERY_MS = 60_000
FUNDING_RATES_EVERY_MS = 60_000
"""While a position waits outside its grid, and at no other time."""

DOWN_POLL_EVERY_MS = 5_000
"""While the stream is down, fills, orders and books are read over REST this often."""

CHAIN_ALARM_MS = 10_000
CHAIN_RETRY_MS = 1_000
CHAIN_RETRY_MAX_MS = 120_000
GAP_RETRY_MS = 1_000
SECOND_READ_MS = 5_000
"""The exchange's index of fills may lag: after a reconnect they are read once more this much later."""


@dataclass(slots=True)
class Schedule:
    """When what falls due, on the monotonic clock."""

    _due: dict[str, int] = field(default_factory=dict)

    def at(self, what: str, mono_ms: int) -> None:
        """A one-off, or the next time of something regular."""
        self._due[what] = mono_ms

    def sooner(self, what: str, mono_ms: int) -> None:
        """Something regular falls due by then at the latest."""
        self._due[what] = min(self._due.get(what, mono_ms), mono_ms)

    def was_asked(self, what: str, now: Instant) -> bool:
        """A one-off that was set to fall due now."""
        due = self._due.get(what, 0)
        if not due or now.mono_ms < due:
            return False
        del self._due[what]
        return True

    def is_due(self, what: str, every_ms: int, now: Instant) -> bool:
        """Something regular; a shorter period takes effect at once."""
        due = min(self._due.get(what, 0), now.mono_ms + every_ms)
        if now.mono_ms < due:
            self._due[what] = due
            return False
        self._due[what] = now.mono_ms + every_ms
        return True

    def missing_fill_again(self, engine: Engine, now: Instant) -> None:
        """A fill may reach the exchange's index late; after the alarm it is looked for ever less often."""
        ages = [now.mono_ms - c.chain_broken_mono_ms for c in engine.coins.values() if c.chain_broken_mono_ms]
        if ages:
            age_ms = min(ages)
            seldom_ms = min(max(CHAIN_ALARM_MS, age_ms // 3), CHAIN_RETRY_MAX_MS)
            self.at("chain", now.mono_ms + (CHAIN_RETRY_MS if age_ms < CHAIN_ALARM_MS else seldom_ms))


def periodic(engine: Engine, now: Instant) -> list[Effect]:
    """What a tick asks for."""
    out: list[Effect] = []
    due = engine.schedule
    if (allowed := read_gate(engine, now)) is not None:
        return allowed
    asked: list[Effect] = []
    for coin in engine.coins.values():
        asked += guarded(engine, coin, now, lambda c: c.questions(now))
    out += engine.search.paced(asked, now) + engine.search.questions(engine.coins.values(), now)
    link = engine.feed
    if not link.connected and not engine.saw_account:
        return out
    is_down = not link.connected
    if due.is_due("account", ACCOUNT_EVERY_MS, now):
        out.append(AskAccount())
    if due.is_due("open_orders", DOWN_POLL_EVERY_MS if is_down else OPEN_ORDERS_EVERY_MS, now):
        out.append(AskOpenOrders())
    if due.is_due("fills", DOWN_POLL_EVERY_MS if is_down else FILL_POLL_EVERY_MS, now):
        out.append(Backfill())
    if due.is_due("funding", FUNDING_EVERY_MS, now):
        out.append(AskFunding())
    waits_outside = any(coin.leaving.side and coin.ledger.lots for coin in engine.coins.values())
    if waits_outside and due.is_due("funding_rates", FUNDING_RATES_EVERY_MS, now):
        out.append(AskFundingRates())
    if due.is_due("transfers", TRANSFERS_EVERY_MS, now):
        out.append(AskTransfers())
    if due.is_due("requests", engine.requests.read_every_ms, now):
        engine.requests.asked(now)
        out.append(AskRequestBudget())
    out += engine.agent.questions(due, now)
    due.sooner("listings", now.mono_ms + LISTINGS_EVERY_MS)  # the start has read them
    if due.is_due("listings", LISTINGS_EVERY_MS, now):
        engine.listings_asked_mono_ms = now.mono_ms
        out.append(AskListings())
    if is_down and due.is_due("books", DOWN_POLL_EVERY_MS, now):
        out += [AskBook(name) for name in engine.coins]
    if due.was_asked("chain", now):
        gaps = [gap for coin in engine.coins.values() for gap in coin.ledger.breaks()]
        out += [read_gaps(gaps)] if gaps else []
    if due.was_asked("gap", now) and link.connected and not link.ready:
        out.append(link.close_gap())
    return out + (_watch_channels(engine, now) if link.ready else [])


def _watch_channels(engine: Engine, now: Instant) -> list[Effect]:
    """A channel that owes something and stays silent is down, though the connection lives: begin a new one."""
    watch = engine.feed.watch
    stale = watch.stale(now)
    if not stale:
        return watch.questions(engine.coins.values(), now)
    watch.begin(now)
    return [
        notify("ws_channel_stale", "warn", "", channel=stale),
        Reconnect(f"{stale} is silent though the connection lives"),
    ]
