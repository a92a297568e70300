"""Resume: quote again after a halt. Shows why it halted and what is open before asking for the word."""

from __future__ import annotations

from collections.abc import Callable

from gridbot_tui.screens.dialog import TypedDialog
from widgets import formats
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line
from widgets.look import Look
from widgets.panel_rows import position_text
from widgets.status_rows import network_name

WORD = "RESUME"


class ResumeDialog(TypedDialog):
    VERB = "resume"
    INK = Ink.WARN

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int]) -> None:
        super().__init__(fresh, now_ms, WORD, (WORD,))

    def title_text(self, look: Look) -> str:
        network = network_name(look.snapshot.network) if look.snapshot is not None else ""
        return f"▲ RESUME QUOTING — {network}"

    def statement(self, look: Look, width: int) -> list[Line]:
        if look.snapshot is None:
            return []
        account = (
            f"Account {formats.short_account(look.snapshot.account)} on {network_name(look.snapshot.network)}"
        )
        rows = paragraph(account, width, Ink.LABEL)
        rows += paragraph(f"Halted because: {look.halt_reason or 'an operator asked'}", width)
        for coin in look.snapshot.coins:
            mid = formats.price(coin.mid, coin.price_decimals)
            rows += paragraph(f"{coin.coin}: {position_text(coin)}, mid {mid}", width)
        return [*rows, *paragraph("The grid is quoted again.", width)]
