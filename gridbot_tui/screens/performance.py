"""The performance screen: what trading has made over the last day."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from gridbot_tui import keymap
from gridbot_tui.screens.console import ConsoleScreen
from widgets.performance_panel import PerformancePanel


class PerformanceScreen(ConsoleScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.PERFORMANCE)]

    def body(self) -> Iterable[Widget]:
        yield PerformancePanel(id="performance")
