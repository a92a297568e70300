"""Why a coin quotes nothing new now, and what ends it: the first of the rules that hold for the whole coin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.engine.market_watch import doubt_text, shock_reason
from core.engine.position_age import why_unread
from core.engine.protection import block_reason
from core.engine.risk_engine import Refusal, Rule
from core.engine.trouble import of_settings

if TYPE_CHECKING:
    from core.engine.coin import Coin
    from core.engine.engine import Engine

BEFORE_A_QUOTE = Refusal(Rule.IDLE, "waiting for the first quote")


def idleness(engine: Engine, coin: Coin, now: Instant) -> Refusal | None:
    """``None`` if the grid may be worked on."""
    if reason := engine.halt_reason(coin):
        return Refusal(
            Rule.IDLE, f"halted: {reason}", ends="an operator who resumes it (key U, `gridbot resume`)"
        )
    if engine.desk.stopping:
        return Refusal(Rule.IDLE, "stopping", ends="another start")
    return (
        _before_all_is_known(engine, coin, now)
        or _unread(engine, now)
        or coin.barred
        or _by_the_coin(coin, now)
    )


def blindness(engine: Engine, coin: Coin, now: Instant) -> Refusal | None:
    """What of it keeps the position or the price from being known: nothing is decided by them then."""
    return _before_all_is_known(engine, coin, now) or _without_a_price(coin, now)


def _before_all_is_known(engine: Engine, coin: Coin, now: Instant) -> Refusal | None:
    if found := engine.vitals.idleness(engine, now):
        return found
    if coin.barred and engine.feed_age.is_lost(now):
        return coin.barred
    if not engine.feed.connected and not engine.feed.ready:
        return Refusal(Rule.IDLE, "no connection to the exchange", ends="a connection to the exchange")
    if not engine.feed.ready:
        return Refusal(Rule.IDLE, "the gap in fills is being read back")
    if not (engine.saw_account and engine.saw_open_orders):
        return Refusal(Rule.IDLE, "comparing with the exchange")
    return None


def _unread(engine: Engine, now: Instant) -> Refusal | None:
    """Fills in the stream go on telling the position: what only reduces it doesn't wait for the exchange's."""
    age = engine.position_age
    if not age.is_late(now):
        return None
    words = f"the exchange's position has not been read for {age.age_ms(now) // 1000} s (limit {age.late_ms // 1000} s)"
    return Refusal(Rule.IDLE, f"{words}: {why_unread(engine, now)}")


def _by_the_coin(coin: Coin, now: Instant) -> Refusal | None:
    if found := block_reason(coin, now):
        return found
    if reason := shock_reason(coin, now):
        return Refusal(Rule.IDLE, reason, ends="a quiet minute")
    return _without_a_price(coin, now)


def _without_a_price(coin: Coin, now: Instant) -> Refusal | None:
    if coin.mid_twice is None:
        return Refusal(
            Rule.IDLE,
            "waiting for a quote with both sides; what rests stays",
            ends="a quote with both sides",
        )
    if not coin.steady_mid.is_believed(coin.mid_twice, now.mono_ms):
        return Refusal(Rule.IDLE, doubt_text(coin))
    if coin.chain_broken_mono_ms:
        return Refusal(
            Rule.IDLE,
            "a fill is missing; reading it back",
            ends="that fill, or an adjustment that is accepted (key A)",
        )
    return None


def without_a_grid(coin: Coin) -> Refusal | None:
    """The settings make no grid at this price, or the first one waits for another."""
    if coin.grid_refused:
        return Refusal(Rule.IDLE, coin.grid_refused, ends=of_settings(coin.grid_refused).fix)
    return Refusal(Rule.IDLE, coin.waiting_for) if coin.waiting_for else None
