"""Settings: what may be held and lost. Money in USD; ``off`` means no limit."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from core.runtime.settings.values import (
    IN_THE_COIN,
    MAY_BE_OFF_MARK,
    OF_THE_ACCOUNT,
    Fraction,
    FractionOrOff,
    NotNegative,
    NotNegativeOrOff,
    NotPositiveOrOff,
    PriceOrOff,
    Whole,
)


class RiskFields(BaseModel):
    """Limits of a coin, and of the account."""

    max_position_abs: Annotated[NotNegativeOrOff, IN_THE_COIN] = Field(
        Decimal(0), description="Worst-case position cap in the coin; off: max_symbol_notional alone holds"
    )
    max_symbol_notional: NotNegative = Field(
        Decimal(0), description="Worst-case position cap in USD; 0, or not written: investment x leverage"
    )
    flatten_slippage_pct: Fraction = Field(
        Decimal("0.005"), description="How far past the best price flatten may trade"
    )
    flatten_slippage_max_pct: Fraction = Field(
        Decimal(0),
        description="How far flatten may come to trade, step by step, when the book holds nothing nearer; 0: no further",
    )
    funding_bleed_pct: FractionOrOff = Field(
        Decimal("0.02"),
        description="Net funding paid within a day, of the account's value, that halts a coin; off: no limit",
    )
    max_drawdown_pct: Annotated[FractionOrOff, OF_THE_ACCOUNT] = Field(
        Decimal("0.12"),
        description="Loss since the highest profit, of the account, that halts all; off: no limit",
    )
    max_unrealized_dd_pct: Annotated[FractionOrOff, OF_THE_ACCOUNT] = Field(
        Decimal("0.15"),
        description="Loss of the open positions, of the account, that halts all; off: no limit",
    )
    daily_pnl_stop: Annotated[NotPositiveOrOff, OF_THE_ACCOUNT] = Field(
        Decimal(0), description="Profit since 00:00 UTC, in USD and negative, that halts all; off: no limit"
    )
    daily_pnl_take: Annotated[NotNegativeOrOff, OF_THE_ACCOUNT] = Field(
        Decimal(0), description="Profit since 00:00 UTC, in USD, that halts all; off: no limit"
    )
    stop_loss_low: PriceOrOff = Field(
        Decimal(0), description="Below this price the position is closed and the coin halts; off: no limit"
    )
    stop_loss_high: PriceOrOff = Field(
        Decimal(0), description="Above this price the position is closed and the coin halts; off: no limit"
    )
    take_profit_low: PriceOrOff = Field(
        Decimal(0),
        description="Below this price the position is closed with its profit and the coin halts; off: no limit",
    )
    take_profit_high: PriceOrOff = Field(
        Decimal(0),
        description="Above this price the position is closed with its profit and the coin halts; off: no limit",
    )
    max_single_fill_pnl: NotNegativeOrOff = Field(
        Decimal(500), description="Profit or loss of one fill, in USD, above which it is told of; off: never"
    )
    max_portfolio_notional: Annotated[NotNegativeOrOff, OF_THE_ACCOUNT] = Field(
        Decimal(0), description="Worst-case position cap of all coins together, in USD; off: none"
    )
    max_margin_pct: Annotated[FractionOrOff, OF_THE_ACCOUNT] = Field(
        Decimal(0),
        description="Margin of the account's value, in the worst case, past which nothing is added; off: no limit",
    )
    min_liq_distance_pct: Annotated[FractionOrOff, OF_THE_ACCOUNT] = Field(
        Decimal(0),
        description="How near the liquidation price may come at either edge of the grid; off: no limit",
    )
    max_orders_per_min: Annotated[Whole | None, MAY_BE_OFF_MARK] = Field(
        None,
        ge=0,
        le=100_000,
        description="Orders of a coin sent within a minute; off: no limit; if not written: 300, or six whole grids if that "
        "is more",
    )
    max_position_per_min: NotNegativeOrOff = Field(
        Decimal(0), description="Size of a coin traded within a minute, both ways; off: no limit"
    )
    api_error_threshold: Annotated[Whole, OF_THE_ACCOUNT] = Field(
        3,
        ge=1,
        le=100,
        description="Requests of one kind in a row that may fail; one more opens the circuit breaker of its kind",
    )
    crash_loop_starts: Annotated[Whole, MAY_BE_OFF_MARK, OF_THE_ACCOUNT] = Field(
        0,
        ge=0,
        le=100,
        description="After so many starts within ten minutes that did not end in order the next one comes up halted: for a bot "
        "that a machine starts again (the files in deploy/ set 3); off: never",
    )
