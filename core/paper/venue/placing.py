"""How an order comes in: rejection, waiting for its trigger, traded, resting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.paper.venue.accounts import Account
from core.paper.venue.matching import take
from core.paper.venue.orders import Grouping, Order, OrderRequest, OrderStatus, OrderUpdate, TimeInForce
from core.paper.venue.rejections import (
    CANNOT_MODIFY,
    CLOSED,
    INVALID_MODIFY,
    NO_LIQUIDITY,
    NO_MARGIN,
    NO_MATCH,
    POST_ONLY_MODE,
    Rejection,
    reject_at_cap,
    reject_count,
    reject_form,
    reject_position,
    reject_post_only,
    reject_reduction,
    reject_trigger,
)

if TYPE_CHECKING:
    from core.paper.venue.venue import Venue


@dataclass(frozen=True, slots=True)
class Placed:
    """``error`` (without `` asset=N``) tells why the order was rejected, empty if it wasn't."""

    order: Order
    error: str = ""


@dataclass(frozen=True, slots=True)
class ModifyResult:
    asset: int
    placed: Placed | None
    error: str = ""


class OrderDesk:
    """Takes a venue's orders in, one after the other. The block has begun, and the payload has been read."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._ledger = venue.ledger

    def place(self, account: Account, requests: list[OrderRequest], grouping: Grouping) -> list[Placed]:
        if grouping is Grouping.NORMAL_TPSL:
            return self._bracket(account, requests[0], requests[1:])
        placed = [self.place_one(account, request) for request in requests]
        if grouping is Grouping.POSITION_TPSL:
            self._relate([result.order for result in placed if not result.error])
        return placed

    def place_one(self, account: Account, request: OrderRequest) -> Placed:
        order = self._new_order(account, request)
        rejection = self._reject(account, request)
        if rejection is not None:
            self._ledger.record(order, rejection.status)
            return Placed(order, rejection.text)
        if order.trigger is not None:
            self._ledger.record(order, OrderStatus.OPEN)
            self._ledger.watch(order)
            return Placed(order)
        return self._run(account, order)

    def fire(self, order: Order) -> None:
        """The mark has met the order's trigger: it goes out as if it was placed now, with its id."""
        assert order.trigger is not None, order
        account = self._ledger.accounts[order.user]
        order.trigger.has_fired = True
        if not order.lots:
            order.lots = order.remaining = abs(account.lots(order.coin))
        self._ledger.record(order, OrderStatus.TRIGGERED)
        request = OrderRequest(
            order.coin, order.side, order.price, order.remaining, order.tif, order.reduce_only
        )
        rejection = self._reject_by_state(account, request)
        if rejection is not None:
            self._ledger.record(order, rejection.status)
        else:
            self._run(account, order)

    def modify(
        self, account: Account, oid: int | str, request: OrderRequest, always_place: bool
    ) -> ModifyResult:
        """Cancel and place anew. ``always_place``: whatever became of the old order, and whatever the new one is."""
        asset = self._venue.instruments[request.coin].asset_id
        old = account.find_open(oid, request.coin)
        is_live = old is not None and old.is_open
        if not always_place:
            if not is_live:
                return ModifyResult(asset, None, CANNOT_MODIFY)
            crosses = self._ledger.books[request.coin].would_cross(request.side, request.price)
            is_taker = not request.tif.may_rest or (request.tif is TimeInForce.GTC and crosses)
            if request.trigger is not None or is_taker:
                return ModifyResult(asset, None, INVALID_MODIFY)
            request = replace(request, tif=TimeInForce.ALO)
        if old is not None and is_live:
            self._ledger.cancel(old, OrderStatus.CANCELED)
        placed = self.place_one(account, request)
        if placed.error:
            return ModifyResult(asset, placed, f"Error placing new order during modify: {placed.error}")
        return ModifyResult(asset, placed)

    def _bracket(self, account: Account, request: OrderRequest, children: list[OrderRequest]) -> list[Placed]:
        """A parent with the take-profit and stop-loss that wait for it."""
        parent = self.place_one(account, request)
        if parent.error:
            return [parent] * (1 + len(children))
        placed: list[Placed] = []
        for child in children:
            assert child.trigger is not None, child
            child.trigger.waits_for = parent.order.oid
            placed.append(self.place_one(account, child))
        waiting = [result.order for result in placed if not result.error]
        self._relate(waiting)
        parent.order.children = tuple(order.oid for order in waiting)
        self._ledger.batch.orders[parent.order.oid] = parent.order
        if not parent.order.is_open:
            self._ledger.release_children(parent.order)
        return [parent, *placed]

    def _relate(self, orders: list[Order]) -> None:
        """Once one of them is filled the others go."""
        for order in orders:
            assert order.trigger is not None, order
            order.trigger.siblings = tuple(other.oid for other in orders if other is not order)
            self._ledger.batch.orders[order.oid] = order

    def _reject(self, account: Account, request: OrderRequest) -> Rejection | None:
        if not self._ledger.books[request.coin].is_open:
            return CLOSED
        if self._venue.post_only and request.tif is not TimeInForce.ALO:
            return POST_ONLY_MODE
        instrument = self._venue.instruments[request.coin]
        lots = account.lots(request.coin)
        rejection = reject_form(request, instrument, lots) or reject_count(request, account)
        if rejection is not None:
            return rejection
        if request.trigger is None:
            return reject_post_only(
                request, instrument, self._ledger.books[request.coin]
            ) or self._reject_by_state(account, request)
        if not request.trigger.waits_for:
            rejection = reject_reduction(request, lots)
        return rejection or reject_trigger(request.trigger, request.side, self._reference(account, request))

    def _reject_by_state(self, account: Account, request: OrderRequest) -> Rejection | None:
        """What is looked at again when a trigger fires."""
        venue = self._venue
        lots = account.lots(request.coin)
        listing = venue.universe.listings[request.coin]
        rejection = reject_reduction(request, lots)
        if rejection is None:
            leverage = venue.margin.leverage(account, request.coin).value
            rejection = reject_position(request, lots, leverage, listing.rules)
        if rejection is None and venue.is_at_cap(listing):
            rejection = reject_at_cap(request, lots)
        if rejection is None and not venue.margin.has_margin_for(request, account):
            return NO_MARGIN
        return rejection

    def _reference(self, account: Account, request: OrderRequest) -> int:
        """What a trigger's price is held against: the mark, or what its parent is to be filled at if that is worse."""
        mark = self._venue.mark_of(request.coin)
        assert request.trigger is not None, request
        parent = account.find_order(request.trigger.waits_for)
        if parent is None or not mark:
            return mark
        return min(mark, parent.price) if parent.side.sign > 0 else max(mark, parent.price)

    def _run(self, account: Account, order: Order) -> Placed:
        """Let an admitted order trade, then rest, or end it."""
        if order.reduce_only:
            order.remaining = min(order.lots, abs(account.lots(order.coin)))
        arrival = len(self._ledger.batch.updates)
        arrived = OrderUpdate(order, order.remaining, OrderStatus.OPEN, self._ledger.block_ms)
        book = self._ledger.books[order.coin]
        take(book, order, self._ledger, self._venue.instruments[order.coin])
        if not order.filled and not order.tif.may_rest:
            is_market = order.tif is TimeInForce.FRONTEND_MARKET
            self._ledger.record(
                order, OrderStatus.NO_LIQUIDITY_REJECTED if is_market else OrderStatus.IOC_REJECTED
            )
            return Placed(order, NO_LIQUIDITY if is_market else NO_MATCH)
        if order.tif.may_rest or order.trigger is None:
            self._ledger.batch.updates.insert(arrival, arrived)
        if order.remaining == 0:
            self._ledger.record(order, OrderStatus.FILLED)
        elif order.tif.may_rest:
            book.rest(order)
            self._ledger.file(order, OrderStatus.OPEN)
            self._ledger.batch.coins.add(order.coin)
            if order.reduce_only:
                self._ledger.follow_position(account, order.coin)
        else:
            self._ledger.record(order, OrderStatus.CANCELED)
        return Placed(order)

    def _new_order(self, account: Account, request: OrderRequest) -> Order:
        return Order(
            oid=self._ledger.new_order_id(),
            user=account.user,
            coin=request.coin,
            side=request.side,
            price=request.price,
            lots=request.lots,
            remaining=request.lots,
            tif=request.tif,
            reduce_only=request.reduce_only,
            cloid=request.cloid,
            created_ms=self._ledger.block_ms,
            status=OrderStatus.OPEN,
            status_ms=self._ledger.block_ms,
            trigger=request.trigger,
            builder=request.builder,
            twap_id=request.twap_id,
        )
