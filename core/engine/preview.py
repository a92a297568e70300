"""What a grid would be before it is started: its levels, and what it means if the price walks to an edge. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from core.domain.instrument import Instrument
from core.domain.margin import liquidation_price
from core.domain.orders import Side
from core.engine.coin import CoinConfig
from core.engine.grid_calculator import Level, wanted_levels
from core.engine.strategies import STRATEGIES, Ask


@dataclass(frozen=True, slots=True)
class Edge:
    """Every order of one side that the position cap lets rest has traded, and the price stands at the last of them.

    ``position`` signed; USD figures: ``notional`` at the edge, ``loss`` there and ``stop_loss`` at the stop, both positive
    (``stop_loss`` is ``None`` without a stop on that side). ``liquidation``: the price at which the investment alone no longer
    carries the position (by the coin's margin tiers); ``None`` if there is none above zero.
    """

    side: Side
    price: Decimal
    position: Decimal
    entry: Decimal
    notional: Decimal
    leverage: Decimal
    loss: Decimal
    stop: Decimal | None
    stop_loss: Decimal | None
    liquidation: Decimal | None


@dataclass(frozen=True, slots=True)
class Preview:
    """``spacing_pct`` and ``fees_pct`` (of a round trip) in percent; ``profit_usd``: what one level earns by a round trip."""

    instrument: Instrument
    mid: Decimal
    spacing_pct: Decimal
    override: str
    fees_pct: Decimal
    profit_usd: Decimal
    cap: Decimal
    levels: tuple[Level, ...]
    edges: tuple[Edge, Edge]


def preview(config: CoinConfig, investment_usd: Decimal, mid_price: int) -> Preview:
    """The first grid around ``mid_price`` (price units). Raises ``GridImpossibleError``."""
    instrument = config.instrument
    strategy = STRATEGIES[config.grid.strategy]
    ask = Ask(config.grid, instrument, 2 * mid_price, 0)
    grid, spacing = strategy.build(ask), strategy.spacing(ask)
    levels = tuple(wanted_levels(grid, instrument, {}))
    fees_ppb = config.grid.round_trip_fee_ppb
    earned_micro = grid.lots * mid_price * (spacing.ppb - fees_ppb) // 10**9
    return Preview(
        instrument=instrument,
        mid=instrument.price_decimal(mid_price),
        spacing_pct=Decimal(spacing.ppb).scaleb(-7),
        override=spacing.override,
        fees_pct=Decimal(fees_ppb).scaleb(-7),
        profit_usd=Decimal(earned_micro).scaleb(-6),
        cap=instrument.size_decimal(max(grid.cap_long, grid.cap_short)),
        levels=levels,
        edges=(
            _edge(config, investment_usd, levels, Side.BUY, grid.cap_long),
            _edge(config, investment_usd, levels, Side.SELL, grid.cap_short),
        ),
    )


def _edge(
    config: CoinConfig, investment_usd: Decimal, levels: tuple[Level, ...], side: Side, cap_lots: int
) -> Edge:
    instrument = config.instrument
    mine = _within_cap([level for level in levels if level.slot.side is side], cap_lots)
    lots = sum(level.lots for level in mine)
    cost_micro = sum(level.lots * level.price for level in mine)
    last = min(level.price for level in mine) if side is Side.BUY else max(level.price for level in mine)
    stop = config.stop_low if side is Side.BUY else config.stop_high
    notional = Decimal(lots * last).scaleb(-6)
    return Edge(
        side=side,
        price=instrument.price_decimal(last),
        position=instrument.size_decimal(side.sign * lots),
        entry=(Decimal(cost_micro) / lots).scaleb(-instrument.price_decimals),
        notional=notional,
        leverage=notional / investment_usd,
        loss=_loss(side, lots, cost_micro, last),
        stop=instrument.price_decimal(stop) if stop else None,
        stop_loss=_loss_at_stop(side, mine, stop) if stop else None,
        liquidation=_liquidation(instrument, investment_usd, side, lots, cost_micro),
    )


def _within_cap(nearest_first: list[Level], cap_lots: int) -> list[Level]:
    """What may rest: the worst case of a side never passes the cap."""
    sums = accumulate(level.lots for level in nearest_first)
    return [level for level, lots in zip(nearest_first, sums, strict=True) if lots <= cap_lots]


def _loss_at_stop(side: Side, mine: list[Level], stop: int) -> Decimal:
    """Of what trades before the stop is reached."""
    before = [level for level in mine if (level.price - stop) * side.sign > 0]
    return sum((_loss(side, level.lots, level.lots * level.price, stop) for level in before), Decimal(0))


def _loss(side: Side, lots: int, cost_micro: int, price: int) -> Decimal:
    return max(Decimal(0), Decimal(side.sign * (cost_micro - lots * price)).scaleb(-6))


def _liquidation(
    instrument: Instrument, investment_usd: Decimal, side: Side, lots: int, cost_micro: int
) -> Decimal | None:
    """Where investment and profit are down to the maintenance margin."""
    size, cost = instrument.size_decimal(lots), Decimal(cost_micro).scaleb(-6)
    price = liquidation_price(side.sign * size, cost / size, investment_usd, instrument.tiers)
    return price.quantize(Decimal(1).scaleb(-instrument.price_decimals)) if price is not None else None
