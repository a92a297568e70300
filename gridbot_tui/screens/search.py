"""The line in which a search is typed: in the place of the footer, and what it finds is seen as it is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from gridbot_tui.line_entry import LineEntry
from gridbot_tui.screens.dialog import Answer, Dialog
from widgets.ink import Ink, Line, clean, justify, line, shorten
from widgets.look import Look

_BESIDE = 34


class SearchDialog(Dialog):
    """``sought`` gets each text that is typed, and the one before at last if the search is left."""

    TAKES_TEXT = True
    WIDTH = 10_000

    def __init__(
        self, fresh: Callable[[], Look], now_ms: Callable[[], int], text: str, sought: Callable[[str], None]
    ) -> None:
        super().__init__(fresh, now_ms)
        self._before, self._sought = text, sought
        self.entry = LineEntry(text)

    def rows(self, look: Look, width: int) -> list[Line]:
        text = clean(self.entry.text)
        room = max(width - _BESIDE - 3, 8)
        typed = text if len(text) <= room else f"…{text[len(text) - room + 1 :]}"
        keys = line(
            ("enter", Ink.KEY), " keep · ", ("esc", Ink.KEY), " leave · ", ("ctrl+u", Ink.KEY), " clear "
        )
        return [justify(line(("/", Ink.KEY), (f"{shorten(typed, room)}▏", Ink.STRONG)), keys, width)]

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self._sought(self._before)
            self.dismiss(Answer.NO)
        elif event.key == "enter":
            self.dismiss(Answer.YES)
        elif self.entry.press(event.key, event.character):
            self._changed()

    def on_paste(self, event: events.Paste) -> None:
        super().on_paste(event)
        if self.entry.paste(event.text):
            self._changed()

    def _changed(self) -> None:
        self._sought(self.entry.text)
        self.show(self.fresh())
