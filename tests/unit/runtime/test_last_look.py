"""What the feed tells while the journal writes is looked at before an order leaves; and what leaves first of one turn."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.effects import Cancel, CancelOrphan, Effect, Modify, MoveMargin, Place, SaveOrder, notify
from core.domain.events import Event, PlaceOutcome, Quote, Refused, Tick
from core.domain.orders import Order, OrderState, Purpose, Side, Tif
from core.engine.engine import Engine
from core.engine.vitals import Vitals
from core.runtime.account_loop import TICK_MS
from core.runtime.inbox import Inbox
from core.runtime.last_look import LastLook
from tests.unit.exchange.samples import BTC, NOW_MS, order
from tests.unit.runtime.test_account_loop import Stage, _ready

BID, ASK = 839_500, 839_600
BUY = order(1, side=Side.BUY, price=BID)
SELL = order(2, side=Side.SELL, price=ASK)


def look(known: Quote | None, unread: Quote | None = None, fresh_ms: int = 0) -> LastLook:
    inbox = Inbox()
    if unread is not None:
        asyncio.run(inbox.put(unread))
    coin = SimpleNamespace(quote=known, config=SimpleNamespace(instrument=BTC))
    engine = SimpleNamespace(coins={"BTC": coin}, vitals=Vitals(fresh_venue_ms=fresh_ms))
    return LastLook(cast(Engine, engine), inbox)


def quote(bid: int | None, ask: int | None) -> Quote:
    return Quote("BTC", bid, ask, NOW_MS)


def refused(outcome: PlaceOutcome | None) -> list[str]:
    assert outcome is not None
    for _, result in outcome.results:
        assert isinstance(result, Refused)
        assert result.cause is Cause.CROSSED
        assert not result.cause.was_sent
    return [cloid for cloid, _ in outcome.results]


@pytest.mark.parametrize(
    ("bid", "ask", "kept"),
    [
        (BID, ASK, {BUY, SELL}),
        (BID - 10, BID, {SELL}),
        (BID - 20, BID - 10, {SELL}),
        (ASK, ASK + 10, {BUY}),
        (None, ASK, {BUY, SELL}),
        (None, None, {BUY, SELL}),
        (None, BID, {SELL}),
    ],
)
def test_an_order_that_would_take_by_now_is_not_sent_and_the_others_are(
    bid: int | None, ask: int | None, kept: set[Order]
) -> None:
    goes, stays = look(quote(BID, ASK), quote(bid, ask)).at(Place((BUY, SELL)))
    assert isinstance(goes, Place)
    assert set(goes.orders) == kept
    gone = {BUY, SELL} - kept
    assert (stays is None) == (not gone)
    if gone:
        assert refused(stays) == [each.cloid for each in gone]


def test_nothing_is_left_of_a_batch_that_would_take_with_every_order() -> None:
    goes, stays = look(None, quote(BID - 20, BID - 10)).at(Place((BUY,)))
    assert goes is None
    assert refused(stays) == [BUY.cloid]
    assert "the ask had come to 83949" in str(stays)


def test_without_an_unread_quote_the_one_that_the_engine_has_by_now_decides() -> None:
    goes, stays = look(quote(BID - 20, BID - 10)).at(Place((BUY, SELL)))
    assert goes == Place((SELL,))
    assert refused(stays) == [BUY.cloid]
    assert look(None).at(Place((BUY, SELL))) == (Place((BUY, SELL)), None)


def test_a_quote_from_before_a_gap_in_time_decides_nothing() -> None:
    stale = look(quote(BID, ASK), quote(BID - 20, BID - 10), fresh_ms=NOW_MS + 1)
    assert stale.at(Place((BUY,))) == (Place((BUY,)), None)


def test_an_order_that_may_take_is_none_of_its_business() -> None:
    closing = order(3, tif=Tif.IOC, purpose=Purpose.REDUCE, price=ASK + 100, reduce_only=True)
    assert look(quote(BID, ASK)).at(Place((closing,))) == (Place((closing,)), None)


def test_a_change_whose_new_order_would_take_is_not_sent_and_its_old_order_is_known_to_be_asked_about() -> (
    None
):
    old = [order(n, state=OrderState.OPEN, order_id=n) for n in (7, 8)]
    goes, stays = look(quote(BID - 20, BID - 10)).at(Modify(((old[0], BUY), (old[1], SELL))))
    assert goes == Modify(((old[1], SELL),))
    assert refused(stays) == [BUY.cloid]
    assert stays is not None
    ((cloid, error),) = stays.replaced
    assert cloid == old[0].cloid
    assert error.startswith("not sent")


async def test_a_quote_that_comes_while_the_journal_writes_keeps_an_order_from_being_sent() -> None:
    def effects(event: Event) -> list[Effect]:
        return [SaveOrder(BUY), Place((BUY, SELL))] if isinstance(event, Quote) else []

    stage = Stage(effects)
    stage.coins["BTC"] = SimpleNamespace(
        quote=quote(BID, ASK), config=SimpleNamespace(instrument=BTC), placing=set()
    )
    loop = await _ready(stage)
    tasks = []
    stage.while_committing = lambda: tasks.append(
        asyncio.ensure_future(stage.inbox.put(quote(BID - 20, BID - 10)))
    )
    commit = stage.commit

    async def slow(batch):  # type: ignore[no-untyped-def]
        done = await commit(batch)
        await asyncio.gather(*tasks)
        return done

    stage.commit = slow  # type: ignore[method-assign]
    await loop.turn([quote(BID, ASK)])
    assert stage.of("start") == [Place((SELL,))]
    outcome, newer = await stage.inbox.drain(0)
    assert isinstance(outcome, PlaceOutcome)
    assert refused(outcome) == [BUY.cloid]
    assert newer == quote(BID - 20, BID - 10)


async def test_what_gets_us_out_leaves_before_what_gets_us_in_whatever_was_decided_first() -> None:
    closing = order(3, tif=Tif.IOC, purpose=Purpose.REDUCE, reduce_only=True)
    old = order(7, state=OrderState.OPEN, order_id=7)
    place, change, close = Place((BUY,)), Modify(((old, SELL),)), Place((closing,))
    cancel, orphan, margin = Cancel((order(9),)), CancelOrphan("BTC", "0x1"), MoveMargin("BTC", 10**6, "m")
    decided: list[Effect] = [place, change, margin, close, cancel, orphan]
    stage = Stage(lambda event: decided if isinstance(event, Quote) else [])
    loop = await _ready(stage)
    await loop.turn([quote(BID, ASK)])
    assert stage.of("start") == [cancel, orphan, margin, close, change, place]


async def test_a_warning_is_told_before_the_cancel_that_follows_from_it_and_news_after_all() -> None:
    warning, news = notify("orphan_order_cancelled", "warn", "BTC"), notify("grid_built", "info", "BTC")
    decided: list[Effect] = [news, Place((BUY,)), warning, CancelOrphan("BTC", "0x1")]
    stage = Stage(lambda event: decided if isinstance(event, Quote) else [])
    loop = await _ready(stage)
    await loop.turn([quote(BID, ASK)])
    acts = [what for kind, what in stage.log if kind in ("start", "tell")]
    assert acts == [warning, CancelOrphan("BTC", "0x1"), Place((BUY,)), news]


async def test_a_window_that_ends_before_the_next_tick_is_looked_at_when_it_ends() -> None:
    stage = Stage()
    loop = await _ready(stage)
    stage.wakes_ms = stage.now_ms + 20
    await loop.turn([quote(BID, ASK)])
    assert loop._pause_ms() == 20
    stage.log.clear()
    stage.now_ms += 19
    await loop.turn([])
    assert not stage.of("step")
    stage.now_ms += 1
    stage.wakes_ms = 0
    await loop.turn([])
    (woken,) = stage.of("step")
    assert isinstance(woken, Tick)
    assert loop._pause_ms() == TICK_MS


async def test_a_window_that_ended_while_the_journal_wrote_is_looked_at_at_once() -> None:
    def effects(event: Event) -> list[Effect]:
        return [SaveOrder(BUY)] if isinstance(event, Quote) else []

    stage = Stage(effects)
    loop = await _ready(stage)
    end_ms = stage.now_ms + 20

    def wakes_at(now: Instant) -> int:
        return end_ms if end_ms > now.mono_ms else 0

    stage.wakes_at = wakes_at  # type: ignore[method-assign, assignment]
    stage.commit_takes_ms = 50
    await loop.turn([quote(BID, ASK)])
    assert loop._pause_ms() == 1
    await loop.turn([])
    assert isinstance(stage.of("step")[-1], Tick)
    assert loop._pause_ms() == TICK_MS, "once"
