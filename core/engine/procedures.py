"""What takes more than one step: halt, flatten, resync, reconnect, poll, stop. Each ends with a sentence for the operator.

A procedure looks at each event and at the state after it, and returns effects. None of them waits; all of them end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from core.domain.clock import Instant
from core.domain.cloid import parse_cloid
from core.domain.commands import Command
from core.domain.effects import AskAccount, AskOpenOrders, Backfill, Effect, Place, Reconnect
from core.domain.events import (
    AccountObserved,
    BackfillDone,
    Event,
    OpenOrdersObserved,
    RequestFailed,
)
from core.domain.orders import Order, OrderState, Purpose, Side, Tif
from core.engine.coin import Coin

HALT_LIMIT_MS = 60_000
PROOF_EVERY_MS = 1_000
"""How often the list of open orders is asked for until it shows none of ours."""
FLATTEN_ATTEMPTS = 20
FLATTEN_PAUSE_MS = 500
FLATTEN_LIMIT_MS = 60_000
UNKNOWN_WAIT_MS = 2_000
RECONNECT_LIMIT_MS = 30_000
READ_LIMIT_MS = 30_000
STOP_SETTLE_MS = 15_000
STOP_READ_MS = 10_000
POLL_BACK_MS = 3_600_000


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


def shows_none_of_ours(event: Event | None, ticket: str, coins: list[Coin]) -> bool:
    """Whether the event is the list that ``ticket`` asked for, without an order of ours: our books may be wrong."""
    if not isinstance(event, OpenOrdersObserved) or event.ticket != ticket:
        return False
    copys = {coin.name: coin.copys for coin in coins}
    return not any(
        o.coin in copys and parse_cloid(o.cloid) and o.cloid not in copys[o.coin] for o in event.orders
    )


def position_text(coin: Coin) -> str:
    """``position +0.1875 BTC open`` or ``flat``."""
    lots = coin.ledger.lots
    if not lots:
        return f"{coin.name} flat"
    sign = "+" if lots > 0 else ""
    return f"{coin.name} position {sign}{coin.config.instrument.size_text(lots)} open"


@dataclass(slots=True)
class Halt(ProcedureBase):
    """Cancel our grid orders in scope until the exchange has confirmed the end of each; what remains is said."""

    sent: int = 0
    asked_mono_ms: int = -PROOF_EVERY_MS

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        live = [o for coin in coins for o in coin.live_grid_orders()]
        self.sent = max(self.sent, len(live))
        remains = ", ".join(position_text(coin) for coin in coins)
        if live:
            self.text = f"{len(live)} of {self.sent} cancels not yet confirmed; {remains}"
            late = self.elapsed_ms(now) > HALT_LIMIT_MS
            return (
                self.end(f"halted, but {self.text}; each is asked about until it is", failed=True)
                if late
                else []
            )
        if shows_none_of_ours(event, self.command.id, coins):
            return self.end(f"halted: {self.sent} sent, {self.sent} confirmed; {remains}")
        if self.elapsed_ms(now) > HALT_LIMIT_MS:
            return self.end(f"halted, but the open orders can't be read; {remains}", failed=True)
        self.text = f"{self.sent} cancels confirmed; reading the open orders"
        if now.mono_ms - self.asked_mono_ms < PROOF_EVERY_MS:
            return []
        self.asked_mono_ms = now.mono_ms
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

    def start(self) -> list[Effect]:
        ticket = self.command.id
        return [Backfill(ticket=ticket), AskOpenOrders(ticket), AskAccount(ticket)]

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
            drifts = ", ".join(
                f"{c.name} drift {c.config.instrument.size_text(c.ledger.drift.lots)}" for c in coins
            )
            return self.end(f"resync done in {self.elapsed_ms(now)} ms, {drifts}")
        if self.elapsed_ms(now) > READ_LIMIT_MS:
            return self.end(
                f"resync failed: no answer about {' and '.join(sorted(self.waiting))}", failed=True
            )
        return []


@dataclass(slots=True)
class ReconnectFeed(ProcedureBase):
    """Close the market-data connection, open a new one, read the gap back."""

    old_generation: int = 0

    def start(self) -> list[Effect]:
        return [Reconnect("asked for by the operator")]

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        if isinstance(event, BackfillDone) and not event.error:
            generation = feed_generation(event.ticket)
            if generation is not None and generation > self.old_generation:
                took = self.elapsed_ms(now) / 1000
                return self.end(
                    f"reconnected in {took:.1f} s: {event.seen} fills read over REST, {event.new} new"
                )
        if self.elapsed_ms(now) > RECONNECT_LIMIT_MS:
            return self.end("not connected after 30 s; it goes on trying", failed=True)
        return []


@dataclass(slots=True)
class Flatten(ProcedureBase):
    """Halt, cancel, re-read the position, close it reduce-only, prove it flat. The coin stays halted."""

    phase: str = "cancel"
    phase_mono_ms: int = 0
    attempts: int = 0
    closing: str = ""
    flat_at_version: int = 0
    """The ledger's version when the exchange showed a position of 0."""

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        (coin,) = coins
        if self.elapsed_ms(now) > FLATTEN_LIMIT_MS:
            return self.end(f"not flat after 60 s: {self._left(coin)}; flatten again", failed=True)
        match self.phase:
            case "cancel":
                live = coin.live_grid_orders()
                self.text = f"cancelling {len(live)} orders"
                if live and not self._only_doubts_left(live, now):
                    return []
                return self._enter("read", [AskAccount(self.command.id)], now)
            case "read":
                return self._read(coin, event, now)
            case "close":
                return self._closing(coin, now)
            case "pause" if now.mono_ms - self.phase_mono_ms >= FLATTEN_PAUSE_MS:
                return self._enter("read", [AskAccount(self.command.id)], now)
            case "verify":
                return self._verify(coin, event, now)
            case _:
                return []

    def _enter(self, phase: str, effects: list[Effect], now: Instant) -> list[Effect]:
        self.phase, self.phase_mono_ms = phase, now.mono_ms
        return effects

    def _only_doubts_left(self, live: list[Order], now: Instant) -> bool:
        """Getting out does not wait for the fate of an order in doubt, nor for fills of one that ended; proving flat does."""
        waited = now.mono_ms - max(self.phase_mono_ms, self.started_mono_ms) >= UNKNOWN_WAIT_MS
        return waited and all(order.state is not OrderState.OPEN for order in live)

    def _read(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        if isinstance(event, RequestFailed) and event.ticket == self.command.id:
            self.text = f"the position could not be read ({event.reason}); trying again"
            return self._enter("pause", [], now)
        if not isinstance(event, AccountObserved) or event.ticket != self.command.id:
            return []
        lots = dict(event.positions).get(coin.name, 0)
        if lots == 0 and coin.ledger.lots:
            self.text = f"the exchange shows 0, the fills say {position_text(coin)}; looking again"
            return self._enter("pause", [Backfill(ticket=self.command.id)], now)
        if lots == 0:
            self.flat_at_version = coin.ledger.version
            return self._enter(
                "verify", [Backfill(ticket=self.command.id), AskOpenOrders(self.command.id)], now
            )
        if self.attempts >= FLATTEN_ATTEMPTS:
            return self.end(
                f"not flat after {self.attempts} attempts: {self._left(coin)}; flatten again", failed=True
            )
        quote = coin.quote
        touch = quote and (quote.bid if lots > 0 else quote.ask)
        if not touch:
            self.text = "waiting for a quote to close against"
            return self._enter("pause", [], now)
        self.attempts += 1
        order = self._close_order(coin, lots, touch, now)
        self.text = (
            f"closing {coin.config.instrument.size_text(abs(lots))} {coin.name}, attempt {self.attempts}"
        )
        return self._enter("close", [order], now)

    def _close_order(self, coin: Coin, lots: int, touch: int, now: Instant) -> Place:
        instrument, slip = coin.config.instrument, touch * coin.config.slippage_ppb // 10**9
        if lots > 0:
            side, price = Side.SELL, instrument.round_price_up(touch - slip)
        else:
            side, price = Side.BUY, instrument.round_price_down(touch + slip)
        order = coin.new_order(side, price, abs(lots), Tif.IOC, Purpose.FLATTEN, now)
        self.closing = order.cloid
        return Place((order,))

    def _closing(self, coin: Coin, now: Instant) -> list[Effect]:
        order = coin.orders.by_cloid.get(self.closing)
        if order is not None and order.state.is_live and order.state is not OrderState.AWAITING_FILLS:
            return []
        if order is not None and order.state is OrderState.REJECTED:
            self.text = f"refused: {order.reason}; trying again"
        return self._enter("pause", [], now)

    def _verify(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        if now.mono_ms - self.phase_mono_ms > READ_LIMIT_MS // 3:
            return self._enter("pause", [], now)
        if not isinstance(event, OpenOrdersObserved) or event.ticket != self.command.id:
            return []
        ours = [o for o in event.orders if o.coin == coin.name and parse_cloid(o.cloid)]
        if ours or coin.live_grid_orders() or coin.ledger.lots or coin.ledger.version != self.flat_at_version:
            self.text = "not proven flat yet; looking again"
            return self._enter("pause", [], now)
        foreign = sum(o.coin == coin.name for o in event.orders)
        seconds = now.wall_ms // 1000 % 86_400
        at = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02} UTC"
        others = f"; {foreign} orders that are not GridBot's were left alone" if foreign else ""
        return self.end(f"CONFIRMED FLAT at {at}, 0 orders, position 0 {coin.name}{others}")

    @staticmethod
    def _left(coin: Coin) -> str:
        return f"{position_text(coin)}, {len(coin.live_grid_orders())} orders not settled"


@dataclass(slots=True)
class Stop(ProcedureBase):
    """No new orders, cancel ours until the exchange lists none, read the last fills, compare the position.

    ``done`` lets the process end; it latches no halt.
    """

    phase: str = "cancel"
    phase_mono_ms: int = 0
    asked_mono_ms: int = -PROOF_EVERY_MS
    reads: int = 0
    ticket: str = ""
    fills_read: bool = False

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        if self.elapsed_ms(now) > STOP_SETTLE_MS + STOP_READ_MS:
            return self.end("stopped without a last answer from the exchange", failed=True)
        match self.phase:
            case "cancel":
                return self._cancelling(coins, event, now)
            case "pause" if now.mono_ms - self.phase_mono_ms >= FLATTEN_PAUSE_MS:
                return self._read(now)
            case "read":
                return self._comparing(coins, event, now)
            case _:
                return []

    def _cancelling(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        live = [o for coin in coins for o in coin.orders.live()]
        self.text = f"cancelling {len(live)} orders"
        if not live and shows_none_of_ours(event, self.command.id, coins):
            return self._read(now)
        if self.elapsed_ms(now) >= STOP_SETTLE_MS:
            self.failed = True
            return self._read(now)
        if live or now.mono_ms - self.asked_mono_ms < PROOF_EVERY_MS:
            return []
        self.asked_mono_ms = now.mono_ms
        return [AskOpenOrders(self.command.id)]

    def _read(self, now: Instant) -> list[Effect]:
        """The fills first, then the position: what the position shows must be in the fills."""
        self.reads += 1
        self.phase, self.phase_mono_ms, self.fills_read = "read", now.mono_ms, False
        self.ticket = f"{self.command.id}:{self.reads}"
        self.text = "comparing with the exchange"
        return [Backfill(ticket=self.ticket)]

    def _comparing(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        match event:
            case BackfillDone(ticket=t, error="") if t == self.ticket:
                self.fills_read = True
                return [AskAccount(self.ticket)]
            case AccountObserved(ticket=t) if t == self.ticket and self.fills_read:
                if self._agrees(coins, event):
                    return self.end("stopped", failed=self.failed)
            case BackfillDone(ticket=t) | RequestFailed(ticket=t) if t == self.ticket:
                pass
            case _:
                return []
        self.phase, self.phase_mono_ms = "pause", now.mono_ms
        return []

    @staticmethod
    def _agrees(coins: list[Coin], seen: AccountObserved) -> bool:
        positions = dict(seen.positions)
        return all(positions.get(coin.name, 0) == coin.ledger.lots for coin in coins)
