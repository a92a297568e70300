"""What a grid would be before it is started: its levels, and what it means if the price walks to an edge. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.domain.grid import GridRow
from core.domain.instrument import Instrument
from core.domain.margin import liquidation_price
from core.domain.orders import Side
from core.engine.coin_config import CoinConfig
from core.engine.features import Features
from core.engine.grid_calculator import Gate, build_filtered_levels
from core.engine.grid_settings import Conditions, RangeExit
from core.engine.levels import Blocked, Level, wanted_levels, wants_of_cell
from core.engine.plan_validator import OwnPrices, Quotes
from core.engine.risk_engine import Exposure, RiskLimits, SideCap
from core.engine.strategies import STRATEGIES, Ask


@dataclass(frozen=True, slots=True)
class Edge:
    """Every order of one side that rests has traded, and the price stands at the last of them; where no order of that side
    rests, at the mid. A grid without an end goes on until a cap lets nothing more rest, or to its stop.

    ``position`` signed, ``entry`` its average price (0 when flat); USD figures: ``notional`` at the edge, ``margin`` what the
    exchange asks for it, ``loss`` there and ``stop_loss`` at the stop, both positive (``stop_loss`` is ``None`` without a stop
    on that side). ``liquidation``: the price
    at which the investment alone no longer carries the position (by the coin's margin tiers); ``None`` if there is none above
    zero.
    """

    side: Side
    price: Decimal
    position: Decimal
    entry: Decimal
    notional: Decimal
    leverage: Decimal
    margin: Decimal
    loss: Decimal
    stop: Decimal | None
    stop_loss: Decimal | None
    liquidation: Decimal | None


@dataclass(frozen=True, slots=True)
class Preview:
    """``spacing_pct`` and ``fees_pct`` (of a round trip) in percent; ``profit_usd``: what one level earns by a round trip."""

    instrument: Instrument
    grid: GridRow
    mid: Decimal
    spacing_pct: Decimal
    override: str
    fees_pct: Decimal
    profit_usd: Decimal
    cap: Decimal
    levels: tuple[Level, ...]
    """What is wanted, nearest to the price first, once what a long or short grid begins with is there."""
    blocked: tuple[Blocked, ...]
    """What of it doesn't rest, and the rule that stops it."""
    edges: tuple[Edge, Edge]
    initial: Decimal = Decimal(0)
    """What a long or short grid buys (positive) or sells at the market before anything else."""
    initial_usd: Decimal = Decimal(0)
    """Its notional at the mid."""


def preview(
    config: CoinConfig, investment_usd: Decimal, mid_price: int, caps: tuple[SideCap, ...] = ()
) -> Preview:
    """The first grid around ``mid_price`` (price units); ``caps``: what the account's limits leave the coin.

    Raises:
        GridImpossibleError: these settings make no grid at this price.
    """
    instrument = config.instrument
    grid, override = first_grid(config, mid_price)
    entry = {level.slot.index: level.slot.side.sign * level.lots for level in _entry(grid, instrument)}
    levels = tuple(wanted_levels(grid, instrument, entry))
    held = sum(entry.values())
    placed, blocked = build_filtered_levels(levels, _gate(config, grid, held, mid_price, caps))
    begin = _Begin(grid, held, -held * mid_price, mid_price)
    fees_ppb, spacing_ppb = config.grid.round_trip_fee_ppb, grid.spacing_here_ppb
    earned_micro = grid.lots * mid_price * (spacing_ppb - fees_ppb) // 10**9

    def edge(side: Side) -> Edge:
        mine = [level for level in placed if level.slot.side is side]
        if grid.is_endless:
            mine = _beyond(config, begin, side, entry, caps)
        return _edge(config, investment_usd, mine, side, begin)

    return Preview(
        instrument=instrument,
        grid=grid,
        mid=instrument.price_decimal(mid_price),
        spacing_pct=Decimal(spacing_ppb).scaleb(-7),
        override=override,
        fees_pct=Decimal(fees_ppb).scaleb(-7),
        profit_usd=Decimal(earned_micro).scaleb(-6),
        cap=instrument.size_decimal(max(grid.cap_long, grid.cap_short)),
        levels=levels,
        blocked=blocked,
        edges=(edge(Side.BUY), edge(Side.SELL)),
        initial=instrument.size_decimal(held),
        initial_usd=abs(Decimal(held * mid_price).scaleb(-6)),
    )


def first_grid(config: CoinConfig, mid_price: int) -> tuple[GridRow, str]:
    """What is built around ``mid_price`` with the first quote, whose volatility is what it is thought to be before a bar has
    closed, and why its spacing isn't the one asked for. Raises ``GridImpossibleError``.
    """
    strategy = STRATEGIES[config.grid.strategy]
    trails = config.on_exit is RangeExit.TRAIL
    features = Features(config.features)
    features.note(2 * mid_price, 0)
    market = Conditions(features.atr_ppb, features.volatility_ppb)
    ask = Ask(config.grid, config.instrument, 2 * mid_price, 0, trails=trails, conditions=market)
    return strategy.build(ask), strategy.spacing(ask).override


def _gate(config: CoinConfig, grid: GridRow, held: int, mid: int, caps: tuple[SideCap, ...]) -> Gate:
    return Gate(
        config.instrument,
        Exposure(held, 0, 0),
        RiskLimits(grid.cap_long, grid.cap_short, 2 * grid.most_lots, caps),
        Quotes(mid, mid),
        {},
        OwnPrices(),
        config.slippage_ppb,
        config.stop_low,
        config.stop_high,
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


MOST_BEYOND = 5_000
"""Cells of a grid without an end that are looked at on either side: with a cap of so many levels nobody reads where it ends."""


def _beyond(
    config: CoinConfig, begin: _Begin, side: Side, entry: dict[int, int], caps: tuple[SideCap, ...]
) -> list[Level]:
    """Of a grid without an end, what of one side would trade before a cap or a stop lets nothing more rest."""
    grid = begin.grid
    own = grid.cap_long if side is Side.BUY else grid.cap_short
    cap = min([own, *(each.lots for each in caps if each.side is side)])
    stop = config.stop_low if side is Side.BUY else config.stop_high
    cells = range(-1, -MOST_BEYOND, -1) if side is Side.BUY else range(MOST_BEYOND)
    found: list[Level] = []
    room = cap - side.sign * begin.lots
    for cell in cells:
        wants = wants_of_cell(grid, config.instrument, cell, entry.get(cell))
        level = next((each for each in wants if each.slot.side is side), None)
        if level is None or level.lots > room or (stop and (level.price - stop) * side.sign <= 0):
            break
        found.append(level)
        room -= level.lots
    return found


def _edge(config: CoinConfig, investment_usd: Decimal, mine: list[Level], side: Side, begin: _Begin) -> Edge:
    instrument = config.instrument
    lots, cash = _after(begin, mine)
    prices = [level.price for level in mine] or [begin.mid]
    last = min(prices) if side is Side.BUY else max(prices)
    stop = config.stop_low if side is Side.BUY else config.stop_high
    notional = Decimal(abs(lots) * last).scaleb(-6)
    return Edge(
        side=side,
        price=instrument.price_decimal(last),
        position=instrument.size_decimal(lots),
        entry=(Decimal(-cash) / lots).scaleb(-instrument.price_decimals) if lots else Decimal(0),
        notional=notional,
        leverage=notional / investment_usd,
        margin=notional / config.leverage,
        loss=_loss(lots, cash, last),
        stop=instrument.price_decimal(stop) if stop else None,
        stop_loss=_loss(lots, cash, stop) if stop else None,
        liquidation=_liquidation(instrument, investment_usd, lots, cash),
    )


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
