"""What takes more than one step: halt, resync, reconnect, poll; flatten and stop have modules of their own. Each ends with a
sentence for the operator.

A procedure looks at each event and at the state after it, and returns effects. None of them waits; all of them end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from core.domain.clock import Instant
from core.domain.cloid import parse_cloid
from core.domain.commands import Command
from core.domain.effects import AskAccount, AskOpenOrders, Backfill, Effect, Reconnect
from core.domain.events import (
    AccountObserved,
    BackfillDone,
    Event,
    OpenOrdersObserved,
    RequestFailed,
)
from core.engine.coin import Coin
from core.engine.fill_search import unproven_since_ms
from core.engine.ways_out import open_text

HALT_LIMIT_MS = 60_000
PROOF_EVERY_MS = 1_000
"""How often the list of open orders is asked for until it shows none of ours."""
REPEATED_MS = 1_000
"""A halt that is asked for again sends the cancels again, unless so soon that a held key asks."""
RECONNECT_LIMIT_MS = 30_000
READ_LIMIT_MS = 30_000
POLL_BACK_MS = 3_600_000
READ_AGAIN_MS = 500
"""What flatten and stop wait before they ask the exchange once more."""


class Procedure(Protocol):
    """``done`` ends it; ``failed`` says that it ended without what was asked for; ``text`` is the sentence."""

    command: Command
    done: bool
    failed: bool
    text: str

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]: ...


@dataclass(slots=True)
class ProcedureBase:
    """What every procedure has."""

    command: Command
    started_mono_ms: int
    done: bool = False
    failed: bool = False
    text: str = ""

    def end(self, text: str, failed: bool = False) -> list[Effect]:
        self.done, self.failed, self.text = True, failed, text
        return []

    def elapsed_ms(self, now: Instant) -> int:
        return now.mono_ms - self.started_mono_ms


def feed_ticket(generation: int) -> str:
    """Names the read that closes the gap before a connection of this generation."""
    return f"feed:{generation}"


def feed_generation(ticket: str) -> int | None:
    kind, _, number = ticket.partition(":")
    return int(number) if kind == "feed" else None


def shows_none_of_ours(
    event: Event | None, ticket: str, coins: list[Coin], but: Collection[str] = ()
) -> bool:
    """Whether the event is the list that ``ticket`` asked for, without an order of ours: our books may be wrong. Stops stay,
    and so do those with a cloid of ``but``.
    """
    if not isinstance(event, OpenOrdersObserved) or event.ticket != ticket:
        return False
    of_copies = {coin.name: coin.orders_of_a_copy for coin in coins}
    return not any(
        o.coin in of_copies
        and parse_cloid(o.cloid)
        and not o.is_trigger
        and o.cloid not in of_copies[o.coin]
        and o.cloid not in but
        for o in event.orders
    )


def position_text(coin: Coin) -> str:
    """``position +0.1875 BTC open`` or ``flat``."""
    lots = coin.ledger.lots
    if not lots:
        return f"{coin.name} flat"
    sign = "+" if lots > 0 else ""
    return f"{coin.name} position {sign}{coin.config.instrument.size_text(lots)} open"


@dataclass(slots=True)
class HaltPace:
    """What all halts share. A held key asks for thirty a second: if each proved itself, the address would soon be refused every
    read, and whoever held it in a panic could not flatten.
    """

    ticket: str = ""
    asked_mono_ms: int = -PROOF_EVERY_MS
    """The newest list of open orders: it serves every halt that waited for one when it was asked for."""
    sent: dict[str, int] = field(default_factory=dict)
    """When the cancels of a scope were last sent again."""

    def sends_again(self, scope: str, now: Instant) -> bool:
        is_due = now.mono_ms - self.sent.get(scope, -REPEATED_MS) >= REPEATED_MS
        if is_due:
            self.sent[scope] = now.mono_ms
        return is_due


@dataclass(slots=True)
class Halt(ProcedureBase):
    """Cancel our grid orders in scope until the exchange has confirmed the end of each; what remains is said."""

    sent: int = 0
    pace: HaltPace = field(default_factory=HaltPace)
    clear_mono_ms: int | None = None
    """Since when no order of ours is known to rest."""

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        live = [o for coin in coins for o in coin.live_grid_orders()]
        self.sent = max(self.sent, len(live))
        remains = "; ".join(open_text(coin) for coin in coins)
        if live:
            self.clear_mono_ms = None
            self.text = f"{len(live)} of {self.sent} cancels not yet confirmed; {remains}"
            late = self.elapsed_ms(now) > HALT_LIMIT_MS
            return (
                self.end(f"HALTED, but {self.text}; each is asked about until it is", failed=True)
                if late
                else []
            )
        if self.clear_mono_ms is None:
            self.clear_mono_ms = now.mono_ms
        is_asked = self.pace.asked_mono_ms >= self.clear_mono_ms
        if is_asked and shows_none_of_ours(event, self.pace.ticket, coins):
            return self.end(f"HALTED, {remains}; {self.sent} sent, {self.sent} confirmed")
        if self.elapsed_ms(now) > HALT_LIMIT_MS:
            return self.end(f"HALTED, but the open orders can't be read; {remains}", failed=True)
        self.text = f"{self.sent} cancels confirmed; reading the open orders"
        if now.mono_ms - self.pace.asked_mono_ms < PROOF_EVERY_MS:
            return []
        self.pace.asked_mono_ms, self.pace.ticket = now.mono_ms, self.command.id
        return [AskOpenOrders(self.command.id)]


@dataclass(slots=True)
class Poll(ProcedureBase):
    """Read the fills of the last hour again over REST."""

    def start(self, now: Instant) -> list[Effect]:
        return [Backfill(since_ms=now.venue_ms - POLL_BACK_MS, ticket=self.command.id)]

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        if isinstance(event, BackfillDone) and event.ticket == self.command.id:
            if event.error:
                return self.end(f"the fills could not be read: {event.error}", failed=True)
            return self.end(f"fills of the last hour: {event.seen} seen, {event.new} new")
        if self.elapsed_ms(now) > READ_LIMIT_MS:
            return self.end("no answer from the exchange; try again when it is reachable", failed=True)
        return []


@dataclass(slots=True)
class Resync(ProcedureBase):
    """Settle fills, orders and position with the exchange."""

    waiting: set[str] = field(default_factory=lambda: {"fills", "orders", "position"})

    def start(self, coins: Collection[Coin]) -> list[Effect]:
        """Fills are read from where the exchange has last shown the ledger's positions."""
        ticket = self.command.id
        fills = Backfill(unproven_since_ms(coins), ticket)
        return [fills, AskOpenOrders(ticket), AskAccount(ticket)]

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        ticket = self.command.id
        match event:
            case BackfillDone(ticket=t, error="") if t == ticket:
                self.waiting.discard("fills")
            case OpenOrdersObserved(ticket=t) if t == ticket:
                self.waiting.discard("orders")
            case AccountObserved(ticket=t) if t == ticket:
                self.waiting.discard("position")
            case BackfillDone(ticket=t, error=reason) | RequestFailed(ticket=t, reason=reason) if t == ticket:
                return self.end(f"resync failed: {reason}", failed=True)
            case _:
                pass
        if not self.waiting:
            drifts = ", ".join(_drift_text(coin) for coin in coins)
            return self.end(f"resync done in {self.elapsed_ms(now)} ms, {drifts}")
        if self.elapsed_ms(now) > READ_LIMIT_MS:
            return self.end(
                f"resync failed: no answer about {' and '.join(sorted(self.waiting))}", failed=True
            )
        return []


def _drift_text(coin: Coin) -> str:
    lots = coin.ledger.drift.lots
    why = f" ({coin.drift_explanation})" if lots and coin.drift_explanation else ""
    return f"{coin.name} drift {coin.config.instrument.size_text(lots)}{why}"


@dataclass(slots=True)
class ReconnectFeed(ProcedureBase):
    """Close the market-data connection, open a new one, read the gap back."""

    old_generation: int = 0
    fills_before: int = 0

    def start(self, coins: Collection[Coin]) -> list[Effect]:
        self.fills_before = _not_live(coins)
        return [Reconnect("asked for by the operator")]

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        if isinstance(event, BackfillDone) and not event.error:
            generation = feed_generation(event.ticket)
            if generation is not None and generation > self.old_generation:
                took = self.elapsed_ms(now) / 1000
                return self.end(
                    f"reconnected in {took:.1f} s: {event.seen} fills read over REST, "
                    f"{_not_live(coins) - self.fills_before} new with those that the stream began with"
                )
        if self.elapsed_ms(now) > RECONNECT_LIMIT_MS:
            return self.end("not connected after 30 s; it goes on trying", failed=True)
        return []


def _not_live(coins: Collection[Coin]) -> int:
    """Fills that came otherwise than live."""
    return sum(coin.counts.from_rest for coin in coins)
