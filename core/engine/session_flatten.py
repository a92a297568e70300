"""Closing a coin's position for a session that ends: by the desk's flatten, without a halt, so that the open needs nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.commands import Action, Command, Origin
from core.domain.effects import Effect
from core.engine.coin import Coin
from core.engine.guard import guarded
from core.engine.session_watch import ClosedSession
from core.engine.stop_loss import AGAIN_MS

if TYPE_CHECKING:
    from core.engine.engine import Engine


def close_for_sessions(engine: Engine, now: Instant) -> list[Effect]:
    """At every tick: what is held of a coin that is to be flat by the close is closed, again if need be, also after a restart.
    A coin that is halted is its operator's.
    """
    out: list[Effect] = []
    for coin in engine.coins.values():
        out += guarded(engine, coin, now, lambda c: _close(engine, c, now))
    return out


def _close(engine: Engine, coin: Coin, now: Instant) -> list[Effect]:
    watch = coin.session
    watch.refresh(coin, now)
    if not watch.follows(coin, ClosedSession.FLATTEN) or watch.is_awaited:
        return []
    if engine.halt_reason(coin) or engine.desk.stopping or not engine.saw_account:
        return []
    if engine.desk.is_flattening(coin.name):
        watch.flattened_mono_ms = now.mono_ms
        return []
    drift = coin.ledger.drift  # an earlier look at a flat account says nothing of what traded since
    is_held = coin.ledger.lots and not (drift.exchange_lots == 0 and drift.lots)
    is_due = not watch.flattened_mono_ms or now.mono_ms - watch.flattened_mono_ms >= AGAIN_MS
    if not is_held or not is_due:
        return []
    watch.attempts, watch.flattened_mono_ms = watch.attempts + 1, now.mono_ms
    id_ = f"{Origin.SESSION.value}:{engine.boot}:{coin.name}:{watch.attempts}"
    return engine.desk.receive(engine, Command(id_, Action.FLATTEN, coin.name, Origin.SESSION), now)
