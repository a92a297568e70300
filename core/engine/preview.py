"""What a grid would be before it is started: its levels, and what it means if the price walks to an edge. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from core.domain.grid import GridRow
from core.domain.instrument import Instrument
from core.domain.margin import liquidation_price
from core.domain.orders import Side
from core.engine.coin import CoinConfig
from core.engine.grid_calculator import Level, wanted_levels
from core.engine.grid_settings import RangeExit
from core.engine.strategies import STRATEGIES, Ask


@dataclass(frozen=True, slots=True)
class Edge:
    """Every order of one side that the position cap lets rest has traded, and the price stands at the last of them; where no
    order of that side rests, at the mid.

    ``position`` signed, ``entry`` its average price (0 when flat); USD figures: ``notional`` at the edge, ``loss`` there and
    ``stop_loss`` at the stop, both positive (``stop_loss`` is ``None`` without a stop on that side). ``liquidation``: the price
    at which the investment alone no longer carries the position (by the coin's margin tiers); ``None`` if there is none above
    zero.
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
    """What rests, once what a long or short grid begins with is there."""
    edges: tuple[Edge, Edge]
    initial: Decimal = Decimal(0)
    """What a long or short grid buys (positive) or sells at the market before anything else."""
    initial_usd: Decimal = Decimal(0)
    """Its notional at the mid."""


def preview(config: CoinConfig, investment_usd: Decimal, mid_price: int) -> Preview:
    """The first grid around ``mid_price`` (price units). Raises ``GridImpossibleError``."""
    instrument = config.instrument
    strategy = STRATEGIES[config.grid.strategy]
    ask = Ask(config.grid, instrument, 2 * mid_price, 0, trails=config.on_exit is RangeExit.TRAIL)
    grid, override = strategy.build(ask), strategy.spacing(ask).override
    entry = {level.slot.index: level.slot.side.sign * level.lots for level in _entry(grid, instrument)}
    levels = tuple(wanted_levels(grid, instrument, entry))
    held = sum(entry.values())
    fees_ppb, spacing_ppb = config.grid.round_trip_fee_ppb, grid.spacing_here_ppb
    earned_micro = grid.lots * mid_price * (spacing_ppb - fees_ppb) // 10**9
    begin = _Begin(grid, held, -held * mid_price, mid_price)
    return Preview(
        instrument=instrument,
        mid=instrument.price_decimal(mid_price),
        spacing_pct=Decimal(spacing_ppb).scaleb(-7),
        override=override,
        fees_pct=Decimal(fees_ppb).scaleb(-7),
        profit_usd=Decimal(earned_micro).scaleb(-6),
        cap=instrument.size_decimal(max(grid.cap_long, grid.cap_short)),
        levels=levels,
        edges=(
            _edge(config, investment_usd, levels, Side.BUY, begin),
            _edge(config, investment_usd, levels, Side.SELL, begin),
        ),
        initial=instrument.size_decimal(held),
        initial_usd=abs(Decimal(held * mid_price).scaleb(-6)),
    )


@dataclass(frozen=True, slots=True)
class _Begin:
    """Before anything rests: the position in signed lots, and what it has brought, negative if it was bought (micro-USDC)."""

    grid: GridRow
    lots: int
    cash: int
    mid: int


def _entry(grid: GridRow, instrument: Instrument) -> list[Level]:
    return [level for level in wanted_levels(grid, instrument, {}) if level.takes]


def _edge(
    config: CoinConfig, investment_usd: Decimal, levels: tuple[Level, ...], side: Side, begin: _Begin
) -> Edge:
    instrument, grid = config.instrument, begin.grid
    room = (grid.cap_long if side is Side.BUY else grid.cap_short) - side.sign * begin.lots
    mine = _within([level for level in levels if level.slot.side is side], room)
    lots, cash = _after(begin, mine)
    prices = [level.price for level in mine] or [begin.mid]
    last = min(prices) if side is Side.BUY else max(prices)
    stop = config.stop_low if side is Side.BUY else config.stop_high
    before_stop = [level for level in mine if (level.price - stop) * side.sign > 0]
    notional = Decimal(abs(lots) * last).scaleb(-6)
    return Edge(
        side=side,
        price=instrument.price_decimal(last),
        position=instrument.size_decimal(lots),
        entry=(Decimal(-cash) / lots).scaleb(-instrument.price_decimals) if lots else Decimal(0),
        notional=notional,
        leverage=notional / investment_usd,
        loss=_loss(lots, cash, last),
        stop=instrument.price_decimal(stop) if stop else None,
        stop_loss=_loss(*_after(begin, before_stop), stop) if stop else None,
        liquidation=_liquidation(instrument, investment_usd, lots, cash),
    )


def _within(nearest_first: list[Level], room: int) -> list[Level]:
    """What may rest: the worst case of a side never passes the cap."""
    sums = accumulate(level.lots for level in nearest_first)
    return [level for level, lots in zip(nearest_first, sums, strict=True) if lots <= room]


def _after(begin: _Begin, traded: list[Level]) -> tuple[int, int]:
    """Position and cash (micro-USDC) once these have traded."""
    lots = begin.lots + sum(level.slot.side.sign * level.lots for level in traded)
    cash = begin.cash - sum(level.slot.side.sign * level.lots * level.price for level in traded)
    return lots, cash


def _loss(lots: int, cash: int, price: int) -> Decimal:
    return max(Decimal(0), Decimal(-cash - lots * price).scaleb(-6))


def _liquidation(
    instrument: Instrument, investment_usd: Decimal, lots: int, cash_micro: int
) -> Decimal | None:
    """Where investment and profit are down to the maintenance margin."""
    if not lots:
        return None
    size = instrument.size_decimal(lots)
    entry = Decimal(-cash_micro).scaleb(-6) / size
    price = liquidation_price(size, entry, investment_usd, instrument.tiers)
    return price.quantize(Decimal(1).scaleb(-instrument.price_decimals)) if price is not None else None
