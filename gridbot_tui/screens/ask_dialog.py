"""A dialog that one key agrees to: it says what will happen, is deaf to keys that were pressed before it was seen, and closes
by itself.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from gridbot_tui.screens.dialog import Answer, Dialog
from gridbot_tui.screens.typed_guard import DEAF_MS, open_s
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line, line
from widgets.look import Look


class AskDialog(Dialog):
    """``y`` agrees, ``esc`` and ``n`` leave, in either case: phones capitalise. A subclass says what will be done, and whether
    enough is known to agree.
    """

    INK = Ink.WARN
    VERB = ""
    LEAVES = "cancel"

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int]) -> None:
        super().__init__(fresh, now_ms)
        self._since_ms = now_ms()
        self.notice = ""

    def statement(self, look: Look, width: int) -> list[Line]:
        """What will happen."""
        raise NotImplementedError

    def not_yet(self, look: Look) -> str:
        """Why it can't be agreed to now; empty if it can."""
        return ""

    def show(self, look: Look) -> None:
        if not self._is_over():
            super().show(look)

    def _is_over(self) -> bool:
        """Close when the time is up. Asked before each key too: a suspended process misses its ticks."""
        is_over = not open_s(self._since_ms, self.now_ms())
        if is_over and self.is_current:
            self.dismiss(Answer.TIMED_OUT)
        return is_over

    def body(self, look: Look, width: int) -> list[Line]:
        notice = paragraph(f"▲ {self.notice}", width, Ink.WARN) if self.notice else []
        return [*self.statement(look, width), *notice]

    def foot(self) -> Line:
        left = f" · closes in {open_s(self._since_ms, self.now_ms())}s"
        keys = ("y", Ink.KEY), f" {self.VERB} · ", ("esc", Ink.KEY), f" {self.LEAVES}"
        return line(*keys, (left, Ink.LABEL))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if self._is_over():
            return
        key, look = event.key.lower(), self.fresh()
        if key in ("escape", "n"):
            self.dismiss(Answer.NO)
            return
        if key != "y":
            self.notice = f"nothing is done yet: y is {self.VERB}, esc is {self.LEAVES}"
        elif self.now_ms() - self._since_ms < DEAF_MS:
            self.notice = "that y came before this could be read: y again"
        elif not (reason := self.not_yet(look)):
            self.dismiss(Answer.YES)
            return
        else:
            self.notice = reason
        self.show(look)
