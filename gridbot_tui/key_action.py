"""What a key is: its name, its danger, where it works and when it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gridbot_tui.refusals import always

if TYPE_CHECKING:
    from core.view import Snapshot


class Danger(StrEnum):
    """What a key can do, and so what stands before it."""

    LOOK = "look"
    """Changes what is on the screen, nothing else."""
    ACT = "act"
    """Safe and repeatable: one key, no dialog."""
    ASKS = "asks"
    """A dialog says what will happen; one key agrees."""
    TYPED = "typed"
    """Moves money or ends the protection of a halt: a word must be typed."""


class Scope(StrEnum):
    """Where a key works. The places are named as the modes of the application."""

    APP = "app"
    """Everywhere but in a dialog."""
    CONSOLE = "console"
    """On each of the eight screens."""
    DASHBOARD = "dashboard"
    ORDERS = "orders"
    FILLS = "fills"
    RISK = "risk"
    EVENTS = "events"
    CONFIG = "config"
    PERFORMANCE = "performance"
    RUNBOOK = "runbook"
    PREVIEW = "preview"


_SHOWN = {
    "question_mark": "?",
    "exclamation_mark": "!",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "slash": "/",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


@dataclass(frozen=True, slots=True)
class KeyAction:
    """``keys[0]`` is the one that is shown. ``priority_keys`` work in every screen, dialog and text field: no printable one."""

    id: str
    keys: tuple[str, ...]
    title: str
    tooltip: str
    danger: Danger = Danger.LOOK
    disabled_reason: Callable[[Snapshot | None], str | None] = always
    priority_keys: tuple[str, ...] = ()
    debounce_s: float = 0.0
    in_footer: bool = False
    short: str = ""
    """The title where the footer has little room."""
    rank: int = 0
    """In the footer, see ``KeyHint``."""
    scopes: tuple[Scope, ...] = (Scope.APP,)

    @property
    def key(self) -> str:
        return _SHOWN.get(self.keys[0], self.keys[0])
