"""Quit: says exactly what each way out does. The bot trades on unless another is chosen."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar

from textual import events

from core.view import CoinView, Severity, Snapshot, StopState
from gridbot_tui.screens.console import Said
from gridbot_tui.screens.dialog import Answer, Dialog
from gridbot_tui.screens.typed_guard import DEAF_MS
from widgets import formats
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line, line
from widgets.look import Look
from widgets.panel_rows import position_text
from widgets.status_rows import network_name


class Choice(StrEnum):
    DETACH = "d"
    HALT = "h"
    STOP = "s"


_KEYS = {"d": Choice.DETACH, "enter": Choice.DETACH, "h": Choice.HALT, "s": Choice.STOP}


class QuitDialog(Dialog):
    INK = Ink.WARN
    CHOICES: ClassVar[dict[str, Choice]] = _KEYS

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int]) -> None:
        super().__init__(fresh, now_ms)
        self._since_ms = now_ms()
        self.choice = Choice.DETACH

    def title_text(self, look: Look) -> str:
        network = f" — {network_name(look.network)}" if look.network else ""
        return f"▲ QUIT GRIDBOT{network}"

    def body(self, look: Look, width: int) -> list[Line]:
        coins = look.snapshot.coins if look.snapshot is not None else ()
        orders = sum(coin.grid.orders_active for coin in coins)
        rows: list[Line] = []
        for key, text in self.ways(orders, _goes_on(look.snapshot, orders)).items():
            rows += _way(key, text, width)
        for coin in [coin for coin in coins if coin.position]:
            rows += paragraph(f"▲ {position_text(coin)} stays open in each, {_stop(coin)}", width, Ink.WARN)
        return rows

    def ways(self, orders: int, goes_on: str) -> dict[Choice, str]:
        """What each key does."""
        return {
            Choice.DETACH: f"leave the screen, {goes_on}. gridbot attach shows it again.",
            Choice.HALT: f"halt: cancel our {orders} orders, quote nothing, then leave. The bot watches on.",
            Choice.STOP: f"stop: cancel our {orders} orders, settle, report, end. Nobody watches then.",
        }

    def foot(self) -> Line:
        return line(("enter", Ink.KEY), " is ", ("d", Ink.KEY), " detach · ", ("esc", Ink.KEY), " stay")

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(Answer.NO)
        elif event.key.lower() in self.CHOICES and self.now_ms() - self._since_ms >= DEAF_MS:
            self.choice = self.CHOICES[event.key.lower()]
            self.dismiss(Answer.YES)
        elif event.is_printable:
            self.post_message(
                Said("Nothing is done yet: press a key that is named here, or esc", Severity.WARN)
            )


def _way(key: Choice, text: str, width: int) -> list[Line]:
    rows = paragraph(text, width - 3)
    return [line((key.value if not at else " ", Ink.KEY), "  ", *row) for at, row in enumerate(rows)]


def _goes_on(snapshot: Snapshot | None, orders: int) -> str:
    if snapshot is not None and snapshot.halt_reason:
        return "the bot stays halted and watches"
    return f"the bot trades on with {orders} orders"


def _stop(coin: CoinView) -> str:
    """Where the exchange itself would close it."""
    if coin.stop.state is StopState.RESTING and coin.stop.price:
        return f"stop {formats.price(coin.stop.price, formats.decimals_of(coin.stop.price))}"
    return "no stop at the exchange"


class AttachedQuitDialog(QuitDialog):
    """Of a screen that only looks on: the bot is another process, which no key of this one ends."""

    CHOICES: ClassVar[dict[str, Choice]] = {key: choice for key, choice in _KEYS.items() if key != "s"}

    def title_text(self, look: Look) -> str:
        return super().title_text(look).replace("QUIT GRIDBOT", "LEAVE THE SCREEN")

    def ways(self, orders: int, goes_on: str) -> dict[Choice, str]:
        return {
            Choice.DETACH: f"detach: {goes_on}.",
            Choice.HALT: f"halt: cancel our {orders} orders, quote nothing, then detach.",
        }
