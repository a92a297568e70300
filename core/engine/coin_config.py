"""What is configured of one coin, as the engine takes it: price units, lots, and parts per 10**9."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.instrument import Instrument
from core.engine.features import FeatureSettings
from core.engine.grid_settings import GridSettings, RangeExit
from core.engine.session_watch import SessionSettings
from core.engine.skew import SkewSettings


@dataclass(frozen=True, slots=True)
class CoinConfig:
    instrument: Instrument
    grid: GridSettings
    recenter_interval_ms: int
    slippage_ppb: int
    """How far beyond the best price a flatten order may trade."""
    slippage_max_ppb: int = 0
    """How far it may come to trade when the book holds nothing nearer; no more than ``slippage_ppb``: it doesn't widen."""
    funding_bleed_ppb: int = 0
    """Net funding paid within a day, of the account's value, past which the coin halts; 0: no limit."""
    stop_low: int = 0
    stop_high: int = 0
    """Outside these prices (price units) the position is closed and the coin halts; 0: no limit."""
    take_low: int = 0
    take_high: int = 0
    """Outside these the same is done to take a profit; 0: no limit."""
    trigger_below: int = 0
    trigger_above: int = 0
    """The first grid waits for a price at or beyond one of these; 0: it doesn't."""
    on_exit: RangeExit = RangeExit.TRAIL
    features: FeatureSettings = field(default_factory=FeatureSettings)
    skew: SkewSettings = field(default_factory=SkewSettings)
    sessions: SessionSettings = field(default_factory=SessionSettings)
    leverage: Decimal = Decimal(1)
    """By which the exchange lends: what a position needs as margin is its notional divided by it."""
    max_orders_per_min: int = 0
    max_lots_per_min: int = 0
    """Sent, and traded, within a minute; 0: no limit."""
    odd_profit_usd: Decimal = Decimal(0)
    """A single fill's profit or loss above it is told of; 0: none is."""
