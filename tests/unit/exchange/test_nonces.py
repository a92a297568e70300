"""Nonces only go up, and none is used before the ceiling above it is on disk."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from core.exchange.nonces import RESERVE_MS, NonceAllocator


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
    assert [await nonces.take(1_000), await nonces.take(1_000), await nonces.take(5_000)] == [
        1_000,
        1_001,
        5_000,
    ]


async def test_the_ceiling_is_written_once_for_many_nonces() -> None:
    disk = Disk()
    nonces = NonceAllocator(0, disk.save)
    for step in range(100):
        await nonces.take(1_000_000 + step * RESERVE_MS // 100)
    assert disk.writes == 1
    await nonces.take(1_000_000 + RESERVE_MS + 1)
    assert disk.writes == 2


async def test_a_second_taker_waits_until_the_first_ones_ceiling_is_durable() -> None:
    disk = Disk(slow=True)
    nonces = NonceAllocator(0, disk.save)
    takers = [asyncio.create_task(nonces.take(1_000)) for _ in range(3)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(taker.done() for taker in takers), "a nonce passed the durable ceiling"
    disk.finish.set()
    assert sorted(await asyncio.gather(*takers)) == [1_000, 1_001, 1_002]
    assert disk.ceiling >= 1_002


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
