from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.commands import Action
from core.view import EventView, RunState, Severity, Snapshot
from gridbot_tui import keymap
from gridbot_tui.screens.dashboard import DashboardScreen
from gridbot_tui.screens.help import HelpDialog
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS, coin_view, drifting, halted, snapshot

MakeConsole = Callable[[Snapshot | None], Console]


@pytest.mark.parametrize(
    ("key", "action"),
    [
        ("H", Action.HALT),
        ("ctrl+x", Action.HALT),
        ("R", Action.RESYNC),
        ("W", Action.RECONNECT),
        ("P", Action.POLL),
    ],
)
async def test_one_key_sends_one_command_for_every_coin(
    console: MakeConsole, key: str, action: Action
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press(key)
        assert it.core.submitted == [(action, "")]
        assert it.toasts()[0].endswith(": sent")


async def test_a_second_halt_is_sent_again_and_a_second_resync_says_why_not(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("H", "H", "R", "R")
        assert [action for action, _ in it.core.submitted] == [Action.HALT, Action.HALT, Action.RESYNC]
        assert it.toasts()[-1] == "R Resync refused: sent 0.0s ago, again in 2.0s"


async def test_the_answer_of_the_core_is_shown_as_text_not_markup(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("H")
        it.core.answer("done", "30 sent, 30 confirmed [/][red]\x1b[2J")
        it.app.tick()
        await pilot.pause()
        assert "H Halt: 30 sent, 30 confirmed [/][red]?[2J" in it.read("ToastBox")


@pytest.mark.parametrize(
    "key", ["n", "d", "c", "l", "h", "f", "r", "w", "p", "u", "k", "q", "space", "1", "s", "x"]
)
async def test_no_lowercase_key_reaches_the_exchange(console: MakeConsole, key: str) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press(key)
        assert it.core.submitted == []
        assert isinstance(it.app.screen, DashboardScreen)


async def test_a_refused_key_toasts_why(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("U", "tab")
        assert it.toasts() == [
            "U Resume refused: nothing is halted",
            "tab Next coin refused: only one coin trades here",
        ]
        it.core.takes_commands = False
        await pilot.press("H")
        assert (
            it.toasts()[-1] == "H Halt refused: the engine takes no command now (inbox full, or it has ended)"
        )


async def test_before_the_first_report_the_dashboard_waits_and_halt_is_still_sent(
    console: MakeConsole,
) -> None:
    it = console(None)
    async with it.app.run_test() as pilot:
        await pilot.press("F", "H")
        assert "… STARTING" in it.read("#status")
        assert "Waiting" in it.read("#position")
        assert it.toasts()[0] == "F Flatten refused: the engine has not reported yet"
        assert it.core.submitted == [(Action.HALT, "")]


@pytest.mark.parametrize(
    ("key", "name", "shown"), [("d", "drift", 2), ("s", "compression", 1), ("l", "fills", 1)]
)
async def test_the_event_filters_look_and_a_shows_all_again(
    console: MakeConsole, key: str, name: str, shown: int
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press(key)
        assert f"filter: {name} " in it.read("#events")
        assert f" {shown}/6 " in it.read("#events")
        await pilot.press("x")
        assert " 6/6 " in it.read("#events")


async def test_tab_looks_at_the_next_coin_and_flatten_means_the_one_looked_at(console: MakeConsole) -> None:
    it = console(snapshot(coins=(coin_view(), coin_view(coin="xyz:TSLA", position=Decimal(-3)))))
    async with it.app.run_test() as pilot:
        await pilot.press("tab")
        assert "xyz:TSLA 2/2" in it.read("#status")
        assert "SHORT -3 TSLA" in it.read("#position")
        await pilot.press("F")
        assert "FLATTEN xyz:TSLA" in it.read("#dialog-box")
        await pilot.press("escape", "tab")
        assert "BTC 1/2" in it.read("#status")


async def test_help_lists_the_keys_and_any_way_back_works(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        for way_back in ("escape", "question_mark", "enter"):
            await pilot.press("question_mark")
            assert isinstance(it.app.screen, HelpDialog)
            assert "H ctrl+x" in it.read("#dialog-box")
            await pilot.press(way_back)
            assert isinstance(it.app.screen, DashboardScreen)


async def test_help_scrolls_where_it_does_not_fit(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 15)) as pilot:
        await pilot.press("question_mark")
        first = it.read("#dialog-box")
        assert "HERE: the dashboard screen" in first
        assert "KEYS 1-13 of " in first
        seen = first
        for _ in range(6):
            await pilot.press("pagedown")
            seen += it.read("#dialog-box")
        for action in keymap.ACTIONS:
            assert action.title in seen, action.id
        last = it.read("#dialog-box")
        await pilot.press("end", "down")
        assert it.read("#dialog-box") == last
        await pilot.press("up")
        assert it.read("#dialog-box") != last
        await pilot.press("home")
        assert it.read("#dialog-box") == first


async def test_help_begins_with_the_keys_of_the_screen_that_it_is_asked_on(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(60, 20)) as pilot:
        await pilot.press("2", "question_mark")
        rows = it.read("#dialog-box").splitlines()
        assert "HERE: the orders screen" in rows[1]
        assert "Cancel order" in rows[2]
        assert "refused: no order rests" in rows[2]


async def test_markup_and_control_characters_in_an_event_stay_text(console: MakeConsole) -> None:
    nasty = EventView(
        9, NOW_MS, Severity.WARN, "order_rejected", "BTC", "[bold red]Bad[/] [@click=x] \x1b[31m \u202e"
    )
    it = console(snapshot(events=(nasty,)))
    async with it.app.run_test():
        it.app.tick()
        assert "order_rejected       [bold red]Bad[/] [@click=x] ?[31m ?" in it.read("#events")


async def test_markup_in_an_alert_and_a_halt_reason_stays_text(console: MakeConsole) -> None:
    it = console(
        replace(
            drifting(), state=RunState.HALTED, halt_reason="[/x]", coins=(coin_view(halt_reason="[b]why"),)
        )
    )
    async with it.app.run_test() as pilot:
        it.app.tick()
        await pilot.pause()
        assert "HALTED: [b]why" in it.read("#risk")
        assert "POSITION DRIFT 4.20% > 1%  press R resync  ! known  +1 more" in it.read("#alert")


async def test_the_alert_line_is_there_only_with_an_alert(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        assert not it.app.screen.query_one("#alert").display
        it.core.snapshot = drifting()
        it.app.tick()
        await pilot.pause()
        assert it.app.screen.query_one("#alert").display
        assert it.app.screen.query_one("#status").has_class("-live")


async def test_time_alone_makes_the_picture_stale(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test():
        it.clock.advance(3)
        it.app.tick()
        assert "Position & PnL · 3.4s" in it.read("#position")
        it.clock.advance(24)
        it.app.tick()
        assert "27s STALE" in it.read("#position")
        assert "✖ ENGINE SILENT 27s" in it.read("#status")


async def test_the_theme_key_walks_through_all_themes(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        seen = []
        for _ in range(5):
            seen.append(it.app.theme)
            await pilot.press("t")
        assert seen == ["gridbot", "gridbot-high-contrast", "ansi-dark", "ansi-light", "gridbot"]


async def test_the_palette_offers_the_same_actions_behind_the_same_guards(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        commands = {command.title: command for command in it.app.get_system_commands(it.app.screen)}
        assert {"Halt", "Flatten", "Quit"} <= set(commands)
        assert len(commands) == len(keymap.ACTIONS), "no two have one title"
        assert commands["Resume"].help == "U  refused now: nothing is halted"
        assert commands["Cancel order"].help.startswith("C  on the orders screen: ")
        commands["Flatten"].callback()
        await pilot.pause()
        assert "FLATTEN BTC" in it.read("#dialog-box")
        await pilot.press("ctrl+p")
        assert "FLATTEN BTC" in it.read("#dialog-box"), "the palette does not open over a dialog"
        assert it.core.submitted == []


async def test_a_halted_core_reads_so_everywhere(console: MakeConsole) -> None:
    it = console(halted())
    async with it.app.run_test():
        it.app.tick()
        assert "■ HALTED, POSITION OPEN +0.1875 BTC" in it.read("#status")
        assert "HALTED: an operator asked" in it.read("#risk")
        assert "no orders rest" in it.read("#ladder")
