"""Quit: says exactly what stopping does. Staying is the default."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from gridbot_tui.screens.dialog import Answer, Dialog
from gridbot_tui.screens.typed_guard import DEAF_MS
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line, line
from widgets.look import Look
from widgets.panel_rows import position_text
from widgets.status_rows import network_name


class QuitDialog(Dialog):
    INK = Ink.WARN

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int]) -> None:
        super().__init__(fresh, now_ms)
        self._since_ms = now_ms()

    def title_text(self, look: Look) -> str:
        network = f" — {network_name(look.snapshot.network)}" if look.snapshot is not None else ""
        return f"▲ QUIT GRIDBOT{network}"

    def body(self, look: Look, width: int) -> list[Line]:
        coins = look.snapshot.coins if look.snapshot is not None else ()
        orders = sum(coin.grid.orders_active for coin in coins)
        rows = paragraph(
            f"Stops in order: places nothing new, cancels our {orders} orders, "
            "settles with the exchange, reports, then leaves.",
            width,
        )
        for coin in coins:
            if coin.position:
                rows += paragraph(
                    f"▲ {position_text(coin)} stays open, with nobody watching.", width, Ink.WARN
                )
        return rows

    def foot(self) -> Line:
        return line(("s", Ink.KEY), " stop and leave · ", ("esc", Ink.KEY), " stay")

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(Answer.NO)
        elif event.key == "s" and self.now_ms() - self._since_ms >= DEAF_MS:
            self.dismiss(Answer.YES)
