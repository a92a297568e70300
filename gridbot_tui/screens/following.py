"""What follows the core over a place, told apart from other screens before any of it is loaded."""

from __future__ import annotations

from typing import ClassVar

from textual.screen import Screen

from widgets.look import Look


class Following:
    """A dialog or the preview."""

    IS_DIALOG: ClassVar[bool] = False
    """It asks something, of the core as it is now, though the display is held still."""
    TAKES_TEXT: ClassVar[bool] = False
    """Text is typed in it that isn't a word of confirmation."""

    def show(self, look: Look) -> None:
        raise NotImplementedError


def is_dialog(screen: Screen[object]) -> bool:
    return isinstance(screen, Following) and screen.IS_DIALOG


def is_preview(screen: Screen[object]) -> bool:
    return isinstance(screen, Following) and not screen.IS_DIALOG
