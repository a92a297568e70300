"""``z``: the display stands still, the engine does not, and nothing new is hidden by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from core.domain.commands import Action
from core.view import Severity, Snapshot
from gridbot_tui.link_meter import LinkMeter, metered, waiting_writes
from tests.tui.conftest import Console
from tests.tui.factory import coin_view, drifting, halted, snapshot

MakeConsole = Callable[[Snapshot | None], Console]


async def test_z_holds_the_display_and_says_so_big_while_keys_still_act(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("z")
        it.core.snapshot = snapshot(coins=(coin_view(position=Decimal("0.2")),))
        it.clock.advance(12)
        it.app.tick()
        assert "PAUSED VIEW 12s, z goes on" in it.read("#status")
        assert "+0.1875 BTC" in it.read("#position")
        await pilot.press("H")
        assert it.core.submitted == [(Action.HALT, "")]
        await pilot.press("z")
        assert "PAUSED" not in it.read("#status")
        assert "+0.2 BTC" in it.read("#position")


async def test_a_dialog_over_a_paused_view_reads_the_live_core(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("z")
        it.core.snapshot = snapshot(coins=(coin_view(position=Decimal("0.19")),))
        await pilot.press("F")
        assert "LONG +0.19 BTC" in it.read("#dialog-box")


async def test_a_new_alert_thaws_it_and_so_does_one_that_got_worse(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("z")
        it.core.snapshot = drifting()
        it.app.tick()
        await pilot.pause()
        assert "PAUSED" not in it.read("#status")
        assert "POSITION DRIFT" in it.read("#alert")
        await pilot.press("z")
        it.app.tick()
        assert "PAUSED" in it.read("#status"), "known to whoever paused it"
        errors = replace(drifting().alerts[1], severity=Severity.CRIT)
        it.core.snapshot = replace(drifting(), alerts=(drifting().alerts[0], errors))
        it.app.tick()
        assert "PAUSED" not in it.read("#status")


async def test_a_halt_thaws_it_though_it_raises_no_alert(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("z")
        it.core.snapshot = halted()
        assert halted().alerts == ()
        it.app.tick()
        assert "HALTED" in it.read("#status")
        assert "RUNNING" not in it.read("#status")


async def test_a_core_that_falls_silent_thaws_it(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("z")
        it.clock.advance(27)
        it.app.tick()
        await pilot.pause()
        assert "ENGINE SILENT" in it.read("#alert")


async def test_g_shows_what_goes_to_the_terminal(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(60, 20)) as pilot:
        await pilot.press("g")
        assert "link 0 B/s" in it.read("#status")
        await pilot.press("g")
        assert "link" not in it.read("#status")


def test_bytes_are_counted_as_they_are_sent_over_the_last_ten_seconds() -> None:
    meter = LinkMeter()
    meter.tick(0, 0)
    meter.sent("x" * 500 + "─" * 500)
    meter.tick(1_000, 0)
    assert meter.bytes_per_s == 2_000
    for second in range(2, 12):
        meter.tick(second * 1_000, 0)
    assert meter.bytes_per_s == 0


def test_a_terminal_is_slow_that_leaves_every_draw_waiting_and_not_one_that_hiccups() -> None:
    meter = LinkMeter()
    for at, waiting in enumerate((1, 1, 1, 0, 1, 1, 1)):
        meter.tick(at, waiting)
    assert not meter.is_slow
    meter.tick(8, 2)
    assert meter.is_slow


def test_the_metered_driver_is_the_terminals_own() -> None:
    from textual.drivers.headless_driver import HeadlessDriver

    meter = LinkMeter()
    made = metered(HeadlessDriver, meter)
    assert issubclass(made, HeadlessDriver)
    made.write(object.__new__(made), "four")
    assert meter.total_bytes == 4
    assert waiting_writes(object()) == 0
