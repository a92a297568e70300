"""Take over: says who acts now and what he will still be able to do."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from gridbot_tui.screens.dialog import Answer, Dialog
from gridbot_tui.screens.typed_guard import DEAF_MS
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line, line
from widgets.look import Look


class TakeControlDialog(Dialog):
    INK = Ink.WARN

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int]) -> None:
        super().__init__(fresh, now_ms)
        self._since_ms = now_ms()

    def title_text(self, look: Look) -> str:
        return "▲ TAKE OVER"

    def body(self, look: Look, width: int) -> list[Line]:
        control = look.snapshot.control if look.snapshot is not None else None
        holder = control.holder if control is not None and control.holder else "nobody"
        rows = paragraph(f"Acts now: {holder}.", width, Ink.STRONG)
        rows += paragraph(
            "From then on this screen acts, and the other can only look on, halt, and take over again. It is written down.",
            width,
        )
        others = [name for name in (control.viewers if control is not None else ()) if name != holder]
        return rows + (paragraph(f"Looking on: {', '.join(others)}", width) if others else [])

    def foot(self) -> Line:
        return line(("k", Ink.KEY), " take over · ", ("esc", Ink.KEY), " only look on")

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(Answer.NO)
        elif event.key.lower() == "k" and self.now_ms() - self._since_ms >= DEAF_MS:
            self.dismiss(Answer.YES)
