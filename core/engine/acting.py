"""What a coin does by itself after any event, and why it does nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect
from core.engine.breaker_probes import PROBE_ORDERS
from core.engine.breaker_watch import stopped_by, waits_to_cancel
from core.engine.coin import Coin
from core.engine.intents import cancel, cancel_grid
from core.engine.market_watch import doubt_text, shock_reason
from core.engine.protection import block_reason, increasing_orders, protect
from core.engine.quoting import BATCH_ORDERS, plan, shed
from core.engine.risk_watch import tell_binding
from core.engine.side_caps import Money, side_caps

if TYPE_CHECKING:
    from core.engine.engine import Engine


def act(engine: Engine, coin: Coin, now: Instant) -> list[Effect]:
    """What the coin does by itself after any event: quote, or see to it that nothing of ours rests."""
    alarm, coin.alarm = coin.alarm, ""
    out = engine.latch(coin, alarm) if alarm else []
    out += protect(coin, engine.saw_account and engine.saw_open_orders and not engine.storage_trouble, now)
    out += coin.session.look(coin, now)
    closed = coin.session.stops(coin, bool(engine.desk.of_session(coin.name)))
    coin.barred = stopped_by(engine, now) or closed
    coin.idle_reason = _idle_reason(engine, coin, now)
    if coin.plan is not None:
        coin.plan.update(coin.orders)
    is_halted = bool(engine.halt_reason(coin) or engine.desk.stopping or engine.storage_trouble)
    is_cleared = is_halted or closed is not None or bool(shock_reason(coin, now))
    if is_cleared or engine.feed_age.is_lost(now):
        return out if waits_to_cancel(engine, now) else out + cancel_grid(coin, now)
    if block_reason(coin, now):
        out += cancel(coin, increasing_orders(coin), now)
    if coin.idle_reason:
        return out + shed(coin, now)
    money = Money(engine.account_value, engine.margin_used)
    coin.caps = side_caps(
        coin, engine.coins.values(), engine.portfolio_limits, money, engine.liquidations.get(coin.name)
    )
    return [*out, *plan(coin, _room(engine, now), now), *tell_binding(coin, now)]


def _room(engine: Engine, now: Instant) -> int:
    """How many orders may be sent now: none before the batch before them is answered, and few as a probe."""
    if engine.placing:
        return 0
    return PROBE_ORDERS if engine.breakers.probed_by_placing(now) else BATCH_ORDERS


def _idle_reason(engine: Engine, coin: Coin, now: Instant) -> str:
    """Why nothing new is quoted now; empty if the grid may be worked on."""
    if engine.halt_reason(coin):
        return f"halted: {engine.halt_reason(coin)}"
    if engine.desk.stopping:
        return "stopping"
    if reason := engine.vitals.idle_reason(engine, now):
        return reason
    if coin.barred and engine.feed_age.is_lost(now):
        return coin.barred.reason
    if not engine.feed.ready:
        return (
            "the gap in fills is being read back"
            if engine.feed.connected
            else "no connection to the exchange"
        )
    if not (engine.saw_account and engine.saw_open_orders):
        return "comparing with the exchange"
    if coin.barred:
        return coin.barred.reason
    if reason := block_reason(coin, now):
        return reason
    if reason := shock_reason(coin, now):
        return reason
    if coin.mid_twice is None:
        return "waiting for a quote with both sides; what rests stays"
    if not coin.steady_mid.is_believed(coin.mid_twice, now.mono_ms):
        return doubt_text(coin)
    if coin.chain_broken_mono_ms:
        return "a fill is missing; reading it back"
    return ""
