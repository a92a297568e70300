"""A place of the console that is one list: its keys walk the rows and copy the one that is selected."""

from __future__ import annotations

from core.view import Severity
from gridbot_tui.screens.console import ConsoleScreen, Said
from widgets.table import Table
from widgets.table_rows import Motion

_MOTIONS = {motion.value: motion for motion in Motion}


class ListScreen(ConsoleScreen):
    """A subclass yields one ``Table`` among its panels."""

    @property
    def table(self) -> Table:
        return self.query_one(Table)

    def copied(self) -> tuple[str, str] | None:
        """What ``y`` copies of the selected row, and what to call it; ``None`` without anything to copy."""
        raise NotImplementedError

    def perform(self, action_id: str) -> bool:
        if action_id in _MOTIONS:
            self.table.move(_MOTIONS[action_id])
        elif action_id == "copy":
            self.copy()
        else:
            return False
        return True

    def copy(self) -> None:
        found = self.copied()
        if found is None:
            self.post_message(Said("y Copy: nothing is selected", Severity.WARN))
            return
        text, name = found
        self.app.copy_to_clipboard(text)
        self.post_message(Said(f"y Copy: the {name} is in the terminal's clipboard"))
