"""The engine: one account, one writer, one synchronous step.

``step(event, now)`` takes an event, moves the state and returns the effects wanted. No I/O, no clock, no await, so nothing can
happen between reading the state and deciding on it: the seed's position lock, without a lock (C-1). Coins are sub-states; an
exception in one halts that coin and leaves the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import zip_longest

from core.domain.clock import Instant
from core.domain.cloid import make_cloid
from core.domain.effects import (
    ArmDeadMan,
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
    DepthObserved,
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
    StopRequested,
    Tick,
    TransfersCommitted,
    WireQuarantined,
)
from core.domain.orders import Purpose
from core.domain.request_limits import IpWeight
from core.engine.account_risk import AccountRisk
from core.engine.acting import act
from core.engine.address_budget import AddressBudget
from core.engine.agent_watch import AgentWatch
from core.engine.alert_book import AlertBook
from core.engine.answers import on_backfill, on_cancelled, on_placed
from core.engine.breaker_probes import note_probes
from core.engine.breaker_watch import heed
from core.engine.circuit_breaker import Breakers
from core.engine.clock_watch import ClockWatch
from core.engine.coin import Coin
from core.engine.dead_man import DeadMan
from core.engine.feed_age import FeedAge
from core.engine.feed_link import FeedLink
from core.engine.fill_events import on_fills
from core.engine.fill_search import FillSearch
from core.engine.fill_tape import FillTape
from core.engine.flatten_desk import go_on_flattening
from core.engine.guard import guarded
from core.engine.halts import FLATTEN, OPERATOR, closes_position
from core.engine.history import History
from core.engine.listing_watch import watch_listings
from core.engine.market_watch import note_mid, note_quote
from core.engine.observations import (
    on_account,
    on_funding,
    on_funding_rates,
    on_ledger_updates,
    on_open_orders,
    on_strange_update,
)
from core.engine.operator_desk import OperatorDesk
from core.engine.order_list import OrderList
from core.engine.pacing import RoundTrip
from core.engine.portfolio import Portfolio
from core.engine.position_age import PositionAge
from core.engine.risk_watch import watch
from core.engine.schedule import Schedule, periodic
from core.engine.session_flatten import close_for_sessions
from core.engine.shared_key import SharedKey
from core.engine.side_caps import PortfolioLimits
from core.engine.standing import changed_standing
from core.engine.stillness import note_stillness
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
    position_age: PositionAge = field(default_factory=PositionAge)
    search: FillSearch = field(default_factory=FillSearch)
    risk: AccountRisk = field(default_factory=AccountRisk)
    account_value: Decimal = Decimal(0)
    margin_used: Decimal = Decimal(0)
    margined: dict[str, int] = field(default_factory=dict)
    """Signed lots that ``margin_used`` is for."""
    liquidations: dict[str, Decimal] = field(default_factory=dict)
    """Where the exchange would liquidate what is held of a coin; without an entry nowhere."""
    portfolio_limits: PortfolioLimits = field(default_factory=PortfolioLimits)
    rest_latency_ms: float = 0.0
    weight: IpWeight = field(default_factory=IpWeight)
    orders_sent: int = 0
    cancels_sent: int = 0
    orphans: set[str] | None = None
    """Orders with our instance that the first look showed; ``None`` before it, and again when all is resumed."""
    strays: int = 0
    """Orders of ours that no journal knows and the newest list has shown: each is being cancelled."""
    round_trip: RoundTrip = field(default_factory=RoundTrip)
    saw_account: bool = False
    saw_open_orders: bool = False
    listings_asked_mono_ms: int = 0
    version: int = 0
    started_wall_ms: int = 0
    desk: OperatorDesk = field(default_factory=OperatorDesk)
    vitals: Vitals = field(default_factory=Vitals)
    dead_man: DeadMan = field(default_factory=DeadMan)
    agent: AgentWatch = field(default_factory=AgentWatch)
    clock: ClockWatch = field(default_factory=ClockWatch)
    shared_key: SharedKey = field(default_factory=SharedKey)
    requests: AddressBudget = field(default_factory=AddressBudget)
    storage_trouble: str = ""
    """Why the journal can't be written, empty if it can. The session sets it, ``StorageRecovered`` clears it."""
    alerts: AlertBook = field(default_factory=AlertBook)
    tape: FillTape = field(default_factory=FillTape)
    order_list: OrderList = field(default_factory=OrderList)
    portfolio: Portfolio = field(default_factory=Portfolio)
    transfers: TransferBook = field(default_factory=TransferBook)
    history: History = field(default_factory=History)
    foreign_fills: int = 0
    """Fills of the account in coins that aren't traded here, in this run."""
    _counter: int = 0

    def next_cloid(self) -> str:
        self._counter += 1
        return make_cloid(self.instance, self.boot, self._counter)

    # -- the step -----------------------------------------------------------------------------------------------

    def steps(self, events: Sequence[Event], now: Instant) -> list[Effect]:
        """One after the other. Of order updates in a row only the last is acted on: an answer to thirty changes brings sixty
        of them, and what is wanted follows from all.
        """
        out: list[Effect] = []
        for event, following in zip_longest(events, events[1:]):
            is_followed = isinstance(event, OrderUpdate) and isinstance(following, OrderUpdate)
            out += self.step(event, now, acts=not is_followed)
        return out

    def step(self, event: Event, now: Instant, acts: bool = True) -> list[Effect]:
        """Move the state by one event; what is to be done about it, in order. Not ``acts``: another event follows, which is
        acted on.
        """
        self.version += 1
        out = self.vitals.notice(self, event, now)
        out += self._handle(event, now)
        out += heed(self, event, now)
        out += self.position_age.heed(self, event, now)
        out += self.requests.heed(event, now) + self.agent.heed(event, now) + self.clock.heed(event, now)
        out += watch_listings(self, event, now)
        out += self.vitals.follow(self, event, now)
        if moved_on := self.dead_man.advance(self, event, now):
            out += moved_on
            if any(isinstance(effect, ArmDeadMan) for effect in moved_on):
                self.requests.acted(now)
        out += self.desk.advance(self, event, now)  # a stop waits for the switch
        out += self._note_placements(out, now)
        looked_at, done = self._act(event, now) if acts else (list(self.coins.values()), [])
        out += done
        if isinstance(event, Tick):
            out += periodic(self, now)
        out += self.feed.receipt(self.coins.values(), now)
        rows: list[Effect] = []
        for coin in looked_at:
            out += guarded(self, coin, now, changed_standing)
            changed = coin.orders.take_changed()
            rows += [SaveOrder(order) for order in changed]
            if not acts or changed:
                coin.still_until_mono_ms = 0
        return [*rows, *out]

    def _act(self, event: Event, now: Instant) -> tuple[list[Coin], list[Effect]]:
        """Let every coin do what it does by itself, in turn; which did. A coin at rest is left out of a quote of another."""
        quoted = event.coin if isinstance(event, Quote) else ""
        may_rest = bool(quoted) and not (self.storage_trouble or self.is_blind(now))
        looked_at: list[Coin] = []
        out: list[Effect] = []
        for coin in [self.coins[name] for name in self.requests.in_turn(list(self.coins))]:
            if may_rest and now.mono_ms < coin.still_until_mono_ms and coin.name != quoted:
                continue
            done = act(self, coin, now)
            out += [*done, *self._note_placements(done, now)]
            coin.still_until_mono_ms = 0
            if not done and len(self.coins) > 1:
                out += guarded(self, coin, now, partial(note_stillness, self, now))
            looked_at.append(coin)
        return looked_at, out

    def _note_placements(self, effects: list[Effect], now: Instant) -> list[Effect]:
        """Remember what is on its way: the next batch of a coin's grid waits until each of these is answered."""
        if not effects:
            return []
        for effect in effects:
            if isinstance(effect, Place | Modify):
                for order in effect.orders:
                    self.requests.placed(order.coin, now)
                    if order.purpose is Purpose.GRID:
                        self.coins[order.coin].placing.add(order.cloid)
        return note_probes(self, effects, now)

    def is_blind(self, now: Instant) -> bool:
        """The market or our position has not been seen for so long that our orders are taken back."""
        return self.feed_age.is_lost(now) or self.position_age.is_lost(self, now)

    def halt_reason(self, coin: Coin) -> str:
        return coin.halted or self.halted

    def _handle(self, event: Event, now: Instant) -> list[Effect]:
        match event:
            case Quote():
                return self._on_quote(event, now)
            case FillsCommitted():
                return on_fills(self, event, now)
            case FundingCommitted():
                return on_funding(self, event, now)
            case TransfersCommitted():
                return on_transfers(self, event)
            case BookObserved():
                return self._on_book(event, now)
            case DepthObserved():
                return self._on_depth(event, now)
            case LedgerUpdatesObserved():
                return on_ledger_updates(self, event)
            case OrderUpdate():
                if event.is_streamed:
                    self.feed.watch.saw_update(now)
                out = on_strange_update(self, event)
                return out + self._for_coin(event.coin, now, lambda c: c.apply_update(event, now))
            case PlaceOutcome():
                return on_placed(self, event, now)
            case CancelOutcome():
                return on_cancelled(self, event, now)
            case OrderNotFound():
                return self.for_owner(event.cloid, now, lambda c: c.apply_not_found(event, now))
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
                return on_backfill(self, event, now)
            case WireQuarantined():
                return self.feed.quarantine(event, now)
            case CommandReceived():
                return self.desk.receive(self, event.command, now)
            case StopRequested():
                return self.desk.begin_stop(event.reason, now, at_once=event.at_once)
            case Tick():
                self.feed.last_message_ms = max(self.feed.last_message_ms, event.last_message_ms)
                self.rest_latency_ms, self.weight = event.rest_latency_ms, event.weight
                closed = watch(self, now) + close_for_sessions(self, now) + go_on_flattening(self, now)
                return closed + self.portfolio.look(self) + self.history.look(self, now)
        return []

    def _for_coin(self, name: str, now: Instant, act: Callable[[Coin], list[Effect]]) -> list[Effect]:
        coin = self.coins.get(name)
        return guarded(self, coin, now, act) if coin else []

    def for_owner(self, cloid: str, now: Instant, act: Callable[[Coin], list[Effect]]) -> list[Effect]:
        owner = next((coin for coin in self.coins.values() if cloid in coin.orders.by_cloid), None)
        return guarded(self, owner, now, act) if owner else []

    # -- halts --------------------------------------------------------------------------------------------------

    def latch(self, coin: Coin | None, reason: str) -> list[Effect]:
        """Halt a coin, or all. Durable before anyone sees it; only an operator lifts it (I9)."""
        halted = coin.halted if coin else self.halted
        if halted == reason or (halted and reason == OPERATOR) or closes_position(halted):
            return []  # the first reason says what to look at before resuming; a stop-loss is carried out, also after a kill
        if coin:
            coin.wants_new_grid |= reason == FLATTEN
            coin.halted, coin.is_closed = reason, False
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
                each.halted, each.is_closed = "", False
                lifted.append(LiftHalt(each.name, by))
            each.flattening = False  # also one of all coins, which latched no halt of this coin's own
        return lifted

    def wakes_at(self, now: Instant) -> int:
        """When (monotonic ms) something is due before the next tick; 0 if nothing is."""
        ends = [c.pacing.until_mono_ms for c in self.coins.values() if c.pacing.until_mono_ms > now.mono_ms]
        return min(ends, default=0)

    # -- events -------------------------------------------------------------------------------------------------

    def _on_quote(self, event: Quote, now: Instant) -> list[Effect]:
        coin = self.coins.get(event.coin)
        if coin is not None and not self.vitals.is_stale(event):
            self.feed.watch.saw_quote(event.coin)
            return guarded(self, coin, now, partial(note_quote, event, now))
        return []

    def _on_book(self, event: BookObserved, now: Instant) -> list[Effect]:
        """Beside a live stream the book is a witness against it; without one it is the quote."""
        coin = self.coins.get(event.quote.coin)
        if coin is not None and self.feed.connected:
            self.feed.watch.saw_book(event, coin)
        elif coin is not None:
            coin.quote, coin.quote_wall_ms = event.quote, now.wall_ms
            return guarded(self, coin, now, lambda c: note_mid(c, now))
        return []

    def _on_depth(self, event: DepthObserved, now: Instant) -> list[Effect]:
        coin = self.coins.get(event.depth.coin)
        if coin is not None:
            coin.depth, coin.depth_wall_ms = event.depth, now.wall_ms
        return []

    def look_for_missing(self, now: Instant) -> None:
        """A chain that the journal left broken is still broken: the missing fill is looked for from the first tick on."""
        for coin in self.coins.values():
            if coin.ledger.breaks():
                coin.chain_broken_mono_ms = now.mono_ms
                self.schedule.at("chain", now.mono_ms)
