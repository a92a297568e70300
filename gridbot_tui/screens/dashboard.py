"""The dashboard. Composed once; which panels are seen, and where, is for ``gridbot.tcss`` by the size's classes."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen

from gridbot_tui import keymap
from gridbot_tui.screens.sizes import HEIGHTS, WIDTHS
from widgets.health_rows import risk_fields, system_fields
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.panel_rows import fill_fields, grid_fields, position_fields
from widgets.panels import AlertLine, EventTail, FieldPanel, KeyFooter, Ladder, StatusLine, ToastBox, TooSmall


def _market_age(look: Look) -> float:
    return look.market_age_s


def _core_age(look: Look) -> float:
    return look.snapshot_age_s


class DashboardScreen(Screen[None]):
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.DASHBOARD)]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def compose(self) -> ComposeResult:
        yield TooSmall(id="too-small")
        yield StatusLine(id="status")
        yield AlertLine(id="alert")
        with Container(id="body"):
            yield FieldPanel("1 Position & PnL", position_fields, _market_age, id="position")
            yield Ladder(id="ladder")
            yield FieldPanel("2 Fill capture", fill_fields, _market_age, id="fills")
            yield FieldPanel("3 Grid health", grid_fields, _core_age, id="grid")
            yield FieldPanel("4 System health", system_fields, _core_age, id="system")
            yield FieldPanel("5 Risk", risk_fields, _core_age, id="risk")
            yield EventTail(id="events")
        yield KeyFooter(id="footer")
        yield ToastBox()

    def show(self, look: Look) -> None:
        for panel in self.query(LinePanel):
            panel.show(look)
