"""A regular draw gives way between its panels; what is drawn meanwhile for a key is newer, and stays."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from dataclasses import replace

from core.view import Snapshot
from gridbot_tui import places
from tests.tui import factory
from tests.tui.conftest import Console
from widgets.line_panel import LinePanel

MakeConsole = Callable[[Snapshot | None], Console]


async def test_a_regular_draw_gives_way_between_panels_and_ends_where_a_newer_one_was_drawn(
    console: MakeConsole,
) -> None:
    first = factory.snapshot()
    it = console(first)
    async with it.app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        older, newer = replace(first, version=2), replace(first, version=3)
        it.core.snapshot = older
        beat = asyncio.ensure_future(it.app.beat())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not beat.done(), "it gives way before its last panel"
        it.core.snapshot = newer
        it.app.tick()
        await beat
        shown = [each.look.snapshot for each in it.app.screen.query(LinePanel) if each.look is not None]
        assert shown
        assert all(snapshot is newer for snapshot in shown)


async def test_a_regular_draw_that_nothing_disturbs_shows_one_snapshot_on_every_panel(
    console: MakeConsole,
) -> None:
    first = factory.snapshot()
    it = console(first)
    async with it.app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        it.core.snapshot = newer = replace(first, version=2)
        await it.app.beat()
        shown = [each.look.snapshot for each in it.app.screen.query(LinePanel) if each.look is not None]
        assert shown
        assert all(snapshot is newer for snapshot in shown)


def test_what_is_loaded_is_not_gone_through_again_by_each_full_collection() -> None:
    gc.unfreeze()
    try:
        places.load.cache_clear()  # a screen of another test has loaded them
        places.load()
        assert gc.get_freeze_count() > 1_000
    finally:
        gc.unfreeze()
