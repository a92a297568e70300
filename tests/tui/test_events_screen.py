"""The events screen: every key of it, what it lists, and that nothing from outside is more than text on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual import events as textual_events
from textual.pilot import Pilot

from core.domain.commands import Action
from core.view import EventView, Severity, Snapshot
from gridbot_tui.screens.command_desk import TOAST_MS
from gridbot_tui.screens.dashboard import DashboardScreen
from gridbot_tui.screens.events import EventsScreen
from gridbot_tui.screens.record import RecordDialog, record_lines
from gridbot_tui.screens.search import SearchDialog
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS, drifting, events, halted, snapshot
from widgets.ink import plain, width_of
from widgets.table import Table

MakeConsole = Callable[[Snapshot | None], Console]
TABLE = "#event-table"
NASTY = "[bold]x[/bold]\x1b[2J\x9b31m\u202eevil\n[/]"


def event(seq: int, name: str = "tick", detail: str = "", severity: Severity = Severity.INFO) -> EventView:
    line = f'{{"event":"{name}","ts_ms":{NOW_MS},"n":{seq},"why":"{detail}"}}'
    return EventView(seq, NOW_MS - 60_000 + seq, severity, name, "BTC", detail or f"n={seq}", line)


def many(count: int) -> Snapshot:
    return snapshot(events=tuple(event(seq) for seq in range(count)))


def listed(it: Console) -> list[str]:
    """The rows, without title, names and foot."""
    return [row for row in it.read(TABLE).splitlines()[2:-1] if row.strip()]


def selected(it: Console) -> str:
    found = [row for row in listed(it) if row.startswith("▶")]
    assert len(found) == 1
    return found[0]


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


def add(it: Console, *more: EventView) -> None:
    assert it.core.snapshot is not None
    it.core.snapshot = replace(it.core.snapshot, events=(*it.core.snapshot.events, *more))
    it.app.tick()


@pytest.mark.parametrize(
    ("key", "word", "names"),
    [
        ("d", "drift", ["resync_ok", "position_drift_detected"]),
        ("s", "compression", ["grid_compression_override"]),
        ("l", "fills", ["fill"]),
        ("i", "warnings", ["grid_compression_override", "position_drift_detected"]),
        ("x", "all", [e.name for e in events()]),
    ],
)
async def test_a_filter_key_lists_its_events_and_the_title_says_how_many_of_all(
    console: MakeConsole, key: str, word: str, names: list[str]
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await press(pilot, "5", key)
        assert isinstance(it.app.screen, EventsScreen)
        assert [next(n for n in names if n in row) for row in listed(it)] == names
        assert f"filter: {word}  {len(names)} of 6" in it.read(TABLE).splitlines()[0]


async def test_a_filter_set_here_is_the_dashboards_too(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "d", "1")
        assert "drift" in it.read("#events")
        assert "resync_ok" in it.read("#events")
        assert "ws_reconnected" not in it.read("#events")


async def test_a_search_lists_what_it_finds_as_it_is_typed_in_any_case(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "slash", *"LATENCY")
        assert isinstance(it.app.screen, SearchDialog)
        table = it.app.screen_stack[-2].query_one(TABLE, Table)
        assert "resync_ok" in table.text
        assert "ws_reconnected" not in table.text
        await press(pilot, "enter")
        assert len(listed(it)) == 1
        assert "/LATENCY" in it.read(TABLE).splitlines()[0]


async def test_letters_typed_ahead_into_a_search_are_its_text_and_no_keys(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "slash", "H", "F", "d", "1", "question_mark")
        assert isinstance(it.app.screen, SearchDialog)
        assert it.app.screen.entry.text == "HFd1?"
        assert it.core.submitted == []


async def test_esc_leaves_a_search_as_it_was_before(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "slash", *"fill", "enter", "slash", *"xyz", "escape")
        assert "/fill " in it.read(TABLE).splitlines()[0]


async def test_esc_first_shows_all_again_and_only_then_goes_to_the_dashboard(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "slash", *"fill", "enter", "escape")
        assert isinstance(it.app.screen, EventsScreen)
        assert len(listed(it)) == 6
        await press(pilot, "escape")
        assert isinstance(it.app.screen, DashboardScreen)


async def test_a_paste_into_a_search_is_one_line_of_text(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "slash")
        it.app.post_message(textual_events.Paste("resync\x1b[2J_ok\nH"))
        await pilot.pause()
        assert isinstance(it.app.screen, SearchDialog)
        assert it.app.screen.entry.text == "resync[2J_ok"


async def test_n_and_m_go_from_hit_to_hit_among_all_events_and_around(console: MakeConsole) -> None:
    rows = [event(seq, detail="hit" if seq in (3, 7, 11) else "") for seq in range(15)]
    it = console(snapshot(events=tuple(rows)))
    async with it.app.run_test(size=(80, 30)) as pilot:
        await press(pilot, "5", "n")
        assert it.toasts() == ["nothing was searched for yet: / first"]
        await press(pilot, "slash", *"hit", "enter")
        assert len(listed(it)) == 3
        await press(pilot, "x")
        assert len(listed(it)) == 15
        seen = []
        for key in "mmmnnnn":
            await press(pilot, key)
            screen = it.app.screen
            assert isinstance(screen, EventsScreen)
            assert screen.selected is not None
            seen.append(screen.selected.seq)
        assert seen == [7, 3, 11, 3, 7, 11, 3]


async def test_what_is_selected_stays_so_when_the_search_is_cleared(console: MakeConsole) -> None:
    it = console(many(40))
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "slash", *"n=12", "enter", "up", "x")
        assert "n=12" in selected(it)


async def test_enter_opens_the_whole_record_which_scrolls_and_is_copied(console: MakeConsole) -> None:
    fields = ",".join(f'"f{n}":{n}' for n in range(40))
    it = console(snapshot(events=(replace(event(1), line=f'{{"event":"tick",{fields}}}'),)))
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "enter")
        assert isinstance(it.app.screen, RecordDialog)
        box = it.read("#dialog-box")
        assert "tick · 2026-01-01 14:02:03Z" in box
        assert '"event": "tick"' in box
        assert '"f39": 39' not in box
        await press(pilot, "end")
        assert '"f39": 39' in it.read("#dialog-box")
        await press(pilot, "home", "pagedown", "down", "up", "pageup")
        assert '"event": "tick"' in it.read("#dialog-box")
        await press(pilot, "y")
        assert it.app.clipboard == f'{{"event":"tick",{fields}}}'
        await press(pilot, "escape")
        assert isinstance(it.app.screen, EventsScreen)


async def test_y_copies_the_whole_record_of_the_selected_event(console: MakeConsole) -> None:
    it = console(many(5))
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "up", "y")
        assert it.app.clipboard == event(3).line
        assert it.toasts() == ["y Copy: the event is in the terminal's clipboard"]


async def test_without_events_nothing_is_opened_or_copied_and_that_is_said(console: MakeConsole) -> None:
    it = console(snapshot(events=()))
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "enter", "y")
        assert it.toasts() == ["enter Open: nothing is selected", "y Copy: nothing is selected"]
        assert "nothing yet" in it.read(TABLE)


async def test_the_newest_events_are_followed_at_the_end_alone_and_elsewhere_counted(
    console: MakeConsole,
) -> None:
    it = console(many(50))
    async with it.app.run_test() as pilot:
        await press(pilot, "5")
        add(it, event(50))
        assert "n=50" in selected(it)
        await press(pilot, "up", "up")
        add(it, event(51), event(52))
        assert "n=48" in selected(it)
        assert "▼ 2 new" in it.read(TABLE).splitlines()[-1]
        await press(pilot, "end")
        assert "n=52" in selected(it)
        assert "new" not in it.read(TABLE).splitlines()[-1]


async def test_an_event_that_leaves_the_ring_takes_the_cursor_nowhere_else(console: MakeConsole) -> None:
    it = console(many(50))
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "up", "up", "up")
        before = selected(it)
        assert it.core.snapshot is not None
        it.core.snapshot = replace(it.core.snapshot, events=it.core.snapshot.events[20:])
        it.app.tick()
        assert selected(it) == before


async def test_ctrl_x_in_the_search_halts_at_the_second_press_and_elsewhere_at_once(
    console: MakeConsole,
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await press(pilot, "5", "slash", "a", "ctrl+x")
        assert it.core.submitted == []
        assert "press ctrl+x again to halt" in it.read("ToastBox")
        assert isinstance(it.app.screen, SearchDialog)
        assert it.app.screen.entry.text == "a"
        it.clock.advance(TOAST_MS / 1000)
        await press(pilot, "ctrl+x")
        assert it.core.submitted == [], "the first one is forgotten"
        it.clock.advance(1)
        await press(pilot, "ctrl+x")
        assert it.core.submitted == [(Action.HALT, "")]
        await press(pilot, "escape", "ctrl+x")
        assert it.core.submitted == [(Action.HALT, "")] * 2


async def test_markup_and_control_characters_stay_text_in_the_list_and_in_the_record(
    console: MakeConsole,
) -> None:
    record = '{"event":"[red]","why":"\\u001b[2J[/]\u202e","n":"' + "y" * 300 + '"}'
    nasty = EventView(1, NOW_MS, Severity.WARN, "[red]", NASTY, NASTY, record)
    it = console(snapshot(events=(nasty,)))
    async with it.app.run_test() as pilot:
        await press(pilot, "5")
        assert "[bold]x[/bold]" in selected(it)
        assert it.read(TABLE).replace("\n", "").isprintable()
        await press(pilot, "enter")
        assert '"why": "\\u001b[2J[/]?"' in it.read("#dialog-box")
        assert it.read("#dialog-box").replace("\n", "").isprintable()


@pytest.mark.parametrize("record", ["", "no json", "[1]", '{"a":' + "1" * 400 + "}", "\x1b[2J"])
def test_any_record_fits_any_width(record: str) -> None:
    for width in (8, 20, 54, 96):
        rows = record_lines(record, width)
        assert rows
        assert all(width_of(row) <= width for row in rows)
        assert all(plain(row).isprintable() for row in rows)


SIZES = pytest.mark.parametrize(
    "size", [(60, 20), (80, 24), (120, 40), (200, 50)], ids=["60x20", "80x24", "120x40", "200x50"]
)


@SIZES
def test_a_picture(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(console(drifting()).app, terminal_size=size, press=["5"])


@SIZES
def test_a_picture_of_a_search(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    it = console(halted())
    assert snap_compare(it.app, terminal_size=size, press=["5", "i", "slash", *"drift"])


@SIZES
def test_a_picture_of_a_record_with_events_gone_by(
    console: MakeConsole, snap_compare: Any, size: tuple[int, int]
) -> None:
    it = console(many(60))

    async def look_up(pilot: Pilot[None]) -> None:
        await press(pilot, "5", "up", "up")
        add(it, *(event(seq) for seq in range(60, 72)))
        await press(pilot, "enter")

    assert snap_compare(it.app, terminal_size=size, run_before=look_up)


def test_a_picture_of_stale_events_without_colour(
    console: MakeConsole, snap_compare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    it = console(drifting())
    it.clock.advance(27)
    assert snap_compare(it.app, terminal_size=(80, 24), press=["5"])
