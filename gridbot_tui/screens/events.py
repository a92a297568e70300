"""The events screen: the core's last events, filtered, searched, and each to be looked into."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from core.view import EventView, Severity
from gridbot_tui import keymap
from gridbot_tui.screens.console import Said
from gridbot_tui.screens.list_screen import ListScreen
from gridbot_tui.screens.record import RecordDialog
from gridbot_tui.screens.searching import Searching
from widgets import formats
from widgets.event_table import EventList, holding
from widgets.look import Look
from widgets.table import Table
from widgets.table_rows import Listing


class EventsScreen(ListScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.EVENTS)]

    def __init__(self) -> None:
        super().__init__()
        self._list = EventList()
        self._searching = Searching(self, self._seek)

    def body(self) -> Iterable[Widget]:
        yield Table(self._listing, id="event-table")

    def _listing(self, look: Look) -> Listing:
        return self._list.listing(look, self.table.is_at_end)

    @property
    def selected(self) -> EventView | None:
        found, at = self._list.found, self.table.selected_index
        return found[at] if self.table.selected_key is not None and at < len(found) else None

    def copied(self) -> tuple[str, str] | None:
        event = self.selected
        return None if event is None else (event.line or f"{event.name} {event.detail}", "event")

    def perform(self, action_id: str) -> bool:
        if action_id == "open":
            self._open()
        elif action_id == "filter_all":
            self._searching.clear()
            return False  # the filter is the application's: the dashboard's tail has it too
        else:
            return self._searching.perform(action_id) or super().perform(action_id)
        return True

    def _open(self) -> None:
        event = self.selected
        if event is None:
            self.post_message(Said("enter Open: nothing is selected", Severity.WARN))
            return
        host = self.host
        record = event.line or event.detail
        title = f"{event.name} · {formats.utc_second(event.time_ms)}"
        dialog = RecordDialog(host.look, host.monotonic, title, record, self.copy)
        host.show_dialog(dialog, lambda _: None)

    def _seek(self, text: str) -> None:
        self._list.text = text
        self.show(self.host.look())

    def hits(self, text: str) -> list[int]:
        return [at for at, event in enumerate(self._list.found) if holding(event, text)]
