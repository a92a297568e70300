"""Every way out of the screen: what the dialog says, what reaches the core, and how the application says it was left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.domain.commands import Action
from core.view import RunState, Snapshot, StopState, StopView
from gridbot_tui.departure import Departure, goes_on_text
from gridbot_tui.driver import FloodDropped, TerminalLost
from gridbot_tui.screen_life import last_words
from gridbot_tui.screens.dashboard import DashboardScreen
from gridbot_tui.screens.leave import QuitDialog
from tests.tui.conftest import Console, until
from tests.tui.factory import coin_view, snapshot

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
    assert it.app.departure is None, "nothing is left behind to detach from"


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
async def test_quit_asks_in_live_numbers_and_escape_stays(console: MakeConsole, key: str) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press(key)
        assert isinstance(it.app.screen, QuitDialog)
        said = " ".join(it.read("#dialog-box").replace("┃", " ").split())
        assert "the bot trades on with 30 orders" in said
        assert "halt: cancel our 30 orders" in said
        assert "stop: cancel our 30 orders" in said
        assert "LONG +0.1875 BTC stays open in each, stop 61,500" in said
        it.clock.advance(1)
        await pilot.press("x", "q", "ctrl+q")
        assert isinstance(it.app.screen, QuitDialog)
        await pilot.press("escape")
        assert isinstance(it.app.screen, DashboardScreen)
    assert not it.core.stop_requested
    assert it.core.submitted == []
    assert it.app.departure is None


async def test_a_position_without_a_stop_is_said_to_have_none(console: MakeConsole) -> None:
    it = console(snapshot(coins=(replace(coin_view(), stop=StopView(StopState.MISSING)),)))
    async with it.app.run_test() as pilot:
        await pilot.press("Q")
        assert "no stop at" in it.read("#dialog-box")


@pytest.mark.parametrize("key", ["d", "D", "enter"])
async def test_leaving_the_screen_is_the_default_and_the_core_is_told_nothing(
    console: MakeConsole, key: str
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("Q", key)
        assert it.app.is_running, "a key typed ahead is not an answer"
        it.clock.advance(0.4)
        await pilot.press(key)
        await until(lambda: not it.app.is_running)
    assert it.app.departure is Departure.DETACHED
    assert it.core.submitted == []
    assert not it.core.stop_requested


async def test_h_halts_and_leaves_when_the_halt_stands(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("Q")
        it.clock.advance(0.4)
        await pilot.press("h")
        assert it.core.submitted == [(Action.HALT, "")]
        it.core.answer("running", "30 sent, 12 confirmed")
        it.app.tick()
        assert it.app.departure is None
        assert it.core.snapshot is not None
        it.core.snapshot = replace(it.core.snapshot, state=RunState.HALTED, commands=())
        it.core.answer("done", "30 sent, 30 confirmed")
        it.app.tick()
        await until(lambda: not it.app.is_running)
    assert it.app.departure is Departure.HALTED
    assert not it.core.stop_requested


async def test_a_halt_that_failed_keeps_the_operator_on_the_screen(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("Q")
        it.clock.advance(0.4)
        await pilot.press("h")
        it.core.answer("failed", "3 orders unconfirmed")
        it.app.tick()
        assert it.app.is_running
        assert it.app.departure is None
        assert it.toasts()[-1] == "Not left: the halt is not done, look at the orders"


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
    assert it.app.departure is None


async def test_a_stop_asked_for_elsewhere_closes_the_screen_too(console: MakeConsole) -> None:
    it = console(snapshot(state=RunState.STOPPING))
    async with it.app.run_test():
        it.core.end()
        await until(lambda: not it.app.is_running)
    assert it.app.return_code == 0


async def test_a_terminal_that_is_lost_ends_the_screen_and_nothing_else(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test():
        it.app.post_message(TerminalLost())
        await until(lambda: not it.app.is_running)
    assert it.app.departure is Departure.TERMINAL_LOST
    assert not it.core.stop_requested


async def test_what_nobody_typed_is_told_and_does_nothing(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        it.app.post_message(FloodDropped(4_096))
        await pilot.pause()
        assert it.toasts() == ["4096 characters came at once: a paste? None was taken for a key"]
    assert it.core.submitted == []


@pytest.mark.parametrize(
    ("left", "state", "does", "then"),
    [
        (Departure.DETACHED, RunState.RUNNING, "trades on", "halt"),
        (Departure.TERMINAL_LOST, RunState.RUNNING, "trades on", "halt"),
        (Departure.DETACHED, RunState.HALTED, "watches on, halted,", "resume"),
        (Departure.DETACHED, RunState.FLATTENING, "watches on, halted,", "resume"),
        (Departure.HALTED, RunState.RUNNING, "watches on, halted,", "resume"),
        (Departure.DETACHED, None, "runs on", "halt"),
    ],
)
def test_the_last_words_are_true_of_a_bot_that_is_halted(
    left: Departure, state: RunState | None, does: str, then: str
) -> None:
    said = goes_on_text(7, left, snapshot(state=state) if state else None)
    assert said.startswith(
        f"the bot {does} as pid 7; `gridbot attach` brings the screen back, `gridbot {then}`"
    )


@pytest.mark.parametrize(
    ("reason", "state", "begins", "fits"),
    [
        ("left by its key", RunState.HALTED, "detached: the bot watches on", "resume"),
        ("halted by its key", RunState.RUNNING, "halted and detached: the bot watches on", "resume"),
        (
            "the terminal is gone",
            RunState.RUNNING,
            "detached (the terminal is gone): the bot trades on",
            "halt",
        ),
    ],
)
def test_what_the_shell_is_told_is_of_the_last_state(
    reason: str, state: RunState, begins: str, fits: str
) -> None:
    said = last_words(reason, snapshot(state=state))
    assert said.startswith(begins)
    assert f"`gridbot {fits}`" in said
