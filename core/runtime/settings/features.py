"""Settings: how the grid answers the market's volatility and trend, and its own inventory."""

from __future__ import annotations

from pydantic import BaseModel


class FeatureFields(BaseModel):
    """Of one coin, all of them."""
