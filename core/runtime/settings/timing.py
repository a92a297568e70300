"""Settings: how often, how long. In seconds unless the name ends in ``_ms``."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, Field

from core.runtime.settings.values import NotNegative


class TimingFields(BaseModel):
    """Of one coin unless marked."""

    recenter_interval_sec: NotNegative = Field(
        Decimal(10), description="The least time between two grids, in seconds"
    )
