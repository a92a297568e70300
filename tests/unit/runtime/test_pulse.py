from __future__ import annotations

import asyncio

from core.runtime.pulse import WINDOW_S, Pulse


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_the_worst_gap_is_kept_for_a_while_and_then_forgotten() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    for gap_s in (0.02, 0.02, 0.75, 0.02):
        pulse.beat()
        clock.now_s += gap_s
    pulse.beat()
    assert pulse.worst_gap_ms == 750
    for _ in range(int(WINDOW_S / 0.5) + 1):
        clock.now_s += 0.5
        pulse.beat()
    assert pulse.worst_gap_ms == 500


def test_a_gap_that_still_lasts_counts() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    pulse.beat()
    clock.now_s += 3
    assert pulse.worst_gap_ms == 3_000


async def test_it_beats_in_the_loop_that_it_watches() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    beating = asyncio.create_task(pulse.run())
    await asyncio.sleep(0)
    clock.now_s += 2
    assert pulse.worst_gap_ms == 2_000
    beating.cancel()
