from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import gridbot_tui.app as app_module
from core.domain.commands import Action
from core.view import EventView, RunState, Severity, Snapshot
from gridbot_tui.app import GridBotApp, stylesheet
from gridbot_tui.screens.dashboard import DashboardScreen
from gridbot_tui.screens.help import HelpDialog
from gridbot_tui.screens.leave import QuitDialog
from tests.tui.conftest import Console, until
from tests.tui.factory import NOW_MS, coin_view, drifting, halted, snapshot
from widgets.line_panel import LinePanel

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


@pytest.mark.parametrize("key", ["a", "d", "c", "l", "h", "f", "r", "w", "p", "u", "k", "q", "space", "1"])
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
    ("key", "name", "shown"), [("d", "drift", 2), ("c", "compression", 1), ("l", "fills", 1)]
)
async def test_the_event_filters_look_and_a_shows_all_again(
    console: MakeConsole, key: str, name: str, shown: int
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press(key)
        assert f"filter: {name} " in it.read("#events")
        assert f" {shown}/6 " in it.read("#events")
        await pilot.press("a")
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
        assert "UPPERCASE acts" in it.read("#dialog-box")
        await pilot.press(*["down"] * 12)
        assert "Colours, high contrast" in it.read("#dialog-box")
        await pilot.press(*["up"] * 7)
        assert "UPPERCASE acts" in it.read("#dialog-box")


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
        assert "POSITION DRIFT 4.20% > 1%  press R resync  +1 more" in it.read("#alert")


async def test_the_alert_line_is_there_only_with_an_alert(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        assert not it.app.screen.query_one("#alert").display
        it.core.snapshot = drifting()
        it.app.tick()
        await pilot.pause()
        assert it.app.screen.query_one("#alert").display
        assert it.app.screen.query_one("#status").has_class("-live")


async def test_an_unchanged_picture_repaints_nothing_and_a_moved_mid_a_few_cells(
    console: MakeConsole,
) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(120, 40)) as pilot:
        it.app.tick()
        await pilot.pause()

        def repainted() -> int:
            return sum(panel.repainted_cells for panel in it.app.screen.query(LinePanel))

        before = repainted()
        it.app.tick()
        assert repainted() == before
        it.core.snapshot = snapshot(coins=(coin_view(mid=Decimal("64234.6")),))
        it.app.tick()
        assert 0 < repainted() - before < 40


async def test_time_alone_makes_the_picture_stale(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test():
        it.clock.advance(3)
        it.app.tick()
        assert "1 Position & PnL · 3.4s" in it.read("#position")
        it.clock.advance(24)
        it.app.tick()
        assert "27s STALE" in it.read("#position")
        assert "✖ ENGINE SILENT 27s" in it.read("#status")


async def test_the_theme_key_changes_to_high_contrast_and_back(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        assert it.app.theme == "gridbot"
        await pilot.press("t")
        assert it.app.theme == "gridbot-high-contrast"
        await pilot.press("t")
        assert it.app.theme == "gridbot"


@pytest.mark.parametrize("size", [(59, 24), (80, 14), (50, 12), (20, 3)])
async def test_a_terminal_too_small_says_so_and_recovers_when_enlarged(
    console: MakeConsole, size: tuple[int, int]
) -> None:
    it = console(drifting())
    async with it.app.run_test(size=size) as pilot:
        await pilot.pause()
        seen = " ".join(
            panel.text for panel in it.app.screen.query(LinePanel) if panel.is_on_screen and panel.display
        )
        assert "GridBot needs 60x15" in " ".join(seen.split())
        assert "POSITION DRIFT" not in seen
        await pilot.press("H")
        assert it.core.submitted == [(Action.HALT, "")]
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert not it.app.screen.query_one("#too-small").display
        assert "LONG +0.1875 BTC" in it.read("#position")
        assert "POSITION DRIFT" in it.read("#alert")


@pytest.mark.parametrize("size", [(60, 15), (79, 30), (100, 23)])
async def test_a_cramped_terminal_keeps_status_alert_position_and_system(
    console: MakeConsole, size: tuple[int, int]
) -> None:
    it = console(drifting())
    async with it.app.run_test(size=size) as pilot:
        await pilot.pause()
        shown = {panel.id for panel in it.app.screen.query(LinePanel) if panel.display}
        assert shown == {"status", "alert", "position", "system", "footer"}
        assert "enlarge to 80x24" in it.read("#footer")
        assert "4.20%" in it.read("#system")


@pytest.mark.parametrize("size", [(80, 24), (110, 24), (120, 40), (200, 50), (80, 40), (200, 24)])
async def test_every_panel_is_on_the_screen_with_its_first_fields(
    console: MakeConsole, size: tuple[int, int]
) -> None:
    it = console(drifting())
    async with it.app.run_test(size=size) as pilot:
        await pilot.pause()
        for panel, first in {
            "#position": "LONG +0.1875 BTC",
            "#fills": "412 / 6",
            "#grid": "30 of 30",
            "#system": "4.20%",
            "#risk": "1.8% of 10.0%",
            "#ladder": "mid 64,233.1",
            "#events": "position_drift_dete",
        }.items():
            assert first in it.read(panel)
            region = it.app.screen.query_one(panel).region
            assert it.app.screen.region.contains_region(region)
            assert region.width >= 33


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


async def test_the_palette_offers_the_same_actions_behind_the_same_guards(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        commands = {command.title: command for command in it.app.get_system_commands(it.app.screen)}
        assert {"Halt", "Flatten", "Quit"} <= set(commands)
        commands["Flatten"].callback()
        await pilot.pause()
        assert "FLATTEN BTC" in it.read("#dialog-box")
        assert it.core.submitted == []


async def test_a_halted_core_reads_so_everywhere(console: MakeConsole) -> None:
    it = console(halted())
    async with it.app.run_test():
        it.app.tick()
        assert "■ HALTED, POSITION OPEN +0.1875 BTC" in it.read("#status")
        assert "HALTED: an operator asked" in it.read("#risk")
        assert "no orders rest" in it.read("#ladder")


def test_the_stylesheet_is_found_in_a_checkout_and_preferred_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stylesheet() == GridBotApp.CSS_PATH
    assert stylesheet().is_file()
    package = tmp_path / "site-packages" / "gridbot_tui"
    package.mkdir(parents=True)
    (package / "gridbot.tcss").touch()
    monkeypatch.setattr(app_module, "__file__", str(package / "app.py"))
    assert stylesheet() == (package / "gridbot.tcss").resolve()
