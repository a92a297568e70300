"""The fills screen: the newest first, and by which way they came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from gridbot_tui import keymap
from gridbot_tui.screens.list_screen import ListScreen
from widgets.fill_rows import fill_listing
from widgets.money_panels import CoinStrip, PortfolioLine
from widgets.table import Table


class FillsScreen(ListScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.FILLS)]

    def body(self) -> Iterable[Widget]:
        yield PortfolioLine(id="portfolio")
        yield CoinStrip(id="coins")
        yield Table(fill_listing, id="fill-list")

    def copied(self) -> tuple[str, str] | None:
        key = self.table.selected_key
        if not isinstance(key, tuple):
            return None
        _, _, trade_id, cloid = key
        return (str(cloid), "cloid") if cloid else (str(trade_id), "trade id")
