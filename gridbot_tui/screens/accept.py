"""Accept a drift: the exchange's position becomes the ledger's, by a row in the journal that says so."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from core.view import ZERO
from gridbot_tui.screens.dialog import TypedDialog
from widgets import formats
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line
from widgets.look import Look
from widgets.panel_rows import position_text
from widgets.status_rows import network_name

WORD = "ACCEPT"


def _drifts(look: Look) -> dict[str, Decimal]:
    coins = look.snapshot.coins if look.snapshot is not None else ()
    return {coin.coin: coin.drift.amount for coin in coins}


class AcceptDialog(TypedDialog):
    VERB = "accept"
    INK = Ink.WARN

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int]) -> None:
        super().__init__(fresh, now_ms, WORD, (WORD,))
        self._armed = _drifts(fresh())

    def changed(self, look: Look) -> str:
        """What would be written down is another thing on another side, or twice as much; what fills move meanwhile is not."""
        for coin, now in _drifts(look).items():
            armed = self._armed.get(coin, ZERO)
            if now and (armed * now <= 0 or abs(now) > 2 * abs(armed)):
                self._armed[coin] = now
                was, is_now = formats.quantity(armed, signed=True), formats.quantity(now, signed=True)
                return f"the drift of {coin} changed from {was} to {is_now}"
        return ""

    def title_text(self, look: Look) -> str:
        network = network_name(look.snapshot.network) if look.snapshot is not None else ""
        return f"▲ ACCEPT AN ADJUSTMENT — {network}"

    def statement(self, look: Look, width: int) -> list[Line]:
        if look.snapshot is None:
            return []
        rows: list[Line] = []
        for coin in look.snapshot.coins:
            shown = coin.drift.exchange_position
            exchange = formats.NOTHING if shown is None else formats.quantity(shown, signed=True)
            rows += paragraph(
                f"{coin.coin}: the fills say {position_text(coin)}, the exchange {exchange}", width
            )
            if coin.drift.explanation:
                rows += paragraph(coin.drift.explanation, width, Ink.LABEL)
        text = "What no fill explains is written down as an adjustment, and a halt for drift is lifted."
        return [*rows, *paragraph(text, width)]
