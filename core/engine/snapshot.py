"""From the engine's state to the Snapshot that everybody else sees. Reads, never writes, but for when an alert began."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from core.domain.clock import Instant
from core.domain.instrument import Instrument
from core.domain.orders import Order, OrderState, Side
from core.domain.pnl import Pnl, total_pnl
from core.engine.breaker_watch import breaker_views
from core.engine.circuit_breaker import BreakerName, BreakerState
from core.engine.coin import Coin
from core.engine.drift import ALERT_PCT
from core.engine.engine import Engine
from core.engine.grid_calculator import Blocked
from core.engine.halts import FLATTEN, OPERATOR
from core.engine.position_watch import DRIFT_HALT
from core.engine.protection import live_stops, look, wanted_stop
from core.engine.range_exit import loss_per_pct
from core.engine.risk_engine import Rule
from core.engine.schedule import CHAIN_ALARM_MS
from core.engine.side_caps import worst_notional_micro
from core.engine.why_not import frees, slots_without_order
from core.view import (
    AlertView,
    ApiView,
    CoinView,
    CommandView,
    DriftView,
    FeedView,
    FillsView,
    GridView,
    LastFillView,
    LevelState,
    LevelView,
    MarginView,
    PnlView,
    RiskView,
    RunState,
    Severity,
    Snapshot,
    StopState,
    StopView,
    TransfersView,
)

QUARANTINE_SHOWN_MS = 60_000
"""How long after an unreadable message the screen still says so."""


def build_snapshot(engine: Engine, network: str, now: Instant) -> Snapshot:
    """One consistent view; event tail, exchange and speed are the runtime's to add."""
    coins = tuple(_coin_view(engine, coin, now) for coin in engine.coins.values())
    return Snapshot(
        version=engine.version,
        time_ms=now.wall_ms,
        network=network,
        account=engine.account,
        state=_account_state(engine, coins),
        halt_reason=engine.halted or next((c.halt_reason for c in coins if c.halt_reason), ""),
        started_ms=engine.started_wall_ms,
        coins=coins,
        feed=FeedView(
            connected=engine.feed.connected,
            ready=engine.feed.ready,
            generation=engine.feed.generation,
            reconnects=max(0, engine.feed.generation - 1),
            last_message_ms=engine.feed.last_message_ms,
            quarantined=engine.feed.quarantined.total(),
            stale_after_s=engine.feed_age.stale_ms / 1000,
        ),
        api=_api_view(engine, now),
        risk=_risk_view(engine, coins),
        pnl=pnl_view(total_pnl(coin.pnl() for coin in engine.coins.values())),
        transfers=TransfersView(engine.transfers.net, engine.transfers.count),
        alerts=_alerts(engine, now),
        commands=tuple(
            CommandView(id_, o.command.action.value, o.status, o.text, o.time_ms)
            for id_, o in engine.desk.outcomes.items()
        ),
    )


def _api_view(engine: Engine, now: Instant) -> ApiView:
    stopping = engine.breakers.stopping(now)
    return ApiView(
        api_error_streak=engine.breakers.api_error_streak,
        rest_latency_ms=engine.rest_latency_ms,
        orders_sent=engine.orders_sent,
        cancels_sent=engine.cancels_sent,
        unknown_orders=sum(
            o.state is OrderState.UNKNOWN for c in engine.coins.values() for o in c.orders.live()
        ),
        api_error_limit=engine.breakers[BreakerName.PLACE].trip_above,
        breaker_open=stopping is not None,
        breaker_reason=f"{stopping.name.value}: {stopping.reason}" if stopping else "",
        breakers=breaker_views(engine, now),
    )


def _account_state(engine: Engine, coins: tuple[CoinView, ...]) -> RunState:
    if engine.desk.stopping:
        return RunState.STOPPING
    states = {coin.state for coin in coins}
    for state in (RunState.FLATTENING, RunState.HALTED, RunState.STARTING):
        if state in states and (state is not RunState.HALTED or states == {RunState.HALTED}):
            return state
    return RunState.RUNNING


def _coin_state(engine: Engine, coin: Coin) -> RunState:
    if engine.desk.is_flattening(coin.name):
        return RunState.FLATTENING
    if engine.halt_reason(coin):
        return RunState.HALTED
    if engine.desk.stopping:
        return RunState.STOPPING
    return RunState.RUNNING if engine.saw_account and engine.saw_open_orders else RunState.STARTING


def _coin_view(engine: Engine, coin: Coin, now: Instant) -> CoinView:
    instrument, ledger, quote = coin.config.instrument, coin.ledger, coin.quote
    unrealized = coin.unrealized_usd()
    exposure = coin.exposure
    return CoinView(
        coin=coin.name,
        state=_coin_state(engine, coin),
        halt_reason=engine.halt_reason(coin),
        idle_reason=engine.vitals.idle_reason(engine, now) if engine.storage_trouble else coin.idle_reason,
        session=coin.session.text,
        session_policy=coin.config.sessions.policy.value if coin.config.sessions.closes else "",
        session_opens_ms=coin.session.opening_ms,
        position=instrument.size_decimal(ledger.lots),
        entry=ledger.current.entry.scaleb(-instrument.price_decimals),
        bid=instrument.price_decimal(quote.bid) if quote and quote.bid else Decimal(0),
        ask=instrument.price_decimal(quote.ask) if quote and quote.ask else Decimal(0),
        mid=_mid(coin),
        market_ms=coin.quote_wall_ms,
        realized_usd=ledger.current.realized,
        fees_usd=ledger.current.fees,
        other_fees=tuple(sorted(ledger.other_fees.items())),
        funding_usd=ledger.funding.total,
        unrealized_usd=unrealized,
        pnl=pnl_view(coin.pnl()),
        daily_usd=ledger.day_realized_at(now) + unrealized,
        position_cap=instrument.size_decimal(
            max(coin.grid.cap_long, coin.grid.cap_short) if coin.grid else 0
        ),
        worst_long=instrument.size_decimal(exposure.worst_long),
        worst_short=instrument.size_decimal(exposure.worst_short),
        orders_last_min=coin.velocity.orders.used(now),
        max_orders_per_min=coin.velocity.max_orders,
        traded_last_min=instrument.size_decimal(coin.velocity.lots.used(now)),
        max_traded_per_min=instrument.size_decimal(coin.velocity.max_lots),
        liquidation=engine.liquidations.get(coin.name),
        max_slippage_pct=coin.config.slippage_ppb / 10**7,
        size_decimals=instrument.sz_decimals,
        price_decimals=max(0, min(instrument.price_decimals, _shown_decimals(coin))),
        fills=_fills_view(coin),
        grid=_grid_view(coin, now),
        drift=_drift_view(coin),
        stop=_stop_view(coin),
        margin=_margin_view(coin),
        chain_broken=bool(coin.chain_broken_mono_ms),
    )


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
        levels=levels,
    )


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
    return StopView(state, instrument.price_decimal(want.trigger), instrument.size_decimal(size), reason)


def _margin_view(coin: Coin) -> MarginView:
    held = coin.held
    leverage = held.leverage if held else coin.leverage
    if leverage is None:
        return MarginView()
    mode, value = leverage.mode.value, leverage.value
    return MarginView(mode, value, held.used_usd, held.liquidation) if held else MarginView(mode, value)


def _risk_view(engine: Engine, coins: tuple[CoinView, ...]) -> RiskView:
    value, risk, limits = engine.account_value, engine.risk, engine.risk.limits
    return RiskView(
        account_value_usd=value,
        high_water_usd=max(value, risk.high_usd),
        drawdown_pct=float(100 * risk.drawdown),
        max_drawdown_pct=float(100 * (limits.max_drawdown or 0)),
        unrealized_loss_pct=float(100 * risk.unrealized_loss),
        max_unrealized_loss_pct=float(100 * (limits.max_unrealized or 0)),
        day_usd=risk.day_pnl,
        day_stop_usd=limits.daily_stop,
        day_take_usd=limits.daily_take,
        worst_case_usd=engine.portfolio.needed,
        withdrawable_usd=engine.portfolio.withdrawable,
        margin_utilization_pct=float(100 * engine.margin_used / value) if value > 0 else 0.0,
        max_margin_pct=float(100 * engine.portfolio_limits.max_margin),
        portfolio_notional_usd=Decimal(sum(map(worst_notional_micro, engine.coins.values()))).scaleb(-6),
        max_portfolio_notional_usd=engine.portfolio_limits.max_notional_usd,
        min_liq_distance_pct=float(100 * engine.portfolio_limits.min_liquidation_distance),
        funding_paid_usd=-sum((coin.funding_usd for coin in coins), Decimal(0)),
    )


Found = tuple[str, Severity, str, str]
"""An alert's id, severity, text and the key that treats it."""


def _alerts(engine: Engine, now: Instant) -> tuple[AlertView, ...]:
    """Conditions that hold now, worst first, with the key that treats each."""
    found = [alert for coin in engine.coins.values() for alert in _coin_alerts(coin, now)]
    found += _link_alerts(engine, now)
    if engine.storage_trouble:
        text = f"JOURNAL CANNOT BE WRITTEN: {engine.storage_trouble}, free disk space"
        found.append(("storage", Severity.CRIT, text, ""))
    portfolio = engine.portfolio
    if portfolio.is_uncovered:
        text = (
            f"THE WORST CASE NEEDS {portfolio.needed} USD, THE ACCOUNT HAS {portfolio.value:.2f}: pay in, or make the grids "
            "smaller"
        )
        found.append(("worst_case", Severity.WARN, text, ""))
    if engine.halted and engine.halted != OPERATOR:
        found.append(("halt", Severity.CRIT, f"HALTED: {engine.halted}", "U"))
    for id_ in [known for known in engine.alert_since if known not in {f[0] for f in found}]:
        del engine.alert_since[id_]
    alerts = [AlertView(i, s, t, k, engine.alert_since.setdefault(i, now.wall_ms)) for i, s, t, k in found]
    return tuple(sorted(alerts, key=lambda a: (a.severity is not Severity.CRIT, a.since_ms)))


def _coin_alerts(coin: Coin, now: Instant) -> list[Found]:
    found: list[Found] = []
    name, drift = coin.name, coin.ledger.drift
    if drift.declared:
        size = coin.config.instrument.size_text(drift.lots)
        is_high = drift.is_above(ALERT_PCT)
        text = f"POSITION DRIFT {size} {name} ({drift.pct:.2f}%{f' > {ALERT_PCT}%' if is_high else ''})"
        found.append((f"drift:{name}", Severity.CRIT if is_high else Severity.WARN, text, "R"))
    if override := coin.overrides.text(coin.config.grid):
        text = f"OVERRIDE {name}: {override}, by {coin.overrides.by}; `gridbot set spacing|levels default` clears it"
        found.append((f"override:{name}", Severity.WARN, text, ""))
    if coin.grid_refused:
        found.append((f"grid:{name}", Severity.WARN, f"NO GRID: {coin.grid_refused}", ""))
    if coin.leaving.where:
        text = (
            f"{name} OUT OF RANGE, {coin.leaving.where} the grid ({coin.config.on_exit.value}): "
            f"{loss_per_pct(coin):.2f} USD lost per 1 % further"
        )
        found.append((f"range:{name}", Severity.WARN, text, ""))
    if coin.halted and coin.halted not in (OPERATOR, FLATTEN):
        key = "A" if coin.halted.startswith(DRIFT_HALT) else "U"
        found.append((f"halt:{name}", Severity.CRIT, f"{name} HALTED: {coin.halted}", key))
    state, reason = look(coin)
    if state is StopState.MISSING and coin.protection.uncovered_since_ms:
        found.append((f"stop:{name}", Severity.CRIT, f"NO STOP RESTS FOR {name}: {reason}", "X"))
    if coin.protection.too_far and coin.ledger.lots:
        found.append((f"liquidation:{name}", Severity.CRIT, coin.protection.too_far, ""))
    if coin.chain_broken_mono_ms and now.mono_ms - coin.chain_broken_mono_ms > CHAIN_ALARM_MS:
        found.append((f"chain:{name}", Severity.CRIT, f"A FILL OF {name} IS MISSING", "P"))
    return found


def _link_alerts(engine: Engine, now: Instant) -> list[Found]:
    found: list[Found] = []
    last, limit_ms = engine.feed.last_message_ms, engine.feed_age.stale_ms
    if last and now.wall_ms - last > limit_ms:
        text = f"NO MARKET DATA FOR {(now.wall_ms - last) // 1000} s (limit {limit_ms // 1000} s)"
        found.append(("ws_age", Severity.CRIT, text, "W"))
    found += _breaker_alerts(engine, now)
    quarantined = engine.feed.quarantined
    if quarantined and now.mono_ms - engine.feed.quarantined_mono_ms < QUARANTINE_SHOWN_MS:
        text = f"{quarantined.total()} UNREADABLE MESSAGES ({', '.join(sorted(quarantined))}), none was used"
        found.append(("quarantine", Severity.WARN, text, "R"))
    return found


def _breaker_alerts(engine: Engine, now: Instant) -> list[Found]:
    """Of those whose trouble has no alert of its own."""
    found: list[Found] = []
    for name in (BreakerName.PLACE, BreakerName.CANCEL, BreakerName.INFO):
        breaker = engine.breakers[name]
        state, left_ms = breaker.state(now), breaker.cooldown_left_ms(now) or 0
        if state is BreakerState.CLOSED:
            continue
        when = f"probe in {-(-left_ms // 1000)} s" if state is BreakerState.OPEN else "probing"
        text = f"CIRCUIT BREAKER {name.value.upper()} {state.value.upper()}: {breaker.reason}, {when}"
        grade = Severity.CRIT if state is BreakerState.OPEN else Severity.WARN
        found.append((f"breaker:{name.value}", grade, text.replace("HALF_OPEN", "HALF-OPEN"), ""))
    return found
