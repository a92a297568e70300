"""Park: one order goes and its level stays empty; on a parked level, the level is quoted again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.view import OrderView
from gridbot_tui.screens.ask_dialog import AskDialog
from widgets import formats
from widgets.box_rows import paragraph
from widgets.ink import Line
from widgets.look import Look


@dataclass(frozen=True, slots=True)
class ParkWish:
    """``order`` is to be cancelled and its level parked; without one, the parked level ``slot`` is to come back, or all."""

    coin: str
    order: OrderView | None = None
    slot: str = ""

    @property
    def is_parked(self) -> bool:
        return self.order is None

    @property
    def value(self) -> str:
        """Of the command: the order's client id, or the parked slot."""
        return self.slot if self.order is None else self.order.cloid


class ParkDialog(AskDialog):
    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int], wish: ParkWish) -> None:
        super().__init__(fresh, now_ms)
        self.wish = wish
        self.VERB = "quote it again" if wish.is_parked else "cancel and park"

    def title_text(self, look: Look) -> str:
        return "▲ UNPARK A LEVEL" if self.wish.is_parked else "▲ CANCEL AND PARK"

    def statement(self, look: Look, width: int) -> list[Line]:
        order = self.wish.order
        if order is None:
            what = (
                f"{self.wish.coin} {self.wish.slot} is parked: it is"
                if self.wish.slot
                else "Every parked level is"
            )
            return paragraph(f"{what} quoted again.", width)
        price = formats.quantity(order.price)
        rows = paragraph(f"{order.coin} {order.side} {formats.quantity(order.size)} at {price}", width)
        if not order.slot:
            text = (
                "It works no level of the grid, so it can't be parked: O cancels all, F closes the position."
            )
            return rows + paragraph(text, width)
        text = f"It is cancelled, and level {order.slot} stays empty, also after a restart, until C is pressed on it again."
        return rows + paragraph(text, width)
