"""Settings: how much money, how many levels, how far apart, and when the grid follows the price."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

from core.runtime.settings.values import Fraction, Positive, Whole


class GridFields(BaseModel):
    """Of one coin, all of them."""

    investment_usd: Positive = Field(Decimal(1000), description="Money the grid works with, in USD")
    leverage: Positive = Field(
        Decimal(3),
        le=100,
        description="All levels together are investment x leverage; the exchange is set to it, rounded up",
    )
    margin_mode: Literal["isolated", "cross"] = Field(
        "isolated", description="isolated or cross; the exchange is set to it before the first order"
    )
    num_grids: Whole = Field(10, ge=1, le=500, description="Levels per side")
    grid_spacing_pct: Fraction = Field(Decimal("0.0005"), description="Distance between levels")
    grid_spacing_max_pct: Fraction = Field(
        Decimal("0.005"), description="The spacing is never more than this"
    )
    trailing_pct: Fraction = Field(
        Decimal(0),
        description="How far the mid may leave the center before the grid follows; 0: one spacing past the last level",
    )
    maker_fee_pct: Fraction = Field(
        Decimal("0.00015"), description="Your maker fee; the spacing must be above two of them"
    )
