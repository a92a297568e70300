"""Take over: says who acts now and what he will still be able to do."""

from __future__ import annotations

from gridbot_tui.screens.ask_dialog import AskDialog
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line
from widgets.look import Look


class TakeControlDialog(AskDialog):
    """``y`` agrees as everywhere, never the key that opens it: one that is stuck would take over."""

    VERB = "take over"
    LEAVES = "only look on"

    def title_text(self, look: Look) -> str:
        return "▲ TAKE OVER"

    def statement(self, look: Look, width: int) -> list[Line]:
        control = look.snapshot.control if look.snapshot is not None else None
        holder = control.holder if control is not None and control.holder else "nobody"
        rows = paragraph(f"Acts now: {holder}.", width, Ink.STRONG)
        rows += paragraph(
            "From then on this screen acts, and the other can only look on, halt, and take over again. It is written down.",
            width,
        )
        others = [name for name in (control.viewers if control is not None else ()) if name != holder]
        return rows + (paragraph(f"Looking on: {', '.join(others)}", width) if others else [])
