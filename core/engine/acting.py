"""What a coin does by itself after any event."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, Place
from core.domain.orders import Purpose
from core.engine.breaker_probes import PROBE_ORDERS
from core.engine.breaker_watch import stopped_by, waits_to_cancel
from core.engine.coin import Coin
from core.engine.flatten_desk import flattens
from core.engine.guard import guarded
from core.engine.idleness import blindness, idleness
from core.engine.intents import cancel, cancel_grid
from core.engine.market_watch import shock_reason
from core.engine.protection import block_reason, increasing_orders, protect, waits_for_stop
from core.engine.quoting import BATCH_ORDERS, plan, reduce, shed
from core.engine.risk_engine import SideCap
from core.engine.risk_watch import tell_binding
from core.engine.side_caps import Money, side_caps
from core.engine.thrift import holds_back
from core.view import BudgetMode

if TYPE_CHECKING:
    from core.engine.engine import Engine


def act(engine: Engine, coin: Coin, now: Instant) -> list[Effect]:
    """All of it, in three parts, each under a guard of its own: a bug in one keeps none of the others from its work."""
    parts = heed_alarm, _keep_protected, _quote_or_clear
    return [effect for part in parts for effect in guarded(engine, coin, now, partial(part, engine, now))]


def heed_alarm(engine: Engine, now: Instant, coin: Coin) -> list[Effect]:
    """What was seen of the coin that it must be halted for."""
    alarm, coin.alarm = coin.alarm, ""
    return engine.latch(coin, alarm) if alarm else []


def _quote_or_clear(engine: Engine, now: Instant, coin: Coin) -> list[Effect]:
    """Quote, or see to it that nothing of ours rests."""
    out: list[Effect] = coin.session.look(coin, now)
    coin.reduce_only = engine.agent.reduces_because(now)
    closed = coin.session.stops(coin, bool(engine.desk.of_session(coin.name)))
    if closed is None and not coin.ledger.lots:
        closed = coin.reduce_only
    if not engine.desk.is_flattening(coin.name):
        out += cancel(
            coin, coin.orders.live_of(Purpose.FLATTEN), now
        )  # one that was to rest: nobody looks after it
    coin.thrift = engine.requests.mode
    coin.held_back = holds_back(coin, engine.requests, _resting(engine), now)
    coin.barred = stopped_by(engine, now) or closed
    coin.idle = idleness(engine, coin, now)
    if coin.plan is not None:
        coin.plan.update(coin.orders)
    stop = engine.desk.stopping
    is_stopped = stop is not None and not stop.keeps
    is_halted = bool(engine.halt_reason(coin) or is_stopped or engine.storage_trouble)
    is_cleared = is_halted or closed is not None or bool(shock_reason(coin, now))
    if is_cleared or engine.is_blind(now):
        out += [] if waits_to_cancel(engine, now) else cancel_grid(coin, now)
        return out if closed else out + _reduce(engine, coin, now)
    if block_reason(coin, now):
        out += cancel(coin, increasing_orders(coin), now)
    if coin.parked.slots and not waits_to_cancel(engine, now):
        out += cancel(coin, coin.parked.orders_in(coin.live_grid_orders()), now)
    if coin.idle:
        return out + shed(coin, now) + _reduce(engine, coin, now)
    coin.caps = _caps(engine, coin) if engine.portfolio_limits.is_any else ()
    window_ms = engine.round_trip.window_ms
    return [*out, *plan(coin, _room(engine, coin, now), now, window_ms), *tell_binding(coin, now)]


def _keep_protected(engine: Engine, now: Instant, coin: Coin) -> list[Effect]:
    """See to the stop that rests at the exchange, whatever becomes of the grid."""
    has_seen = engine.saw_account and engine.saw_open_orders and not engine.storage_trouble
    has_turn = engine.requests.takes_stop(_flatten_waits(engine), now)
    out = protect(coin, has_seen and has_turn, now)
    if any(isinstance(effect, Place) for effect in out):
        engine.requests.placed(coin.name, now)  # before the grid asks for room
    return out


def _caps(engine: Engine, coin: Coin) -> tuple[SideCap, ...]:
    seen = engine.saw_account
    money = Money(engine.account_value, engine.margin_used, engine.margined) if seen else None
    liquidation = engine.liquidations.get(coin.name)
    return side_caps(coin, engine.coins.values(), engine.portfolio_limits, money, liquidation)


def _reduce(engine: Engine, coin: Coin, now: Instant) -> list[Effect]:
    """Nothing is quoted: what limits want closed is closed all the same, as long as position and price are known (I7)."""
    if engine.halt_reason(coin) or engine.desk.stopping or blindness(engine, coin, now):
        return []
    return reduce(coin, now)


def _is_busy(engine: Engine, now: Instant) -> bool:
    """Whether orders that go one at a time wait: for the answer to one that is on its way, a flatten, or a stop's turn."""
    has_first = engine.dead_man.awaits_turn(now) or any(True for _ in flattens(engine.desk.running))
    return has_first or any(each.placing or waits_for_stop(each, now) for each in engine.coins.values())


def _resting(engine: Engine) -> int:
    """Orders of the grid in all coins, while they go one at a time: nobody asks else."""
    if engine.requests.mode is not BudgetMode.ONE_PER_10S:
        return 0
    return sum(len(coin.live_grid_orders()) for coin in engine.coins.values())


def _flatten_waits(engine: Engine) -> bool:
    return any(part.awaits_turn for _, part in flattens(engine.desk.running))


def _room(engine: Engine, coin: Coin, now: Instant) -> int:
    """How many orders of the grid may be sent now: none before the coin's batch before them is answered, and few as a probe,
    of which there is one at a time, whichever coin it is of.
    """
    if coin.placing:
        return 0
    if engine.requests.mode is BudgetMode.ONE_PER_10S:
        return engine.requests.room(_is_busy(engine, now), _resting(engine), now)
    probed = engine.breakers.probed_by_placing(now)
    if not probed:
        return BATCH_ORDERS
    return PROBE_ORDERS if all(breaker.may_probe(now) for breaker in probed) else 0
