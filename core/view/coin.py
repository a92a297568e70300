"""What may be known of one coin: its position and profit, its fills, its grid, its stop and its margin."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from core.view.states import ZERO, LevelState, RunState, SessionState, StopState


@dataclass(frozen=True, slots=True)
class StopView:
    """The reduce-only stop that rests at the exchange, and outlives the program. ``reason``: why it doesn't."""

    state: StopState = StopState.NONE
    price: Decimal = ZERO
    """Where it fires; 0 with nothing to protect."""
    size: Decimal = ZERO
    """What it would close at most: the position, and what may still be added to it by orders that rest."""
    reason: str = ""
    distance: Decimal | None = None
    """How far the price may still go against the position until it fires, negative past it; ``None`` with nothing to fire."""
    distance_pct: Decimal | None = None
    """The same, of the mid."""


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
    distance: Decimal | None = None
    """How far the price may still go against the position until then; ``None`` if there is no such price."""
    distance_pct: Decimal | None = None
    """The same, of the mid."""
    is_read: bool = True
    """Whether the last look was at a position of the side that is held; if not, nothing is known of its liquidation yet."""


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
    levels_per_side: int = 0
    """As is set or overridden, whether each is quoted or not."""
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
    funding_per_hour_usd: Decimal | None = None
    """What the position receives within an hour at the rate of now, negative if it pays; ``None`` while the rate is not known:
    it is read while a position waits out of range."""
    one_sided: str = ""
    """Why the side that adds to the position is gone, and what brings it back; empty while the grid quotes both."""
    levels: tuple[LevelView, ...] = ()
    """Highest price first."""


@dataclass(frozen=True, slots=True)
class MarketView:
    """What the coin's bars tell. Percent of the price."""

    volatility_pct: float = 0.0
    """The standard deviation of a bar's return."""
    atr_pct: float = 0.0
    """The average true range of a bar."""
    trend_pct: float = 0.0
    """The fast average less the slow one: positive in an upward trend."""
    loss_drift_pct: float = 0.0
    """How far the price has moved against the position since the grid was built; 0 if it moved with it."""


@dataclass(frozen=True, slots=True)
class DriftView:
    """Ledger minus exchange, at the last look. ``pct`` is of max(|ledger|, |exchange|, one order)."""

    exchange_position: Decimal | None = None
    """``None`` before the first look."""
    observed_ms: int = 0
    amount: Decimal = ZERO
    pct: float = 0.0
    explanation: str = ""
    difference: Decimal | None = None
    """Ledger minus exchange at the last look, also while it isn't declared: fills may be on their way."""


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
class ClosingView:
    """What the book holds for a flatten, at the last look."""

    cap_price: Decimal = ZERO
    """The worst price that a closing order may get; 0 with nothing to close."""
    held: Decimal = ZERO
    """What the book's other side has within that price."""
    seen_ms: int = 0
    """When the book was read; 0: never."""


@dataclass(frozen=True, slots=True)
class CoinView:
    coin: str
    state: RunState
    halt_reason: str = ""
    idle_reason: str = ""
    """Why nothing new is quoted now; empty while the grid is being worked."""
    session_state: SessionState = SessionState.OPEN
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
    funding_days: tuple[tuple[int, Decimal], ...] = ()
    """The same by UTC day (its first millisecond), newest first: the last days on which there was any."""
    unrealized_usd: Decimal = ZERO
    pnl: PnlView = field(default_factory=PnlView)
    closing: ClosingView = field(default_factory=ClosingView)
    parked: tuple[str, ...] = ()
    """Slots that an operator has parked, as in ``buy 3``: not quoted until they are unparked."""
    daily_usd: Decimal = ZERO
    """Profit since 00:00 UTC, unrealized included."""
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
    market: MarketView = field(default_factory=MarketView)
    open_orders: int = 0
    """Of the grid, that rest: those in flight not counted."""
    drift: DriftView = field(default_factory=DriftView)
    stop: StopView = field(default_factory=StopView)
    margin: MarginView = field(default_factory=MarginView)
    chain_broken: bool = False
    """A fill is missing: one started from another position than the one before it left."""

    @property
    def notional_usd(self) -> Decimal:
        return abs(self.position) * self.mid
