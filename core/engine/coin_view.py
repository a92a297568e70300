"""From one coin's state to what everybody else sees of it. Reads, never writes."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from core.domain.clock import Instant
from core.domain.instrument import Instrument
from core.domain.orders import Order, OrderState, Side
from core.domain.pnl import Pnl
from core.engine.closing import closing
from core.engine.coin import Coin
from core.engine.day_mark import made_today
from core.engine.engine import Engine
from core.engine.leaning import one_sided
from core.engine.levels import Blocked
from core.engine.protection import live_stops, look, wanted_stop
from core.engine.range_exit import loss_per_pct
from core.engine.regridding import adverse_ppb
from core.engine.risk_engine import Rule
from core.engine.standing_cost import funding_per_hour, held_margin, liquidation_distance, stop_distance
from core.engine.why_not import frees, slots_without_order
from core.view import (
    ClosingView,
    CoinView,
    DriftView,
    FillsView,
    GridView,
    LastFillView,
    LevelState,
    LevelView,
    MarginView,
    MarketView,
    PnlView,
    RunState,
    StopView,
)


def coin_view(engine: Engine, coin: Coin, now: Instant) -> CoinView:
    instrument, ledger, quote = coin.config.instrument, coin.ledger, coin.quote
    exposure, margin = coin.exposure, _margin_view(coin)
    return CoinView(
        coin=coin.name,
        state=_coin_state(engine, coin),
        halt_reason=engine.halt_reason(coin),
        idle_reason=_idle_reason(engine, coin, now),
        session_state=coin.session.state,
        session=coin.session.text,
        session_policy=coin.config.sessions.policy.value if coin.config.sessions.closes else "",
        session_opens_ms=coin.session.opening_ms,
        position=instrument.size_decimal(ledger.lots),
        entry=ledger.current.entry.scaleb(-instrument.price_decimals),
        bid=_price(instrument, quote.bid if quote else None),
        ask=_price(instrument, quote.ask if quote else None),
        mid=_mid(coin),
        market_ms=coin.quote_wall_ms,
        realized_usd=ledger.current.realized,
        fees_usd=ledger.current.fees,
        other_fees=tuple(sorted(ledger.other_fees.items())),
        funding_usd=ledger.funding.total,
        funding_days=ledger.funding.days,
        unrealized_usd=coin.unrealized_usd(),
        pnl=pnl_view(coin.pnl()),
        parked=coin.parked.texts,
        closing=_closing_view(coin, now),
        daily_usd=made_today(coin, now),
        position_cap=instrument.size_decimal(
            max(coin.grid.cap_long, coin.grid.cap_short) if coin.grid else 0
        ),
        worst_long=instrument.size_decimal(exposure.worst_long),
        worst_short=instrument.size_decimal(exposure.worst_short),
        orders_last_min=coin.velocity.orders.used(now),
        max_orders_per_min=coin.velocity.max_orders,
        traded_last_min=instrument.size_decimal(coin.velocity.lots.used(now)),
        max_traded_per_min=instrument.size_decimal(coin.velocity.max_lots),
        liquidation=engine.liquidations.get(coin.name) if margin.is_read else None,
        max_slippage_pct=coin.config.slippage_ppb / 10**7,
        size_decimals=instrument.sz_decimals,
        price_decimals=max(0, min(instrument.price_decimals, _shown_decimals(coin))),
        fills=_fills_view(coin),
        market=_market_view(coin),
        open_orders=_open_orders(coin),
        grid=_grid_view(coin, now),
        drift=_drift_view(coin),
        stop=_stop_view(coin),
        margin=margin,
        chain_broken=bool(coin.chain_broken_mono_ms),
    )


BOOK_SHOWN_MS = 10_000
"""A book that was read longer ago says nothing any more of what could be closed against it."""


def _closing_view(coin: Coin, now: Instant) -> ClosingView:
    lots, instrument = coin.ledger.lots, coin.config.instrument
    if not lots or coin.depth is None or now.wall_ms - coin.depth_wall_ms > BOOK_SHOWN_MS:
        return ClosingView()
    part = closing(instrument, lots, coin.depth, coin.quote, coin.config.slippage_ppb)
    if part is None:
        return ClosingView(seen_ms=coin.depth_wall_ms)
    return ClosingView(
        instrument.price_decimal(part.worst), instrument.size_decimal(part.held or 0), coin.depth_wall_ms
    )


def _coin_state(engine: Engine, coin: Coin) -> RunState:
    if engine.desk.is_flattening(coin.name):
        return RunState.FLATTENING
    if engine.halt_reason(coin):
        return RunState.HALTED
    if engine.desk.stopping:
        return RunState.STOPPING
    return RunState.RUNNING if engine.saw_account and engine.saw_open_orders else RunState.STARTING


def _idle_reason(engine: Engine, coin: Coin, now: Instant) -> str:
    """While the journal can't be written no coin is stepped: what holds is read from the engine."""
    idle = engine.vitals.idleness(engine, now) if engine.storage_trouble else coin.idle
    return idle.reason if idle else ""


def pnl_view(pnl: Pnl) -> PnlView:
    return PnlView(
        matched_usd=pnl.matched,
        inventory_usd=pnl.inventory,
        fees_usd=pnl.fees,
        funding_usd=pnl.funding,
        total_usd=pnl.total,
        holding_usd=pnl.holding,
        versus_holding_usd=pnl.versus_holding,
    )


def _open_orders(coin: Coin) -> int:
    return sum(o.state in (OrderState.OPEN, OrderState.CANCELLING) for o in coin.live_grid_orders())


def _price(instrument: Instrument, units: int | None) -> Decimal:
    return instrument.price_decimal(units) if units else Decimal(0)


def _mid(coin: Coin) -> Decimal:
    twice = coin.mid_twice
    return Decimal(twice).scaleb(-coin.config.instrument.price_decimals) / 2 if twice else Decimal(0)


def _shown_decimals(coin: Coin) -> int:
    """Decimals of a price at the present tick: 0 for BTC at 109,755, 2 for SOL at 209.37."""
    instrument, twice = coin.config.instrument, coin.mid_twice
    if not twice:
        return instrument.price_decimals
    decimals, tick = instrument.price_decimals, instrument.tick(twice // 2)
    while tick >= 10 and decimals > 0:
        tick, decimals = tick // 10, decimals - 1
    return decimals


def _fills_view(coin: Coin) -> FillsView:
    counts, last, instrument = coin.counts, coin.ledger.newest_fill(), coin.config.instrument
    return FillsView(
        total=counts.total,
        buys=counts.buys,
        sells=counts.total - counts.buys,
        external=counts.external,
        from_ws=counts.from_ws,
        from_rest=counts.from_rest,
        duplicates=counts.duplicates,
        maker=counts.maker,
        last=LastFillView(
            last.side.value,
            instrument.size_decimal(last.lots),
            instrument.price_decimal(last.price),
            last.time_ms,
        )
        if last
        else None,
    )


def _grid_view(coin: Coin, now: Instant) -> GridView:
    grid, instrument = coin.grid, coin.config.instrument
    levels = _levels(coin, now)
    live = coin.live_grid_orders()
    if grid is None:
        return GridView(levels=levels, orders_active=len(live))
    cap = max(1, grid.cap_long if coin.ledger.lots > 0 else grid.cap_short)
    return GridView(
        center=instrument.price_decimal(grid.center),
        generation=grid.generation,
        spacing_pct=grid.spacing_here_ppb / 10**7,
        levels_per_side=coin.settings.levels,
        width_pct=100.0 * (grid.highest - grid.lowest) / grid.center,
        level_gap_pct=_widest_gap_pct(live, grid.center),
        orders_active=len(live),
        orders_target=len(coin.wanted),
        skew_ratio=max(-1.0, min(1.0, coin.ledger.lots / cap)),
        override=coin.overrides.text(coin.config.grid),
        compression=coin.override,
        mode=f"{coin.config.grid.strategy} {grid.direction.value} {grid.spacing.value}",
        range_exit=coin.config.on_exit.value,
        out_of_range=coin.leaving.where,
        loss_per_pct_usd=round(loss_per_pct(coin), 2),
        funding_per_hour_usd=funding_per_hour(coin),
        one_sided=held.text if (held := one_sided(coin)) else "",
        levels=levels,
    )


def _market_view(coin: Coin) -> MarketView:
    features = coin.features
    found = (
        features.volatility_ppb,
        features.atr_ppb,
        features.trend_ppb,
        adverse_ppb(coin, coin.mid_twice or 0),
    )
    return MarketView(*(ppb / 10**7 for ppb in found))


def _widest_gap_pct(live: list[Order], center: int) -> float:
    gaps = [0]
    for side in Side:
        prices = sorted(o.price for o in live if o.side is side)
        gaps += [b - a for a, b in pairwise(prices)]
    return 100.0 * max(gaps) / center


def _levels(coin: Coin, now: Instant) -> tuple[LevelView, ...]:
    """Every live grid order, and every slot that wants one and has none; highest price first."""
    instrument = coin.config.instrument
    wanted = coin.plan.wants if coin.plan else {}
    rows: list[tuple[int, LevelView]] = []
    for order in coin.live_grid_orders():
        rows.append((order.price, _order_row(instrument, order, order.slot in wanted)))
    for blocked in slots_without_order(coin, now):
        rows.append((blocked.level.price, _missing_row(instrument, blocked, now)))
    return tuple(row for _, row in sorted(rows, key=lambda item: -item[0]))


@lru_cache(maxsize=4_096)  # ten Snapshots a second show the same orders
def _order_row(instrument: Instrument, order: Order, wanted: bool) -> LevelView:
    state = LevelState.IN_FLIGHT
    if order.state is OrderState.OPEN:
        state = LevelState.OPEN if wanted else LevelState.ORPHAN
    return LevelView(
        order.side.value,
        instrument.price_decimal(order.price),
        instrument.size_decimal(order.lots),
        instrument.size_decimal(order.remaining),
        state,
    )


def _missing_row(instrument: Instrument, blocked: Blocked, now: Instant) -> LevelView:
    level, why = blocked.level, blocked.why
    size = instrument.size_decimal(level.lots)
    return LevelView(
        level.slot.side.value,
        instrument.price_decimal(level.price),
        size,
        size,
        LevelState.WAITING if why.rule is Rule.MIN_NOTIONAL else LevelState.MISSING,
        why.reason,
        why.rule.value,
        frees(blocked, instrument, now),
    )


def _drift_view(coin: Coin) -> DriftView:
    drift, instrument = coin.ledger.drift, coin.config.instrument
    shown = drift.declared
    return DriftView(
        exchange_position=None
        if drift.exchange_lots is None
        else instrument.size_decimal(drift.exchange_lots),
        observed_ms=drift.observed_ms,
        amount=instrument.size_decimal(drift.lots if shown else 0),
        pct=float(drift.pct) if shown else 0.0,
        difference=None if drift.exchange_lots is None else instrument.size_decimal(drift.lots),
        explanation="second look pending"
        if drift.suspected_mono_ms and not drift.declared
        else coin.drift_explanation,
    )


def _stop_view(coin: Coin) -> StopView:
    want, instrument = wanted_stop(coin), coin.config.instrument
    state, reason = look(coin)
    if want is None:
        return StopView(state, reason=reason)
    resting = [o.lots for o in live_stops(coin) if o.state is OrderState.OPEN and o.trigger == want.trigger]
    size = max(resting) if resting else want.lots
    away, away_pct = stop_distance(coin) or (None, None)
    return StopView(
        state,
        instrument.price_decimal(want.trigger),
        instrument.size_decimal(size),
        reason,
        away,
        away_pct,
    )


def _margin_view(coin: Coin) -> MarginView:
    held = held_margin(coin)
    leverage = coin.held.leverage if coin.held else coin.leverage
    is_read = held is not None or not coin.ledger.lots
    if leverage is None:
        return MarginView(is_read=is_read)
    mode, value = leverage.mode.value, leverage.value
    if held is None:
        return MarginView(mode, value, is_read=is_read)
    away, away_pct = liquidation_distance(coin) or (None, None)
    return MarginView(mode, value, held.used_usd, held.liquidation, away, away_pct)
