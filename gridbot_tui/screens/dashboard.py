"""The dashboard. Composed once; which panels are seen, and where, is for ``gridbot.tcss`` by the size's classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from gridbot_tui import keymap
from gridbot_tui.screens.console import ConsoleScreen
from widgets.health_rows import risk_fields, system_fields
from widgets.look import Look
from widgets.money_panels import CoinStrip, PortfolioLine
from widgets.panel_rows import fill_fields, grid_fields, position_fields
from widgets.panels import EventTail, FieldPanel, Ladder


def _market_age(look: Look) -> float:
    return look.market_age_s


def _core_age(look: Look) -> float:
    return look.snapshot_age_s


class DashboardScreen(ConsoleScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.DASHBOARD)]

    def body(self) -> Iterable[Widget]:
        yield PortfolioLine(id="portfolio")
        yield CoinStrip(id="coins")
        yield Container(
            FieldPanel("1 Position & PnL", position_fields, _market_age, id="position"),
            Ladder(id="ladder"),
            FieldPanel("2 Fill capture", fill_fields, _market_age, id="fills"),
            FieldPanel("3 Grid health", grid_fields, _core_age, id="grid"),
            FieldPanel("4 System health", system_fields, _core_age, id="system"),
            FieldPanel("5 Risk", risk_fields, _core_age, id="risk"),
            EventTail(id="events"),
            id="body",
        )
