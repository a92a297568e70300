"""The lists and the risk screen in the application: their keys, their selection, and what a terminal's size leaves of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.geometry import Region

from core.view import Snapshot
from gridbot_tui.screens.fills import FillsScreen
from gridbot_tui.screens.orders import OrdersScreen
from tests.tui.conftest import Console
from tests.tui.trading import cloid, fills, many, orders, trading

MakeConsole = Callable[[Snapshot | None], Console]
NARROW = (80, 24)


def selected(it: Console, table: str = "#orders") -> str:
    return next(row for row in it.read(table).splitlines() if row.startswith("▶"))


async def test_the_selection_stays_on_its_order_as_others_come_and_go(console: MakeConsole) -> None:
    it = console(trading())
    async with it.app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "down", "down", "down")
        chosen = orders()[3]
        screen = it.app.screen
        assert isinstance(screen, OrdersScreen)
        assert screen.selected_order == chosen
        it.core.snapshot = replace(trading(), orders=(orders()[0], *orders()[3:]))
        it.app.tick()
        assert screen.selected_order == chosen
        assert "64,402.0" in selected(it)
        it.core.snapshot = replace(trading(), orders=(orders()[0], *orders()[4:]))
        it.app.tick()
        assert screen.selected_order == orders()[4], "the one in its place"
        it.core.snapshot = replace(trading(), orders=())
        it.app.tick()
        assert screen.selected_order is None


async def test_all_keys_of_a_list_walk_it(console: MakeConsole) -> None:
    it = console(trading())
    async with it.app.run_test(size=NARROW) as pilot:
        await pilot.press("2")
        table = it.app.screen.query_one("#orders")
        page = table.size.height - 3 - 1
        for key, at in (
            *(("down", 1), ("up", 0), ("up", 0), ("pagedown", page)),
            *(("pageup", 0), ("end", len(orders()) - 1), ("down", len(orders()) - 1), ("home", 0)),
        ):
            await pilot.press(key)
            assert f"{at + 1}/{len(orders())}" in it.read("#orders"), key


async def test_each_place_keeps_its_cursor(console: MakeConsole) -> None:
    it = console(trading())
    async with it.app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "down", "down", "3", "down", "2")
        assert "3/34" in it.read("#orders")
        await pilot.press("3")
        assert "2/30" in it.read("#fill-list")


async def test_copy_puts_the_cloid_on_the_terminals_clipboard(console: MakeConsole) -> None:
    it = console(trading())
    async with it.app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "y")
        await pilot.pause()
        assert it.app.clipboard == cloid(900)
        assert it.toasts() == ["y Copy: the cloid is in the terminal's clipboard"]
        await pilot.press("down", "y")
        assert it.app.clipboard == "307033400001", "a stranger without a cloid has the exchange's number"
        await pilot.press("3", "y")
        assert it.app.clipboard == cloid(29)


async def test_copy_without_a_row_says_so(console: MakeConsole) -> None:
    it = console(replace(trading(), orders=(), fills=()))
    async with it.app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "y")
        await pilot.pause()
        assert it.toasts() == ["y Copy: nothing is selected"]


async def test_new_fills_are_followed_until_the_operator_looks_at_an_older_one(console: MakeConsole) -> None:
    it = console(replace(trading(), fills=fills()[:-1]))
    async with it.app.run_test(size=NARROW) as pilot:
        await pilot.press("3")
        it.core.snapshot = trading()
        it.app.tick()
        assert selected(it, "#fill-list").startswith("▶14:02:02Z")
        await pilot.press("down")
        newer = replace(fills()[-1], time_ms=fills()[-1].time_ms + 1_000, trade_id=1)
        it.core.snapshot = replace(trading(), fills=(*fills(), newer))
        it.app.tick()
        assert selected(it, "#fill-list").startswith("▶14:01:01Z")
        assert isinstance(it.app.screen, FillsScreen)


async def test_a_move_repaints_the_rows_that_it_touches_and_nothing_else(
    console: MakeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = console(trading())
    async with it.app.run_test(size=NARROW) as pilot:
        await pilot.press("2")
        await pilot.pause()
        table = it.app.screen.query_one("#orders")
        asked: list[Region] = []
        monkeypatch.setattr(type(table), "refresh", lambda self, *regions, **_: asked.extend(regions))
        await pilot.press("down")
        height = table.size.height
        assert {region.y for region in asked} == {0, 2, 3, height - 1}, "title, both rows, and the detail"


async def test_tab_walks_the_coins_in_the_strip_on_every_screen_of_money(console: MakeConsole) -> None:
    it = console(many())
    async with it.app.run_test(size=NARROW) as pilot:
        for key in ("1", "2", "3", "4"):
            await pilot.press(key)
            await pilot.pause()
            assert it.read("#coins").startswith("[▶ BTC")
            await pilot.press("tab")
            assert "[■ TSLA" in it.read("#coins")
            await pilot.press("tab")
            assert "Equity" in it.read("#portfolio")


@pytest.mark.parametrize("key", ["1", "2", "3", "4"])
async def test_at_60x20_the_two_lines_above_give_way(console: MakeConsole, key: str) -> None:
    it = console(many())
    async with it.app.run_test(size=(60, 20)) as pilot:
        await pilot.press(key)
        assert not it.app.screen.query_one("#coins").display
        assert not it.app.screen.query_one("#portfolio").display
        await pilot.resize_terminal(*NARROW)
        await pilot.pause()
        assert it.app.screen.query_one("#coins").display
        assert it.app.screen.query_one("#portfolio").display


async def test_one_coin_has_no_strip(console: MakeConsole) -> None:
    it = console(trading())
    async with it.app.run_test(size=NARROW):
        assert not it.app.screen.query_one("#coins").display


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 50)])
async def test_stop_and_liquidation_are_on_the_dashboard_at_every_size(
    console: MakeConsole, size: tuple[int, int]
) -> None:
    it = console(trading())
    async with it.app.run_test(size=size) as pilot:
        await pilot.pause()
        shown = it.read("#phone" if size == (60, 20) else "#position")
        for text in ("61,500.0", "4.26%", "41,200.0", "35.86%"):
            assert text in shown, size


@pytest.mark.parametrize("key", ["2", "3", "4"])
@pytest.mark.parametrize("size", [(59, 20), (60, 14), (20, 5)])
async def test_too_small_a_terminal_gets_a_sentence_on_each(
    console: MakeConsole, key: str, size: tuple[int, int]
) -> None:
    it = console(trading())
    async with it.app.run_test(size=size) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert "GridBot needs 60x15" in " ".join(it.read("#too-small").split())
        shown = [each.id for each in it.app.screen.query("LinePanel") if each.region and each.display]
        assert shown == ["too-small"]
