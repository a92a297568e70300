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
        self._armed = _reasons(fresh())

    def changed(self, look: Look) -> str:
        """Halted for another reason by now, which nobody has read yet."""
        before, self._armed = self._armed, _reasons(look)
        new = [reason for coin, reason in self._armed.items() if reason and before.get(coin) != reason]
        return f"halted by now for {new[0]}" if new else ""

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
        if len(look.snapshot.coins) == 1 or look.snapshot.halt_reason:
            reason = look.snapshot.halt_reason or look.halt_reason or "an operator asked"
            rows += paragraph(f"Halted because: {reason}", width)
        for coin in look.snapshot.coins:
            mid = formats.price(coin.mid, coin.price_decimals)
            rows += paragraph(f"{coin.coin}: {position_text(coin)}, mid {mid}", width)
            if len(look.snapshot.coins) > 1 and coin.halt_reason:
                rows += paragraph(f"  halted because: {coin.halt_reason}", width, Ink.WARN, indent="  ")
        quoted = "Every one of them" if len(look.snapshot.coins) > 1 else "The grid"
        return [*rows, *paragraph(f"{quoted} is quoted again.", width)]


def _reasons(look: Look) -> dict[str, str]:
    """Of the account and each coin: resuming lifts all of them."""
    if look.snapshot is None:
        return {}
    return {"": look.snapshot.halt_reason, **{c.coin: c.halt_reason for c in look.snapshot.coins}}
