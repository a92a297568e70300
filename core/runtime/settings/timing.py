"""Settings: how often, how long. In seconds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from core.runtime.settings.values import OF_THE_ACCOUNT, NotNegative, NotNegativeOrOff, Positive


class TimingFields(BaseModel):
    """Of one coin unless marked."""

    recenter_interval_sec: NotNegative = Field(
        Decimal(10), description="The least time between two grids, in seconds"
    )
    ws_stale_after_sec: Annotated[Positive, OF_THE_ACCOUNT] = Field(
        Decimal(20),
        ge=10,
        le=600,
        description="Silence of the stream, in seconds, past which nothing new is placed",
    )
    dead_man_switch_sec: Annotated[NotNegativeOrOff, OF_THE_ACCOUNT] = Field(
        Decimal(0),
        le=3_600,
        description="How long after our last sign of life, in seconds, the exchange cancels EVERYTHING of the account, foreign "
        "orders and the stops of positions too (scheduleCancel; takes 1,000,000 USD traded); off: never",
    )
    data_halt_sec: Annotated[NotNegativeOrOff, OF_THE_ACCOUNT] = Field(
        Decimal(120),
        le=86_400,
        description="Silence of the stream, in seconds, past which our orders are taken back until it speaks; off: never",
    )
