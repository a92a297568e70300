"""Text from outside stays text: on every screen and in every dialog, whatever an exchange, a coin's name or a log line says."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from core.view import (
    AlertView,
    ApiView,
    BreakerState,
    BreakerView,
    CommandStatus,
    CommandView,
    DriftView,
    EventView,
    RunState,
    Severity,
    Snapshot,
    TripView,
)
from gridbot_tui import keymap
from gridbot_tui.screens.dialog import Dialog
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS, coin_view, halted, snapshot
from tests.tui.trading import fills, orders

MakeConsole = Callable[[Snapshot | None], Console]
MARKUP = "[b]x[/]"
HOSTILE = f"{MARKUP}[@click=app.quit]y[/]\x1b[2J\x1b]0;z\x07\x9b31m\r\n\t\x00\u202e"
COIN = f"{MARKUP}\x1b[7m"


def _hostile(shown: Snapshot) -> Snapshot:
    """Everything that comes from outside says it."""
    trip = TripView("place", NOW_MS - 9_000, HOSTILE)
    own = coin_view(
        coin=COIN,
        state=shown.coins[0].state,
        halt_reason=HOSTILE if shown.state is RunState.HALTED else "",
        idle_reason=HOSTILE,
        drift=DriftView(Decimal("0.1874"), NOW_MS, Decimal("0.0001"), 0.1, explanation=HOSTILE),
        stop=replace(coin_view().stop, reason=HOSTILE),
        grid=replace(coin_view().grid, compression=HOSTILE, override=HOSTILE),
    )
    return replace(
        shown,
        coins=(own, coin_view(state=shown.coins[0].state)),
        halt_reason=HOSTILE if shown.halt_reason else "",
        account=f"0x{HOSTILE}",
        exchange_url=HOSTILE,
        events=tuple(EventView(n, NOW_MS, Severity.WARN, f"fill{HOSTILE}", COIN, HOSTILE) for n in range(5)),
        alerts=(AlertView("other", Severity.CRIT, HOSTILE, "R", NOW_MS, HOSTILE),),
        api=ApiView(
            breaker_open=True,
            breaker_reason=HOSTILE,
            breakers=(BreakerView("place", BreakerState.OPEN, HOSTILE),),
            trips=(trip,),
        ),
        orders=tuple(replace(each, coin=COIN, cloid=HOSTILE, slot=HOSTILE) for each in orders()),
        fills=tuple(replace(each, coin=COIN, cloid=HOSTILE, note=HOSTILE) for each in fills(5)),
        commands=(CommandView("1", "resync", CommandStatus.FAILED, HOSTILE, NOW_MS),),
    )


def _seen(it: Console) -> str:
    """Every cell of the terminal, and nothing in it that a terminal would obey."""
    rows = it.app.screen._compositor.render_strips()
    text = "\n".join(segment.text for row in rows for segment in row)
    obeyed = {hex(ord(each)) for each in text if each != "\n" and unicodedata.category(each) in ("Cc", "Cf")}
    assert not obeyed, text
    metas = [segment.style.meta for row in rows for segment in row if segment.style and segment.style.meta]
    assert not [meta for meta in metas if any(name.startswith("@") for name in meta)], (
        "markup has become a link"
    )
    return "".join(segment.text for row in rows for segment in row)


@pytest.mark.parametrize("size", [(60, 20), (120, 40)], ids=["60x20", "120x40"])
async def test_every_screen_shows_it_as_it_was_written(console: MakeConsole, size: tuple[int, int]) -> None:
    it = console(_hostile(snapshot()))
    async with it.app.run_test(size=size) as pilot:
        for digit in range(1, len(keymap.PLACES) + 1):
            await pilot.press(str(digit))
            assert MARKUP in _seen(it), keymap.PLACES[digit - 1]
        it.app._desk.say(HOSTILE)
        it.app.tick()
        await pilot.pause()
        assert MARKUP in _seen(it)


@pytest.mark.parametrize("first", [snapshot(), halted()], ids=["running", "halted"])
async def test_every_dialog_shows_it_as_it_was_written(console: MakeConsole, first: Snapshot) -> None:
    it = console(_hostile(first))
    opened = []
    asking = [each for each in keymap.ACTIONS if each.danger in (keymap.Danger.ASKS, keymap.Danger.TYPED)]
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        for action in [*asking, keymap.BY_ID["help"]]:
            await pilot.press(action.keys[0])
            if isinstance(it.app.screen, Dialog):
                opened.append(action.id)
                assert MARKUP in _seen(it) or action.id in ("help", "take_control"), action.id
                await pilot.press("escape")
    assert {"flatten", "accept", "park", "reset_breaker", "edit_grid", "quit", "help"} <= set(opened)
