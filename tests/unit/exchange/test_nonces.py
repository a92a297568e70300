"""Nonces only go up, and none is used before the ceiling above it is on disk."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from core.exchange.nonces import CLEAR_MS, RESERVE_MS, SPARE, WATCHDOG, NonceAllocator


class Disk:
    """What is durable; a write takes effect only when ``finish`` is called, if ``slow``."""

    def __init__(self, slow: bool = False) -> None:
        self.ceiling, self.writes = 0, 0
        self.broken = False
        self.finish = asyncio.Event()
        if not slow:
            self.finish.set()

    async def save(self, ceiling: int) -> bool:
        self.writes += 1
        await self.finish.wait()
        if self.broken:
            return False
        self.ceiling = ceiling
        return True


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40), st.sets(st.integers(0, 40), max_size=4))
def test_nonces_rise_through_clock_steps_and_restarts(clock: list[int], restarts: set[int]) -> None:
    async def run() -> list[int]:
        disk = Disk()
        nonces, taken = NonceAllocator(0, disk.save), []
        for number, venue_ms in enumerate(clock):
            if number in restarts:
                nonces = NonceAllocator(disk.ceiling, disk.save)
            taken.append(await nonces.take(venue_ms))
            assert taken[-1] <= disk.ceiling, "used before the ceiling was durable"
        return taken

    taken = asyncio.run(run())
    assert all(a < b for a, b in pairwise(taken))


async def test_a_nonce_is_the_time_when_time_has_moved_on() -> None:
    nonces = NonceAllocator(0, Disk().save)
    assert [await nonces.take(at) for at in (1_000, 1_000, 5_000, 5_001)] == [1_000, 1_002, 5_000, 5_002]


async def test_the_ceiling_is_written_before_it_is_needed_and_nothing_waits_for_it() -> None:
    disk = Disk()
    nonces = NonceAllocator(0, disk.save)
    await nonces.take(1_000_000)
    assert disk.writes == 1
    disk.finish.clear()
    for venue_ms in range(1_000_000, 1_000_000 + RESERVE_MS, 1_000):
        async with asyncio.timeout(0):
            await nonces.take(venue_ms)
        await asyncio.sleep(0)
    assert disk.writes == 2, "one more is on its way in the background, and all that are below the old one go"
    disk.finish.set()
    await nonces.end()
    assert disk.ceiling >= 1_000_000 + RESERVE_MS


async def test_it_is_kept_ahead_while_nothing_is_sent() -> None:
    disk = Disk()
    nonces = NonceAllocator(0, disk.save)
    for venue_ms in range(1_000_000, 1_300_000, 200):
        nonces.keep_ahead(venue_ms)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert disk.ceiling > venue_ms
    assert disk.writes <= 11, "twice a minute"


async def test_a_row_of_restarts_does_not_run_away_from_time() -> None:
    """A bot that crashes at every start, once a second for two days, still signs nonces that the venue takes."""
    disk = Disk()
    for venue_ms in range(10**9, 10**9 + 172_800_000, 20_000):
        taken = await NonceAllocator(disk.ceiling, disk.save).take(venue_ms)
        assert taken - venue_ms <= RESERVE_MS + SPARE


async def test_what_was_remembered_of_a_clock_days_ahead_is_given_up() -> None:
    """No nonce a day ahead was ever taken, so that those before it are free."""
    disk = Disk()
    nonces = NonceAllocator(3 * 86_400_000, disk.save)
    assert await nonces.take(1_000) == 1_002
    nonces = NonceAllocator(86_400_000 // 2, disk.save)
    assert await nonces.take(1_000) == 86_400_000 // 2 + 2, "half a day ahead they may be used up"


async def test_it_begins_above_what_the_venue_names_unless_that_is_absurd() -> None:
    nonces = NonceAllocator(0, Disk().save)
    nonces.rise_above(50_001, 1_000)
    first = await nonces.take(1_000)
    assert first >= 50_001 + CLEAR_MS
    nonces.rise_above(10**15, 1_000)
    assert await nonces.take(1_000) == first + 2


async def test_a_bot_and_its_watchdog_never_take_the_same() -> None:
    disks = Disk(), Disk()
    bot, watchdog = NonceAllocator(0, disks[0].save), NonceAllocator(0, disks[1].save, WATCHDOG)
    venue_ms = [1_000, 1_000, 1_001, 1_002, 1_002, 1_007]
    mine, its = [await bot.take(at) for at in venue_ms], [await watchdog.take(at) for at in venue_ms]
    assert not set(mine) & set(its)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 3)), min_size=1, max_size=60))
def test_takers_at_once_never_race(takers: list[tuple[int, int]]) -> None:
    """However the disk and the takers interleave: every nonce once, rising in the order in which they were given out."""

    async def run() -> None:
        disk, given = Disk(slow=True), list[int]()
        nonces = NonceAllocator(0, disk.save)

        async def take(venue_ms: int, turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            given.append(await nonces.take(venue_ms))
            assert given[-1] <= disk.ceiling, "used before the ceiling was durable"

        async def write() -> None:
            while True:
                for _ in range(3):
                    await asyncio.sleep(0)
                disk.finish.set()
                await asyncio.sleep(0)
                disk.finish.clear()

        writing = asyncio.create_task(write())
        await asyncio.gather(*(take(*taker) for taker in takers))
        await nonces.end()
        writing.cancel()
        assert len(set(given)) == len(takers)
        assert given == sorted(given)

    asyncio.run(run())


async def test_a_second_taker_waits_until_the_first_ones_ceiling_is_durable() -> None:
    disk = Disk(slow=True)
    nonces = NonceAllocator(0, disk.save)
    takers = [asyncio.create_task(nonces.take(1_000)) for _ in range(3)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(taker.done() for taker in takers), "a nonce passed the durable ceiling"
    disk.finish.set()
    assert sorted(await asyncio.gather(*takers)) == [1_000, 1_002, 1_004]
    assert disk.ceiling >= 1_004


async def test_a_failed_write_is_known_and_covered_by_the_next_ceiling() -> None:
    disk = Disk()
    disk.broken = True
    nonces = NonceAllocator(0, disk.save)
    first = await nonces.take(1_000)
    assert nonces.is_without_disk
    assert first < await nonces.take(1_000)
    assert disk.writes == 1, "a cancel doesn't wait for a broken disk twice"
    disk.broken = False
    nonces.use_disk_again()
    assert await nonces.take(1_000) <= disk.ceiling
    assert not nonces.is_without_disk


async def test_cancels_get_their_nonces_when_the_disk_is_given_up() -> None:
    disk = Disk()
    nonces = NonceAllocator(0, disk.save)
    first = await nonces.take(1_000)
    disk.broken = True
    nonces.go_on_without_disk()
    assert first < await nonces.take(10**9) < await nonces.take(10**9)
