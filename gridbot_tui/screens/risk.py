"""The risk screen: how much of each limit is used, what the exchange takes, where each position ends, what tripped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from gridbot_tui import keymap
from gridbot_tui.screens.console import ConsoleScreen
from widgets.money_panels import CoinStrip, PortfolioLine
from widgets.risk_panels import Ends, FundingDays, Limits, OrderRouter, Trips


class RiskScreen(ConsoleScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.RISK)]

    def body(self) -> Iterable[Widget]:
        yield PortfolioLine(id="portfolio")
        yield CoinStrip(id="coins")
        yield Container(
            Container(Limits(id="limits"), OrderRouter(id="router"), id="bounds"),
            Ends(id="ends"),
            Trips(id="trips"),
            FundingDays(id="funding-days"),
            id="risk-body",
        )
