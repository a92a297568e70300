"""``backtest.json`` in the state dir: the result of a backtest that the console shows beside what trading really made."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.view import BacktestView

MOST_BYTES = 100_000


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = Field(min_length=1, max_length=60)
    from_ms: int = Field(ge=0)
    to_ms: int
    total_usd: Decimal = Field(allow_inf_nan=False)
    max_drawdown_pct: float = Field(ge=0, allow_inf_nan=False)
    fills: int = Field(ge=0)
    makers: int = Field(ge=0)


def read_backtest(path: Path) -> BacktestView:
    """What the file says; without one nothing, and of one that can't be read why."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return BacktestView(
                error=f"{path.name} has more than {MOST_BYTES} bytes: it is no result of a backtest"
            )
        found = _File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return BacktestView()
    except OSError as error:
        return BacktestView(error=f"{path.name} can't be read: {error.strerror}")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        return BacktestView(error=f"{path.name}: {where}: {first['msg']}")
    return BacktestView(
        found.name,
        found.from_ms,
        found.to_ms,
        found.total_usd,
        found.max_drawdown_pct,
        found.fills,
        found.makers,
    )
