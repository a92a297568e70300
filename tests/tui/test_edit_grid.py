"""Editing the grid: nothing is applied that wasn't shown a moment before, and what is wrong is a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from core.domain.commands import Action
from core.view import Snapshot
from gridbot_tui.screens.edit_grid import FRESH_MS, QUIET_MS, EditGridDialog
from gridbot_tui.screens.typed_guard import DEAF_MS
from tests.tui.conftest import Console
from tests.tui.factory import coin_view, snapshot

MakeConsole = Callable[[Snapshot | None], Console]
TEXT = "BTC: spacing 0.15 % -> 0.25 %, levels 15 -> 15 a side: cancels 30, places 20, keeps 0"
PREVIEW = (Action.SET_SPACING_PREVIEW, "BTC")


async def preview(it: Console, pilot: Pilot[None], *keys: str, text: str = TEXT) -> None:
    """Type, ask, and have the core answer."""
    await pilot.press(*keys, "enter")
    it.core.answer("done", text)
    it.app.tick()
    await pilot.pause()


def said(it: Console) -> str:
    """The dialog's words, without its borders and the ends of its rows."""
    return " ".join(it.read("#dialog-box").replace("┃", " ").split())


def changed_grid(it: Console) -> None:
    assert it.core.snapshot is not None
    coin = it.core.snapshot.coins[0]
    grid = replace(coin.grid, generation=coin.grid.generation + 1)
    it.core.snapshot = replace(it.core.snapshot, coins=(replace(coin, grid=grid),))


@pytest.mark.parametrize("place", "12345678")
async def test_from_any_screen_a_value_is_previewed_and_then_applied(
    console: MakeConsole, place: str
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press(place, "E")
        await preview(it, pilot, *"0.25%")
        assert "cancels 30, places 20" in said(it)
        assert it.core.submitted == [PREVIEW]
        it.clock.advance(1)
        await pilot.press("enter")
        assert it.core.submitted == [PREVIEW, (Action.SET_SPACING, "BTC")]
        assert it.core.values == ["0.0025", "0.0025"]
        assert not isinstance(it.app.screen, EditGridDialog)


async def test_what_is_typed_is_previewed_by_itself_when_typing_rests(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E", *"0.25%")
        it.app.tick()
        assert it.core.submitted == []
        it.clock.advance(QUIET_MS / 1000)
        it.app.tick()
        it.app.tick()
        assert it.core.submitted == [PREVIEW]


async def test_an_enter_that_meant_to_look_does_not_apply_what_has_just_come_by_itself(
    console: MakeConsole,
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E", *"0.25%")
        it.clock.advance(QUIET_MS / 1000)
        it.app.tick()
        it.core.answer("done", TEXT)
        it.app.tick()
        it.clock.advance(1)
        await pilot.pause()
        assert "enter look" in said(it)
        await pilot.press("enter")
        assert it.core.submitted == [PREVIEW], "the first one after typing only looks"
        assert "cancels 30, places 20" in said(it)
        assert "enter once more applies it" in said(it)
        assert "enter apply" in said(it)
        for _ in range(20):
            it.clock.advance(0.2)
            await pilot.press("enter")
        assert it.core.submitted == [PREVIEW], "a held key applies nothing"
        it.clock.advance(DEAF_MS / 1000)
        await pilot.press("enter")
        assert it.core.submitted == [PREVIEW, (Action.SET_SPACING, "BTC")]


async def test_after_more_typing_the_first_enter_only_looks_again(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E")
        await preview(it, pilot, *"0.25%")
        it.clock.advance(1)
        await pilot.press("backspace", "%")
        it.clock.advance(QUIET_MS / 1000)
        it.app.tick()
        it.core.answer("done", TEXT)
        it.app.tick()
        it.clock.advance(1)
        await pilot.press("enter")
        assert it.core.submitted == [PREVIEW, PREVIEW]


async def test_steps_go_up_and_down_and_tab_changes_to_levels(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E", "up", "up", "down")
        assert "spacing  0.2%" in it.read("#dialog-box")
        await pilot.press("tab", "down", "down")
        assert "levels   13" in it.read("#dialog-box")
        await preview(it, pilot)
        it.clock.advance(1)
        await pilot.press("enter")
        assert it.core.submitted == [(Action.SET_LEVELS_PREVIEW, "BTC"), (Action.SET_LEVELS, "BTC")]
        assert it.core.values == ["13", "13"]


async def test_an_enter_typed_ahead_of_the_preview_applies_nothing(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E", *"0.25%", "enter", "enter", "enter")
        assert it.core.submitted == [PREVIEW]
        it.core.answer("done", TEXT)
        await pilot.press("enter", "enter")
        assert it.core.submitted == [PREVIEW]
        assert isinstance(it.app.screen, EditGridDialog)


async def test_an_old_preview_is_looked_at_again_before_it_is_applied(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E")
        await preview(it, pilot, *"0.25%")
        it.clock.advance(FRESH_MS / 1000)
        await pilot.press("enter")
        assert it.core.submitted == [PREVIEW, PREVIEW]
        assert "looked again, enter once more" in said(it)
        it.core.answer("done", TEXT.replace("20", "18"))
        it.app.tick()
        await pilot.press("enter")
        assert "places 18" in said(it), "what would be applied stands there"
        assert it.core.submitted == [PREVIEW, PREVIEW]


async def test_a_preview_of_a_grid_that_has_been_replaced_is_not_applied(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E")
        await preview(it, pilot, *"0.25%")
        it.clock.advance(1)
        changed_grid(it)
        await pilot.press("enter")
        assert it.core.submitted == [PREVIEW, PREVIEW]


async def test_a_key_after_the_preview_takes_it_away(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E")
        await preview(it, pilot, *"0.25%")
        it.clock.advance(1)
        await pilot.press("backspace", "enter")
        assert (Action.SET_SPACING, "BTC") not in it.core.submitted
        assert "without a sign would be 25.00 %" in it.read("#dialog-box")


async def test_the_cores_refusal_is_its_own_sentence(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E", *"0.01%", "enter")
        it.core.answer("refused", "[b]no[/b]: a round trip would lose money")
        it.app.tick()
        assert "[b]no[/b]: a round trip would lose money" in it.read("#dialog-box")
        it.clock.advance(1)
        await pilot.press("enter")
        assert (Action.SET_SPACING, "BTC") not in it.core.submitted


async def test_a_full_inbox_is_a_sentence_and_esc_leaves_without_a_command(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        it.core.takes_commands = False
        await pilot.press("E", *"0.25%", "enter")
        assert "the engine takes no command now" in it.read("#dialog-box")
        await pilot.press("escape")
        assert not isinstance(it.app.screen, EditGridDialog)
        assert it.core.submitted == []


async def test_ctrl_x_in_it_halts_at_the_second_press(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("E", "H", "ctrl+x")
        assert it.core.submitted == []
        assert "press ctrl+x again to halt" in it.read("ToastBox")
        await pilot.press("ctrl+x")
        assert it.core.submitted == [(Action.HALT, "")]


@pytest.mark.parametrize(
    "size", [(60, 20), (80, 24), (120, 40), (200, 50)], ids=["60x20", "80x24", "120x40", "200x50"]
)
def test_a_picture(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    grid = replace(coin_view().grid, override="spacing 0.15 % (configured 0.05 %)")
    it = console(snapshot(coins=(coin_view(grid=grid),)))

    async def show(pilot: Pilot[None]) -> None:
        await pilot.press("E")
        await preview(it, pilot, *"0.25%")

    assert snap_compare(it.app, terminal_size=size, run_before=show)
