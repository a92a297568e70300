"""A screen that only looks on: its acting keys answer with who acts, halting works, and K asks before it takes over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.domain.commands import Action
from core.view import ControlView, Snapshot
from gridbot_tui import keymap
from gridbot_tui.app import GridBotApp
from gridbot_tui.departure import Departure
from gridbot_tui.screens.leave import AttachedQuitDialog
from gridbot_tui.screens.take_control import TakeControlDialog
from gridbot_tui.screens.typed_guard import OPEN_MS
from tests.tui.conftest import Console, until
from tests.tui.factory import FakeClock, FakeCore, snapshot

MakeConsole = Callable[[Snapshot | None], Console]
WHY = "view only: alice@pts/3 acts, K takes over"
CONTROL = ControlView("alice@pts/3", "host", ("alice@pts/3", "bob@pts/4"))
ACTING = [
    action
    for action in keymap.ACTIONS
    if action.danger is not keymap.Danger.LOOK and action.id not in ("halt", "take_control", "quit")
]


@pytest.fixture
def watcher(console: MakeConsole) -> Console:
    it = console(replace(snapshot(), control=CONTROL))
    it.core.view_only = WHY
    return it


async def test_no_acting_key_of_a_watcher_reaches_the_core_and_each_that_could_says_who_acts(
    watcher: Console,
) -> None:
    async with watcher.app.run_test() as pilot:
        for action in ACTING:
            reason = action.disabled_reason(watcher.core.latest()) or WHY
            watcher.app.action_perform(action.id)
            assert watcher.toasts()[-1].endswith(f"refused: {reason}")
        await pilot.press("R")
        assert watcher.toasts()[-1] == f"R Resync refused: {WHY}"
        assert watcher.core.submitted == []
        assert len(watcher.app.screen_stack) == 1, "no dialog opens for what would be refused"
        assert WHY in watcher.read("#footer")


@pytest.mark.parametrize("key", ["H", "ctrl+x"])
async def test_a_watcher_may_halt(watcher: Console, key: str) -> None:
    async with watcher.app.run_test() as pilot:
        await pilot.press(key)
        assert watcher.core.submitted == [(Action.HALT, "")]


async def test_taking_over_says_who_acts_and_asks(watcher: Console) -> None:
    async with watcher.app.run_test() as pilot:
        await pilot.press("K")
        assert isinstance(watcher.app.screen, TakeControlDialog)
        text = watcher.read("#dialog-box")
        assert "Acts now: alice@pts/3." in text
        assert "bob@pts/4" in text
        await pilot.press("y")
        assert watcher.core.submitted == [], "a key typed ahead is not an answer"
        watcher.clock.advance(1)
        await pilot.press("escape", "K")
        watcher.clock.advance(1)
        await pilot.press("K", "k", "k")
        assert watcher.core.submitted == [], "the key that opens it may be stuck"
        assert "nothing is done yet: y is take over" in watcher.read("#dialog-box")
        await pilot.press("y")
        assert watcher.core.submitted == [(Action.TAKE_CONTROL, "")]


async def test_the_question_whether_to_take_over_closes_by_itself(watcher: Console) -> None:
    async with watcher.app.run_test() as pilot:
        await pilot.press("K")
        assert "closes in 20s" in watcher.read("#dialog-box")
        watcher.clock.advance(OPEN_MS / 1000)
        await pilot.press("y")
        await pilot.pause()
        assert not isinstance(watcher.app.screen, TakeControlDialog)
        assert watcher.toasts() == ["The dialog closed by itself, nothing was sent"]
        assert watcher.core.submitted == []


async def test_one_that_acts_has_nothing_to_take_over(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("K")
        assert it.toasts() == ["K Take over refused: this screen acts already"]


async def test_without_a_link_the_screen_says_so_and_no_key_pretends(console: MakeConsole) -> None:
    it = console(snapshot())
    it.core.trouble = "the instance has ended; start it again"
    async with it.app.run_test(size=(120, 40)) as pilot:
        await pilot.press("H")
        assert it.toasts() == ["H Halt refused: the instance has ended; start it again"]
        assert it.core.submitted == []
        assert "NO LINK" in it.read("#status")
        assert "NO LINK: the instance has ended; start it again" in it.read("#alert")
        assert "view only" not in it.read("#footer")


@pytest.mark.parametrize(("key", "sent"), [("d", []), ("enter", []), ("h", [(Action.HALT, "")])])
async def test_an_attached_screen_detaches_and_cannot_stop_the_bot(
    key: str, sent: list[tuple[Action, str]]
) -> None:
    core, clock = FakeCore(snapshot()), FakeClock()
    app = GridBotApp(core, clock=clock, monotonic=clock, attached=True)
    async with app.run_test() as pilot:
        await pilot.press("Q")
        assert isinstance(app.screen, AttachedQuitDialog)
        clock.advance(1)
        await pilot.press("s")
        assert isinstance(app.screen, AttachedQuitDialog)
        assert not core.stop_requested
        await pilot.press(key)
        assert core.submitted == sent
        if not sent:
            await until(lambda: not app.is_running)
            assert app.departure is Departure.DETACHED
    assert not core.stop_requested
