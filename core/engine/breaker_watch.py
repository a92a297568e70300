"""What each event says of the exchange, the link and the disk, and so which circuit breaker it opens or closes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.domain.causes import Cause, Failure
from core.domain.clock import Instant
from core.domain.effects import Effect, notify
from core.domain.events import (
    AccountObserved,
    BackfillDone,
    BookObserved,
    CancelOutcome,
    DepthObserved,
    Event,
    FeedChanged,
    FundingCommitted,
    FundingRatesObserved,
    LedgerUpdatesObserved,
    LoopLagged,
    OpenOrdersObserved,
    OrderNotFound,
    OrderUpdate,
    PlaceOutcome,
    Quote,
    Refused,
    RequestFailed,
    StorageRecovered,
    Tick,
    Unsettled,
)
from core.domain.listing import ListingsObserved
from core.domain.request_limits import RequestBudgetObserved
from core.domain.router_events import KeyShared
from core.engine.breaker_probes import probe_event
from core.engine.circuit_breaker import Breaker, BreakerName, Breakers
from core.engine.halts import FLATTEN, OPERATOR, HaltRule
from core.engine.procedures import feed_ticket
from core.engine.risk_engine import Refusal, Rule
from core.view import BreakerState

if TYPE_CHECKING:
    from core.engine.engine import Engine


ADDRESS_WAIT_MS = 11_000
"""An address whose budget is spent may act once in ten seconds (Hyperliquid: rate limits)."""

_OF_THE_WAY = (Cause.UNSENT, Cause.UNANSWERED, Cause.SERVER, Cause.MAINTENANCE, Cause.RATE_IP)
"""Trouble between here and the exchange's orders, which cancels and placements share."""


def heed(engine: Engine, event: Event, now: Instant) -> list[Effect]:
    """Let the breakers learn from an event that the engine has handled."""
    breakers = engine.breakers
    match event:
        case Quote():
            return []
        case PlaceOutcome():
            return _on_placed(engine, event, now)
        case CancelOutcome() if event.failure is not None:
            return _failed(engine, BreakerName.CANCEL, "cancel", event.failure, now)
        case CancelOutcome() if event.results:
            return _well(breakers, (BreakerName.CANCEL, BreakerName.AUTH), now)
        case RequestFailed():
            failure = Failure(event.cause, event.reason, event.retry_after_ms)
            return _failed(engine, BreakerName.INFO, event.what, failure, now)
        case BackfillDone() if event.error:
            failure = Failure(event.cause, event.error, event.retry_after_ms)
            return _failed(engine, BreakerName.INFO, "fills", failure, now)
        case BackfillDone():
            out = _well(breakers, (BreakerName.INFO,), now)
            is_gap = event.ticket == feed_ticket(engine.feed.generation) and engine.feed.ready
            return out + (_linked(breakers, now) if is_gap else [])
        case AccountObserved() | OpenOrdersObserved() | BookObserved() | DepthObserved() | OrderNotFound():
            return _well(breakers, (BreakerName.INFO,), now)
        case RequestBudgetObserved():
            return _well(breakers, (BreakerName.INFO,), now)
        case LedgerUpdatesObserved() | FundingCommitted() | FundingRatesObserved() | ListingsObserved():
            return _well(breakers, (BreakerName.INFO,), now)
        case OrderUpdate() if not event.is_streamed:
            return _well(breakers, (BreakerName.INFO,), now)
        case FeedChanged():
            return _on_feed(breakers, event, now)
        case StorageRecovered():
            return _well(breakers, (BreakerName.STORAGE,), now)
        case LoopLagged():
            engine.feed_age.anew(now)
        case KeyShared():
            engine.shared_key.note(event, now)
        case Tick():
            return _on_tick(engine, event, now)
        case _:
            pass
    return []


def _on_placed(engine: Engine, event: PlaceOutcome, now: Instant) -> list[Effect]:
    failure = event.failure or next(
        (Failure(r.cause, r.reason) for _, r in event.results if isinstance(r, Unsettled)), None
    )
    held = next(
        (r for _, r in event.results if isinstance(r, Refused) and r.cause in (Cause.LOCAL, Cause.STORAGE)),
        None,
    )
    if failure is None and held is None:
        if event.results and not any(
            not isinstance(r, Refused) or r.cause.was_sent for _, r in event.results
        ):
            return _unsent(engine, now)
        return _well(engine.breakers, _answered_by_placing(engine.breakers, now), now)
    if failure is None and held is not None:
        failure = Failure(held.cause, held.reason)
    assert failure is not None
    if not failure.cause.was_sent:
        _unsent(engine, now)
    return _failed(engine, BreakerName.PLACE, "place", failure, now)


def _answered_by_placing(breakers: Breakers, now: Instant) -> tuple[BreakerName, ...]:
    """A placement that is answered says as much of the way there as a cancel would, which a quiet grid has none of."""
    cancel = breakers[BreakerName.CANCEL]
    is_of_the_way = cancel.cause in _OF_THE_WAY and cancel.state(now) is BreakerState.HALF_OPEN
    names = (BreakerName.PLACE, BreakerName.AUTH, BreakerName.STORAGE)
    return (*names, BreakerName.CANCEL) if is_of_the_way else names


def _unsent(engine: Engine, now: Instant) -> list[Effect]:
    """Nothing left, so nothing is known of the exchange: another probe may go."""
    for breaker in engine.breakers.probed_by_placing(now):
        breaker.probe_did_not_leave()
    return []


def _failed(engine: Engine, name: BreakerName, what: str, failure: Failure, now: Instant) -> list[Effect]:
    """Count a failure where its cause belongs, and say so."""
    breakers, cause = engine.breakers, failure.cause
    out: list[Effect] = [notify("api_error", "warn", "", what=what, cause=cause.value, reason=failure.text)]
    match cause:
        case Cause.LOCAL:
            return out
        case Cause.STORAGE:
            return out + _count(breakers[BreakerName.STORAGE], failure, now)
        case Cause.AUTH:
            out += _count(breakers[BreakerName.AUTH], failure, now, at_once=True)
            if name is BreakerName.CANCEL:
                out += _count(breakers[name], failure, now, at_once=True)
            return out + _halt_for_auth(engine, failure)
        case Cause.RATE_IP:
            # The address is shared: whoever met the limit, what can wait does.
            for each in dict.fromkeys((name, BreakerName.INFO)):
                out += _count(breakers[each], failure, now, at_once=True)
            return out
        case Cause.RATE_ADDRESS if name is BreakerName.PLACE:
            # An answer: how many requests are left says what may go (address_budget).
            return out + _well(breakers, (BreakerName.PLACE, BreakerName.AUTH, BreakerName.STORAGE), now)
        case Cause.RATE_ADDRESS:
            return out + _count(breakers[name], failure, now, at_once=True, wait_ms=ADDRESS_WAIT_MS)
        case _:
            return out + _count(breakers[name], failure, now)


def _halt_for_auth(engine: Engine, failure: Failure) -> list[Effect]:
    """Halt all, once: the words name another address at every try. A stop latches none, a rule's reason stays (I9)."""
    if engine.desk.stopping or engine.halted not in ("", OPERATOR, FLATTEN):
        return []
    reason = (
        f"{HaltRule.AUTH}: the exchange refuses our signature ({failure.text}); see that the key is of an approved agent of "
        f"{engine.account} and that the account has funds, restart with the right key if it was another, then resume"
    )
    return engine.latch(None, reason)


def _count(
    breaker: Breaker, failure: Failure, now: Instant, at_once: bool = False, wait_ms: int = 0
) -> list[Effect]:
    wait_ms = max(wait_ms, failure.retry_after_ms)
    if not breaker.failure(failure.cause, failure.text, now, at_once, wait_ms):
        return []
    left_ms = breaker.cooldown_left_ms(now)
    return [
        notify(
            "circuit_break",
            "crit",
            "",
            breaker=breaker.name.value,
            cause=failure.cause.value,
            reason=failure.text,
            streak=breaker.streak,
            trips=breaker.trips(now),
            cooldown_s=None if left_ms is None else round(left_ms / 1000, 1),
        )
    ]


def _well(breakers: Breakers, names: Iterable[BreakerName], now: Instant) -> list[Effect]:
    """An answer: these are closed."""
    out: list[Effect] = []
    for name in names:
        if was_open_ms := breakers[name].success(now):
            out.append(
                notify("circuit_reset", "info", "", breaker=name.value, open_s=round(was_open_ms / 1000, 1))
            )
    return out


def _on_feed(breakers: Breakers, event: FeedChanged, now: Instant) -> list[Effect]:
    feed = breakers[BreakerName.FEED]
    if not event.connected:
        return _count(feed, Failure(Cause.UNANSWERED, event.reason or "the connection ended"), now)
    if not feed.end_cooldown(now):
        return []
    feed.probe(now)
    return [probe_event(feed, "the fills of the gap")]


def _linked(breakers: Breakers, now: Instant) -> list[Effect]:
    """The stream is back and its gap is read. Whatever kept placements from being answered may be over too: try."""
    place = breakers[BreakerName.PLACE]
    if place.cause in (Cause.UNSENT, Cause.UNANSWERED, Cause.SERVER):
        place.end_cooldown(now)
    return _well(breakers, (BreakerName.FEED,), now)


def _on_tick(engine: Engine, event: Tick, now: Instant) -> list[Effect]:
    age, feed, storage = (
        engine.feed_age,
        engine.breakers[BreakerName.FEED],
        engine.breakers[BreakerName.STORAGE],
    )
    age.heard(event.last_message_ms, now)
    out = age.look(now)
    if age.is_stale(now) and not feed.is_open(now):
        words = f"no message over the stream for {age.age_ms(now) // 1000} s (limit {age.stale_ms // 1000} s)"
        out += _count(feed, Failure(Cause.UNANSWERED, words), now, at_once=True)
    elif not age.is_stale(now) and feed.is_open(now) and engine.feed.ready:
        out += _well(engine.breakers, (BreakerName.FEED,), now)
    if engine.storage_trouble and not storage.is_open(now):
        out += _count(storage, Failure(Cause.STORAGE, engine.storage_trouble), now, at_once=True)
    return out


def stopped_by(engine: Engine, now: Instant) -> Refusal | None:
    """Why nothing new is placed, as far as the stream and the breakers go; ``None`` if they don't stop it."""
    if engine.feed_age.is_lost(now):
        limit_s = engine.feed_age.halt_ms // 1000
        words = f"no market data for more than {limit_s} s: our orders are taken back until it is there again"
        return Refusal(Rule.BREAKER, words)
    breaker = engine.breakers.stopping(now)
    if breaker is None:
        return None
    words = f"circuit breaker {breaker.name.value} is open: {breaker.reason}"
    return Refusal(Rule.BREAKER, words, breaker.until_mono_ms)


def waits_to_cancel(engine: Engine, now: Instant) -> bool:
    """Whether a cancel by ourselves must wait: the last was refused in a way that the next would be, at once. What an operator
    asks for, and a stop, don't wait (I7).
    """
    cancel = engine.breakers[BreakerName.CANCEL]
    is_futile = cancel.cause in (Cause.AUTH, Cause.RATE_ADDRESS)
    return is_futile and cancel.is_open(now) and not engine.desk.stopping
