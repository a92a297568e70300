"""The bytes that reach the terminal: as few as can be, and still exactly the picture that was composed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from textual.pilot import Pilot

from core.view import AlertView, CoinView, EventView, Severity, Snapshot
from gridbot_tui.cell_painter import CellPainter
from tests.bench.console_feed import Feed
from tests.tui.conftest import Console
from tests.tui.emulated import Emulator, differences, in_emulator
from tests.tui.factory import NOW_MS, drifting, halted, snapshot
from widgets.line_panel import LinePanel

Make = Callable[[Snapshot | None], Console]

SIZES = [(60, 20), (80, 24), (120, 40), (200, 50)]
FRAME = 80
"""More bytes than the frame around a change: the start and end of a synchronised update, the cursor, one jump, one colour."""


@pytest.fixture(autouse=True)
def _true_colours(_no_ambient_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")


async def shown(pilot: Pilot[None], console: Console) -> None:
    """Let a frame be drawn."""
    console.app.tick()
    await pilot.pause(0.05)
    await pilot.pause()


def with_coin(made: Snapshot, **changes: object) -> Snapshot:
    coin: CoinView = replace(made.coins[0], **changes)  # type: ignore[arg-type]
    return replace(made, coins=(coin, *made.coins[1:]))


@pytest.mark.parametrize("size", SIZES)
async def test_the_terminal_shows_each_cell_as_it_was_composed(console: Make, size: tuple[int, int]) -> None:
    made, emulator = console(snapshot()), Emulator(*size)
    feed = Feed(1)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        assert differences(made.app, emulator) == []
        for turn in range(30):
            feed.publish(NOW_MS + turn * 500)
            made.core.snapshot = feed.latest()
            made.clock.advance(0.5)
            await shown(pilot, made)
            assert differences(made.app, emulator) == []

    await in_emulator(made.app, emulator, script)


async def test_every_screen_and_dialog_arrives_whole_and_leaves_nothing_behind(console: Make) -> None:
    made, emulator = console(drifting()), Emulator(120, 40)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        for key in ("2", "question_mark", "escape", "3", "1", "F", "escape", "t", "t", "H", "v", "escape"):
            await pilot.press(key)
            await shown(pilot, made)
            assert differences(made.app, emulator) == [], key

    await in_emulator(made.app, emulator, script)


async def test_after_a_resize_all_is_drawn_anew(console: Make) -> None:
    made, emulator = console(snapshot()), Emulator(80, 24)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        for columns, rows in ((120, 40), (60, 20), (50, 12), (80, 24), (80, 24)):
            emulator.resize(columns, rows)
            await pilot.resize_terminal(columns, rows)
            await shown(pilot, made)
            assert differences(made.app, emulator) == [], (columns, rows)

    await in_emulator(made.app, emulator, script)


async def test_another_screen_mends_what_others_wrote_on_the_terminal(console: Make) -> None:
    made, emulator = console(snapshot()), Emulator(80, 24)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        emulator.scribble()
        assert differences(made.app, emulator) != []
        await pilot.press("2")
        await shown(pilot, made)
        assert differences(made.app, emulator) == []

    await in_emulator(made.app, emulator, script)


async def test_a_terminal_that_was_somebody_elses_is_drawn_whole(console: Make) -> None:
    made, emulator = console(snapshot()), Emulator(80, 24)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        emulator.scribble()
        made.app.refresh(layout=True)
        await shown(pilot, made)
        assert differences(made.app, emulator) == []

    await in_emulator(made.app, emulator, script)


async def test_an_alert_that_comes_and_goes_moves_the_picture_and_stays_true(console: Make) -> None:
    made, emulator = console(snapshot()), Emulator(80, 24)
    alert = AlertView("x", Severity.CRIT, "POSITION DRIFT 4.20% > 1%", "R", NOW_MS)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        for state in (snapshot(alerts=(alert,)), halted(), snapshot()):
            made.core.snapshot = state
            await shown(pilot, made)
            assert differences(made.app, emulator) == []

    await in_emulator(made.app, emulator, script)


async def test_equal_data_sends_nothing(console: Make) -> None:
    made, emulator = console(snapshot()), Emulator(120, 40)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        emulator.sent = 0
        for version in range(10):
            made.core.snapshot = snapshot(version=version)
            await shown(pilot, made)
        assert emulator.sent == 0

    await in_emulator(made.app, emulator, script)


async def test_one_changed_digit_costs_a_few_bytes(console: Make) -> None:
    """Four in the ladder's bar and in the panel would be too many: only orders sent, in one place."""
    made, emulator = console(snapshot()), Emulator(120, 40)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        emulator.sent = 0
        first = snapshot()
        made.core.snapshot = replace(first, api=replace(first.api, orders_sent=1_205))
        await shown(pilot, made)
        assert "1,205 orders" in made.read("#system")
        assert 0 < emulator.sent < FRAME

    await in_emulator(made.app, emulator, script)


async def test_a_regular_draw_is_sent_as_soon_as_its_last_panel_is_drawn(console: Make) -> None:
    """Nothing moves but numbers: no turn of the loop, timer or composing comes between."""
    made, emulator = console(snapshot()), Emulator(120, 40)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        made.core.snapshot = with_coin(snapshot(), mid=Decimal("64240.5"))
        made.app.tick()
        assert any("64,240.5" in emulator.row(y) for y in range(40))
        assert differences(made.app, emulator) == []

    await in_emulator(made.app, emulator, script)


async def test_nothing_of_a_regular_draw_is_sent_before_all_of_it_is_made(console: Make) -> None:
    made, emulator = console(snapshot()), Emulator(200, 50)
    feed = Feed(1)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        for turn in range(3):
            for _ in range(40):
                feed.publish(NOW_MS + turn * 500)
            made.core.snapshot = feed.latest()
            emulator.sent = steps = 0
            drawing = made.app.beat()
            with contextlib.suppress(StopIteration):
                while True:
                    drawing.send(None)
                    assert emulator.sent == 0
                    steps += 1
            assert emulator.sent > 0
            assert steps > len(list(made.app.screen.query(LinePanel))), "the rows are made in steps, too"
            assert differences(made.app, emulator) == []

    await in_emulator(made.app, emulator, script)


async def test_a_regular_draw_beside_a_toast_is_sent_as_soon_as_any_other(console: Make) -> None:
    """The toast stands before panels that change; nothing is composed for that, and nothing drawn over it."""
    made, emulator = console(snapshot()), Emulator(120, 40)
    feed = Feed(1)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        await pilot.press("R")
        await shown(pilot, made)
        for turn in range(10):
            feed.publish(NOW_MS)
            made.core.snapshot = with_coin(feed.latest() or snapshot(), mid=Decimal(64_240 + turn))
            made.app.tick()
            assert any(f"64,24{turn}.0" in emulator.row(y) for y in range(40))
            assert any("R Resync: sent" in emulator.row(y) for y in range(40))
            assert differences(made.app, emulator) == []

    await in_emulator(made.app, emulator, script)


async def test_a_regular_draw_is_made_anew_if_the_terminal_was_told_something_else_meanwhile(
    console: Make,
) -> None:
    made, emulator = console(snapshot()), Emulator(120, 40)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        for steps in (1, 4, 12, 16):
            made.core.snapshot = with_coin(snapshot(), mid=Decimal(64_240 + steps))
            drawing = made.app.beat()
            for _ in range(steps):
                drawing.send(None)
            made.app.at_once(made.app.screen._compositor_refresh)
            ladder = made.app.screen.query_one("#ladder", LinePanel)
            ladder.refresh()
            made.app.at_once(made.app.screen._compositor_refresh)
            with contextlib.suppress(StopIteration):
                while True:
                    drawing.send(None)
            await shown(pilot, made)
            assert any(f"{64_240 + steps:,}.0" in emulator.row(y) for y in range(40))
            assert differences(made.app, emulator) == []

    await in_emulator(made.app, emulator, script)


async def test_a_key_is_answered_at_once_and_before_all_else_even_in_the_midst_of_a_draw(
    console: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, emulator = console(snapshot()), Emulator(120, 40)

    def said(words: str) -> bool:
        return any(words in emulator.row(y) for y in range(40))

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        made.core.snapshot = with_coin(snapshot(), mid=Decimal("64240.5"))
        beat = asyncio.ensure_future(made.app.beat())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not beat.done()
        with monkeypatch.context() as patch:
            patch.setattr(made.app, "tick", lambda: None)
            made.app.action_perform("resync")
        assert said("R Resync: sent")
        assert not said("64,240.5"), "the other panels show one Snapshot, the one before"
        await beat
        await shown(pilot, made)
        assert said("64,240.5")
        assert differences(made.app, emulator) == []

    await in_emulator(made.app, emulator, script)


async def test_what_stands_before_a_panel_stays_there_while_the_panel_changes(console: Make) -> None:
    made, emulator = console(snapshot()), Emulator(120, 40)

    async def script(pilot: Pilot[None]) -> None:
        await shown(pilot, made)
        for key in ("R", "H", "W"):
            await pilot.press(key)
        for turn in range(12):
            tail = tuple(
                EventView(n, NOW_MS, Severity.INFO, f"event_{n}", "BTC", f"number {n}")
                for n in range(turn, turn + 20)
            )
            made.core.snapshot = with_coin(snapshot(events=tail), mid=Decimal(64_240 + turn))
            made.clock.advance(0.5)
            await shown(pilot, made)
            assert differences(made.app, emulator) == [], turn

    await in_emulator(made.app, emulator, script)


async def test_a_character_of_two_cells_from_elsewhere_never_shifts_a_row() -> None:
    """The painter gives up comparing a row with such a character, and draws it whole until it is gone."""
    from rich.console import Console as RichConsole
    from rich.segment import Segment
    from textual._compositor import LayoutUpdate
    from textual.geometry import Region, Size
    from textual.strip import Strip

    painter, emulator, size = CellPainter(), Emulator(10, 1), Size(10, 1)
    rich = RichConsole(color_system="truecolor", force_terminal=True)
    for text in ("abcdefghij", "ab한efghij", "abXYefghij", "abXYefghi!"):
        strip = Strip([Segment(text)])
        composed = LayoutUpdate([[strip]], Region(0, 0, 10, 1))
        emulator.feed(painter.update(composed, size, "scene").render_segments(rich))
        assert emulator.row(0).replace("한 ", "한").rstrip() == text


async def test_a_hidden_screen_asks_for_no_cells(console: Make) -> None:
    made = console(snapshot())
    async with made.app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, made)
        hidden = list(made.app.screen.query(LinePanel))
        await pilot.press("2")
        await shown(pilot, made)
        before = [panel.repainted_cells for panel in hidden]
        made.core.snapshot = with_coin(snapshot(), mid=Decimal("64240.5"))
        await shown(pilot, made)
        assert [panel.repainted_cells for panel in hidden] == before


async def test_a_panel_that_is_not_displayed_asks_for_no_cells(console: Make) -> None:
    made = console(snapshot())
    async with made.app.run_test(size=(60, 20)) as pilot:
        await shown(pilot, made)
        ladder = made.app.screen.query_one("#ladder", LinePanel)
        before = ladder.repainted_cells
        made.core.snapshot = with_coin(snapshot(), mid=Decimal("64240.5"))
        await shown(pilot, made)
        assert ladder.repainted_cells == before


async def test_a_long_watch_keeps_no_more_than_a_short_one(console: Make) -> None:
    """Ten thousand pictures with ever new numbers: the painter knows as many styles and cells as before."""
    made, emulator = console(snapshot()), Emulator(80, 24)
    sizes: list[tuple[int, int, int]] = []

    async def script(pilot: Pilot[None]) -> None:
        painter = made.app._painter
        for turn in range(60):
            event = EventView(turn, NOW_MS + turn, Severity.INFO, f"event_{turn}", "BTC", f"number {turn}")
            made.core.snapshot = with_coin(
                snapshot(events=(event,)), mid=Decimal(64_000 + turn), market_ms=NOW_MS
            )
            await shown(pilot, made)
            assert painter.palette is not None
            cells = sum(len(text) for text, _ in painter.rows)
            sizes.append((len(painter.palette), cells, len(painter.palette._changes)))
        assert sizes[-1][:2] == sizes[20][:2]
        assert sizes[-1][2] <= sizes[-1][0] ** 2

    await in_emulator(made.app, emulator, script)
