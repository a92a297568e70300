"""The Snapshot: all that a screen, a socket or a metric may know of the core.

Frozen and serialisable: tuples, numbers, text. Quantities and money are ``Decimal`` (signed: + is long, + is profit,
a positive fee is paid), ages and percentages are ``float`` and for the eye only. ``_pct`` is percent. Times are
milliseconds UTC; ages follow from ``time_ms`` and the reader's own clock, so that a core that stopped publishing looks stale.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

ZERO = Decimal(0)


class RunState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    HALTED = "halted"
    FLATTENING = "flattening"
    STOPPING = "stopping"
    DEAD = "dead"


class Severity(StrEnum):
    INFO = "info"
    WARN = "warn"
    CRIT = "crit"


class LevelState(StrEnum):
    """What the ladder shows for a level. MISSING: should exist and doesn't. ORPHAN: exists and shouldn't. WAITING: is below the
    exchange's least order until more of its cell has traded.
    """

    OPEN = "open"
    IN_FLIGHT = "in_flight"
    MISSING = "missing"
    ORPHAN = "orphan"
    WAITING = "waiting"


class StopState(StrEnum):
    """Of the stop that protects a position at the exchange. NONE: nothing is held, or no stop is configured for its side."""

    NONE = "none"
    RESTING = "resting"
    PLACING = "placing"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class StopView:
    """The reduce-only stop that rests at the exchange, and outlives the program. ``reason``: why it doesn't."""

    state: StopState = StopState.NONE
    price: Decimal = ZERO
    """Where it fires; 0 with nothing to protect."""
    size: Decimal = ZERO
    """What it would close at most: the position, and what may still be added to it by orders that rest."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MarginView:
    """How the exchange margins the coin, as it told at the last look."""

    mode: str = ""
    """``isolated`` or ``cross``; empty before it is known."""
    leverage: int = 0
    used_usd: Decimal = ZERO
    """Set aside for the position; an isolated one's has its unrealized profit in it."""
    liquidation: Decimal | None = None
    """The price at which the exchange closes the position; ``None`` if there is none."""


@dataclass(frozen=True, slots=True)
class LevelView:
    """One order or wanted order of the ladder.

    ``rule`` names the one rule that leaves a level without an order, ``blocked_by`` says it in words, and ``frees`` what would
    free it; all empty if it has one.
    """

    side: str
    """``buy`` or ``sell``"""
    price: Decimal
    size: Decimal
    remaining: Decimal
    state: LevelState
    blocked_by: str = ""
    rule: str = ""
    frees: str = ""


@dataclass(frozen=True, slots=True)
class LastFillView:
    side: str
    size: Decimal
    price: Decimal
    time_ms: int


@dataclass(frozen=True, slots=True)
class FillsView:
    """Fill capture over the journal's lifetime, external fills included; ws + rest = total."""

    total: int = 0
    buys: int = 0
    sells: int = 0
    external: int = 0
    from_ws: int = 0
    from_rest: int = 0
    duplicates: int = 0
    maker: int = 0
    last: LastFillView | None = None

    @property
    def fill_source_ratio_pct(self) -> float | None:
        """The share that arrived live, in percent; ``None`` without fills."""
        return 100.0 * self.from_ws / self.total if self.total else None

    @property
    def maker_pct(self) -> float | None:
        return 100.0 * self.maker / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class GridView:
    center: Decimal = ZERO
    """The price that the present grid was built around; 0 before the first."""
    generation: int = 0
    spacing_pct: float = 0.0
    width_pct: float = 0.0
    """From the lowest to the highest level, of the center."""
    level_gap_pct: float = 0.0
    """The widest gap between neighbouring resting orders of one side, of the center."""
    orders_active: int = 0
    orders_target: int = 0
    skew_ratio: float = 0.0
    """Position over the position cap, signed, -1 to 1."""
    override: str = ""
    """What an operator has set in place of the settings; empty if nothing."""
    compression: str = ""
    """Why the spacing isn't the configured one; empty if it is."""
    mode: str = ""
    """What kind of grid it is: strategy, direction and spacing, as in ``range long geometric``."""
    range_exit: str = ""
    """What is done when the price has left the grid: ``hold``, ``trail``, ``reduce`` or ``flatten``."""
    out_of_range: str = ""
    """``above`` or ``below`` while the price is outside; empty while it is inside, and for a grid without an end."""
    loss_per_pct_usd: Decimal = ZERO
    """What one percent further out costs at the present position; negative if it earns, 0 inside."""
    levels: tuple[LevelView, ...] = ()
    """Highest price first."""


@dataclass(frozen=True, slots=True)
class DriftView:
    """Ledger minus exchange, at the last look. ``pct`` is of max(|ledger|, |exchange|, one order)."""

    exchange_position: Decimal | None = None
    """``None`` before the first look."""
    observed_ms: int = 0
    amount: Decimal = ZERO
    pct: float = 0.0
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class PnlView:
    """Five numbers that add up, over the journal's lifetime: total = matched + inventory - fees + funding."""

    matched_usd: Decimal = ZERO
    """Made by completed round trips of the grid's cells, gross of fees."""
    inventory_usd: Decimal = ZERO
    """Made by everything else that traded, and by what is held at the mid."""
    fees_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    total_usd: Decimal = ZERO
    holding_usd: Decimal = ZERO
    """What the position at the beginning would have made if it had just been held."""
    versus_holding_usd: Decimal = ZERO
    """Total less that: positive if trading did better."""


@dataclass(frozen=True, slots=True)
class CoinView:
    coin: str
    state: RunState
    halt_reason: str = ""
    idle_reason: str = ""
    """Why nothing new is quoted now; empty while the grid is being worked."""
    session: str = "open"
    """``open``, or why the coin's market isn't and until when."""
    session_policy: str = ""
    """What the grid does while it is closed: keep, widen, reduce or flatten; empty for a market that never closes."""
    session_opens_ms: int = 0
    """When a market that is closed, or about to, opens again; 0 for an open one."""
    position: Decimal = ZERO
    entry: Decimal = ZERO
    """Average entry price; 0 when flat."""
    bid: Decimal = ZERO
    ask: Decimal = ZERO
    mid: Decimal = ZERO
    """0 before the first quote."""
    market_ms: int = 0
    """When the last quote of this coin arrived. A quiet coin is not a stale feed."""
    realized_usd: Decimal = ZERO
    """Gross of fees, without funding."""
    fees_usd: Decimal = ZERO
    other_fees: tuple[tuple[str, Decimal], ...] = ()
    """Fees in other tokens than USDC, by token; no profit or loss counts them."""
    funding_usd: Decimal = ZERO
    """Negative = paid, over the journal's lifetime."""
    unrealized_usd: Decimal = ZERO
    pnl: PnlView = field(default_factory=PnlView)
    daily_usd: Decimal = ZERO
    """Realized - fees + funding since 00:00 UTC, plus unrealized."""
    position_cap: Decimal = ZERO
    """The worst-case position may not exceed it on either side (I4)."""
    worst_long: Decimal = ZERO
    worst_short: Decimal = ZERO
    """Of either side: the position if every live order of that side traded, positive = long, or short, by so much."""
    orders_last_min: int = 0
    max_orders_per_min: int = 0
    """Sent within the last minute, and how many may be; 0: no limit."""
    traded_last_min: Decimal = ZERO
    max_traded_per_min: Decimal = ZERO
    """Size traded within the last minute, both ways, and how much may be; 0: no limit."""
    liquidation: Decimal | None = None
    """Where the exchange would liquidate what is held; ``None``: nowhere."""
    max_slippage_pct: float = 0.0
    """How far beyond the best price a flatten order may trade."""
    price_decimals: int = 2
    size_decimals: int = 5
    fills: FillsView = field(default_factory=FillsView)
    grid: GridView = field(default_factory=GridView)
    drift: DriftView = field(default_factory=DriftView)
    stop: StopView = field(default_factory=StopView)
    margin: MarginView = field(default_factory=MarginView)
    chain_broken: bool = False
    """A fill is missing: one started from another position than the one before it left."""

    @property
    def notional_usd(self) -> Decimal:
        return abs(self.position) * self.mid


@dataclass(frozen=True, slots=True)
class FeedView:
    connected: bool = False
    ready: bool = False
    """Connected, everything subscribed, and the gap read back over REST."""
    generation: int = 0
    reconnects: int = 0
    last_message_ms: int = 0
    """Any message, pong included; 0 before the first."""
    quarantined: int = 0
    """Messages of this run that did not decode exactly; none touched anything."""
    stale_after_s: float = 20.0
    """How old the last message may be."""


@dataclass(frozen=True, slots=True)
class BreakerView:
    """One circuit breaker. ``name``: ``place``, ``cancel``, ``info``, ``feed``, ``storage`` or ``auth``."""

    name: str
    state: str = "closed"
    """``closed``, ``open``, or ``half_open``: a probe is out, or goes with the next request."""
    reason: str = ""
    """Of the last trip, or of the failures since the last answer; empty if there was none."""
    cause: str = ""
    streak: int = 0
    """Failures in a row."""
    trips: int = 0
    """How often it opened; one is forgotten for every five quiet minutes."""
    cooldown_left_s: float | None = 0.0
    """Until the probe; ``None``: no time ends it."""


@dataclass(frozen=True, slots=True)
class ApiView:
    api_error_streak: int = 0
    rest_latency_ms: float = 0.0
    orders_sent: int = 0
    cancels_sent: int = 0
    unknown_orders: int = 0
    api_error_limit: int = 3
    """So many in a row are borne; one more opens the breaker."""
    breaker_open: bool = False
    """Some breaker is open that keeps new orders from being placed."""
    breaker_reason: str = ""
    breakers: tuple[BreakerView, ...] = ()


@dataclass(frozen=True, slots=True)
class RiskView:
    account_value_usd: Decimal = ZERO
    high_water_usd: Decimal = ZERO
    drawdown_pct: float = 0.0
    """Lost since the highest profit, of what the account would be worth there. Deposits and withdrawals move neither."""
    max_drawdown_pct: float = 0.0
    """0: no limit."""
    unrealized_loss_pct: float = 0.0
    """Lost by the open positions, of the account without that loss; 0 for a gain."""
    max_unrealized_loss_pct: float = 0.0
    day_usd: Decimal = ZERO
    """Profit since 00:00 UTC, unrealized included."""
    day_stop_usd: Decimal | None = None
    day_take_usd: Decimal | None = None
    """Limits of the day's profit; ``None``: no limit."""
    worst_case_usd: Decimal = ZERO
    """What must stay in the account for every grid to be carried to its worst edge, all at once: losses to come, and margin."""
    withdrawable_usd: Decimal = ZERO
    """What can be taken out with every grid intact."""
    margin_utilization_pct: float = 0.0
    max_margin_pct: float = 0.0
    """0: no limit."""
    portfolio_notional_usd: Decimal = ZERO
    """The worst case of all coins together at the latest prices."""
    max_portfolio_notional_usd: Decimal = ZERO
    min_liq_distance_pct: float = 0.0
    """How near the liquidation price may come at either edge of the grid. 0 of both: no limit."""
    funding_paid_usd: Decimal = ZERO
    """Positive = paid, over the journal's lifetime."""


@dataclass(frozen=True, slots=True)
class TransfersView:
    """Money that isn't profit, over the journal's lifetime, on the dex that is traded on: no limit and no profit has it."""

    net_usd: Decimal = ZERO
    """Paid in less taken out."""
    count: int = 0
    """Deposits, withdrawals and transfers of the account, those of other places included."""


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of the event log. ``seq`` grows by one per event of this process."""

    seq: int
    time_ms: int
    severity: Severity
    name: str
    coin: str
    detail: str


@dataclass(frozen=True, slots=True)
class AlertView:
    """A condition that holds now. ``key`` is the key that treats it, empty if none does."""

    id: str
    severity: Severity
    text: str
    key: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class CommandView:
    """What became of an operator's command: ``running``, ``done``, ``refused`` or ``failed``, and a sentence."""

    id: str
    action: str
    status: str
    text: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent view of the account: portfolio and coins have one ``version``."""

    version: int
    time_ms: int
    network: str
    account: str
    state: RunState
    halt_reason: str = ""
    market_speed: float = 1.0
    """How much faster than the wall clock the embedded market runs; 1 elsewhere."""
    exchange_url: str = ""
    """Where it trades; the embedded paper exchange has a loopback URL of its own."""
    is_embedded: bool = False
    started_ms: int = 0
    coins: tuple[CoinView, ...] = ()
    feed: FeedView = field(default_factory=FeedView)
    api: ApiView = field(default_factory=ApiView)
    risk: RiskView = field(default_factory=RiskView)
    pnl: PnlView = field(default_factory=PnlView)
    """Of all coins together."""
    transfers: TransfersView = field(default_factory=TransfersView)
    alerts: tuple[AlertView, ...] = ()
    """Worst first."""
    events: tuple[EventView, ...] = ()
    """Oldest first, bounded; the files hold all."""
    commands: tuple[CommandView, ...] = ()
    """The operator's last commands, oldest first, bounded."""


def to_plain(value: Any) -> Any:
    """A Snapshot, or any part of one, as JSON-ready plain data; ``Decimal`` becomes canonical text."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Decimal):
        text = format(value, "f") if value else "0"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, StrEnum):
        return value.value
    return value
