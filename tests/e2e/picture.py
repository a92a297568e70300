"""What a terminal shows: its alternate screen through pyte, which others wrote; outside of it the lines as they came."""

from __future__ import annotations

import re
import threading

import pyte

_SWITCH = re.compile(r"(\x1b\[\?1049[hl])")
_UNKNOWN = re.compile(r"\x1b\[[<>=?][0-9;]*\$?[a-gi-km-z]|\x1b\[[0-9;]*t")
"""Questions and reports that pyte would write down as letters."""
_UNFINISHED = re.compile(r"\x1b(?:[\[\]][^\x07\x1b@-Z\\^-~]{0,64})?$")


class Picture:
    """Feed it all that was sent. Safe from any thread."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._lines = ""
        self._kept = ""
        self._is_drawn = False
        self._lock = threading.Lock()

    def feed(self, data: str) -> None:
        with self._lock:
            data = self._kept + data
            cut = _UNFINISHED.search(data)
            self._kept = cut[0] if cut else ""
            for part in _SWITCH.split(data[: len(data) - len(self._kept)]):
                if _SWITCH.fullmatch(part):
                    self._is_drawn = part.endswith("h")
                    self._screen.reset()
                elif self._is_drawn:
                    self._stream.feed(_UNKNOWN.sub("", part))
                else:
                    self._lines += part

    def resize(self, columns: int, rows: int) -> None:
        with self._lock:
            self._screen.resize(rows, columns)

    def blank(self) -> None:
        """As if nothing had been sent yet, but for which screen it is."""
        with self._lock:
            self._lines = ""
            self._screen.erase_in_display(2)

    def text(self) -> str:
        """The lines outside the alternate screen, then, while it is open, what stands on it."""
        with self._lock:
            shown = [row.rstrip() for row in self._screen.display] if self._is_drawn else []
            return "\n".join([self._lines, *shown])
