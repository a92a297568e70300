"""The preview's screen: one lowercase key in, escape out, and nothing on the screen's loop waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot

from core.preview_view import PreviewView
from core.view import Snapshot
from gridbot_tui.departure import Departure
from gridbot_tui.screens.dashboard import DashboardScreen
from gridbot_tui.screens.preview import PreviewScreen
from tests.tui.conftest import Console, until
from tests.tui.factory import NOW_MS, coin_view, drifting, preview_view, snapshot
from widgets.ink import plain, width_of
from widgets.preview_rows import fact_lines, level_lines, preview_title

MakeConsole = Callable[[Snapshot | None], Console]


async def opened(it: Console, pilot: Pilot[None], key: str = "v") -> PreviewScreen:
    await pilot.press(key)
    screen = it.app.screen
    assert isinstance(screen, PreviewScreen)
    await until(lambda: it.read("#preview-facts")[:6] not in ("", "Asking"))
    await pilot.pause()
    return screen


async def test_v_shows_it_and_escape_goes_back(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 40)) as pilot:
        await opened(it, pilot)
        assert "BTC at 109755.5: 4 levels every 0.05 %" in it.read("#preview-facts")
        assert "OVERRIDE in force" in it.read("#preview-facts")
        rows = it.read("#preview-levels").splitlines()
        assert rows[1].split() == ["S", "109866", "0.00136", "$149.42"]
        assert rows[5].split() == ["B", "109645", "0.00136", "$149.12", "▲", "stop"]
        await pilot.press("escape")
        assert isinstance(it.app.screen, DashboardScreen)


@pytest.mark.parametrize("away", ["1", "4"])
async def test_going_to_a_place_leaves_it_for_good(console: MakeConsole, away: str) -> None:
    """``1`` did nothing on it, and after ``4`` and ``1`` it stood where the position was looked for."""
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await opened(it, pilot)
        await pilot.press(away)
        assert not isinstance(it.app.screen, PreviewScreen)
        await pilot.press("1")
        assert isinstance(it.app.screen, DashboardScreen)


async def test_the_screen_goes_on_while_the_answer_is_awaited(console: MakeConsole) -> None:
    it, may_answer = console(snapshot()), threading.Event()

    def slow(coin: str) -> PreviewView:
        assert may_answer.wait(10)
        return preview_view(coin)

    it.core.preview = slow  # type: ignore[method-assign]
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("v", "H")
        await pilot.pause()
        assert it.read("#preview-facts").startswith("Asking the exchange")
        assert [action for action, _ in it.core.submitted] == ["halt"], (
            "the safe direction is never in the way"
        )
        may_answer.set()
        await until(lambda: "BTC at" in it.read("#preview-facts"))


def test_who_leaves_does_not_wait_for_an_answer(console: MakeConsole) -> None:
    it, has_left = console(snapshot()), threading.Event()
    waited: list[bool] = []

    def slow(coin: str) -> PreviewView:
        waited.append(not has_left.wait(5))
        return preview_view(coin)

    async def leave(pilot: Pilot[object]) -> None:
        await pilot.press("v")
        it.app.depart(Departure.DETACHED)

    it.core.preview = slow  # type: ignore[method-assign]
    it.app.run(headless=True, auto_pilot=leave)
    assert not waited, "the exchange has not answered yet"
    has_left.set()


async def test_v_looks_again_and_tab_looks_at_the_next_coin(console: MakeConsole) -> None:
    it = console(snapshot(coins=(coin_view(), coin_view(coin="ETH"))))
    async with it.app.run_test(size=(80, 24)) as pilot:
        screen = await opened(it, pilot)
        await pilot.press("v")
        await until(lambda: it.core.previewed == ["BTC", "BTC"])
        assert it.app.screen is screen, "no second one on top"
        await pilot.press("tab")
        await until(lambda: "ETH at" in it.read("#preview-facts"))
        assert it.core.previewed == ["BTC", "BTC", "ETH"]


async def test_why_there_is_none_is_a_sentence(console: MakeConsole) -> None:
    it = console(snapshot())
    it.core.preview = lambda coin: preview_view(coin, refusal="BTC is past stop_loss_low 120000")  # type: ignore[method-assign]
    async with it.app.run_test(size=(80, 24)) as pilot:
        await opened(it, pilot)
        assert it.read("#preview-facts") == "✖ BTC is past stop_loss_low 120000"


async def test_a_fault_in_working_it_out_is_told_and_the_screen_stays(console: MakeConsole) -> None:
    it = console(snapshot())

    def broken(coin: str) -> PreviewView:
        raise RuntimeError("no such thing")

    it.core.preview = broken  # type: ignore[method-assign]
    async with it.app.run_test(size=(80, 24)) as pilot:
        await opened(it, pilot)
        assert "internal error: RuntimeError: no such thing" in it.read("#preview-facts")


async def test_without_a_coin_the_key_says_why(console: MakeConsole) -> None:
    it = console(snapshot(coins=()))
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("v", "escape")
        assert isinstance(it.app.screen, DashboardScreen)
        assert it.toasts() == ["v Preview refused: no coin trades here yet"]


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 50)], ids=str)
async def test_all_of_it_can_be_reached(console: MakeConsole, size: tuple[int, int]) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=size) as pilot:
        screen = await opened(it, pilot)
        facts, levels = it.read("#preview-facts"), it.read("#preview-levels")
        assert facts.endswith("(3dbe91eb)"), "drawn to its end"
        assert "109645" in levels
        await pilot.press("end")
        await pilot.pause()
        last = screen.query_one("#preview-levels").region
        assert last.bottom <= size[1] - 1, "above the footer"
        scroll = screen.query_one(VerticalScroll)
        assert scroll.scroll_offset.y == scroll.max_scroll_y
        assert scroll.max_scroll_x == 0, "nothing is beyond the right edge"
        assert "esc back" in it.read("#preview-title")


def test_no_line_is_wider_than_its_panel() -> None:
    for width in range(20, 201, 3):
        for view in (preview_view(), preview_view(refusal="no quote with both sides now"), None):
            title = preview_title(view, "BTC", NOW_MS, width)
            assert width_of(title) == width
            assert all(width_of(row) <= width for row in fact_lines(view, width))
            if width >= 60:
                assert all(width_of(row) <= width for row in level_lines(view, width))


def test_it_says_how_old_it_is() -> None:
    assert "3.0s old" in plain(preview_title(preview_view(), "BTC", NOW_MS, 80))
    assert "2m03s old" in plain(preview_title(preview_view(), "BTC", NOW_MS + 120_000, 80))


SIZES = pytest.mark.parametrize(
    "size", [(60, 20), (80, 24), (120, 40), (200, 50)], ids=lambda s: f"{s[0]}x{s[1]}"
)


@SIZES
def test_a_picture(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    it = console(drifting())

    async def look(pilot: Pilot[None]) -> None:
        await opened(it, pilot)

    assert snap_compare(it.app, terminal_size=size, run_before=look)
