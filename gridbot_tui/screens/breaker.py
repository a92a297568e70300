"""Reset the circuit breakers: says which are open and why; what still has its cause stays open."""

from __future__ import annotations

from core.view import BreakerState
from gridbot_tui.screens.ask_dialog import AskDialog
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line
from widgets.look import Look


class BreakerDialog(AskDialog):
    VERB = "close the mended ones"

    def title_text(self, look: Look) -> str:
        return "▲ RESET CIRCUIT BREAKERS"

    def statement(self, look: Look, width: int) -> list[Line]:
        breakers = look.snapshot.api.breakers if look.snapshot is not None else ()
        rows: list[Line] = []
        for breaker in breakers:
            if breaker.state is BreakerState.CLOSED:
                continue
            left = "" if not breaker.cooldown_left_s else f", probes in {breaker.cooldown_left_s:.0f} s"
            text = f"{breaker.name} {breaker.state.value}{left}: {breaker.reason or breaker.cause}"
            rows += paragraph(text, width, Ink.CRIT, indent="  ")
        rows = rows or paragraph("Every circuit breaker is closed.", width)
        return [
            *rows,
            *paragraph("Asks the exchange for one answer first: without it nothing is closed.", width),
        ]
