"""Every key of the registry on every screen and under every dialog: what it may send, and what it must not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

import pytest
from textual.pilot import Pilot

from core.domain.commands import Action
from core.view import (
    AlertView,
    ApiView,
    BreakerState,
    BreakerView,
    DriftView,
    OrderShown,
    OrderView,
    RunState,
    Severity,
    Snapshot,
)
from gridbot_tui import keymap
from gridbot_tui.key_action import Danger, KeyAction, Scope
from gridbot_tui.screens.dialog import Dialog
from gridbot_tui.screens.leave import QuitDialog
from gridbot_tui.screens.preview import PreviewScreen
from gridbot_tui.second_press import ASKED
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS, coin_view, halted, snapshot
from widgets.ink import Ink

MakeConsole = Callable[[Snapshot | None], Console]
PLACES = [*keymap.PLACES, Scope.PREVIEW]
ANYWHERE = {Scope.APP, Scope.CONSOLE}


def _troubled() -> Snapshot:
    """Nearly every key has something to do: halted, a small drift, an alert, an open breaker, an order, two coins."""
    coins = (
        replace(halted().coins[0], drift=DriftView(Decimal("0.187"), NOW_MS, Decimal("0.0005"), 0.3)),
        coin_view(coin="ETH", state=RunState.HALTED),
    )
    order = OrderView(
        "BTC",
        "0x67726462",
        7,
        "buy",
        Decimal(64_000),
        Decimal("0.01"),
        Decimal(0),
        OrderShown.OPEN,
        NOW_MS,
        "buy 1",
        "grid",
    )
    return replace(
        halted(),
        coins=coins,
        alerts=(AlertView("drift:BTC", Severity.WARN, "POSITION DRIFT", "R", NOW_MS),),
        api=ApiView(breakers=(BreakerView("auth", BreakerState.OPEN, "refused"),)),
        orders=(order,),
    )


def _works_in(action: KeyAction, place: Scope) -> bool:
    if place is Scope.PREVIEW:
        return bool({Scope.APP, Scope.PREVIEW} & set(action.scopes))
    return place in action.scopes or bool(ANYWHERE & set(action.scopes))


async def _to(pilot: Pilot[None], it: Console, place: Scope) -> None:
    """To a screen with nothing above it, whatever the key before has opened."""
    wanted = place if place is not Scope.PREVIEW else Scope.DASHBOARD
    for _ in range(4):
        if isinstance(it.app.screen, Dialog) or (
            isinstance(it.app.screen, PreviewScreen) and place is not Scope.PREVIEW
        ):
            await pilot.press("escape")
    if it.app.current_mode != wanted.value:
        await pilot.press(str(keymap.PLACES.index(wanted) + 1))
    if place is Scope.PREVIEW and not isinstance(it.app.screen, PreviewScreen):
        await pilot.press("v")
    it.clock.advance(30)
    it.core.submitted.clear()


def _keys(actions: Iterable[KeyAction]) -> list[str]:
    return [key for action in actions for key in action.keys]


def _sent(it: Console) -> list[Action]:
    return [action for action, _ in it.core.submitted]


MOVES = {"back", "previous_screen", "next_screen", "preview", "help", "search", "open", "theme"}
"""Keys that look, and leave the screen or open something on it."""


@pytest.mark.parametrize("place", PLACES)
async def test_on_every_screen_every_key_does_what_the_registry_says_and_no_more(
    console: MakeConsole, place: Scope
) -> None:
    """One console for all keys of a screen: keys that must send nothing are pressed in one go."""
    it = console(_troubled())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await _to(pilot, it, place)
        screen = it.app.screen
        here = [action for action in keymap.ACTIONS if _works_in(action, place)]
        elsewhere = {key for action in here for key in action.keys}
        foreign = [key for key in _keys(keymap.ACTIONS) if key not in elsewhere]
        await pilot.press(*foreign)
        assert (it.app.screen, it.toasts(), _sent(it)) == (screen, [], []), foreign

        looks = [each for each in here if each.danger is Danger.LOOK and each.id != "acknowledge"]
        still = [each for each in looks if each.id not in MOVES and not each.id.startswith("go_")]
        await pilot.press(*_keys(still))
        assert (it.app.screen, _sent(it)) == (screen, []), _keys(still)
        for action in [each for each in looks if each.id in MOVES or each.id.startswith("go_")]:
            await _to(pilot, it, place)
            await pilot.press(action.keys[0])
            assert not _sent(it), action.id
        for action in [each for each in here if each.danger is not Danger.LOOK]:
            await _to(pilot, it, place)
            await pilot.press(action.keys[0])
            name = f"{action.key} ({action.id}) on {place.value}"
            if action.danger is Danger.ACT:
                assert _sent(it) == [Action(action.id)], name
            else:
                assert not _sent(it), f"{name}: nothing is sent before it is agreed to"
                assert isinstance(it.app.screen, Dialog) or it.toasts(), f"{name}: neither asks nor refuses"


@pytest.mark.parametrize("place", [Scope.DASHBOARD, Scope.ORDERS, Scope.RUNBOOK])
async def test_a_refused_key_says_why_and_sends_nothing(console: MakeConsole, place: Scope) -> None:
    shown = snapshot()
    it = console(shown)
    refused = 0
    async with it.app.run_test(size=(80, 24)) as pilot:
        for action in keymap.ACTIONS:
            reason = action.disabled_reason(shown)
            if reason and _works_in(action, place):
                refused += 1
                await _to(pilot, it, place)
                await pilot.press(action.keys[0])
                assert not _sent(it), action.id
                assert it.toasts() == [f"{action.key} {action.title} refused: {reason}"]
    assert refused >= 5


def _own_keys(dialog: Dialog) -> set[str]:
    """What a dialog takes for itself: the keys at its foot, and the ways out of it in either case."""
    own = {"enter", "escape", "n", "question_mark", "up", "down", "tab"}
    if isinstance(dialog, QuitDialog):
        own |= {key.upper() for key in dialog.CHOICES} | set(dialog.CHOICES)
    own |= {span.text for span in dialog.foot() if span.ink is Ink.KEY}
    return own | {key.upper() for key in own if len(key) == 1}


ASKING = [each for each in keymap.ACTIONS if each.danger in (Danger.ASKS, Danger.TYPED) or each.id == "help"]


@pytest.mark.parametrize("asking", ASKING, ids=lambda action: action.id)
async def test_under_every_dialog_only_its_own_keys_act_and_the_halt_goes_through(
    console: MakeConsole, asking: KeyAction
) -> None:
    it = console(_troubled())
    if asking.id == "take_control":
        it.core.view_only = "view only: bob@pts/1 acts, K takes over"
    place = next((scope for scope in asking.scopes if scope in keymap.PLACES), Scope.DASHBOARD)
    async with it.app.run_test(size=(80, 24)) as pilot:
        await _to(pilot, it, place)
        await pilot.press(asking.keys[0])
        dialog = it.app.screen
        assert isinstance(dialog, Dialog), it.toasts()
        it.clock.advance(0.5)
        keys = [key for key in _keys(keymap.ACTIONS) if key not in _own_keys(dialog)]
        assert len(keys) > 30
        await pilot.press(*keys)
        assert (it.app.screen, it.app.current_mode, _sent(it)) == (dialog, place.value, [])
        await pilot.press("ctrl+x")
        if dialog.TAKES_TEXT:
            assert (_sent(it), it.toasts()) == ([], [ASKED])
            await pilot.press("ctrl+x")
        assert _sent(it) == [Action.HALT]


async def test_what_the_palette_asks_of_another_screen_is_refused(console: MakeConsole) -> None:
    it = console(_troubled())
    elsewhere = [each for each in keymap.ACTIONS if not _works_in(each, Scope.DASHBOARD)]
    async with it.app.run_test(size=(80, 24)) as pilot:
        for action in elsewhere:
            it.clock.advance(30)
            it.app.action_perform(action.id)
            await pilot.pause()
            assert it.core.submitted == [], action.id
            assert it.toasts(), action.id
