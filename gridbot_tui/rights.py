"""Which keys this screen may use: one screen acts at a time, and every one may halt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gridbot_tui import keymap
from gridbot_tui.key_action import Danger, KeyAction
from widgets.look import KeyHint

if TYPE_CHECKING:
    from core.runtime.core_port import CorePort
    from core.view import Snapshot

_ALWAYS = ("halt", "take_control", "quit")


class Rights:
    """Reads the core's word on who acts; the core itself refuses whoever doesn't, whatever the screen believes."""

    def __init__(self, core: CorePort) -> None:
        self._core = core
        self._refusals: list[str] = []
        self._hints: tuple[KeyHint, ...] = ()

    def refusal(self, action: KeyAction) -> str:
        """Why this screen can't do it now; empty if it can."""
        if action.danger is Danger.LOOK or action.id == "quit":
            return ""
        refusal = self._core.acting_refusal()
        trouble = self._core.link_trouble()
        if action.id == "take_control" and not refusal:
            return "this screen acts already"
        return trouble if action.id in _ALWAYS else trouble or refusal

    def view_only(self) -> str:
        """What the footer says to one that may not act."""
        return "" if self._core.link_trouble() else self._core.acting_refusal()

    def hints(self, snapshot: Snapshot | None) -> tuple[KeyHint, ...]:
        """Every key as footer and alert line name it; the same ones as before, if none is refused for another reason."""
        refusals = [action.disabled_reason(snapshot) or self.refusal(action) for action in keymap.ACTIONS]
        if refusals != self._refusals:
            self._refusals = refusals
            hints = zip(keymap.hints(snapshot), refusals, strict=True)
            self._hints = tuple(replace(hint, refusal=refusal) for hint, refusal in hints)
        return self._hints
