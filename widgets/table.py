"""A list with a cursor, drawn by the Line API: of a move only the two rows that it touches are repainted."""

from __future__ import annotations

from collections.abc import Callable

from widgets.ink import Line
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.table_rows import Cursor, Key, Listing, Motion, moved, rows_seen, settled, table_lines


class Table(LinePanel):
    """``listing`` says what it shows of a Look; asked once a tick."""

    def __init__(self, listing: Callable[[Look], Listing], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._listing_of = listing
        self._listing: Listing | None = None
        self._cursor = Cursor()

    @property
    def selected_key(self) -> Key | None:
        """The key of the row under the cursor; ``None`` without rows."""
        return self._cursor.key

    @property
    def selected_index(self) -> int:
        return self._cursor.index

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor waits where new rows appear."""
        return self._cursor.holds

    @property
    def listing(self) -> Listing | None:
        """As last drawn."""
        return self._listing

    def move(self, motion: Motion) -> None:
        """Move the cursor over the rows last drawn."""
        if self._listing is None:
            return
        self._cursor = moved(self._cursor, motion, self._listing, rows_seen(self._listing, self.size.height))
        self._redraw()

    def select(self, key: Key) -> bool:
        """Put the cursor on a row by its key, as a search does; whether there is such a row."""
        if self._listing is None or key not in self._listing.keys:
            return False
        self._cursor = Cursor(key, self._listing.keys.index(key), self._cursor.top, holds=False)
        self._redraw()
        return True

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        self._listing = self._listing_of(look)
        self._cursor = settled(self._cursor, self._listing, rows_seen(self._listing, height))
        return table_lines(self._listing, self._cursor, width, height)
