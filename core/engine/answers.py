"""Answers: to placements, to cancels, and that a read of fills has ended."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, notify
from core.domain.events import BackfillDone, CancelOutcome, PlaceOutcome, Refused, Resting, Traded
from core.engine.coin import Coin
from core.engine.guard import guarded
from core.engine.procedures import feed_ticket
from core.engine.schedule import GAP_RETRY_MS, SECOND_READ_MS
from core.engine.tickets import AWAITING_FILLS, CHAIN

if TYPE_CHECKING:
    from core.engine.engine import Engine


def on_placed(engine: Engine, event: PlaceOutcome, now: Instant) -> list[Effect]:
    for coin in engine.coins.values():
        coin.placing.difference_update(cloid for cloid, _ in event.results)
    engine.orders_sent += sum(
        not isinstance(result, Refused) or result.cause.was_sent for _, result in event.results
    )
    taken = {cloid for cloid, result in event.results if isinstance(result, Resting | Traded)}
    sent = [
        c.orders.by_cloid[i].created_ms
        for c in engine.coins.values()
        for i in taken & c.orders.by_cloid.keys()
    ]
    if sent:
        engine.feed.watch.saw_placed(min(sent), now)
        engine.round_trip.note(now.venue_ms - min(sent))
    out: list[Effect] = []
    for cloid, result in event.results:
        out += engine.for_owner(cloid, now, partial(Coin.apply_place, cloid=cloid, result=result, now=now))
    return out + _on_cancels(engine, event.replaced, now)


def on_cancelled(engine: Engine, event: CancelOutcome, now: Instant) -> list[Effect]:
    engine.cancels_sent += len(event.results)
    cloids = [cloid for cloid, _ in event.results]
    for coin in engine.coins.values():
        if not any(cloid in coin.orders.by_cloid for cloid in cloids):
            continue
        if event.failure is None:
            coin.orders.cancel_pace.answered()
        else:
            coin.orders.cancel_pace.failed(f"{engine.boot}:{coin.name}", now)
    return _on_cancels(engine, event.results, now)


def _on_cancels(engine: Engine, results: tuple[tuple[str, str], ...], now: Instant) -> list[Effect]:
    out: list[Effect] = []
    for cloid, error in results:
        out += engine.for_owner(cloid, now, partial(_settle_cancel, cloid=cloid, error=error, now=now))
    return out


def on_backfill(engine: Engine, event: BackfillDone, now: Instant) -> list[Effect]:
    if event.ticket == feed_ticket(engine.feed.generation) and engine.feed.connected:
        return _on_gap_read(engine, event, now)
    if event.ticket == CHAIN:
        engine.schedule.missing_fill_again(engine, now)
    engine.search.on_read(event, engine.coins.values(), now)
    if event.error:
        return []
    engine.feed.has_read |= not event.ticket  # a poll begins where the last run had read to
    out: list[Effect] = []
    for coin in engine.coins.values():
        if event.ticket == AWAITING_FILLS:
            out += guarded(engine, coin, now, lambda c: c.settle_short(now))
    if event.new:
        out.append(
            notify("rest_fills_polled", "info", "", seen=event.seen, new=event.new, reason=event.ticket)
        )
    return out


def _on_gap_read(engine: Engine, event: BackfillDone, now: Instant) -> list[Effect]:
    if event.error:
        engine.schedule.at("gap", now.mono_ms + GAP_RETRY_MS)
        return []
    engine.schedule.at("fills", now.mono_ms + SECOND_READ_MS)
    return engine.feed.gap_read(event, now)


def _settle_cancel(coin: Coin, cloid: str, error: str, now: Instant) -> list[Effect]:
    """The answer to a cancel; nothing follows from it at once."""
    coin.apply_cancel(cloid, error, now)
    return []
