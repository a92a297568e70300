"""What the limits say at every tick: the account's halt all, a coin's stop-loss closes its position."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.commands import Action, Command
from core.domain.effects import Effect
from core.engine.account_risk import AccountLook
from core.engine.coin import Coin
from core.engine.stop_loss import AGAIN_MS, STOP_LOSS

if TYPE_CHECKING:
    from core.engine.engine import Engine


def watch(engine: Engine, now: Instant) -> list[Effect]:
    """Judge every coin and the account by their newest prices."""
    out: list[Effect] = []
    for coin in engine.coins.values():
        out += engine.guarded(coin, lambda c: _watch_stop(engine, c, now))
    look = account_look(engine, now)
    if look is None:
        return out
    effects, reason = engine.risk.look(look, now)
    return out + effects + (engine.latch(None, reason) if reason and not engine.halted else [])


def account_look(engine: Engine, now: Instant) -> AccountLook | None:
    """``None`` as long as the account or the price of something held is unknown."""
    coins = engine.coins.values()
    if engine.account_value <= 0 or any(c.ledger.lots and c.mid_twice is None for c in coins):
        return None
    unrealized = sum((c.unrealized_usd() for c in coins), Decimal(0))
    banked = sum((c.ledger.net_usd for c in coins), Decimal(0))
    today = sum((c.ledger.day_realized_at(now) for c in coins), Decimal(0))
    return AccountLook(engine.account_value, banked + unrealized, unrealized, today)


def _watch_stop(engine: Engine, coin: Coin, now: Instant) -> list[Effect]:
    """A stop that was passed stays passed: what is held is closed, again if need be, also after a restart."""
    stop, reason = coin.stop_loss, coin.stop_loss.passed(coin.mid_twice, coin.config.instrument, now)
    reason = coin.halted if coin.halted.startswith(STOP_LOSS) else reason
    if not reason or engine.desk.stopping:
        return []
    out: list[Effect] = []
    is_due = not stop.begun_mono_ms or now.mono_ms - stop.begun_mono_ms >= AGAIN_MS
    if coin.ledger.lots and is_due and engine.saw_account and not engine.desk.is_flattening(coin.name):
        stop.attempts, stop.begun_mono_ms = stop.attempts + 1, now.mono_ms
        id_ = f"{STOP_LOSS}:{engine.boot}:{coin.name}:{stop.attempts}"
        out += engine.desk.receive(engine, Command(id_, Action.FLATTEN, coin.name, "risk"), now)
    return out + engine.latch(coin, reason)  # the reason of a halt is the rule, not that it is flattened


def resume_refusal(engine: Engine, coins: list[Coin]) -> str:
    """Why the limits don't let an operator resume yet; empty if they do."""
    for coin in coins:
        twice = coin.mid_twice
        if coin.halted.startswith(STOP_LOSS) and twice is not None and coin.stop_loss.is_outside(twice):
            return f"{coin.halted}; resume when the price is back inside, or change the limit and restart"
    return engine.risk.resume_refusal(engine.halted)
