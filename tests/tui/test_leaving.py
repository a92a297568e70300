from __future__ import annotations

from collections.abc import Callable

import pytest

from core.domain.commands import Action
from core.view import RunState, Snapshot
from gridbot_tui.screens.dashboard import DashboardScreen
from gridbot_tui.screens.leave import QuitDialog
from tests.tui.conftest import Console, until
from tests.tui.factory import snapshot

MakeConsole = Callable[[Snapshot | None], Console]


async def test_a_dead_engine_stays_on_the_screen_and_q_leaves_without_asking(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        it.core.end()
        await until(lambda: it.app.look().ended)
        assert "✖ ENGINE DEAD" in it.read("#status")
        await pilot.pause()
        assert "ENGINE DEAD" in it.read("#alert")
        await pilot.press("H")
        assert it.toasts() == ["H Halt refused: the engine has ended: start it again, it settles what rests"]
        assert it.core.submitted == []
        await pilot.press("Q")
    assert it.app.return_code == 0


async def test_a_link_to_the_core_that_breaks_is_shown_and_the_screen_stays(console: MakeConsole) -> None:
    it = console(snapshot())
    it.core.fault = RuntimeError("no such thread [/]")
    async with it.app.run_test() as pilot:
        await until(lambda: bool(it.app.look().fault))
        await pilot.pause()
        assert "SCREEN FAULT: RuntimeError: no such thread [/]" in it.read("#alert")
        await pilot.press("H")
        assert it.core.submitted == [(Action.HALT, "")]
        await pilot.press("Q")
        it.clock.advance(0.4)
        await pilot.press("s")
        await until(lambda: not it.app.is_running)
        assert it.core.stop_requested


@pytest.mark.parametrize("key", ["Q", "ctrl+q", "ctrl+c"])
async def test_quit_asks_and_staying_is_the_default(console: MakeConsole, key: str) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press(key)
        assert isinstance(it.app.screen, QuitDialog)
        assert "cancels our 30" in it.read("#dialog-box")
        assert "LONG +0.1875 BTC stays open" in it.read("#dialog-box")
        it.clock.advance(1)
        await pilot.press("enter", "x", "q", "ctrl+q")
        assert isinstance(it.app.screen, QuitDialog)
        await pilot.press("escape")
        assert isinstance(it.app.screen, DashboardScreen)
        assert not it.core.stop_requested


async def test_s_stops_the_core_and_the_screen_leaves_when_it_has_ended(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("Q", "s")
        assert not it.core.stop_requested, "a key typed ahead is not an answer"
        it.clock.advance(0.4)
        await pilot.press("s")
        assert it.core.stop_requested
        assert it.app.is_running
        await pilot.press("Q")
        assert it.toasts()[-1] == "Stopping: the screen closes when our orders are settled"
        it.core.end()
        await until(lambda: not it.app.is_running)
    assert it.app.return_code == 0


async def test_a_stop_asked_for_elsewhere_closes_the_screen_too(console: MakeConsole) -> None:
    it = console(snapshot(state=RunState.STOPPING))
    async with it.app.run_test():
        it.core.end()
        await until(lambda: not it.app.is_running)
    assert it.app.return_code == 0
