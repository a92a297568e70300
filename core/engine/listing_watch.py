"""What follows when the exchange changes a coin: it trades in other steps from now on, or not at all.

Lots keep their size: the journal counts in them. Where the exchange trades more coarsely, orders come in multiples of lots;
where it trades more finely, or what is held is no multiple, nothing can be counted or closed exactly, and the coin halts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.effects import Effect, notify
from core.domain.events import Event, OrderUpdate, PlaceOutcome, Refused
from core.domain.listing import Listed, ListingsObserved
from core.engine.coin import Coin
from core.engine.halts import HaltRule

if TYPE_CHECKING:
    from core.engine.engine import Engine

LISTINGS_EVERY_MS = 600_000
"""A change is mostly heard of by a refusal: this is for one that nothing of ours has met."""

ASK_AGAIN_MS = 5_000
_TELLING = (Cause.TICK, Cause.SIZE, Cause.NOT_TRADED)
"""Refusals that a change of the coin explains: orders of ours are made by its rules."""


def watch_listings(engine: Engine, event: Event, now: Instant) -> list[Effect]:
    """What the exchange says of its coins; and a refusal that a change would explain brings the next look forward."""
    match event:
        case ListingsObserved(coins=rows):
            coins = engine.coins
            return [
                effect for row in rows if row.coin in coins for effect in _look(engine, coins[row.coin], row)
            ]
        case PlaceOutcome(results=results):
            is_telling = any(isinstance(r, Refused) and r.cause in _TELLING for _, r in results)
        case OrderUpdate(status=status, cause=cause):
            is_telling = status == "delistedCanceled" or cause in _TELLING
        case _:
            return []
    if is_telling:
        engine.schedule.sooner("listings", max(now.mono_ms, engine.listings_asked_mono_ms + ASK_AGAIN_MS))
    return []


def _look(engine: Engine, coin: Coin, row: Listed) -> list[Effect]:
    before = coin.config.instrument
    if row.is_delisted:
        return _delisted(engine, coin)
    if row.sz_decimals == before.traded_decimals:
        return _halted_for_size(engine, coin)
    now = before.traded_with(row.sz_decimals)
    coin.config = replace(coin.config, instrument=now)
    coin.instrument_version += 1
    if coin.plan is not None:
        coin.plan.trade_by(now)
    fields = {"before": before.traded_decimals, "now": row.sz_decimals, "version": coin.instrument_version}
    return [notify("instrument_changed", "warn", coin.name, **fields), *_halted_for_size(engine, coin)]


def _halted_for_size(engine: Engine, coin: Coin) -> list[Effect]:
    """After a restart the change itself is old."""
    reason = size_trouble(coin)
    return engine.latch(coin, reason) if reason and not coin.halted else []


def _delisted(engine: Engine, coin: Coin) -> list[Effect]:
    if coin.halted.startswith(HaltRule.DELISTED.value):
        return []
    reason = (
        f"{HaltRule.DELISTED}: the exchange doesn't trade {coin.name} any more and settles what is held of it; take it out of "
        "the coins (--coin, HL_COINS) at the next start"
    )
    return [notify("coin_delisted", "crit", coin.name), *engine.latch(coin, reason)]


def size_trouble(coin: Coin) -> str:
    """Why the coin can't be counted, or closed, in what the exchange trades by now; empty if it can."""
    instrument, held = coin.config.instrument, coin.ledger.lots
    if instrument.traded_decimals > instrument.sz_decimals:
        return (
            f"{HaltRule.SIZE_DECIMALS}: the exchange trades {coin.name} in {instrument.traded_decimals} decimals and this "
            f"journal counts {instrument.sz_decimals}; flatten, stop, and start with another --state-dir"
        )
    if held % instrument.lot_step:
        return (
            f"{HaltRule.SIZE_DECIMALS}: {instrument.size_text(held)} {coin.name} are held, and the exchange trades in steps of "
            f"{instrument.size_text(instrument.lot_step)} now; close the rest at the exchange, then resume"
        )
    return ""
