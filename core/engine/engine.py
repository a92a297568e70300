"""The engine: one account, one writer, one synchronous step.

``step(event, now)`` takes an event, moves the state and returns the effects wanted. No I/O, no clock, no await, so nothing can
happen between reading the state and deciding on it: the seed's position lock, without a lock (C-1). Coins are sub-states; an
exception in one halts that coin and leaves the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from core.domain.clock import Instant
from core.domain.cloid import make_cloid
from core.domain.effects import (
    Effect,
    LiftHalt,
    Modify,
    Place,
    SaveHalt,
    SaveOrder,
    notify,
)
from core.domain.events import (
    AccountObserved,
    BackfillDone,
    BookObserved,
    CancelOutcome,
    CommandReceived,
    Event,
    FeedChanged,
    FillsCommitted,
    FundingCommitted,
    FundingRatesObserved,
    LedgerUpdatesObserved,
    OpenOrdersObserved,
    OrderNotFound,
    OrderUpdate,
    PlaceOutcome,
    Quote,
    Resting,
    StopRequested,
    Tick,
    Traded,
    TransfersCommitted,
    WireQuarantined,
)
from core.engine.account_risk import AccountRisk
from core.engine.breaker_probes import PROBE_ORDERS, note_probes
from core.engine.breaker_watch import heed, stopped_by, waits_to_cancel
from core.engine.circuit_breaker import Breakers
from core.engine.coin import AWAITING_FILLS, Coin
from core.engine.feed_age import FeedAge
from core.engine.feed_link import FeedLink
from core.engine.halts import FLATTEN, OPERATOR
from core.engine.market_watch import doubt_text, shock_reason
from core.engine.observations import (
    on_account,
    on_funding,
    on_funding_rates,
    on_ledger_updates,
    on_open_orders,
    on_strange_update,
)
from core.engine.operator_desk import OperatorDesk
from core.engine.portfolio import Portfolio
from core.engine.procedures import feed_ticket
from core.engine.protection import block_reason, increasing_orders, protect
from core.engine.quoting import BATCH_ORDERS, plan, reduce, shed
from core.engine.risk_watch import tell_binding, watch
from core.engine.schedule import GAP_RETRY_MS, SECOND_READ_MS, Schedule, periodic
from core.engine.session_flatten import close_for_sessions
from core.engine.side_caps import Money, PortfolioLimits, side_caps
from core.engine.standing import changed_standing
from core.engine.stop_loss import closes_position
from core.engine.transfers import TransferBook, on_transfers
from core.engine.vitals import Vitals


@dataclass(slots=True)
class Engine:
    """The account's state. Everything in it is a function of the journal and of the events since."""

    account: str
    instance: str
    boot: str
    coins: dict[str, Coin]
    halted: str = ""
    """Why the whole account is halted; a coin's own halt is in the coin."""
    feed: FeedLink = field(default_factory=FeedLink)
    schedule: Schedule = field(default_factory=Schedule)
    breakers: Breakers = field(default_factory=Breakers)
    feed_age: FeedAge = field(default_factory=FeedAge)
    risk: AccountRisk = field(default_factory=AccountRisk)
    account_value: Decimal = Decimal(0)
    margin_used: Decimal = Decimal(0)
    margined: dict[str, int] = field(default_factory=dict)
    """Signed lots that ``margin_used`` is for."""
    liquidations: dict[str, Decimal] = field(default_factory=dict)
    """Where the exchange would liquidate what is held of a coin; without an entry nowhere."""
    portfolio_limits: PortfolioLimits = field(default_factory=PortfolioLimits)
    rest_latency_ms: float = 0.0
    orders_sent: int = 0
    cancels_sent: int = 0
    orphans: set[str] | None = None
    """Orders with our instance that the first look showed; ``None`` before it, and again when all is resumed."""
    placing: set[str] = field(default_factory=set)
    """Orders whose placement has not been answered."""
    saw_account: bool = False
    saw_open_orders: bool = False
    version: int = 0
    started_wall_ms: int = 0
    desk: OperatorDesk = field(default_factory=OperatorDesk)
    vitals: Vitals = field(default_factory=Vitals)
    storage_trouble: str = ""
    """Why the journal can't be written, empty if it can. The session sets it, ``StorageRecovered`` clears it."""
    alert_since: dict[str, int] = field(default_factory=dict)
    portfolio: Portfolio = field(default_factory=Portfolio)
    transfers: TransferBook = field(default_factory=TransferBook)
    foreign_fills: int = 0
    """Fills of the account in coins that aren't traded here, in this run."""
    _counter: int = 0

    def next_cloid(self) -> str:
        self._counter += 1
        return make_cloid(self.instance, self.boot, self._counter)

    # -- the step -----------------------------------------------------------------------------------------------

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Move the state by one event; what is to be done about it, in order."""
        self.version += 1
        out = self.vitals.notice(self, event, now)
        out += self._handle(event, now)
        out += heed(self, event, now)
        out += self.vitals.follow(self, event, now)
        out += self.desk.advance(self, event, now)
        out += self._note_placements(out, now)
        for coin in self.coins.values():
            acts = self.guarded(coin, lambda c: self._act(c, now))
            out += [*acts, *self._note_placements(acts, now)]
        if isinstance(event, Tick):
            out += periodic(self, now)
        out += self.feed.receipt(self.coins.values(), now)
        for coin in self.coins.values():
            out += changed_standing(coin)
        rows = [SaveOrder(o) for coin in self.coins.values() for o in coin.orders.take_changed()]
        return [*rows, *out]

    def _note_placements(self, effects: list[Effect], now: Instant) -> list[Effect]:
        """Remember what is on its way: the next batch of the grid waits until each of these is answered."""
        sent = (effect.orders for effect in effects if isinstance(effect, Place | Modify))
        self.placing |= {order.cloid for orders in sent for order in orders}
        return note_probes(self, effects, now)

    def halt_reason(self, coin: Coin) -> str:
        return coin.halted or self.halted

    def _handle(self, event: Event, now: Instant) -> list[Effect]:
        match event:
            case Quote():
                return self._on_quote(event, now)
            case FillsCommitted():
                return self._on_fills(event, now)
            case FundingCommitted():
                return on_funding(self, event, now)
            case TransfersCommitted():
                return on_transfers(self, event)
            case BookObserved():
                return self._on_book(event, now)
            case LedgerUpdatesObserved():
                return on_ledger_updates(self, event)
            case OrderUpdate():
                if event.is_streamed:
                    self.feed.watch.saw_update(now)
                out = on_strange_update(self, event)
                return out + self._for_coin(event.coin, lambda c: c.apply_update(event, now))
            case PlaceOutcome():
                return self._on_placed(event, now)
            case CancelOutcome():
                return self._on_cancelled(event, now)
            case OrderNotFound():
                return self._for_owner(event.cloid, lambda c: c.apply_not_found(event, now))
            case OpenOrdersObserved():
                self.feed.saw_orders(event)
                return on_open_orders(self, event, now)
            case FundingRatesObserved():
                return on_funding_rates(self, event)
            case AccountObserved():
                return on_account(self, event, now)
            case FeedChanged():
                return self.feed.changed(event, self.coins.values(), now)
            case BackfillDone():
                return self._on_backfill(event, now)
            case WireQuarantined():
                return self.feed.quarantine(event, now)
            case CommandReceived():
                return self.desk.receive(self, event.command, now)
            case StopRequested():
                return self.desk.begin_stop(event.reason, now)
            case Tick():
                self.feed.last_message_ms = max(self.feed.last_message_ms, event.last_message_ms)
                self.rest_latency_ms = event.rest_latency_ms
                return watch(self, now) + close_for_sessions(self, now) + self.portfolio.look(self)
        return []

    def guarded(self, coin: Coin, act: Callable[[Coin], list[Effect]]) -> list[Effect]:
        """An exception in one coin halts that coin, loudly, and no other."""
        try:
            return act(coin)
        except Exception as error:
            return self.latch(coin, f"internal error: {type(error).__name__}: {error}")

    def _for_coin(self, name: str, act: Callable[[Coin], list[Effect]]) -> list[Effect]:
        coin = self.coins.get(name)
        return self.guarded(coin, act) if coin else []

    def _for_owner(self, cloid: str, act: Callable[[Coin], list[Effect]]) -> list[Effect]:
        owner = next((coin for coin in self.coins.values() if cloid in coin.orders.by_cloid), None)
        return self.guarded(owner, act) if owner else []

    def _act(self, coin: Coin, now: Instant) -> list[Effect]:
        """What the coin does by itself after any event: quote, or see to it that nothing of ours rests."""
        alarm, coin.alarm = coin.alarm, ""
        out = self.latch(coin, alarm) if alarm else []
        out += protect(coin, self.saw_account and self.saw_open_orders and not self.storage_trouble, now)
        out += coin.session.look(coin, now)
        closed = coin.session.stops(coin, bool(self.desk.of_session(coin.name)))
        coin.barred = stopped_by(self, now) or closed
        coin.idle_reason = self._idle_reason(coin, now)
        if coin.plan is not None:
            coin.plan.update(coin.orders)
        is_halted = bool(self.halt_reason(coin) or self.desk.stopping or self.storage_trouble)
        is_cleared = is_halted or closed is not None or bool(shock_reason(coin, now))
        if is_cleared or self.feed_age.is_lost(now):
            out += [] if waits_to_cancel(self, now) else coin.cancel_grid(now)
            return out if closed else out + self._reduce(coin, now)
        if block_reason(coin, now):
            out += coin.cancel(increasing_orders(coin), now)
        if coin.idle_reason:
            return out + shed(coin, now) + self._reduce(coin, now)
        money = Money(self.account_value, self.margin_used, self.margined)
        coin.caps = side_caps(
            coin, self.coins.values(), self.portfolio_limits, money, self.liquidations.get(coin.name)
        )
        return [*out, *plan(coin, self._room(now), now), *tell_binding(coin, now)]

    def _reduce(self, coin: Coin, now: Instant) -> list[Effect]:
        """Nothing is quoted: what limits want closed is closed all the same, as long as position and price are known (I7)."""
        if (
            self.halt_reason(coin)
            or self.desk.stopping
            or self._unknown(coin, now)
            or self._no_price(coin, now)
        ):
            return []
        return reduce(coin, 0 if self.placing else 1, now)

    def _room(self, now: Instant) -> int:
        """How many orders may be sent now: none before the batch before them is answered, and few as a probe."""
        if self.placing:
            return 0
        return PROBE_ORDERS if self.breakers.probed_by_placing(now) else BATCH_ORDERS

    def _idle_reason(self, coin: Coin, now: Instant) -> str:
        """Why nothing new is quoted now; empty if the grid may be worked on."""
        if self.halt_reason(coin):
            return f"halted: {self.halt_reason(coin)}"
        if self.desk.stopping:
            return "stopping"
        if reason := self._unknown(coin, now):
            return reason
        if coin.barred:
            return coin.barred.reason
        return block_reason(coin, now) or shock_reason(coin, now) or self._no_price(coin, now)

    def _unknown(self, coin: Coin, now: Instant) -> str:
        """Why it isn't known how the account stands; empty if it is."""
        if reason := self.vitals.idle_reason(self, now):
            return reason
        if coin.barred and self.feed_age.is_lost(now):
            return coin.barred.reason
        if not self.feed.ready:
            return (
                "the gap in fills is being read back"
                if self.feed.connected
                else "no connection to the exchange"
            )
        if not (self.saw_account and self.saw_open_orders):
            return "comparing with the exchange"
        return ""

    @staticmethod
    def _no_price(coin: Coin, now: Instant) -> str:
        """Why nothing can be decided by the coin's price and position; empty if it can."""
        if coin.mid_twice is None:
            return "waiting for a quote with both sides; what rests stays"
        if not coin.steady_mid.is_believed(coin.mid_twice, now.mono_ms):
            return doubt_text(coin)
        if coin.chain_broken_mono_ms:
            return "a fill is missing; reading it back"
        return ""

    # -- halts --------------------------------------------------------------------------------------------------

    def latch(self, coin: Coin | None, reason: str) -> list[Effect]:
        """Halt a coin, or all. Durable before anyone sees it; only an operator lifts it (I9)."""
        halted = coin.halted if coin else self.halted
        if halted == reason or (halted and reason == OPERATOR) or closes_position(halted):
            return []  # the first reason says what to look at before resuming; a stop-loss is carried out, also after a kill
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
            self.halted, self.orphans = "", None
            lifted.append(LiftHalt("", by))
        for each in [coin] if coin else list(self.coins.values()):
            if each.halted:
                each.wants_new_grid |= each.halted == FLATTEN or closes_position(each.halted)
                each.halted = ""
                lifted.append(LiftHalt(each.name, by))
        return lifted

    # -- events -------------------------------------------------------------------------------------------------

    def _on_quote(self, event: Quote, now: Instant) -> list[Effect]:
        coin = self.coins.get(event.coin)
        if coin is not None and not self.vitals.is_stale(event):
            coin.quote, coin.quote_wall_ms, coin.quote_mono_ms = event, now.wall_ms, now.mono_ms
            self.feed.watch.saw_quote(event.coin)
            return coin.note_mid(now)
        return []

    def _on_book(self, event: BookObserved, now: Instant) -> list[Effect]:
        """Beside a live stream the book is a witness against it; without one it is the quote."""
        coin = self.coins.get(event.quote.coin)
        if coin is not None and self.feed.connected:
            self.feed.watch.saw_book(event, coin)
        elif coin is not None:
            coin.quote, coin.quote_wall_ms = event.quote, now.wall_ms
            return coin.note_mid(now)
        return []

    def _on_fills(self, event: FillsCommitted, now: Instant) -> list[Effect]:
        out: list[Effect] = []
        self.feed.count_recovered(sum(not fill.source.counts_as_ws for fill in event.fills))
        self.feed.watch.saw_fills(event.fills, self.feed.ready_venue_ms if self.feed.ready else 0, now)
        for name, count in event.duplicates:
            if name in self.coins:
                self.coins[name].counts = self.coins[name].counts.with_duplicates(count)
        for name, micro in event.matched:
            if name in self.coins:
                self.coins[name].matched_micro += micro
        for part in event.parts:
            if part.coin in self.coins:
                self.coins[part.coin].take_part(part)
        for name in dict.fromkeys(fill.coin for fill in event.fills):
            mine = [fill for fill in event.fills if fill.coin == name]
            if name in self.coins:
                coin = self.coins[name]
                out += self.guarded(coin, partial(Coin.apply_fills, fills=mine, now=now))
                alarm, coin.alarm = coin.alarm, ""
                out += self.latch(coin, alarm) if alarm else []
        return out + self._on_odd_fills(event)

    def _on_odd_fills(self, event: FillsCommitted) -> list[Effect]:
        """Fills that move no position of ours, and those that contradict what is known."""
        out: list[Effect] = []
        self.foreign_fills += len(event.foreign)
        for fill in event.foreign:
            fields = {"time_ms": fill.time_ms, "trade_id": fill.trade_id, "order_id": fill.order_id}
            out.append(notify("foreign_fill", "info", fill.coin, **fields))
        for conflict in event.conflicts:
            known, told = conflict.known, conflict.told
            out.append(
                notify(
                    "fill_conflict",
                    "crit",
                    known.coin,
                    time_ms=known.time_ms,
                    trade_id=known.trade_id,
                    known=f"{known.side.value} {known.lots} lots at {known.price}, order {known.order_id}",
                    told=f"{told.side.value} {told.lots} lots at {told.price}, order {told.order_id}",
                )
            )
            if known.coin in self.coins:
                reason = f"the exchange tells fill {known.trade_id} in two ways; compare, then resume"
                out += self.latch(self.coins[known.coin], reason)
        return out

    def _on_placed(self, event: PlaceOutcome, now: Instant) -> list[Effect]:
        self.placing -= {cloid for cloid, _ in event.results}
        self.orders_sent += len(event.results)
        taken = {cloid for cloid, result in event.results if isinstance(result, Resting | Traded)}
        sent = [
            c.orders.by_cloid[i].created_ms
            for c in self.coins.values()
            for i in taken & c.orders.by_cloid.keys()
        ]
        if sent:
            self.feed.watch.saw_placed(min(sent), now)
        out: list[Effect] = []
        for cloid, result in event.results:
            out += self._for_owner(cloid, partial(Coin.apply_place, cloid=cloid, result=result, now=now))
        return out + self._on_cancels(event.replaced, now)

    def _on_cancelled(self, event: CancelOutcome, now: Instant) -> list[Effect]:
        self.cancels_sent += len(event.results)
        return self._on_cancels(event.results, now)

    def _on_cancels(self, results: tuple[tuple[str, str], ...], now: Instant) -> list[Effect]:
        out: list[Effect] = []
        for cloid, error in results:
            out += self._for_owner(cloid, partial(_settle_cancel, cloid=cloid, error=error, now=now))
        return out

    def _on_backfill(self, event: BackfillDone, now: Instant) -> list[Effect]:
        if event.ticket == feed_ticket(self.feed.generation) and self.feed.connected:
            return self._on_gap_read(event, now)
        if event.ticket == "chain":
            self.schedule.missing_fill_again(self, now)
        if event.error:
            return []
        out: list[Effect] = []
        for coin in self.coins.values():
            if event.ticket == coin.drift_ticket:
                coin.ledger.watch.fills_were_read()
            if event.ticket == AWAITING_FILLS:
                out += self.guarded(coin, lambda c: c.settle_short(now))
        if event.new:
            out.append(
                notify("rest_fills_polled", "info", "", seen=event.seen, new=event.new, reason=event.ticket)
            )
        return out

    def _on_gap_read(self, event: BackfillDone, now: Instant) -> list[Effect]:
        if event.error:
            self.schedule.at("gap", now.mono_ms + GAP_RETRY_MS)
            return []
        self.schedule.at("fills", now.mono_ms + SECOND_READ_MS)
        return self.feed.gap_read(event, now)

    def look_for_missing(self, now: Instant) -> None:
        """A chain that the journal left broken is still broken: the missing fill is looked for from the first tick on."""
        for coin in self.coins.values():
            if coin.ledger.breaks():
                coin.chain_broken_mono_ms = now.mono_ms
                self.schedule.at("chain", now.mono_ms)


def _settle_cancel(coin: Coin, cloid: str, error: str, now: Instant) -> list[Effect]:
    """The answer to a cancel; nothing follows from it at once."""
    coin.apply_cancel(cloid, error, now)
    return []
