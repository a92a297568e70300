"""Settings: how the grid answers the market's volatility and trend, and its own inventory."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from core.runtime.settings.values import FractionOrOff, NotNegativeOrOff, Positive, Whole

MOST_BARS = 10_000
MOST_RATIO = Decimal(10)

Ratio = Annotated[NotNegativeOrOff, Field(le=MOST_RATIO)]


class FeatureFields(BaseModel):
    """Of one coin, all of them."""

    volatility_spacing: bool = Field(
        False,
        description="Whether the spacing grows with the market's volatility, up to grid_spacing_max_pct",
    )
    bar_sec: Annotated[Positive, Field(ge=1, le=86_400)] = Field(
        Decimal(60), description="The length of the bars that volatility and trend are taken from, in seconds"
    )
    atr_length: Annotated[Whole, Field(ge=1, le=1_000)] = Field(
        14, description="Bars in the average true range"
    )
    ewma_alpha: Annotated[Decimal, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        Decimal("0.12"), description="The weight of the newest bar in the volatility"
    )
    init_vol_multiplier: Annotated[Positive, Field(le=100)] = Field(
        Decimal(1), description="The volatility before the first bar, in thousandths of the price"
    )
    trend_bias_max_pct: FractionOrOff = Field(
        Decimal(0),
        description="How far a trend may shift the center, never more than half a spacing; off: not at all",
    )
    trend_fast_ema: Annotated[Whole, Field(ge=1, le=MOST_BARS)] = Field(
        12, description="Bars of the fast average of the trend"
    )
    trend_slow_ema: Annotated[Whole, Field(ge=2, le=MOST_BARS)] = Field(
        48, description="Bars of the slow average of the trend"
    )
    loss_drift_tightening: bool = Field(
        False,
        description="Whether a spacing widened by volatility shrinks again as the price moves against the position",
    )
    vol_circuit_sigma: NotNegativeOrOff = Field(
        Decimal(0),
        description="A move within a bar by more standard deviations than this takes the grid away for a bar; off: none does",
    )
    skew_soft: Ratio = Field(
        Decimal(0),
        description="From this share of the budget on what is held makes the adding side smaller; off: it doesn't",
    )
    max_skew_ratio: Ratio = Field(
        Decimal(0),
        description="From this share of the budget on only the reducing side is quoted, down to 0.8 of it; off: both are",
    )
    skew_hard: Ratio = Field(
        Decimal(0),
        description="From this share of the budget on the position is brought down at the market's price; off: it isn't",
    )
