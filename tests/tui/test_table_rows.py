from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from widgets.ink import Ink, line, plain, width_of
from widgets.table_rows import (
    Column,
    Cursor,
    Follow,
    Listing,
    Motion,
    fitting,
    moved,
    rows_seen,
    settled,
    table_lines,
)

COLUMNS = (
    Column("id", 6, rank=2),
    Column("S", 1),
    Column("price", 8, is_number=True),
    Column("note", 6, rank=1, grows=True),
)


def listing(keys: Sequence[str], follow: Follow = Follow.NONE) -> Listing:
    return Listing("2 Rows", COLUMNS, tuple(keys), lambda at: (keys[at], "B", f"{at}.5", "é\x1b[31m"), follow)


def drawn(it: Listing, cursor: Cursor, width: int = 60, height: int = 8) -> list[str]:
    return [plain(each).rstrip() for each in table_lines(it, cursor, width, height)]


def walked(it: Listing, *motions: Motion, room: int = 4, start: Cursor | None = None) -> Cursor:
    cursor = settled(start or Cursor(), it, room)
    for motion in motions:
        cursor = moved(cursor, motion, it, room)
    return cursor


def test_the_cursor_stays_on_its_row_as_rows_come_and_go_above_it() -> None:
    cursor = walked(listing("abcdef"), Motion.DOWN, Motion.DOWN)
    assert cursor.key == "c"
    after = settled(cursor, listing("xyabcdef"), 4)
    assert (after.key, after.index) == ("c", 4)
    assert after.index - after.top == cursor.index - cursor.top, "it doesn't move on the screen either"
    assert settled(after, listing("cdef"), 4).key == "c"


def test_a_row_that_has_gone_leaves_the_cursor_to_the_one_in_its_place() -> None:
    cursor = walked(listing("abc"), Motion.LAST)
    assert settled(cursor, listing("ab"), 4).key == "b"
    assert settled(walked(listing("abc"), Motion.DOWN), listing("ac"), 4).key == "c"
    assert settled(cursor, listing(""), 4).key is None


@pytest.mark.parametrize(("follow", "edge"), [(Follow.FIRST, "n"), (Follow.LAST, "z")])
def test_a_cursor_at_the_end_where_rows_appear_waits_there_until_it_is_moved_away(
    follow: Follow, edge: str
) -> None:
    held = walked(listing("abc", follow))
    assert settled(held, listing("nabcz", follow), 4).key == edge
    away = walked(listing("abc", follow), Motion.DOWN if follow is Follow.FIRST else Motion.UP)
    assert settled(away, listing("nabcz", follow), 4).key == "b"
    back = moved(away, Motion.FIRST if follow is Follow.FIRST else Motion.LAST, listing("abc", follow), 4)
    assert settled(back, listing("nabcz", follow), 4).key == edge


def test_the_keys_stop_at_both_ends_and_a_page_keeps_one_row_of_the_last() -> None:
    it = listing([f"r{n}" for n in range(20)])
    assert walked(it, Motion.UP).index == 0
    assert walked(it, Motion.LAST, Motion.DOWN).index == 19
    assert walked(it, Motion.PAGE_DOWN).index == 3
    assert walked(it, Motion.PAGE_DOWN, Motion.PAGE_UP).index == 0


@pytest.mark.parametrize("room", range(8))
@pytest.mark.parametrize("count", [0, 1, 3, 20])
def test_the_selected_row_is_always_in_sight(room: int, count: int) -> None:
    it = listing([f"r{n}" for n in range(count)])
    cursor = walked(it, room=room)
    for motion in (Motion.PAGE_DOWN, Motion.DOWN, Motion.LAST, Motion.PAGE_UP, Motion.UP, Motion.FIRST):
        cursor = moved(cursor, motion, it, room)
        rows = drawn(it, cursor, height=room + 2)
        assert len(rows) <= room + 2
        if room and count:
            assert sum(row.startswith("▶") for row in rows) == 1
            assert 0 <= cursor.top <= cursor.index < cursor.top + room


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (60, "id S price note"),
        (25, "id S price note"),
        (24, "S price note"),
        (18, "S price note"),
        (17, "S price"),
        (3, "S price"),
    ],
)
def test_columns_go_by_rank_as_the_width_shrinks(width: int, names: str) -> None:
    assert " ".join(column.title for _, column, _ in fitting(COLUMNS, width)) == names


@pytest.mark.parametrize("width", range(30, 201, 17))
def test_every_row_is_as_wide_as_the_terminal_and_the_last_column_takes_what_is_left(width: int) -> None:
    it = listing("abc")
    rows = table_lines(it, settled(Cursor(), it, 4), width, 6)
    assert {width_of(each) for each in rows if each} == {width}
    assert sum(wide + 1 for _, _, wide in fitting(COLUMNS, width)) == width


def test_the_footer_stands_at_the_bottom_whatever_is_above_it() -> None:
    foot = (line(("ws 3", Ink.LABEL)),)
    for keys in ("", "abc", "abcdefghijkl"):
        it = replace(listing(keys), footer=foot)
        rows = drawn(it, settled(Cursor(), it, rows_seen(it, 7)), height=7)
        assert len(rows) == 7
        assert rows[-1] == "ws 3"


def test_text_from_outside_moves_no_column_and_no_cursor() -> None:
    it = listing("abc")
    row = drawn(it, settled(Cursor(), it, 4))[2]
    assert "\x1b" not in row
    assert "é?[31m" in row


def test_what_is_old_is_dimmed_and_says_so_and_the_selected_row_is_known_without_colour() -> None:
    it = replace(listing("abc"), age_s=27.0)
    rows = table_lines(it, settled(Cursor(), it, 4), 60, 6)
    assert "27s STALE" in plain(rows[0])
    assert {span.ink for span in rows[3]} == {Ink.DIM}
    assert plain(rows[2]).startswith("▶")
