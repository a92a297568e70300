"""The orders screen: every order that may rest, what ought not to be there first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from core.view import OrderView
from gridbot_tui import keymap
from gridbot_tui.screens.list_screen import ListScreen
from widgets.money_panels import CoinStrip, PortfolioLine
from widgets.order_rows import order_key, order_listing
from widgets.table import Table


class OrdersScreen(ListScreen):
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.ORDERS)]

    def body(self) -> Iterable[Widget]:
        yield PortfolioLine(id="portfolio")
        yield CoinStrip(id="coins")
        yield Table(order_listing, id="orders")

    @property
    def selected_order(self) -> OrderView | None:
        """The order under the cursor, as last drawn."""
        look, key = self.table.look, self.table.selected_key
        orders = look.snapshot.orders if look is not None and look.snapshot is not None else ()
        return next((order for order in orders if order_key(order) == key), None)

    def copied(self) -> tuple[str, str] | None:
        order = self.selected_order
        if order is None:
            return None
        return (order.cloid, "cloid") if order.cloid else (str(order.order_id), "order id")
