"""One screen over a synthetic core in the terminal it is started in; at the end a JSON file says what it cost.

Techniques: ``ours`` is the console; ``cells`` draws the same picture by hand, of which only the cells that changed are sent;
``table`` is the equal data in stock DataTables, updated as it arrives; ``idle`` is Textual with nothing to draw.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App

from gridbot_tui.app import GridBotApp
from gridbot_tui.screen_options import ScreenOptions
from tests.bench.console_feed import Feed
from tests.bench.report import percentile

WARM_S = 1.5
"""The first pictures are not what is measured."""
PROBE_S = 0.005

Spans = tuple[float, float]
"""Seconds in which what it costs is counted, and in which the loop is probed after that."""


class Meter:
    """What the process costs and sends between ``began`` and ``ended``, then how late the loop is: the probe costs, too."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._late_ms: list[float] = []

    async def run(self, spans: Spans) -> dict[str, float]:
        await asyncio.sleep(WARM_S)
        began, cpu = time.monotonic(), time.process_time() - self._feed.cpu_s
        updates = self._feed.updates
        await asyncio.sleep(spans[0])
        ended = time.monotonic()
        spent = time.process_time() - self._feed.cpu_s - cpu
        updates = self._feed.updates - updates
        while (before := time.monotonic()) < ended + spans[1]:
            await asyncio.sleep(PROBE_S)
            self._late_ms.append((time.monotonic() - before - PROBE_S) * 1_000)
        return {
            "began": began,
            "ended": ended,
            "cpu_pct": 100 * spent / (ended - began),
            "lag_p99_ms": percentile(self._late_ms, 0.99),
            "lag_max_ms": max(self._late_ms),
            "updates_per_s": updates / (ended - began),
        }


class Measured:
    """An application that measures itself, writes its report, and leaves."""

    def __init__(self, app: App[Any], feed: Feed, spans: Spans, report: Path) -> None:
        self._app, self._feed, self._spans, self._report = app, feed, spans, report

    async def run(self) -> None:
        running = asyncio.create_task(self._app.run_async(mouse=False))
        while not (self._app.is_running and self._app.screen_stack and self._app.screen.is_mounted):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        self._feed.start()
        report: dict[str, Any] = {**await Meter(self._feed).run(self._spans)}
        self._feed.request_stop()
        await asyncio.sleep(0.3)
        self._app.exit()
        with suppress(asyncio.CancelledError):
            await running
        self._report.write_text(json.dumps(report))


async def _ours(feed: Feed, hz: float, spans: Spans, report: Path) -> None:
    await Measured(GridBotApp(feed, options=ScreenOptions(refresh_hz=hz)), feed, spans, report).run()


async def _table(feed: Feed, hz: float, spans: Spans, report: Path) -> None:
    from tests.bench.console_table import TableApp

    await Measured(TableApp(feed, hz), feed, spans, report).run()


async def _idle(feed: Feed, hz: float, spans: Spans, report: Path) -> None:
    await Measured(App(), feed, spans, report).run()


async def _cells(feed: Feed, hz: float, spans: Spans, report: Path) -> None:
    from tests.bench.console_cells import draw_cells

    size = os.get_terminal_size()
    app = GridBotApp(feed, options=ScreenOptions(refresh_hz=0.001))
    async with app.run_test(size=(size.columns, size.lines)):
        app.tick()
        await asyncio.sleep(0.3)
        feed.start()
        drawing = asyncio.create_task(draw_cells(app, hz))
        found = await Meter(feed).run(spans)
        drawing.cancel()
    report.write_text(json.dumps(found))  # noqa: ASYNC240


TECHNIQUES: dict[str, Callable[[Feed, float, Spans, Path], Any]] = {
    "ours": _ours,
    "cells": _cells,
    "table": _table,
    "idle": _idle,
}

if __name__ == "__main__":
    technique, rate, hertz, for_s, late_s, path = sys.argv[1:]
    asyncio.run(
        TECHNIQUES[technique](Feed(float(rate)), float(hertz), (float(for_s), float(late_s)), Path(path))
    )
