"""Settings: how much money, how many levels, how far apart, and when the grid follows the price."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from core.engine.grid_settings import RangeExit
from core.engine.strategies import STRATEGIES
from core.runtime.settings.values import Fraction, FractionOrOff, OneOf, Positive, PriceOrOff, Whole



def _registered(name: str) -> str:
    if name not in STRATEGIES:
        *others, last = map(repr, STRATEGIES)
        raise ValueError(f"input should be {', '.join(others)} or {last}")
    return name


Strategy = Annotated[str, AfterValidator(_registered), OneOf(STRATEGIES)]


class GridFields(BaseModel):
    """Of one coin, all of them."""

    investment_usd: Positive = Field(Decimal(1000), description="Money the grid works with, in USD")
    leverage: Positive = Field(
        Decimal(3),
        ge=Decimal("0.01"),
        le=100,
        description="All levels together are investment x leverage; the exchange is set to it, rounded up",
    )
    margin_mode: Literal["isolated", "cross"] = Field(
        "isolated", description="isolated or cross; the exchange is set to it before the first order"
    )
    default_strategy: Strategy = Field(
        "grid", description="grid: around the price; range: between two prices; endless: without an end"
    )
    grid_direction: Literal["neutral", "long", "short"] = Field(
        "neutral", description="long: never short, begins by buying what it will sell; short: its mirror"
    )
    grid_spacing_kind: Literal["arithmetic", "geometric"] = Field(
        "arithmetic", description="arithmetic: the same distance between levels; geometric: the same ratio"
    )
    range_low: PriceOrOff = Field(Decimal(0), description="The lowest level of strategy range")
    range_high: PriceOrOff = Field(Decimal(0), description="The highest level of strategy range")
    num_grids: Whole = Field(10, ge=1, le=500, description="Levels per side")
    grid_spacing_pct: Fraction = Field(Decimal("0.0005"), description="Distance between levels")
    grid_spacing_max_pct: Fraction = Field(
        Decimal("0.005"), description="The spacing is never more than this"
    )
    grid_min_width_pct: FractionOrOff = Field(
        Decimal(0), description="The least distance between the outermost levels; off: none"
    )
    min_edge_pct: Annotated[FractionOrOff, Field(le=Decimal("0.1"))] = Field(
        Decimal(0), description="What a round trip must earn beyond its fees; the spacing is never less"
    )
    random_size_jitter: Annotated[FractionOrOff, Field(le=Decimal("0.5"))] = Field(
        Decimal(0), description="How much the size of a level may differ from the others; off: not at all"
    )
    reprice_tick_threshold: Whole = Field(
        0,
        ge=0,
        le=1000,
        description="How many ticks an order may be off its level in a new grid and still keep its place in the queue; never "
        "more than a third of a spacing",
    )
    reinvest: bool = Field(False, description="Whether profits make the levels of the next grid larger")
    trigger_below: PriceOrOff = Field(
        Decimal(0),
        description="The first grid waits until the mid is at this price or below; off: it doesn't",
    )
    trigger_above: PriceOrOff = Field(
        Decimal(0),
        description="The first grid waits until the mid is at this price or above; off: it doesn't",
    )
    on_range_exit: Literal["", "hold", "trail", "reduce", "flatten"] = Field(
        "",
        description="When the price leaves the grid: hold: wait; trail: follow; reduce: close the position bit by bit; "
        "flatten: close it and halt. By default trail, and hold for strategy range",
    )
    trailing_pct: Fraction = Field(
        Decimal(0),
        description="How far the mid may leave the center before the grid follows; 0: one spacing past the last level",
    )
    trailing_up: bool = Field(True, description="Whether the grid follows the price upwards")
    trailing_down: bool = Field(True, description="Whether the grid follows the price downwards")
    trailing_low: PriceOrOff = Field(
        Decimal(0), description="The grid follows no further down than to this price; off: no limit"
    )
    trailing_high: PriceOrOff = Field(
        Decimal(0), description="The grid follows no further up than to this price; off: no limit"
    )
    maker_fee_pct: Fraction = Field(
        Decimal("0.00015"),
        le=Decimal("0.1"),
        description="Your maker fee; the spacing must be above two of them",
    )

    @property
    def range_exit(self) -> RangeExit:
        """What ``on_range_exit`` says, or its default."""
        if self.on_range_exit:
            return RangeExit(self.on_range_exit)
        return RangeExit.HOLD if self.default_strategy == "range" else RangeExit.TRAIL
