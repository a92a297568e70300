"""From the quit dialog's answer to the screen's end: at once, or when the halt that was asked for stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.domain.commands import Action
from core.view import CommandStatus, RunState, Severity
from gridbot_tui import keymap
from gridbot_tui.departure import Departure
from gridbot_tui.screens.command_desk import CommandDesk

if TYPE_CHECKING:
    from core.view import Snapshot
    from gridbot_tui.screens.leave import Choice

_HALTED = (RunState.HALTED, RunState.FLATTENING)


class Leaving:
    """``leave`` ends the application."""

    def __init__(self, desk: CommandDesk, leave: Callable[[Departure], None]) -> None:
        self._desk, self._leave = desk, leave
        self._halt_id: str | None = None

    def choose(self, choice: Choice, snapshot: Snapshot | None) -> None:
        from gridbot_tui.screens.leave import Choice

        if choice is Choice.DETACH:
            self._leave(Departure.DETACHED)
        elif choice is Choice.HALT:
            self._halt_id = self._desk.send(keymap.BY_ID["halt"], Action.HALT)

    def settle(self, snapshot: Snapshot | None) -> None:
        """Leave once the halt is done; one that failed keeps the operator here."""
        if self._halt_id is None or snapshot is None:
            return
        found = next((command for command in snapshot.commands if command.id == self._halt_id), None)
        if found is None or found.status is CommandStatus.RUNNING:
            return
        self._halt_id = None
        if found.status is CommandStatus.DONE and snapshot.state in _HALTED:
            self._leave(Departure.HALTED)
        else:
            self._desk.say("Not left: the halt is not done, look at the orders", Severity.CRIT)
