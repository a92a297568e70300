"""A whole record: the very line of the log, spread over rows to be read."""

from __future__ import annotations

import json
from collections.abc import Callable

from textual import events

from gridbot_tui.screens.dialog import Answer, Dialog
from widgets.ink import Ink, Line, clean, line
from widgets.look import Look

_STEPS = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10, "home": -(10**6), "end": 10**6}


class RecordDialog(Dialog):
    """``record`` is JSON; what is none is shown as it is."""

    INK = Ink.OK
    WIDTH = 100

    def __init__(
        self,
        fresh: Callable[[], Look],
        now_ms: Callable[[], int],
        title: str,
        record: str,
        copy: Callable[[], None],
    ) -> None:
        super().__init__(fresh, now_ms)
        self._title, self._record, self._copy = title, record, copy
        self._offset = 0

    def title_text(self, look: Look) -> str:
        return self._title

    def body(self, look: Look, width: int) -> list[Line]:
        rows = record_lines(self._record, width)
        room = max(self.app.size.height - 2, 1)
        self._offset = max(min(self._offset, len(rows) - room), 0)
        return rows[self._offset : self._offset + room]

    def foot(self) -> Line:
        return line(("esc", Ink.KEY), " back · ", ("up down", Ink.KEY), " scroll · ", ("y", Ink.KEY), " copy")

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key in ("escape", "enter"):
            self.dismiss(Answer.NO)
        elif event.key == "y":
            self._copy()
        elif event.key in _STEPS:
            self._offset = max(self._offset + _STEPS[event.key], 0)
            self.show(self.fresh())


def record_lines(record: str, width: int) -> list[Line]:
    """A field a row, ``name: value`` as JSON writes them; a long value goes on in the next rows, indented."""
    try:
        found = json.loads(record)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return _pieces("", record, width)
    rows: list[Line] = []
    for name, value in found.items():
        rows += _pieces(
            f"{json.dumps(name, ensure_ascii=False)}: ", json.dumps(value, ensure_ascii=False), width
        )
    return rows


def _pieces(head: str, text: str, width: int) -> list[Line]:
    head, text, width = clean(head), clean(text), max(width, 8)
    room = max(width - len(head), 1)
    rows = [line((head[:width], Ink.LABEL), text[:room])]
    rest, step = text[room:], width - 4
    return rows + [line("    ", rest[at : at + step]) for at in range(0, len(rest), step)]
