"""The dashboard. Composed once; which panels are seen, and where, is for ``gridbot.tcss`` by the size's classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from gridbot_tui import keymap
from gridbot_tui.screens.console import ConsoleScreen
from widgets import ages
from widgets.health_rows import risk_fields, system_fields
from widgets.look import Look
from widgets.money_panels import CoinStrip, PortfolioLine
from widgets.panel_rows import fill_fields, grid_fields, position_fields
from widgets.panels import EventTail, FieldPanel, Ladder, NearestOrders, Phone, ProfitStrip


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
            Phone(id="phone"),
            FieldPanel("Position & PnL", position_fields, _market_age, ages.both, id="position"),
            Ladder(id="ladder"),
            FieldPanel("3 Fill capture", fill_fields, _market_age, id="fills"),
            FieldPanel("2 Grid health", grid_fields, _core_age, ages.quote_in_core, id="grid"),
            FieldPanel("System health", system_fields, _core_age, id="system"),
            FieldPanel("4 Risk", risk_fields, _core_age, ages.account, id="risk"),
            ProfitStrip(id="profit"),
            NearestOrders(id="nearest"),
            EventTail(id="events"),
            id="body",
        )
