"""The performance screen's widget."""

from __future__ import annotations

from widgets.ink import Line
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.performance_rows import performance_lines


class PerformancePanel(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return performance_lines(look, width, height)
