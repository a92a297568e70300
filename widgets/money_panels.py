"""The widgets of money: the two lines above the panels, and the panels of the risk screen."""

from __future__ import annotations

from widgets.ink import Line
from widgets.limit_rows import end_lines, limit_lines
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.money_rows import coin_strip, portfolio_line
from widgets.risk_history_rows import funding_lines, trip_lines


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


class Limits(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return limit_lines(look, width, height)


class Ends(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return end_lines(look, width, height)


class Trips(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return trip_lines(look, width, height)


class FundingDays(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return funding_lines(look, width, height)
