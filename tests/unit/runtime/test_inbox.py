"""The inbox: in order, bounded, never dropping; a newer quote replaces an unread one."""

from __future__ import annotations

import asyncio
import time

import pytest

from core.domain.events import FillsArrived, Quote, StopRequested, Tick
from core.runtime import inbox as inbox_module
from core.runtime.inbox import CAPACITY, RESERVE, Inbox, Item
from tests.unit.exchange.samples import fill


def _item(number: int) -> FillsArrived:
    return FillsArrived((fill(number),))


async def test_items_come_out_in_the_order_they_went_in() -> None:
    inbox = Inbox()
    put: list[Item] = [_item(1), StopRequested("x"), Tick(1, 0.0), _item(2)]
    for item in put:
        await inbox.put(item)
    assert await inbox.drain(1) == put
    assert await inbox.drain(0) == []


async def test_only_the_newest_quote_of_each_coin_is_kept_and_quotes_come_last() -> None:
    inbox = Inbox()
    await inbox.put(Quote("BTC", 1, 2, 10))
    await inbox.put(Quote("ETH", 3, 4, 11))
    await inbox.put(_item(1))
    await inbox.put(Quote("BTC", 5, 6, 12))
    assert await inbox.drain(1) == [_item(1), Quote("BTC", 5, 6, 12), Quote("ETH", 3, 4, 11)]


async def test_a_quote_never_waits_and_takes_no_room() -> None:
    inbox = Inbox()
    for number in range(CAPACITY):
        assert inbox.offer(_item(number))
    await asyncio.wait_for(inbox.put(Quote("BTC", 1, 2, 10)), 1)


async def test_a_full_inbox_refuses_an_offer_and_takes_what_is_forced() -> None:
    inbox = Inbox()
    for number in range(CAPACITY):
        assert inbox.offer(_item(number))
    assert not inbox.offer(_item(0))
    inbox.force(StopRequested("now"))
    found = await _all(inbox)
    assert len(found) == CAPACITY + 1
    assert found[-1] == StopRequested("now")


async def test_a_full_inbox_has_some_room_for_what_is_urgent() -> None:
    inbox = Inbox()
    for number in range(CAPACITY):
        assert inbox.offer(_item(number))
    for number in range(RESERVE):
        assert inbox.offer(_item(number), is_urgent=True)
    assert not inbox.offer(_item(0), is_urgent=True)
    assert len(await _all(inbox)) == CAPACITY + RESERVE


async def test_a_full_inbox_holds_its_feeders_back_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "CAPACITY", 8)
    inbox = Inbox()

    async def feed(first: int) -> None:
        for number in range(first, first + 50):
            await inbox.put(_item(number))

    feeders = [asyncio.create_task(feed(first)) for first in (0, 1_000)]
    found: list[Item] = []
    while len(found) < 100:
        batch = await inbox.drain(1, most=5)
        assert len(batch) <= 5
        found += batch
        assert len(inbox._items) <= 8
    await asyncio.gather(*feeders)
    numbers = [item.fills[0].trade_id for item in found if isinstance(item, FillsArrived)]
    assert [n for n in numbers if n < 1_000] == list(range(50)), "each feeder's own order is kept"
    assert sorted(numbers) == [*range(50), *range(1_000, 1_050)]


async def test_more_than_a_batch_is_handed_over_without_waiting() -> None:
    inbox = Inbox()
    for number in range(7):
        await inbox.put(_item(number))
    started = time.monotonic()
    assert [len(await inbox.drain(10, most=3)) for _ in range(3)] == [3, 3, 1]
    assert time.monotonic() - started < 5


async def test_an_empty_inbox_gives_an_empty_batch_after_the_wait_and_wakes_at_once_for_an_item() -> None:
    inbox = Inbox()
    assert await inbox.drain(0.01) == []
    waiting = asyncio.create_task(inbox.drain(30))
    await asyncio.sleep(0)
    inbox.force(_item(1))
    assert await asyncio.wait_for(waiting, 1) == [_item(1)]
    quoted = asyncio.create_task(inbox.drain(30))
    await asyncio.sleep(0)
    await inbox.put(Quote("BTC", 1, 2, 3))
    assert await asyncio.wait_for(quoted, 1) == [Quote("BTC", 1, 2, 3)]


async def test_another_thread_may_offer_through_the_loop() -> None:
    inbox, loop = Inbox(), asyncio.get_running_loop()
    waiting = asyncio.create_task(inbox.drain(30))
    await asyncio.to_thread(loop.call_soon_threadsafe, inbox.force, _item(1))
    assert await asyncio.wait_for(waiting, 1) == [_item(1)]


async def _all(inbox: Inbox) -> list[Item]:
    found: list[Item] = []
    while batch := await inbox.drain(0):
        found += batch
    return found
