"""``ctrl+x`` where text is typed: there other programs cut or leave with it, so that one press alone halts nothing."""

from __future__ import annotations

from textual.app import App
from textual.widgets import Input

from gridbot_tui.screens.command_desk import TOAST_MS
from gridbot_tui.screens.following import Following

ASKED = "press ctrl+x again to halt"


class SecondPress:
    """The second press counts while the answer to the first is on the screen."""

    def __init__(self) -> None:
        self._first_ms: int | None = None

    def confirms(self, now_ms: int) -> bool:
        """Whether this press is the second one."""
        first_ms, self._first_ms = self._first_ms, now_ms
        if first_ms is None or now_ms - first_ms >= TOAST_MS:
            return False
        self._first_ms = None
        return True


def is_typing(app: App[None]) -> bool:
    """Whether keys go into a line of text now."""
    screen = app.screen
    return (isinstance(screen, Following) and screen.TAKES_TEXT) or isinstance(app.focused, Input)
