"""A list with a cursor, before any terminal: which columns fit, which rows are seen, and which of them is selected.

The cursor stays on its row's key as rows come and go; a row that has gone leaves it to the one that took its place. Only
the rows that are seen are made.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.view import Severity
from widgets.fields import title_line
from widgets.ink import Ink, Line, Span, clean, dimmed, fit, line, shorten, width_of
from widgets.look import STALE_S

CURSOR = "▶"
_GAP = 1
_HEAD = 2
"""The title and the names of the columns."""

Cell = Span | str
Key = Hashable


@dataclass(frozen=True, slots=True)
class Column:
    """One of no ``width`` isn't shown.

    ``rank`` 0 is always there; without room the highest go first. A ``grows`` column takes what the others leave.
    """

    title: str
    width: int
    rank: int = 0
    is_number: bool = False
    """Aligned on the right."""
    grows: bool = False


class Follow(StrEnum):
    """Where the cursor waits for new rows until it is moved away: a list's newest row is its first, its last, or neither."""

    NONE = "none"
    FIRST = "first"
    LAST = "last"


class Motion(StrEnum):
    """Named as the actions of the key registry."""

    UP = "line_up"
    DOWN = "line_down"
    PAGE_UP = "page_up"
    PAGE_DOWN = "page_down"
    FIRST = "to_first"
    LAST = "to_last"


@dataclass(frozen=True, slots=True)
class Cursor:
    """``top`` is the first row seen. ``holds`` is whether it keeps to the end at which new rows appear."""

    key: Key | None = None
    index: int = 0
    top: int = 0
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """What a table shows. ``cells`` makes the row at an index: one cell a column, in their order."""

    title: str
    columns: tuple[Column, ...]
    keys: Sequence[Key]
    cells: Callable[[int], Sequence[Cell]]
    follow: Follow = Follow.NONE
    empty: str = "nothing yet"
    """Said in place of rows."""
    note: str = ""
    """Beside the title: a filter, a count."""
    footer: tuple[Line, ...] = ()
    """Under the rows, always seen."""
    severity: Severity = Severity.INFO
    age_s: float = 0.0
    detail: Callable[[int], Line] | None = None
    """Of the selected row, in a line of its own under the rows: what no column has room for."""


Fitting = tuple[tuple[int, Column, int], ...]
"""The columns that fit: place in the row, column, width."""


def rows_seen(listing: Listing, height: int) -> int:
    """How many rows there is room for."""
    return max(height - _HEAD - len(listing.footer) - (listing.detail is not None), 0)


def settled(cursor: Cursor, listing: Listing, room: int) -> Cursor:
    """The cursor on the rows of now: on its key, or on what took its place, and in sight."""
    keys = listing.keys
    if not keys:
        return Cursor()
    last = len(keys) - 1
    if cursor.key is None or (cursor.holds and listing.follow is not Follow.NONE):
        index = last if listing.follow is Follow.LAST else 0
        holds = listing.follow is not Follow.NONE
        return _in_sight(Cursor(keys[index], index, cursor.top, holds), len(keys), room)
    index = _index_of(cursor, keys)
    top = cursor.top + (index - cursor.index if keys[index] == cursor.key else 0)
    return _in_sight(Cursor(keys[index], index, top, cursor.holds), len(keys), room)


def moved(cursor: Cursor, motion: Motion, listing: Listing, room: int) -> Cursor:
    """The cursor after a key; it stops at both ends."""
    keys = listing.keys
    if not keys:
        return cursor
    page, last = max(room - 1, 1), len(keys) - 1
    steps = {
        Motion.UP: -1,
        Motion.DOWN: 1,
        Motion.PAGE_UP: -page,
        Motion.PAGE_DOWN: page,
        Motion.FIRST: -len(keys),
        Motion.LAST: len(keys),
    }
    index = min(max(cursor.index + steps[motion], 0), last)
    holds = (listing.follow is Follow.FIRST and index == 0) or (
        listing.follow is Follow.LAST and index == last
    )
    return _in_sight(Cursor(keys[index], index, cursor.top, holds), len(keys), room)


def _index_of(cursor: Cursor, keys: Sequence[Key]) -> int:
    at = min(cursor.index, len(keys) - 1)
    if keys[at] == cursor.key:
        return at
    try:
        return keys.index(cursor.key)
    except ValueError:
        return at


def _in_sight(cursor: Cursor, count: int, room: int) -> Cursor:
    top = min(cursor.top, cursor.index, max(count - room, 0))
    top = max(top, cursor.index - max(room, 1) + 1, 0)
    return Cursor(cursor.key, cursor.index, top, cursor.holds)


def fitting(columns: tuple[Column, ...], width: int) -> Fitting:
    """Which columns fit and how wide each is; those of the highest rank go first."""
    kept = [(at, column) for at, column in enumerate(columns) if column.width]
    room = width - 1
    while len(kept) > 1 and sum(column.width + _GAP for _, column in kept) > room + _GAP:
        worst = max(column.rank for _, column in kept)
        if worst == 0:
            break
        drop = max(at for at, (_, column) in enumerate(kept) if column.rank == worst)
        del kept[drop]
    spare = max(room + _GAP - sum(column.width + _GAP for _, column in kept), 0)
    grown = next((at for at, column in kept if column.grows), None)
    return tuple((at, column, column.width + (spare if at == grown else 0)) for at, column in kept)


def table_lines(listing: Listing, cursor: Cursor, width: int, height: int) -> list[Line]:
    """Title, names of the columns, the rows from ``cursor.top`` on, and the footer at the bottom."""
    head = [_title(listing, cursor, width)]
    room = rows_seen(listing, height)
    if not listing.keys:
        rows = [line((f" {listing.empty}", Ink.LABEL))]
    else:
        fits = fitting(listing.columns, width)
        head.append(_names(fits, width))
        seen = range(cursor.top, min(cursor.top + room, len(listing.keys)))
        rows = [_row(listing.cells(at), fits, width, at == cursor.index) for at in seen]
        if listing.age_s >= STALE_S:
            rows = [dimmed(row) for row in rows]
    foot = listing.footer
    if listing.detail is not None:
        foot = (listing.detail(cursor.index) if listing.keys else (), *foot)
    filler: list[Line] = [()] * max(height - len(head) - len(rows) - len(foot), 0)
    return [*head, *rows, *filler, *foot]


def _title(listing: Listing, cursor: Cursor, width: int) -> Line:
    count = f"{cursor.index + 1}/{len(listing.keys)}" if listing.keys else "0"
    beside = line((f"  {listing.note}", Ink.LABEL), (f"  {count} ", Ink.LABEL))
    bare = title_line(listing.title, listing.severity, listing.age_s, 0)
    if width_of(bare) + width_of(beside) >= width:
        beside = line((f" {count} ", Ink.LABEL))
    left = title_line(listing.title, listing.severity, listing.age_s, max(width - width_of(beside) - 1, 0))
    return fit((*left, *beside, *title_line("", listing.severity, 0.0, 1)), width)


def _names(fits: Fitting, width: int) -> Line:
    cells = [_aligned(column.title, column, wide) for _, column, wide in fits]
    return fit(line((" " + " ".join(cells), Ink.LABEL)), width)


def _row(cells: Sequence[Cell], fits: Fitting, width: int, is_selected: bool) -> Line:
    spans = [Span(CURSOR if is_selected else " ", Ink.STRONG)]
    for n, (at, column, wide) in enumerate(fits):
        cell = cells[at]
        text, ink = (cell, Ink.TEXT) if isinstance(cell, str) else cell
        spans.append(Span((" " if n else "") + _aligned(clean(text), column, wide), ink))
    made = fit(tuple(spans), width)
    return tuple(Span(span.text, Ink.MID) for span in made) if is_selected else made


def _aligned(text: str, column: Column, width: int) -> str:
    shown = shorten(text, width)
    return f"{shown:>{width}}" if column.is_number else f"{shown:<{width}}"
