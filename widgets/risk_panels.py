"""The panels of the risk screen."""

from __future__ import annotations

from widgets.ink import Line
from widgets.limit_rows import end_lines, limit_lines
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.risk_history_rows import funding_lines, trip_lines
from widgets.router_rows import router_lines


class Limits(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return limit_lines(look, width, height)


class OrderRouter(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return router_lines(look, width, height)


class Ends(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return end_lines(look, width, height)


class Trips(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return trip_lines(look, width, height)


class FundingDays(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return funding_lines(look, width, height)
