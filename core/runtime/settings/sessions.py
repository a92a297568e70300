"""Settings: when the market behind a coin is open, and what the grid does while it isn't."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from core.runtime.settings.values import NotNegative, Number


class SessionFields(BaseModel):
    """Of one coin, all of them."""

    session_calendar: Literal["always", "us_equities"] = Field(
        "always",
        description="When the coin's market is open. us_equities: the hours and holidays of NYSE and Nasdaq, for stock perps",
    )
    closed_session: Literal["keep", "widen", "reduce", "flatten"] = Field(
        "reduce",
        description="While it is closed: keep: the grid rests as it is; widen: its lines move apart; reduce: the position is "
        "closed bit by bit; flatten: at once",
    )
    session_margin_min: Annotated[NotNegative, Field(le=180)] = Field(
        Decimal(10), description="How many minutes before the close that begins"
    )
    closed_widen: Annotated[Number, Field(ge=1, le=100)] = Field(
        Decimal(3), description="By how much closed_session widen multiplies the spacing"
    )
