"""Who looks on, and who of them may act: one, the hosting screen first. Taking over is explicit and written down."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from core.domain.commands import LOOKS, Action, Command, Operator, Origin
from core.view import ControlView

HOST = "host"
"""The viewer that draws in the core's own process."""

MOST_VIEWERS = 16


class Viewers:
    """Belongs to the core's loop. ``tell`` hands a command to the desk, which writes it down."""

    def __init__(self, tell: Callable[[Command], None]) -> None:
        self._tell = tell
        self._by: dict[str, Operator] = {}
        self._holder = ""
        self.view = ControlView()
        """As the Snapshot has it."""

    def arrive(self, viewer: str, by: Operator) -> str:
        """A screen looks on from now on; why not, if there are too many."""
        if len(self._by) >= MOST_VIEWERS:
            return f"{MOST_VIEWERS} screens look on already; close one"
        self._by[viewer] = by
        if not self._holder:
            self._holder = viewer
        told = "hosts the core" if viewer == HOST else "looks on"
        self._write(Action.ATTACH, by, f"{by.label} {told}{self._holds(viewer)}")
        return ""

    def leave(self, viewer: str, why: str = "left") -> None:
        """It is gone, and with it its right to act: the first who then acts has it."""
        by = self._by.pop(viewer, None)
        if by is None:
            return
        freed = viewer == self._holder
        if freed:
            self._holder = ""
        free = "; nobody acts now, the first who does may" if freed and self._by else ""
        self._write(Action.DETACH, by, f"{by.label} {why}{free}")

    def admit(self, viewer: str, command: Command) -> Command:
        """The command as the desk shall have it: with a refusal if this viewer may not act."""
        if viewer not in self._by:  # a core without a screen, which nobody can have taken anything from
            return command
        if command.action is Action.TAKE_CONTROL:
            return self._take_over(viewer, command)
        if command.action is Action.HALT or command.action in LOOKS or self._holder == viewer:
            return command
        if not self._holder:
            self._tell(self._take_over(viewer, replace(command, id=secrets.token_hex(8))))
            return command
        return replace(command, refusal=view_only(self.view.holder))

    def _take_over(self, viewer: str, command: Command) -> Command:
        before = self._by[self._holder].label if self._holder else "nobody"
        if self._holder == viewer:
            return replace(command, action=Action.TAKE_CONTROL, refusal="this screen acts already")
        self._holder = viewer
        self._show()
        text = f"{self._by[viewer].label} acts now, in place of {before}"
        return replace(command, action=Action.TAKE_CONTROL, coin="", value=text)

    def _holds(self, viewer: str) -> str:
        return " and acts" if viewer == self._holder else f"; {self._by[self._holder].label} acts"

    def _write(self, action: Action, by: Operator, text: str) -> None:
        self._show()
        self._tell(Command(secrets.token_hex(8), action, "", Origin.SCREEN, text, by))

    def _show(self) -> None:
        holder = self._by[self._holder].label if self._holder else ""
        self.view = ControlView(holder, self._holder, tuple(by.label for by in self._by.values()))


def view_only(holder: str) -> str:
    """Why a viewer may not act."""
    return f"view only: {holder} acts, K takes over"


def refusal_for(viewer: str, view: ControlView) -> str:
    """Why this viewer may not act now, as the Snapshot tells; empty if it may."""
    return view_only(view.holder) if view.holder_id not in ("", viewer) else ""
