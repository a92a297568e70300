"""One coin: its ledger, its orders and its grid. A sub-state of the account's engine; decides, never sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.depth import Depth
from core.domain.effects import (
    AskAccount,
    AskOpenOrders,
    AskOrderStatus,
    Backfill,
    Effect,
    RevokeAdjustment,
    SaveCheckpoint,
    SavePosition,
    Severity,
    notify,
)
from core.domain.events import OrderNotFound, OrderUpdate, PlaceResult, Quote, Refused, Unsettled
from core.domain.fills import Adjustment, Fill
from core.domain.grid import GridRow
from core.domain.holdings import CellPart
from core.domain.margin import HeldMargin, Leverage
from core.domain.orders import Order, OrderState, Purpose, Slot
from core.domain.pnl import Pnl, Stake, coin_pnl
from core.engine.chain_watch import check_chain
from core.engine.coin_config import CoinConfig
from core.engine.day_mark import DayMark
from core.engine.deferrals import DEFER_MAX_MS, LASTING_MAX_MS, Deferrals
from core.engine.explanation import Evidence
from core.engine.features import Features
from core.engine.fill_guarantor import FillCounts
from core.engine.fill_report import anomalies, fill_event, halting
from core.engine.filter_memory import FilterMemory
from core.engine.grid_plan import GridPlan
from core.engine.grid_settings import GridSettings
from core.engine.guard import Bugs
from core.engine.idleness import BEFORE_A_QUOTE
from core.engine.levels import Blocked, Level
from core.engine.order_manager import OrderManager
from core.engine.overrides import Overrides
from core.engine.pacing import Pacing
from core.engine.parked import Parked
from core.engine.protection import Protection, fired, heard
from core.engine.range_exit import Leaving
from core.engine.risk_engine import Exposure, Refusal, Rule, SideCap
from core.engine.session_watch import SessionWatch
from core.engine.shadow_ledger import ShadowLedger
from core.engine.skew import Skew
from core.engine.standing import note_fill
from core.engine.steady_mid import SteadyMid
from core.engine.stop_loss import StopLoss
from core.engine.strangers import Strangers
from core.engine.tickets import AWAITING_FILLS
from core.engine.unwinding import Unwinding
from core.engine.velocity import Velocity
from core.view import BudgetMode

_BY_RULE = (Cause.MIN_NOTIONAL, Cause.TICK, Cause.SIZE)


@dataclass(slots=True)
class Coin:
    """The state of one coin and its transitions."""

    config: CoinConfig
    ledger: ShadowLedger
    next_cloid: Callable[[], str]
    orders: OrderManager = field(default_factory=OrderManager)
    placing: set[str] = field(default_factory=set)
    """Orders of the grid whose placement has not been answered: the coin's next batch waits for them, and for no other's."""
    pacing: Pacing = field(default_factory=Pacing)
    counts: FillCounts = field(default_factory=FillCounts)
    plan: GridPlan | None = None
    """The present grid, what its cells want and where that differs from what rests; ``None`` before the first."""
    still_until_mono_ms: int = 0
    """Until when no quote of another coin can make it do anything; 0: one might."""
    quote: Quote | None = None
    known_mid_twice: int = 0
    """The last mid there was, twice; 0 before the first. What is held has a value also while the market shows one side."""
    quote_wall_ms: int = 0
    quote_mono_ms: int = 0
    halted: str = ""
    """Why the coin doesn't quote until an operator resumes; empty if it may."""
    idle: Refusal | None = BEFORE_A_QUOTE
    """Why nothing new is quoted; ``None`` while the grid may be worked on."""
    barred: Refusal | None = None
    """What stops every new order of the coin now, if a rule does whose end is known."""
    reduce_only: Refusal | None = None
    """Why only what reduces the position is quoted, whatever else holds; ``None`` if more may be. It closes nothing."""
    caps: tuple[SideCap, ...] = ()
    """Of either side's worst case, beyond the coin's own cap."""
    blocked: tuple[Blocked, ...] = ()
    told_limits: dict[Rule, int] = field(default_factory=dict)
    """When it was last told that a limit stops a level, monotonic ms."""
    filtered: FilterMemory = field(default_factory=FilterMemory)
    override: str = ""
    grid_refused: str = ""
    """Why no grid can be built from the settings at this price; empty if one can."""
    grid_since_mono_ms: int = 0
    """When the present grid was built in this run; 0 if an earlier one built it."""
    alarm: str = ""
    """Why the engine must halt this coin now; it takes the text away when it has."""
    chain_broken_mono_ms: int = 0
    wants_new_grid: bool = False
    """After a flatten the cells' inventory is gone: the next grid begins anew around the mid."""
    flattening: bool = False
    """A flatten is under way that a restart must go on with."""
    left_by_hand: bool = False
    """The last run ended before it could tell that the position it was closing had been traded by hand."""
    is_closed: bool = False
    """What the halt for a price wanted closed is proven closed: what is held since then is the operator's."""
    depth: Depth | None = None
    """The book at the last look that was asked for, and when that was."""
    depth_wall_ms: int = 0
    saved_standing: str = ""
    """What the journal knows of the coin's standing."""
    foreign_orders: int = 0
    strangers: Strangers = field(default_factory=Strangers)
    held: HeldMargin | None = None
    """How the exchange margined the position at the last look; ``None`` without one."""
    leverage: Leverage | None = None
    """What the exchange was set to at the start."""
    orders_of_a_copy: set[str] = field(default_factory=set)
    """Orders in the last list that a copy of this state dir has placed: its to cancel."""
    evidence: Evidence = field(default_factory=Evidence)
    """What has come in since ledger and exchange last agreed."""
    drift_explanation: str = ""
    """What a declared drift may come from; empty without one."""
    proven_generation: int = 0
    """The newest grid of which an order is known to have rested: placing works."""
    replaced_generation: int = 0
    """The newest grid that has begun to take the place of the one before it."""
    adopting_generation: int = 0
    """The newest grid that has looked for orders of the one before it at its own prices."""
    deferrals: Deferrals = field(default_factory=Deferrals)
    bugs: Bugs = field(default_factory=Bugs)
    parked: Parked = field(default_factory=Parked)
    day_mark: DayMark = field(default_factory=DayMark)
    start: Stake = field(default_factory=Stake)
    """What the account held when the journal began."""
    matched_micro: int = 0
    """Profit of the completed round trips of the grid's cells, over the journal's life; the journal keeps it."""
    stop_loss: StopLoss = field(default_factory=StopLoss)
    velocity: Velocity = field(default_factory=Velocity)
    protection: Protection = field(default_factory=Protection)
    steady_mid: SteadyMid = field(default_factory=SteadyMid)
    features: Features = field(default_factory=Features)
    shock_until_mono_ms: int = 0
    """No orders until then: the price has moved by far more than it usually does."""
    skew: Skew = field(default_factory=Skew)
    leaving: Leaving = field(default_factory=Leaving)
    session: SessionWatch = field(default_factory=SessionWatch)
    unwinding: Unwinding = field(default_factory=Unwinding)
    closing_lots: int = 0
    """What a rule wants closed of the position, part by part; the side that adds to it is gone meanwhile."""
    instrument_version: int = 1
    """Grows whenever the exchange changes what an order must be like."""
    overrides: Overrides = field(default_factory=Overrides)
    thrift: BudgetMode = BudgetMode.NORMAL
    """How sparingly the account's requests are spent."""
    held_back: Refusal | None = None
    """Why what is wanted and allowed doesn't go, if it is for the account's requests."""
    waiting_for: str = ""
    """Why the first grid isn't built yet; empty if nothing is waited for."""

    @property
    def name(self) -> str:
        return self.config.instrument.coin

    @property
    def idle_reason(self) -> str:
        return self.idle.reason if self.idle else ""

    @property
    def grid(self) -> GridRow | None:
        return self.plan.grid if self.plan else None

    @property
    def settings(self) -> GridSettings:
        """Of the grid, with what an operator has set in their place."""
        return self.overrides.apply(self.config.grid)

    @property
    def wanted(self) -> tuple[Level, ...]:
        """Every order that the grid's cells want."""
        return tuple(self.plan.wants.values()) if self.plan else ()

    @property
    def mid_twice(self) -> int | None:
        """Bid plus ask in price units, exactly twice the mid; ``None`` without both sides."""
        q = self.quote
        return q.bid + q.ask if q and q.bid and q.ask and q.bid < q.ask else None

    @property
    def exposure(self) -> Exposure:
        return Exposure(self.ledger.lots, *self.orders.exposure())

    def live_grid_orders(self) -> list[Order]:
        return [o for o in self.orders.live() if o.purpose is Purpose.GRID]

    # -- fills --------------------------------------------------------------------------------------------------

    def apply_fills(self, fills: list[Fill], now: Instant) -> list[Effect]:
        """Journalled fills, new ones only: ledger, orders, cells. Every fill moves the ledger, matched or not."""
        out: list[Effect] = []
        shown_ms = self.ledger.drift.differs_at_ms
        self.evidence.add(
            (f, self.orders.find(f.cloid, f.order_id) is None) for f in fills if f.time_ms <= shown_ms
        )
        needless = self.ledger.apply(fills, now)
        self.pacing.saw_fill()
        for fill in fills:
            out += self._apply_fill(fill, now)
        for adjustment in needless:
            out += self._superseded(adjustment)
        return out + check_chain(self, now) + self.ledger_rows()

    def _apply_fill(self, fill: Fill, now: Instant) -> list[Effect]:
        """One fill's order, cell and event."""
        instrument = self.config.instrument
        before = self.orders.find(fill.cloid, fill.order_id)
        order, overfilled = self.orders.apply_fill(fill)
        self.counts = self.counts.with_fill(fill, external=order is None)
        self.velocity.lots.note(fill.lots, now.mono_ms)
        out = [fill_event(instrument, fill, order, now), *anomalies(instrument, fill, now)]
        if 0 < self.config.odd_profit_usd < abs(fill.closed_pnl):
            out.append(notify("unusual_pnl_fill", "warn", self.name, closed_pnl=str(fill.closed_pnl)))
        if before is not None and before.state in (OrderState.REJECTED, OrderState.NEVER_PLACED):
            out.append(AskOpenOrders())  # it was placed after all: what else of that batch rests?
        if before is not None and before.state.is_terminal:
            out.append(notify("late_fill", "warn", self.name, cloid=before.cloid, state=before.state.value))
        if overfilled and order is not None:
            self.alarm = f"order {order.cloid} filled {order.filled} lots of {order.lots} ordered"
            out.append(notify("overfill", "crit", self.name, reason=self.alarm))
        if order is not None and order.slot is not None and self._is_present(order.slot):
            assert self.plan is not None
            self.plan.add_traded(order.slot.index, fill.signed_lots)
        if order is not None and order.purpose is Purpose.STOP:
            out += fired(self, order)
        self.alarm = halting(fill) or self.alarm
        note_fill(self, fill)
        return out

    def take_part(self, part: CellPart) -> None:
        """A part of the position was closed that a cell of the present grid had held."""
        if self.plan is not None and part.generation == self.plan.grid.generation:
            self.plan.add_traded(part.cell, part.signed_lots)

    def ledger_rows(self) -> list[SavePosition | SaveCheckpoint]:
        """What the ledger holds now, for the journal."""
        checkpoint = self.ledger.take_checkpoint()
        return [self.position_row(), *([checkpoint] if checkpoint else [])]

    def position_row(self) -> SavePosition:
        ledger = self.ledger
        return SavePosition(self.name, ledger.lots, ledger.fills, ledger.adjustments)

    def _superseded(self, adjustment: Adjustment) -> list[Effect]:
        size = self.config.instrument.size_text(adjustment.signed_lots)
        return [
            RevokeAdjustment(adjustment.id),
            notify("adjustment_superseded", "warn", self.name, adjustment=size, id=adjustment.id),
        ]

    def _is_present(self, slot: Slot) -> bool:
        return self.grid is not None and slot.generation == self.grid.generation

    # -- answers and updates ------------------------------------------------------------------------------------

    def apply_place(self, cloid: str, result: PlaceResult, now: Instant) -> list[Effect]:
        before = self.orders.by_cloid.get(cloid)
        order = self.orders.apply_place(cloid, result, now)
        if order is None or before is None:
            return []
        self._note_placed(order)
        if not isinstance(result, Refused) or result.cause.was_sent:
            self.velocity.orders.note(1, now.mono_ms)
        if isinstance(result, Refused):
            was_told = before.state is OrderState.REJECTED and order.purpose is not Purpose.GRID
            told = was_told or order.state is not OrderState.REJECTED
            if told and order.purpose is Purpose.STOP and self.protection.refused:
                self.protection.refused = result.reason  # it says more than the status that overtook it
            return [] if told else self._refused(order, result.reason, result.cause, now)
        if isinstance(result, Unsettled):
            return [notify("order_unknown", "warn", self.name, cloid=cloid, reason=result.reason)]
        return []

    def apply_update(self, update: OrderUpdate, now: Instant) -> list[Effect]:
        before = self.orders.find(update.cloid, update.order_id)
        order = self.orders.apply_update(update, now)
        if order is not None:
            self._note_placed(order)
        if order is None or before is None:
            return []
        if order.purpose is Purpose.STOP and order.state is not OrderState.UNKNOWN:
            return heard(self, before, order, update, now)
        if order.state is before.state:
            return []
        if order.state is OrderState.REJECTED:
            if order.cloid in self.placing:
                return []  # told with the exchange's own words: they are in the answer, which is on its way
            return self._refused(order, update.status, update.cause, now)
        if order.state is OrderState.UNKNOWN:  # a word that nobody here knows
            return [notify("order_unknown", "crit", self.name, cloid=order.cloid, reason=order.reason)]
        if order.state is OrderState.CANCELLED and before.state is not OrderState.CANCELLING:
            self.deferrals.put_off(order.slot, f"cancelled by the exchange: {update.status}", now)
            return [notify("order_cancelled", "warn", self.name, cloid=order.cloid, reason=update.status)]
        if before.state is OrderState.UNKNOWN:
            return [notify("order_settled", "info", self.name, cloid=order.cloid, state=order.state.value)]
        return []

    def _note_placed(self, order: Order) -> None:
        """An order of the grid that is known to rest, or to have traded, proves that placing works."""
        if order.slot is not None and order.state in (OrderState.OPEN, OrderState.FILLED):
            self.proven_generation = max(self.proven_generation, order.slot.generation)

    def apply_cancel(self, cloid: str, error: str, now: Instant) -> None:
        self.orders.apply_cancel(cloid, error, now)

    def apply_not_found(self, answer: OrderNotFound, now: Instant) -> list[Effect]:
        before = self.orders.by_cloid[answer.cloid]
        order = self.orders.apply_not_found(answer.cloid, answer.venue_ms, now)
        if order is None or order.state is before.state:
            return []
        return [notify("order_settled", "info", self.name, cloid=order.cloid, state=order.state.value)]

    def _refused(self, order: Order, reason: str, cause: Cause, now: Instant) -> list[Effect]:
        """A refusal parks the slot for a while; a post-only refusal is the market moving, not a fault."""
        if order.purpose is Purpose.STOP:
            return self.protection.refuse(self, reason, cause, now)
        most_ms = LASTING_MAX_MS if cause in _BY_RULE else DEFER_MAX_MS
        if cause is not Cause.RATE_ADDRESS:  # what is left of the account's requests says when it goes
            self.deferrals.put_off(order.slot, f"refused: {reason}", now, most_ms)
        severity: Severity = "info" if cause in (Cause.POST_ONLY, Cause.CROSSED, Cause.GONE) else "warn"
        fields = {"cloid": order.cloid, "side": order.side.value, "cause": cause.value, "reason": reason}
        return [notify("order_rejected", severity, self.name, **fields)]

    def settle_short(self, now: Instant) -> list[Effect]:
        """A complete read of the fills has ended: orders that still wait for some won't get them."""
        ended = [o for o in self.orders.settle_short(now) if o.purpose is not Purpose.STOP]
        self.evidence.short_orders += len(ended)
        self.evidence.short_lots += sum(o.lots - o.filled for o in ended)
        return [
            notify("order_fills_short", "crit", self.name, cloid=o.cloid, lots=o.lots, filled=o.filled)
            for o in ended
        ]

    def questions(self, now: Instant) -> list[Effect]:
        """What must be asked to settle doubtful orders."""
        out: list[Effect] = []
        for order in self.orders.due_questions(now):
            if order.state is OrderState.AWAITING_FILLS:
                out.append(Backfill(ticket=AWAITING_FILLS))
            elif self.orders.may_still_arrive(order):
                # One list shows all that rest. That one isn't in it proves nothing before the venue's clock is past its expiry.
                out.append(AskOpenOrders())
                if now.venue_ms > order.expires_ms:
                    out.append(AskAccount())
            else:
                out.append(AskOrderStatus(self.name, order.cloid))
                doubt = self.orders.doubts.get(order.cloid)
                if order.state is OrderState.UNKNOWN or (doubt and doubt.first_not_found_mono_ms):
                    out.append(AskOpenOrders())
        return list(dict.fromkeys(out))

    def start_grid(self, grid: GridRow, traded: Mapping[int, int] | None = None) -> None:
        """``traded``: the signed sum of its fills by cell, for a grid that is not new."""
        self.plan = GridPlan(grid, self.config.instrument, dict(traded or {}))
        self.wants_new_grid = False
        self.deferrals.clear()

    def pnl(self) -> Pnl:
        """The five numbers, at the last mid there was."""
        ledger, twice = self.ledger, self.known_mid_twice
        now = Stake(ledger.lots, ledger.current.cost)
        return coin_pnl(
            self.start,
            now,
            Decimal(twice) / 2 if twice else None,
            ledger.cash,
            self.matched_micro,
            ledger.current.fees,
            ledger.funding.total,
        )

    def unrealized_usd(self) -> Decimal:
        """At the last mid there was; 0 before the first."""
        twice = self.known_mid_twice
        if not twice:
            return Decimal(0)
        return self.ledger.current.unrealized_micro(Decimal(twice) / 2).scaleb(-6)
