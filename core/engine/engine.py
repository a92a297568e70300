"""The engine: one account, one writer, one synchronous step.

``step(event, now)`` takes an event, moves the state and returns the effects wanted. No I/O, no clock, no await, so nothing can
happen between reading the state and deciding on it: the seed's position lock, without a lock (C-1). Coins are sub-states; an
exception in one halts that coin and leaves the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.clock import Instant
from core.domain.cloid import make_cloid
from core.domain.effects import (
    AskAccount,
    AskOpenOrders,
    Backfill,
    Effect,
    LiftHalt,
    Place,
    SaveHalt,
    SaveOrder,
    notify,
)
from core.domain.events import (
    AccountObserved,
    BackfillDone,
    CancelOutcome,
    CommandReceived,
    Event,
    FeedChanged,
    FillsCommitted,
    OpenOrdersObserved,
    OrderNotFound,
    OrderUpdate,
    PlaceOutcome,
    Quote,
    Refused,
    RequestFailed,
    StopRequested,
    Tick,
    Unsettled,
    WireQuarantined,
)
from core.engine.circuit_breaker import CircuitBreaker
from core.engine.coin import AWAITING_FILLS, Coin, read_gap
from core.engine.observations import on_account, on_open_orders
from core.engine.operator_desk import FLATTEN, OPERATOR, OperatorDesk
from core.engine.procedures import feed_ticket
from core.engine.quoting import plan, shed

ACCOUNT_EVERY_MS = 5_000
OPEN_ORDERS_EVERY_MS = 30_000
FILL_POLL_EVERY_MS = 20_000
NOT_SENT = "not sent"
"""How the order router's own refusals begin: the exchange was not asked."""

CHAIN_ALARM_MS = 10_000
CHAIN_RETRY_MS = 1_000
GAP_RETRY_MS = 1_000
SECOND_READ_MS = 5_000
"""The exchange's index of fills may lag: after a reconnect they are read once more this much later."""


@dataclass(slots=True)
class FeedState:
    connected: bool = False
    ready: bool = False
    generation: int = 0
    last_message_ms: int = 0
    down_since_mono_ms: int = 0
    told_failing: bool = False
    recovered: int = 0
    """Fills that came after the connection but not over it, until the gap is read back."""


@dataclass(slots=True)
class Engine:
    """The account's state. Everything in it is a function of the journal and of the events since."""

    account: str
    instance: str
    boot: str
    coins: dict[str, Coin]
    high_water: Decimal = Decimal(0)
    halted: str = ""
    """Why the whole account is halted; a coin's own halt is in the coin."""
    feed: FeedState = field(default_factory=FeedState)
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    account_value: Decimal = Decimal(0)
    margin_used: Decimal = Decimal(0)
    rest_latency_ms: float = 0.0
    orders_sent: int = 0
    cancels_sent: int = 0
    placing: set[str] = field(default_factory=set)
    """Orders whose placement has not been answered."""
    saw_account: bool = False
    saw_open_orders: bool = False
    version: int = 0
    started_wall_ms: int = 0
    desk: OperatorDesk = field(default_factory=OperatorDesk)
    alert_since: dict[str, int] = field(default_factory=dict)
    _counter: int = 0
    _due: dict[str, int] = field(default_factory=dict)

    def next_cloid(self) -> str:
        self._counter += 1
        return make_cloid(self.instance, self.boot, self._counter)

    # -- the step -----------------------------------------------------------------------------------------------

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Move the state by one event; what is to be done about it, in order."""
        self.version += 1
        out = self._handle(event, now)
        out += self.desk.advance(self, event, now)
        self._note_placements(out)
        for coin in self.coins.values():
            acts = self.guarded(coin, lambda c: self._act(c, now), now)
            self._note_placements(acts)
            out += acts
        if isinstance(event, Tick):
            out += self._periodic(now)
        rows = [SaveOrder(o) for coin in self.coins.values() for o in coin.orders.take_changed()]
        return [*rows, *out]

    def _note_placements(self, effects: list[Effect]) -> None:
        """Remember what is on its way: the next batch of the grid waits until each of these is answered."""
        self.placing |= {o.cloid for effect in effects if isinstance(effect, Place) for o in effect.orders}

    def halt_reason(self, coin: Coin) -> str:
        return coin.halted or self.halted

    def _handle(self, event: Event, now: Instant) -> list[Effect]:
        match event:
            case Quote():
                return self._on_quote(event, now)
            case FillsCommitted():
                return self._on_fills(event, now)
            case OrderUpdate():
                return self._for_coin(event.coin, lambda c: c.apply_update(event, now), now)
            case PlaceOutcome():
                return self._on_placed(event, now)
            case CancelOutcome():
                return self._on_cancelled(event, now)
            case OrderNotFound():
                return self._for_owner(event.cloid, lambda c: c.apply_not_found(event, now), now)
            case OpenOrdersObserved():
                return on_open_orders(self, event, now)
            case AccountObserved():
                return on_account(self, event, now)
            case FeedChanged():
                return self._on_feed(event, now)
            case BackfillDone():
                return self._on_backfill(event, now)
            case RequestFailed():
                return self._on_request_failed(event, now)
            case WireQuarantined():
                fields = {"channel": event.channel, "reason": event.reason, "sample": event.sample}
                return [notify("wire_quarantined", "warn", "", **fields)]
            case CommandReceived():
                return self.desk.receive(self, event.command, now)
            case StopRequested():
                return self.desk.begin_stop(event.reason, now)
            case Tick():
                self.feed.last_message_ms = max(self.feed.last_message_ms, event.last_message_ms)
                self.rest_latency_ms = event.rest_latency_ms
        return []

    def guarded(self, coin: Coin, act: Callable[[Coin], list[Effect]], now: Instant) -> list[Effect]:
        """An exception in one coin halts that coin, loudly, and no other."""
        try:
            return act(coin)
        except Exception as error:
            return self.latch(coin, f"internal error: {type(error).__name__}: {error}")

    def _for_coin(self, name: str, act: Callable[[Coin], list[Effect]], now: Instant) -> list[Effect]:
        coin = self.coins.get(name)
        return self.guarded(coin, act, now) if coin else []

    def _for_owner(self, cloid: str, act: Callable[[Coin], list[Effect]], now: Instant) -> list[Effect]:
        owner = next((coin for coin in self.coins.values() if cloid in coin.orders.by_cloid), None)
        return self.guarded(owner, act, now) if owner else []

    def _act(self, coin: Coin, now: Instant) -> list[Effect]:
        """What the coin does by itself after any event: quote, or see to it that nothing of ours rests."""
        coin.idle_reason = self._idle_reason(coin, now)
        if self.halt_reason(coin) or self.desk.stopping:
            return coin.cancel_grid(now)
        if coin.idle_reason:
            return shed(coin, now)
        return plan(coin, not self.placing, now)

    def _idle_reason(self, coin: Coin, now: Instant) -> str:
        """Why nothing new is quoted now; empty if the grid may be worked on."""
        if self.halt_reason(coin):
            return f"halted: {self.halt_reason(coin)}"
        if self.desk.stopping:
            return "stopping"
        if not self.feed.ready:
            return (
                "the gap in fills is being read back"
                if self.feed.connected
                else "no connection to the exchange"
            )
        if not (self.saw_account and self.saw_open_orders):
            return "comparing with the exchange"
        if self.breaker.is_open(now):
            return f"circuit breaker: {self.breaker.reason}"
        if coin.mid_twice is None:
            return "waiting for a quote with both sides"
        if coin.chain_broken_mono_ms:
            return "a fill is missing; reading it back"
        return ""

    # -- halts --------------------------------------------------------------------------------------------------

    def latch(self, coin: Coin | None, reason: str) -> list[Effect]:
        """Halt a coin, or all. Durable before anyone sees it; only an operator lifts it (I9)."""
        halted = coin.halted if coin else self.halted
        if halted == reason or (halted and reason == OPERATOR):
            return []  # the first reason says what to look at before resuming
        if coin:
            coin.wants_new_grid |= reason == FLATTEN
            coin.halted = reason
        else:
            self.halted = reason
        name = coin.name if coin else ""
        if reason in (OPERATOR, FLATTEN):
            return [SaveHalt(name, reason), notify("halt", "warn", name, reason=reason)]
        return [SaveHalt(name, reason), notify("risk_halt", "crit", name, reason=reason)]

    def lift(self, coin: Coin | None, by: str) -> list[Effect]:
        lifted: list[Effect] = []
        if coin is None and self.halted:
            self.halted = ""
            lifted.append(LiftHalt("", by))
        for each in [coin] if coin else list(self.coins.values()):
            if each.halted:
                each.wants_new_grid |= each.halted == FLATTEN
                each.halted = ""
                lifted.append(LiftHalt(each.name, by))
        return lifted

    # -- events -------------------------------------------------------------------------------------------------

    def _on_quote(self, event: Quote, now: Instant) -> list[Effect]:
        coin = self.coins.get(event.coin)
        if coin is not None:
            coin.quote, coin.quote_wall_ms = event, now.wall_ms
        return []

    def _on_fills(self, event: FillsCommitted, now: Instant) -> list[Effect]:
        out: list[Effect] = []
        if not self.feed.ready:
            self.feed.recovered += sum(not fill.source.counts_as_ws for fill in event.fills)
        for name, count in event.duplicates:
            if name in self.coins:
                self.coins[name].counts = self.coins[name].counts.with_duplicates(count)
        for name in dict.fromkeys(fill.coin for fill in event.fills):
            mine = [fill for fill in event.fills if fill.coin == name]
            if name in self.coins:
                coin = self.coins[name]
                out += self.guarded(coin, lambda c, m=mine: c.apply_fills(m, now), now)  # type: ignore[misc]
                alarm, coin.alarm = coin.alarm, ""
                out += self.latch(coin, alarm) if alarm else []
        return out

    def _on_placed(self, event: PlaceOutcome, now: Instant) -> list[Effect]:
        self.placing -= {cloid for cloid, _ in event.results}
        self.orders_sent += len(event.results)
        out: list[Effect] = []
        for cloid, result in event.results:
            out += self._for_owner(cloid, lambda c, i=cloid, r=result: c.apply_place(i, r, now), now)  # type: ignore[misc]
        unanswered = [
            r.reason
            for _, r in event.results
            if isinstance(r, Unsettled) or (isinstance(r, Refused) and r.reason.startswith(NOT_SENT))
        ]
        if unanswered:
            out += self._failure(unanswered[0], now)
        else:
            self.breaker.success()
        return out

    def _on_cancelled(self, event: CancelOutcome, now: Instant) -> list[Effect]:
        self.cancels_sent += len(event.results)
        out: list[Effect] = []
        for cloid, error in event.results:
            out += self._for_owner(cloid, lambda c, i=cloid, e=error: c.apply_cancel(i, e, now), now)  # type: ignore[misc]
        return out

    def _on_feed(self, event: FeedChanged, now: Instant) -> list[Effect]:
        if self.feed.connected and not event.connected:
            self.feed.down_since_mono_ms = now.mono_ms
        was_connected = self.feed.connected
        self.feed.connected, self.feed.ready, self.feed.generation = event.connected, False, event.generation
        self.feed.recovered = 0
        if not event.connected:
            return self._on_feed_down(event, was_connected)
        return [notify("ws_connected", "info", "", generation=event.generation), self._close_gap()]

    def _on_feed_down(self, event: FeedChanged, was_connected: bool) -> list[Effect]:
        """Once when a connection ends and once when the next can't be made, however often it is tried."""
        if was_connected:
            self.feed.told_failing = False
            return [notify("ws_disconnected", "warn", "", generation=event.generation, reason=event.reason)]
        told, self.feed.told_failing = self.feed.told_failing, True
        return [] if told else [notify("ws_connect_failed", "warn", "", reason=event.reason)]

    def _close_gap(self) -> Effect:
        """What streams is ingested meanwhile; exposure is quoted again only once the gap is read back (C-3)."""
        return Backfill(ticket=feed_ticket(self.feed.generation))

    def _on_backfill(self, event: BackfillDone, now: Instant) -> list[Effect]:
        if event.ticket == feed_ticket(self.feed.generation) and self.feed.connected:
            return self._on_gap_read(event, now)
        if event.ticket == "chain":
            self._ask_for_the_missing_again(now)
        if event.error:
            return self._failure(event.error, now)
        self.breaker.success()
        out: list[Effect] = []
        for coin in self.coins.values():
            if event.ticket == coin.drift_ticket:
                coin.ledger.fills_were_read()
            if event.ticket == AWAITING_FILLS:
                out += self.guarded(coin, lambda c: c.settle_short(now), now)
        if event.new:
            out.append(
                notify("rest_fills_polled", "info", "", seen=event.seen, new=event.new, reason=event.ticket)
            )
        return out

    def _on_gap_read(self, event: BackfillDone, now: Instant) -> list[Effect]:
        if event.error:
            self._due["gap"] = now.mono_ms + GAP_RETRY_MS
            return self._failure(event.error, now)
        self.breaker.close()
        self.feed.ready = True
        self._due["fills"] = now.mono_ms + SECOND_READ_MS
        first = not self.feed.down_since_mono_ms
        gap_ms = 0 if first else now.mono_ms - self.feed.down_since_mono_ms
        receipt = notify(
            "ws_ready" if first else "ws_reconnected",
            "info",
            "",
            generation=self.feed.generation,
            gap_s=round(gap_ms / 1000, 1),
            fills_recovered=self.feed.recovered,
            duplicates=event.seen - event.new,
        )
        return [receipt, AskOpenOrders(), AskAccount()]

    def look_for_missing(self, now: Instant) -> None:
        """A chain that the journal left broken is still broken: the missing fill is looked for from the first tick on."""
        for coin in self.coins.values():
            if coin.ledger.breaks():
                coin.chain_broken_mono_ms = now.mono_ms
                self._due["chain"] = now.mono_ms

    def _ask_for_the_missing_again(self, now: Instant) -> None:
        """A fill may reach the exchange's index late; after the alarm it is looked for less often."""
        ages = [now.mono_ms - c.chain_broken_mono_ms for c in self.coins.values() if c.chain_broken_mono_ms]
        if ages:
            self._due["chain"] = now.mono_ms + (
                CHAIN_RETRY_MS if min(ages) < CHAIN_ALARM_MS else CHAIN_ALARM_MS
            )

    def _on_request_failed(self, event: RequestFailed, now: Instant) -> list[Effect]:
        return [
            notify("api_error", "warn", "", what=event.what, reason=event.reason),
            *self._failure(event.reason, now),
        ]

    def _failure(self, reason: str, now: Instant) -> list[Effect]:
        if not self.breaker.failure(reason, now):
            return []
        return [notify("circuit_break", "crit", "", reason=reason, streak=self.breaker.streak)]

    # -- time ---------------------------------------------------------------------------------------------------

    def _periodic(self, now: Instant) -> list[Effect]:
        out: list[Effect] = []
        for coin in self.coins.values():
            out += self.guarded(coin, lambda c: c.questions(now), now)
        if not self.feed.connected and not self.saw_account:
            return out
        if self._is_due("account", ACCOUNT_EVERY_MS, now):
            out.append(AskAccount())
        if self._is_due("open_orders", OPEN_ORDERS_EVERY_MS, now):
            out.append(AskOpenOrders())
        if self._is_due("fills", FILL_POLL_EVERY_MS, now):
            out.append(Backfill())
        if self._was_asked("chain", now):
            gaps = [gap.after_ms for coin in self.coins.values() for gap in coin.ledger.breaks()]
            out += [read_gap(min(gaps))] if gaps else []
        if self._was_asked("gap", now) and self.feed.connected and not self.feed.ready:
            out.append(self._close_gap())
        return out

    def _was_asked(self, what: str, now: Instant) -> bool:
        """A one-off that was set to fall due now."""
        due = self._due.get(what, 0)
        if not due or now.mono_ms < due:
            return False
        del self._due[what]
        return True

    def _is_due(self, what: str, every_ms: int, now: Instant) -> bool:
        if now.mono_ms < self._due.get(what, 0):
            return False
        self._due[what] = now.mono_ms + every_ms
        return True
