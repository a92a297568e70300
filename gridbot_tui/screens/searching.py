"""A search over one list: while it is set only its hits are listed; cleared, they are still gone to, among the others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Protocol

from core.view import Severity
from gridbot_tui.screens.console import ConsoleHost, Said
from gridbot_tui.screens.search import SearchDialog
from widgets.table import Table


class Searched(Protocol):
    """A screen whose list can be searched."""

    @property
    def table(self) -> Table: ...

    @property
    def host(self) -> ConsoleHost: ...

    def post_message(self, message: Said) -> bool: ...

    def hits(self, text: str) -> Sequence[int]:
        """The places of the rows listed that have the text, from the top."""


class Searching:
    """``seek`` lists what has a text in it; empty: everything."""

    def __init__(self, screen: Searched, seek: Callable[[str], None]) -> None:
        self._screen, self._seek = screen, seek
        self.text = ""
        self._last = ""

    def perform(self, action_id: str) -> bool:
        match action_id:
            case "search":
                host = self._screen.host
                host.show_dialog(
                    SearchDialog(host.look, host.monotonic, self.text, self._set), lambda _: None
                )
            case "search_next" | "search_previous":
                self._go(forwards=action_id == "search_next")
            case "back" if self.text:
                self.clear()
            case _:
                return False
        return True

    def clear(self) -> None:
        """List everything again, with the cursor on the row where it was: now among what stands around it."""
        if self.text:
            key = self._screen.table.selected_key
            self._set("")
            if key is not None:
                self._screen.table.select(key)

    def _set(self, text: str) -> None:
        self.text = text
        self._last = text or self._last
        self._seek(text)

    def _go(self, forwards: bool) -> None:
        if not self._last:
            self._say("nothing was searched for yet: / first")
            return
        hits, at = self._screen.hits(self._last), self._screen.table.selected_index
        if not hits:
            self._say(f"no row has {self._last!r} in it")
            return
        place = bisect_right(hits, at) if forwards else bisect_left(hits, at) - 1
        if not 0 <= place < len(hits):
            self._say(
                "past the last hit, on with the first"
                if forwards
                else "before the first hit, on with the last"
            )
        listing = self._screen.table.listing
        assert listing is not None, "hits are of rows that are listed"
        self._screen.table.select(listing.keys[hits[place % len(hits)]])

    def _say(self, text: str) -> None:
        self._screen.post_message(Said(text, Severity.WARN))
