"""What the limits say at every tick: the account's halt all, a coin's stop-loss closes its position."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.commands import Action, Command, Origin
from core.domain.effects import Effect, notify
from core.engine.account_risk import AccountLook
from core.engine.coin import Coin
from core.engine.day_mark import made_today, mark_day
from core.engine.guard import guarded
from core.engine.halts import FLATTEN, OPERATOR, HaltRule, closes_position, rule_of
from core.engine.risk_engine import Rule
from core.engine.stop_loss import AGAIN_MS

if TYPE_CHECKING:
    from core.engine.engine import Engine


TOLD_AGAIN_MS = 60_000
_TOLD = frozenset(
    {Rule.ORDER_VELOCITY, Rule.POSITION_VELOCITY, Rule.MARGIN, Rule.LIQUIDATION, Rule.PORTFOLIO}
)


def watch(engine: Engine, now: Instant) -> list[Effect]:
    """Judge every coin and the account by their newest prices."""
    out: list[Effect] = []
    for coin in engine.coins.values():
        out += guarded(engine, coin, now, lambda c: _watch_stop(engine, c, now))
    engine.risk.may_judge |= engine.feed.ready
    look = account_look(engine, now)
    if look is None or not engine.risk.may_judge:
        return out
    effects, reason = engine.risk.look(look, now)
    for coin in engine.coins.values():
        effects += guarded(engine, coin, now, lambda c: mark_day(c, now))
    return out + effects + (engine.latch(None, reason) if reason and not engine.halted else [])


def account_look(engine: Engine, now: Instant) -> AccountLook | None:
    """``None`` as long as the account was not seen, or something is held that never had a price."""
    coins = engine.coins.values()
    if not engine.saw_account or any(c.ledger.lots and not c.known_mid_twice for c in coins):
        return None
    unrealized = sum((c.unrealized_usd() for c in coins), Decimal(0))
    banked = sum((c.ledger.net_usd for c in coins), Decimal(0))
    today = sum((made_today(c, now) for c in coins), Decimal(0))
    return AccountLook(engine.account_value, banked + unrealized, unrealized, today)


def _watch_stop(engine: Engine, coin: Coin, now: Instant) -> list[Effect]:
    """A stop that was passed stays passed: what is held is closed, again if need be, also after a restart, until it is proven
    closed. What is held since then is its operator's, and so is what he has traded while nothing ran.
    """
    stop, reason = coin.stop_loss, coin.stop_loss.passed(coin.mid_twice, coin.config.instrument, now)
    reason = reason or coin.leaving.halts(coin, now)
    if closes_position(coin.halted):
        reason = coin.halted
    elif reason and coin.halted not in ("", OPERATOR, FLATTEN):
        reason += f"; halted before: {coin.halted}"
    is_left = closes_position(coin.halted) and (coin.is_closed or not engine.feed.has_read)
    if not reason or engine.desk.stopping or is_left:
        return []
    out: list[Effect] = []
    if engine.desk.is_flattening(coin.name):
        stop.last_mono_ms = now.mono_ms
    is_due = not stop.last_mono_ms or now.mono_ms - stop.last_mono_ms >= AGAIN_MS
    drift = coin.ledger.drift  # an earlier look at a flat account says nothing of what traded since
    is_held = coin.ledger.lots and not (drift.exchange_lots == 0 and drift.lots)
    if is_held and is_due and engine.saw_account:
        stop.attempts, stop.last_mono_ms = stop.attempts + 1, now.mono_ms
        id_ = f"{HaltRule.STOP_LOSS}:{engine.boot}:{coin.name}:{stop.attempts}"
        out += engine.desk.receive(engine, Command(id_, Action.FLATTEN, coin.name, Origin.RISK), now)
    return out + engine.latch(coin, reason)  # the reason of the halt is the rule, not that it is flattened


def tell_binding(coin: Coin, now: Instant) -> list[Effect]:
    """A limit that stops a level, other than the coin's own cap, is told when it begins to, and once a minute while it does."""
    out: list[Effect] = []
    for blocked in coin.blocked:
        rule, told = blocked.why.rule, coin.told_limits
        if rule in _TOLD and now.mono_ms - told.get(rule, -TOLD_AGAIN_MS) >= TOLD_AGAIN_MS:
            told[rule] = now.mono_ms
            side = blocked.level.slot.side.value
            out.append(
                notify("risk_block", "warn", coin.name, rule=rule.value, side=side, reason=blocked.reason)
            )
    return out


def resume_refusal(engine: Engine, coins: list[Coin]) -> str:
    """Why the limits don't let an operator resume yet; empty if they do."""
    for coin in coins:
        twice = coin.mid_twice
        if rule_of(coin.halted).is_price_limit and twice is not None and coin.stop_loss.is_outside(twice):
            return f"{coin.halted}; resume when the price is back inside, or change the limit and restart"
    return engine.risk.resume_refusal(engine.halted)
