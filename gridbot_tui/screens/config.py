"""The config screen: every setting in effect, where it was set and what it means. Nothing is changed here but by ``E``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from core.view import SettingView
from gridbot_tui import keymap
from gridbot_tui.screens.list_screen import ListScreen
from gridbot_tui.screens.searching import Searching
from widgets.look import Look
from widgets.setting_table import SettingList, holding
from widgets.table import Table
from widgets.table_rows import Listing


class ConfigScreen(ListScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.CONFIG)]

    def __init__(self) -> None:
        super().__init__()
        self._list = SettingList()
        self._searching = Searching(self, self._seek)

    def body(self) -> Iterable[Widget]:
        yield Table(self._listing, id="setting-table")

    def _listing(self, look: Look) -> Listing:
        return self._list.listing(look, self.table.selected_index, self.app.size.width)

    @property
    def selected(self) -> SettingView | None:
        found, at = self._list.found, self.table.selected_index
        return found[at] if self.table.selected_key is not None and at < len(found) else None

    def copied(self) -> tuple[str, str] | None:
        setting = self.selected
        return None if setting is None else (f"{setting.name} = {setting.value}", "setting")

    def perform(self, action_id: str) -> bool:
        if self._searching.perform(action_id):
            return True
        made = super().perform(action_id)
        if made:
            self.show(self.host.look())  # what the selected one means stands below
        return made

    def _seek(self, text: str) -> None:
        self._list.text = text
        self.show(self.host.look())

    def hits(self, text: str) -> list[int]:
        return [at for at, setting in enumerate(self._list.found) if holding(setting, text)]
