"""The two lines above the panels: what the account is worth, and the coins that trade."""

from __future__ import annotations

from widgets.ink import Line
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.money_rows import coin_strip, portfolio_line


class PortfolioLine(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return [portfolio_line(look, width)]


class CoinStrip(LinePanel):
    """There only while more than one coin trades."""

    def show(self, look: Look) -> None:
        self.set_class(look.snapshot is not None and len(look.snapshot.coins) > 1, "-many")
        super().show(look)

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return [coin_strip(look, width)]
