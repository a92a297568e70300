"""What the exchange shows of the account: its resting orders and its positions, held against ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.cloid import parse_cloid
from core.domain.effects import CancelOrphan, Effect, SaveHighWater, notify
from core.domain.events import AccountObserved, OpenOrdersObserved, OrderUpdate, RemoteOrder
from core.domain.orders import OrderState
from core.engine.coin import Coin

if TYPE_CHECKING:
    from core.engine.engine import Engine

HALT_DRIFT_PCT = 10.0
"""The seed's emergency limit."""

_SEEN_IS_OPEN = (
    OrderState.SENT,
    OrderState.UNKNOWN,
    OrderState.NEVER_PLACED,
    OrderState.REJECTED,
    OrderState.OPEN,
)
"""What was cancelled or filled may linger in a list that is late; what was never taken can be in none."""


def on_open_orders(engine: Engine, event: OpenOrdersObserved, now: Instant) -> list[Effect]:
    """A list of all resting orders: what it shows is evidence, what it omits is a question."""
    engine.saw_open_orders = True
    out: list[Effect] = []
    for coin in engine.coins.values():
        out += engine.guarded(coin, lambda c: _compare_orders(engine, c, event, now), now)
    return out


def _compare_orders(engine: Engine, coin: Coin, event: OpenOrdersObserved, now: Instant) -> list[Effect]:
    listed = [o for o in event.orders if o.coin == coin.name]
    coin.foreign_orders = sum(parse_cloid(o.cloid) is None for o in listed)
    out = [effect for remote in listed for effect in _on_listed(engine, coin, remote, now)]
    coin.orders.saw_open_orders((o.cloid for o in listed if o.cloid), event.asked_mono_ms, now)
    return out


def _on_listed(engine: Engine, coin: Coin, remote: RemoteOrder, now: Instant) -> list[Effect]:
    """One resting order: known, an orphan of ours, another instance's, or foreign (left alone) (I5)."""
    known = coin.orders.find(remote.cloid, remote.order_id)
    if known is not None:
        if known.state not in _SEEN_IS_OPEN:
            return []
        seen = OrderUpdate(
            coin.name, remote.cloid, remote.order_id, "open", remote.remaining, known.lots, now.venue_ms
        )
        return coin.apply_update(seen, now)
    parts = parse_cloid(remote.cloid)
    if parts is None or remote.cloid is None:
        return []
    if parts.instance == engine.instance:
        return [
            notify("orphan_order_cancelled", "warn", coin.name, cloid=remote.cloid, order_id=remote.order_id),
            CancelOrphan(coin.name, remote.cloid),
        ]
    return engine.latch(
        None, f"another GridBot instance ({parts.instance}) has orders on this account: stop one, then resume"
    )


def on_account(engine: Engine, event: AccountObserved, now: Instant) -> list[Effect]:
    """Equity, and each position beside the ledger's; a drift above 10 % halts the coin."""
    engine.saw_account = True
    engine.account_value, engine.margin_used = event.account_value, event.margin_used
    out: list[Effect] = []
    if event.account_value > engine.high_water:
        engine.high_water = event.account_value
        out.append(SaveHighWater(event.account_value))
    for coin in engine.coins.values():
        out += engine.guarded(coin, lambda c: _compare_position(engine, c, event, now), now)
    return out


def _compare_position(engine: Engine, coin: Coin, event: AccountObserved, now: Instant) -> list[Effect]:
    position = dict(event.positions).get(coin.name, 0)
    out = coin.observe_position(position, event.venue_ms, event.asked_mono_ms, now)
    drift = coin.ledger.drift
    if drift.declared and drift.pct > HALT_DRIFT_PCT and not coin.halted:
        out += engine.latch(coin, f"position drift of {drift.pct:.1f} % (limit 10 %)")
    return out
