"""The runbook's widget: a page that scrolls by rows and keeps its reader's place while what is on it changes."""

from __future__ import annotations

from widgets.ink import Line
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.runbook_page import Procedure
from widgets.runbook_rows import Row, head_line, runbook_rows


class RunbookPanel(LinePanel):
    def __init__(self, page: tuple[Procedure, ...], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._page = page
        self._offset = 0
        self._reading: tuple[str, int] | None = None
        """The procedure and its row at the top of the page; ``None`` at the very top."""
        self._count = 0
        self._explained = False

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        rows = runbook_rows(look, self._page, width, self._explained)
        room = max(height - 1, 1)
        self._count = len(rows)
        self._offset = max(min(self._place(rows), len(rows) - room), 0)
        self._remember(rows)
        shown = rows[self._offset : self._offset + room]
        head = head_line(self._offset, len(shown), len(rows), width, self._explained)
        return [head, *(row.text for row in shown)]

    def _place(self, rows: list[Row]) -> int:
        if self._reading is None:
            return 0
        title, number = self._reading
        found = [at for at, row in enumerate(rows) if row.title == title and row.number <= number]
        return found[-1] if found else 0

    def _remember(self, rows: list[Row]) -> None:
        row = rows[self._offset] if self._offset else None
        self._reading = (row.title, row.number) if row is not None else None

    def scroll_by(self, rows: int) -> None:
        """Up if negative."""
        if self._look is None:
            return
        width, height = self.size
        made = runbook_rows(self._look, self._page, width, self._explained)
        self._offset = max(min(self._offset + rows, len(made) - max(height - 1, 1)), 0)
        self._remember(made)
        self._redraw()

    def explain(self) -> None:
        """With every sentence, or with those of what applies now alone."""
        self._explained = not self._explained
        self._redraw()

    @property
    def page_rows(self) -> int:
        return max(self.size.height - 2, 1)

    @property
    def count(self) -> int:
        return self._count
