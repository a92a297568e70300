"""The runbook screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from gridbot_tui import keymap
from gridbot_tui.screens.console import ConsoleScreen
from widgets.panels import EventTail


class RunbookScreen(ConsoleScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.RUNBOOK)]

    def body(self) -> Iterable[Widget]:
        yield EventTail(id="events")
