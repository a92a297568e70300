"""The runbook: docs/runbook.md, live. What applies now stands first; its keys work here, and the events they show are below."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from gridbot_tui import keymap
from gridbot_tui.screens.console import ConsoleScreen
from widgets.panels import EventTail
from widgets.runbook_page import Procedure, parsed
from widgets.runbook_panel import RunbookPanel


def page_path() -> Path:
    """Inside the package when installed from a wheel, in ``docs`` in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "runbook.md"
    return installed if installed.is_file() else package.parent / "docs" / "runbook.md"


@cache
def page() -> tuple[Procedure, ...]:
    return parsed(page_path().read_text(encoding="utf-8"))


class RunbookScreen(ConsoleScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.RUNBOOK)]

    def body(self) -> Iterable[Widget]:
        yield RunbookPanel(page(), id="runbook")
        yield EventTail(id="events")

    def perform(self, action_id: str) -> bool:
        panel = self.query_one(RunbookPanel)
        steps = {"line_up": -1, "line_down": 1, "page_up": -panel.page_rows, "page_down": panel.page_rows}
        steps |= {"to_first": -panel.count, "to_last": panel.count}
        if action_id == "open":
            panel.explain()
        elif action_id in steps:
            panel.scroll_by(steps[action_id])
        else:
            return False
        return True
