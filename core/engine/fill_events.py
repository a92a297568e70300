"""Journalled fills: to each coin its own; those of no coin of ours, and those that are told in two ways, are told of."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, notify
from core.domain.events import FillsCommitted
from core.domain.fills import Fill
from core.domain.holdings import CellPart
from core.engine.acting import heed_alarm
from core.engine.coin import Coin
from core.engine.flatten_desk import heed_trades_by_hand
from core.engine.guard import guarded

if TYPE_CHECKING:
    from core.engine.engine import Engine


def on_fills(engine: Engine, event: FillsCommitted, now: Instant) -> list[Effect]:
    out: list[Effect] = []
    engine.feed.count_recovered(sum(not fill.source.counts_as_ws for fill in event.fills))
    engine.feed.watch.saw_fills(event.fills, engine.feed.ready_venue_ms if engine.feed.ready else 0, now)
    engine.feed.sources.saw(event.fills)
    for name, count in event.duplicates:
        if name in engine.coins:
            out += guarded(engine, engine.coins[name], now, partial(_count_again, count))
    for name, micro in event.matched:
        if name in engine.coins:
            engine.coins[name].matched_micro += micro
    for part in event.parts:
        if part.coin in engine.coins:
            out += guarded(engine, engine.coins[part.coin], now, partial(_take_part, part))
    for name in dict.fromkeys(fill.coin for fill in event.fills):
        mine = [fill for fill in event.fills if fill.coin == name]
        if name in engine.coins:
            coin = engine.coins[name]
            out += guarded(engine, coin, now, partial(Coin.apply_fills, fills=mine, now=now))
            out += guarded(engine, coin, now, partial(heed_alarm, engine, now))
            out += guarded(engine, coin, now, partial(_follow, engine, mine, now))
    return out + _on_odd_fills(engine, event)


def _count_again(count: int, coin: Coin) -> list[Effect]:
    coin.counts = coin.counts.with_duplicates(count)
    return []


def _take_part(part: CellPart, coin: Coin) -> list[Effect]:
    coin.take_part(part)
    return []


def _follow(engine: Engine, fills: list[Fill], now: Instant, coin: Coin) -> list[Effect]:
    """What the screen shows of them, and what they say of a flatten that was under way."""
    told = [(fill, coin.orders.find(fill.cloid, fill.order_id) is None) for fill in fills]
    engine.tape.take(coin.config.instrument, told, now)
    return heed_trades_by_hand(engine, coin, told)


def _on_odd_fills(engine: Engine, event: FillsCommitted) -> list[Effect]:
    """Fills that move no position of ours, and those that contradict what is known."""
    out: list[Effect] = []
    engine.foreign_fills += len(event.foreign)
    for fill in event.foreign:
        fields = {"time_ms": fill.time_ms, "trade_id": fill.trade_id, "order_id": fill.order_id}
        out.append(notify("foreign_fill", "info", fill.coin, **fields))
    for conflict in event.conflicts:
        known, told = conflict.known, conflict.told
        out.append(
            notify(
                "fill_conflict",
                "crit",
                known.coin,
                time_ms=known.time_ms,
                trade_id=known.trade_id,
                known=f"{known.side.value} {known.lots} lots at {known.price}, order {known.order_id}",
                told=f"{told.side.value} {told.lots} lots at {told.price}, order {told.order_id}",
            )
        )
        if known.coin in engine.coins:
            reason = f"the exchange tells fill {known.trade_id} in two ways; compare, then resume"
            out += engine.latch(engine.coins[known.coin], reason)
    return out
