"""Does a day of watching make the console bigger? The events of two days go through its screens, and its heap is weighed after
each: the first fills what is kept of lines that were drawn, and after that nothing may grow.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import Any

from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot

from gridbot_tui import places
from gridbot_tui.app import GridBotApp
from gridbot_tui.screen_options import ScreenOptions
from tests.bench.console_feed import EVENT_EVERY, Feed
from tests.bench.report import Row, row
from tests.tui.factory import NOW_MS, FakeClock

EVENTS_A_DAY = 2_016
DAYS = 2
_LOOKS = 96
"""Pictures drawn over a day, one each quarter of an hour."""


class _Wire(HeadlessDriver):
    """Draws as for a terminal, and throws it away."""

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        pass


def rows() -> list[Row]:
    early, late = asyncio.run(_weigh())
    name = f"heap after a second day of {EVENTS_A_DAY:,} events, {_LOOKS:,} pictures"
    return [row(name, late / 1024, "KiB", "after the first day", early / 1024, 0.98, less_is_better=True)]


async def _weigh() -> tuple[float, float]:
    feed, clock = Feed(1), FakeClock(NOW_MS)
    app = GridBotApp(feed, clock=clock, monotonic=clock, options=ScreenOptions(refresh_hz=0.1))
    app.driver_class = _Wire
    weights: list[float] = []

    async def play(pilot: Pilot[Any]) -> None:
        places.load()  # what a start leaves for later is no growth
        tracemalloc.start()
        for look in range(1, DAYS * _LOOKS + 1):
            for _ in range(EVENTS_A_DAY // _LOOKS):
                feed.updates += EVENT_EVERY - 1  # those that bring no event leave nothing behind
                feed.publish(clock.now_ms)
            clock.advance(86_400 / _LOOKS)
            app.tick()
            await asyncio.sleep(0)
            app.screen._on_timer_update()
            if look % _LOOKS == 0:
                gc.collect()
                weights.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        app.exit()

    await app.run_async(headless=False, size=(120, 40), mouse=False, auto_pilot=play)
    return weights[0], weights[1]
