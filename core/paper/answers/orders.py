"""Orders: open ones, one by its id, past ones."""

from __future__ import annotations

from core.paper.answers.arguments import Handler, Request, get_account, get_dex
from core.paper.answers.rows import Rows
from core.paper.jsonio import Json, get_oid
from core.paper.venue.accounts import Account
from core.paper.venue.orders import Order
from core.paper.venue.venue import Venue

_MAX_PAST_ORDERS = 2000


class Orders:
    def __init__(self, venue: Venue, rows: Rows) -> None:
        self._venue = venue
        self._rows = rows

    def handlers(self) -> dict[str, Handler]:
        return {
            "openOrders": self._open_orders,
            "frontendOpenOrders": self._frontend_open_orders,
            "orderStatus": self._order_status,
            "historicalOrders": lambda request, _: self.past(get_account(request, self._venue)),
        }

    def frontend(self, account: Account, dex: str | None = None) -> list[Json]:
        """In full, newest first; of all dexs if ``dex`` is None."""
        return [
            self._rows.full_order(order, self._children(account, order))
            for order in self._resting(account, dex)
        ]

    def _children(self, account: Account, order: Order) -> list[Order]:
        return [account.open_orders[oid] for oid in order.children if oid in account.open_orders]

    def past(self, account: Account) -> list[Json]:
        """Every order once, as it ended or stands: the 2000 whose state changed last, newest first.

        Whether Hyperliquid lists an order once for each state that it went through is not known.
        """
        orders = [*account.terminal_orders.values(), *account.open_orders.values()]
        orders.sort(key=lambda order: (order.status_ms, order.oid), reverse=True)
        return [self._rows.past_order(order) for order in orders[:_MAX_PAST_ORDERS]]

    def _resting(self, account: Account, dex: str | None) -> list[Order]:
        listings = self._venue.universe.listings
        return [
            order
            for order in reversed(account.open_orders.values())
            if dex is None or listings[order.coin].dex == dex
        ]

    def _open_orders(self, request: Request, _: int) -> Json:
        account = get_account(request, self._venue)
        return [self._rows.open_order(order) for order in self._resting(account, get_dex(request))]

    def _frontend_open_orders(self, request: Request, _: int) -> Json:
        return self.frontend(get_account(request, self._venue), get_dex(request))

    def _order_status(self, request: Request, _: int) -> Json:
        account = get_account(request, self._venue)
        order = account.find_order(get_oid(request, "oid"))
        if order is None:
            return {"status": "unknownOid"}
        return {"status": "order", "order": self._rows.past_order(order, self._children(account, order))}
