"""Every key of the registry on every screen and under every dialog: what it may send, and what it must not."""

from __future__ import annotations

from collections.abc import Callable
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
from gridbot_tui.screens.preview import PreviewScreen
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


def _where(it: Console) -> tuple[str, type, int]:
    return it.app.current_mode, type(it.app.screen), len(it.app.screen_stack)


@pytest.mark.parametrize("place", PLACES)
async def test_a_key_whose_place_is_elsewhere_does_nothing(console: MakeConsole, place: Scope) -> None:
    it = console(_troubled())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await _to(pilot, it, place)
        before = _where(it)
        for action in keymap.ACTIONS:
            if not _works_in(action, place):
                await pilot.press(*action.keys)
                assert not it.core.submitted, action.id
                assert _where(it) == before, action.id
                assert it.toasts() == [], action.id


@pytest.mark.parametrize(
    ("place", "shown"),
    [(Scope.DASHBOARD, snapshot()), *((place, _troubled()) for place in PLACES)],
    ids=lambda each: each.value if isinstance(each, Scope) else each.state.value,
)
async def test_on_every_screen_every_key_does_what_the_registry_says_and_no_more(
    console: MakeConsole, place: Scope, shown: Snapshot
) -> None:
    it = console(shown)
    async with it.app.run_test(size=(80, 24)) as pilot:
        for action in keymap.ACTIONS:
            if not _works_in(action, place):
                continue
            for key in action.keys:
                await _to(pilot, it, place)
                await pilot.press(key)
                sent, name = it.core.submitted, f"{key} ({action.id}) on {place.value}"
                if reason := action.disabled_reason(shown):
                    assert not sent, name
                    assert f"{action.key} {action.title} refused: {reason}" in it.toasts(), name
                elif action.danger is Danger.ACT:
                    assert [each for each, *_ in sent] == [Action(action.id)], name
                elif action.danger in (Danger.ASKS, Danger.TYPED):
                    assert not sent, f"{name}: nothing is sent before it is agreed to"
                    assert isinstance(it.app.screen, Dialog) or it.toasts(), (
                        f"{name}: neither asks nor refuses"
                    )
                if key.islower() and len(key) == 1:
                    assert not sent, name


@pytest.mark.parametrize(
    "asking",
    [a for a in keymap.ACTIONS if a.danger in (Danger.ASKS, Danger.TYPED) or a.id == "help"],
    ids=lambda action: action.id,
)
async def test_under_every_dialog_only_its_own_keys_and_those_with_priority_act(
    console: MakeConsole, asking: KeyAction
) -> None:
    it = console(_troubled())
    place = next((scope for scope in asking.scopes if scope in keymap.PLACES), Scope.DASHBOARD)
    async with it.app.run_test(size=(80, 24)) as pilot:

        async def opened() -> bool:
            await _to(pilot, it, place)
            await pilot.press(asking.keys[0])
            await pilot.pause()
            it.clock.advance(0.5)
            return isinstance(it.app.screen, Dialog)

        if not await opened():
            pytest.skip(f"{asking.key} opens no dialog in this Snapshot: {it.toasts()}")
        own = {"esc", "enter", "?"}
        for action in keymap.ACTIONS:
            assert isinstance(it.app.screen, Dialog), "the key before has closed it"
            own |= {span.text for span in it.app.screen.foot() if span.ink is Ink.KEY}
            if action.key not in own and not own & set(action.keys):
                mode = it.app.current_mode
                await pilot.press(*action.keys)
                name = f"{action.key} ({action.id}) under {asking.id}"
                assert not it.core.submitted, name
                assert isinstance(it.app.screen, Dialog), name
                assert it.app.current_mode == mode, name


@pytest.mark.parametrize("asking", ["flatten", "resume", "accept", "quit", "help"])
async def test_the_halt_reaches_the_core_from_under_every_dialog(console: MakeConsole, asking: str) -> None:
    it = console(_troubled())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press(keymap.BY_ID[asking].keys[0])
        await pilot.pause()
        assert isinstance(it.app.screen, Dialog)
        for _ in range(2):  # a text field may want it twice
            if not it.core.submitted:
                await pilot.press("ctrl+x")
                await pilot.pause()
        assert [each for each, *_ in it.core.submitted] == [Action.HALT]


async def test_the_palette_performs_an_action_of_another_screen_as_a_refusal(console: MakeConsole) -> None:
    it = console(_troubled())
    async with it.app.run_test(size=(80, 24)) as pilot:
        for action in keymap.ACTIONS:
            if not _works_in(action, Scope.DASHBOARD) and action.danger is Danger.LOOK:
                it.clock.advance(30)
                it.app.action_perform(action.id)
                await pilot.pause()
                assert it.core.submitted == [], action.id
