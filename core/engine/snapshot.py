"""From the engine's state to the Snapshot that everybody else sees. Reads, never writes, but for when an alert began."""

from __future__ import annotations

from decimal import Decimal

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.orders import OrderState
from core.domain.pnl import total_pnl
from core.engine.alerts import alerts_of
from core.engine.budget_view import budget_view
from core.engine.circuit_breaker import BreakerName
from core.engine.coin_view import coin_view, pnl_view
from core.engine.engine import Engine
from core.engine.side_caps import worst_notional_micro
from core.view import (
    ZERO,
    ApiView,
    BreakerState,
    BreakerView,
    CoinView,
    CommandView,
    FeedView,
    RiskView,
    RunState,
    Snapshot,
    TransfersView,
)


def build_snapshot(engine: Engine, network: str, now: Instant) -> Snapshot:
    """One consistent view; event tail, exchange and speed are the runtime's to add."""
    coins = tuple(coin_view(engine, coin, now) for coin in engine.coins.values())
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
        budget=budget_view(engine.requests, engine.weight, now),
        pnl=pnl_view(total_pnl(coin.pnl() for coin in engine.coins.values())),
        dead_man=engine.dead_man.view(now),
        agent=engine.agent.view,
        clock_off_ms=engine.clock.off_ms,
        transfers=TransfersView(engine.transfers.net, engine.transfers.count),
        alerts=alerts_of(engine, now),
        history=engine.history.points,
        orders=engine.order_list.of(engine.coins.values()),
        fills=engine.tape.newest,
        commands=tuple(
            CommandView(id_, o.command.action.value, o.status, o.text, o.time_ms)
            for id_ in engine.desk.outcomes
            if (o := engine.desk.told(id_)) is not None
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
        breakers=_breaker_views(engine, now),
        trips=engine.breakers.trips(),
    )


def _account_state(engine: Engine, coins: tuple[CoinView, ...]) -> RunState:
    if engine.desk.stopping:
        return RunState.STOPPING
    states = {coin.state for coin in coins}
    for state in (RunState.FLATTENING, RunState.HALTED, RunState.STARTING):
        if state in states and (state is not RunState.HALTED or states == {RunState.HALTED}):
            return state
    return RunState.RUNNING


def _risk_view(engine: Engine, coins: tuple[CoinView, ...]) -> RiskView:
    value, risk, limits = engine.account_value, engine.risk, engine.risk.limits
    return RiskView(
        account_value_usd=value,
        high_water_usd=max(value, risk.high_usd),
        drawdown_pct=float(100 * risk.drawdown),
        max_drawdown_pct=float(100 * (limits.max_drawdown or 0)),
        unrealized_loss_pct=float(100 * risk.unrealized_loss),
        max_unrealized_loss_pct=float(100 * (limits.max_unrealized or 0)),
        day_usd=sum((coin.daily_usd for coin in coins), ZERO),
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


def _breaker_views(engine: Engine, now: Instant) -> tuple[BreakerView, ...]:
    """While the journal can't be written nothing is stepped, so its breaker is shown as what it will be."""
    views = []
    for breaker in engine.breakers:
        is_held = breaker.name is BreakerName.STORAGE and engine.storage_trouble
        left_ms = breaker.cooldown_left_ms(now)
        views.append(
            BreakerView(
                name=breaker.name.value,
                state=BreakerState.OPEN if is_held else breaker.state(now),
                reason=engine.storage_trouble if is_held else breaker.reason,
                cause=(Cause.STORAGE if is_held else breaker.cause).value
                if is_held or breaker.reason
                else "",
                streak=breaker.streak,
                trips=breaker.trips(now),
                cooldown_left_s=None if is_held or left_ms is None else round(left_ms / 1000, 1),
            )
        )
    return tuple(views)
