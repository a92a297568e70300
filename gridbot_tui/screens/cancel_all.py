"""Cancel all: lists what rests on the account, coin by coin, before one key takes it."""

from __future__ import annotations

from collections.abc import Callable

from core.view import CommandStatus, CommandView, StopState
from gridbot_tui.screens.ask_dialog import AskDialog
from widgets import formats
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line
from widgets.look import Look
from widgets.panel_rows import position_text
from widgets.status_rows import network_name

COINS_SHOWN = 8
"""A longer list is cut: a screen of 20 rows must hold the question."""


class CancelAllDialog(AskDialog):
    INK = Ink.CRIT
    VERB = "halt and cancel all"

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int], preview_id: str | None) -> None:
        """``preview_id``: the command that reads the list."""
        super().__init__(fresh, now_ms)
        self._preview_id = preview_id

    def title_text(self, look: Look) -> str:
        network = network_name(look.snapshot.network) if look.snapshot is not None else ""
        return f"✖ CANCEL ALL ORDERS — {network}"

    def _preview(self, look: Look) -> CommandView | None:
        commands = look.snapshot.commands if look.snapshot is not None else ()
        return next((c for c in commands if c.id == self._preview_id), None)

    def not_yet(self, look: Look) -> str:
        preview = self._preview(look)
        is_known = preview is not None and preview.status is not CommandStatus.RUNNING
        return (
            "" if is_known or self._preview_id is None else "wait for the list, or press H: it halts at once"
        )

    def statement(self, look: Look, width: int) -> list[Line]:
        if look.snapshot is None:
            return []
        account = formats.short_account(look.snapshot.account)
        rows = paragraph(f"Account {account} on {network_name(look.snapshot.network)}", width, Ink.LABEL)
        rows += paragraph("Halts every coin, then cancels what rests on the account:", width)
        for text in self._listed(look):
            rows += paragraph(text, width, indent="  ")
        for coin in look.snapshot.coins:
            if coin.position:
                is_safe = coin.stop.state is StopState.RESTING
                stop = (
                    f"its stop too: {formats.price(coin.stop.price, coin.price_decimals)}"
                    if is_safe
                    else "NO STOP"
                )
                rows += paragraph(f"{position_text(coin)} stays, {stop}", width, Ink.LABEL)
        return rows

    def _listed(self, look: Look) -> list[str]:
        preview = self._preview(look)
        if preview is None or preview.status is CommandStatus.RUNNING:
            return ["  the open orders are being read …"]
        if preview.status is not CommandStatus.DONE:
            return [f"✖ {preview.text}"]
        found = [f"  {text}" for text in preview.text.split("\n")[1:]]
        more = len(found) - COINS_SHOWN
        return [*found[:COINS_SHOWN], f"  … and {more} coins more"] if more > 0 else found
