"""The orders of the exchange: what a trade or a cancel does to them, to those that hang on them, and to their accounts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from core.domain.orders import Side
from core.paper.config import STRICT_MONEY, MoneySettings, OrderSettings
from core.paper.market.listing import Universe
from core.paper.venue.accounting import Accounting, Counters, Trade
from core.paper.venue.accounts import MARKET_ADDRESS, Account
from core.paper.venue.book import Book
from core.paper.venue.fees import builder_rate, fee_micro
from core.paper.venue.nonces import NonceSet
from core.paper.venue.orders import Order, OrderStatus, OrderUpdate, TradePrint
from core.paper.venue.triggers import TriggerIndex

SETTLED = "Settlement"
"""The direction of a fill that ends a position on a delisted coin."""
AUTO_DELEVERAGED = "Auto-Deleveraging"
"""The direction of a fill that closed a winning position against a bankrupt one. Unconfirmed of Hyperliquid."""

_SWEEPING = frozenset(
    {OrderStatus.SCHEDULED_CANCEL, OrderStatus.LIQUIDATED_CANCELED, OrderStatus.DELISTED_CANCELED}
)
"""What takes a parent takes its children by the same name."""


class Ledger(Accounting):
    """Accounts, orders and fills; implements the matching engine's ``Settlement``."""

    def __init__(
        self,
        universe: Universe,
        counters: Counters,
        seed: int,
        settings: OrderSettings,
        money: MoneySettings = STRICT_MONEY,
    ) -> None:
        super().__init__(universe, counters, seed, money)
        self.books = {coin: Book(coin) for coin in universe.listings}
        self.nonces: dict[str, NonceSet] = {}
        self.triggers = TriggerIndex()
        self.can_fill: Callable[[Order], bool] = lambda maker: True
        """Whether a resting order's account has the margin for its being filled."""
        self._settings = settings

    def new_order_id(self) -> int:
        oid = self.counters.next_oid
        self.counters.next_oid += 1
        return oid

    def record(self, order: Order, status: OrderStatus) -> None:
        """Give the order a status, file it, tell its owner, and let those that hang on it follow."""
        self.file(order, status)
        self.batch.updates.append(OrderUpdate(order, order.remaining, status, self.block_ms))
        if not order.is_open:
            self.release_children(order)
        if status is OrderStatus.FILLED:
            self.cancel_siblings(order)

    def file(self, order: Order, status: OrderStatus) -> None:
        """As ``record``, without a row for the owner."""
        order.status = status
        order.status_ms = self.block_ms
        self.accounts[order.user].remember(order)
        self.batch.orders[order.oid] = order

    def cancel(self, order: Order, status: OrderStatus) -> None:
        """Take an open order out of the book, or out of the wait for its trigger."""
        if order.rests:
            self.books[order.coin].remove(order)
            self.batch.coins.add(order.coin)
        self.record(order, status)

    def cancel_all(
        self,
        account: Account,
        status: OrderStatus,
        coins: Collection[str] | None = None,
        *,
        with_triggers: bool = True,
    ) -> None:
        """Cancel the account's open orders, of some coins alone if ``coins`` isn't None."""
        for order in list(account.open_orders.values()):
            is_meant = coins is None or order.coin in coins
            if is_meant and order.is_open and (order.rests or with_triggers):
                self.cancel(order, status)

    def self_trade(self, maker: Order) -> None:
        self.cancel(maker, OrderStatus.SELF_TRADE_CANCELED)

    def admits(self, maker: Order) -> bool:
        if self.can_fill(maker):
            return True
        self.cancel(maker, OrderStatus.MARGIN_CANCELED)
        return False

    def watch(self, order: Order) -> None:
        """Let a trigger order wait: for its parent, or for the mark. A reduce-only one without a position to reduce goes."""
        trigger = order.trigger
        assert trigger is not None, order
        if trigger.waits_for:
            return
        if order.reduce_only and self.accounts[order.user].lots(order.coin) * order.side.sign >= 0:
            self.cancel(order, OrderStatus.REDUCE_ONLY_CANCELED)
        else:
            self.triggers.watch(order)

    def release_children(self, parent: Order) -> None:
        """The parent has ended: its children begin to wait for the mark if it was filled, or cut short by its margin with
        something filled; otherwise they go with it.
        """
        starts = parent.status is OrderStatus.FILLED or (
            parent.status is OrderStatus.MARGIN_CANCELED and parent.filled > 0
        )
        for child in self._open_orders(parent.user, parent.children):
            assert child.trigger is not None, child
            if starts:
                child.trigger.waits_for = 0
                self.batch.orders[child.oid] = child
                self.watch(child)
            elif child.trigger.waits_for:
                self.cancel(child, parent.status if parent.status in _SWEEPING else OrderStatus.CANCELED)

    def cancel_siblings(self, order: Order) -> None:
        """One cancels the other."""
        if order.trigger is not None:
            for sibling in self._open_orders(order.user, order.trigger.siblings):
                self.cancel(sibling, OrderStatus.SIBLING_FILLED_CANCELED)

    def _open_orders(self, user: str, oids: Iterable[int]) -> list[Order]:
        known = self.accounts[user].open_orders
        return [known[oid] for oid in oids if oid in known]

    def execute(self, coin: str, maker: Order | None, taker: Order | None, price: int, lots: int) -> None:
        if taker is not None:
            side = taker.side
        else:
            assert maker is not None
            side = maker.side.opposite
        is_slice = taker is not None and taker.twap_id is not None
        trade = Trade(coin, price, lots, self.new_trade_id(), is_slice)
        self._settle(taker, trade, side, crossed=True)
        self._settle(maker, trade, side.opposite, crossed=False)
        parties = {
            side: taker.user if taker else MARKET_ADDRESS,
            side.opposite: maker.user if maker else MARKET_ADDRESS,
        }
        self._print(trade, side, parties[Side.BUY], parties[Side.SELL])
        if taker is not None and taker.remaining == 0:
            self.cancel_siblings(taker)
        for order in (taker, maker):
            if order is not None:
                self.follow_position(self.accounts[order.user], coin)

    def print_market_trade(self, coin: str, side: Side, price: int, lots: int) -> None:
        """A trade between two parties of the market: it moves no account."""
        self._print(Trade(coin, price, lots, self.new_trade_id()), side, MARKET_ADDRESS, MARKET_ADDRESS)

    def follow_position(self, account: Account, coin: str) -> None:
        """Reduce-only orders may never add up to more than the position: the newest is shrunk to it, older ones go.

        Trigger orders go once there is nothing left that they could reduce.
        """
        resting = account.resting.get(coin)
        if resting is None:
            return
        lots = account.lots(coin)
        for order in list(resting.waiting.values()):
            assert order.trigger is not None, order
            if order.reduce_only and not order.trigger.waits_for and order.side.sign * lots >= 0:
                self.cancel(order, OrderStatus.REDUCE_ONLY_CANCELED)
        if not resting.reducing:
            return
        newest = next(reversed(resting.reducing.values()))
        if newest.side.sign * lots < 0 and resting.reducing_lots <= abs(lots):
            return
        budget = abs(lots)
        for order in reversed(list(resting.reducing.values())):
            if order.side.sign * lots < 0 and order.remaining <= budget:
                budget -= order.remaining
            elif order.side.sign * lots < 0 and budget == abs(lots):
                self.books[coin].cut(order, order.remaining - budget)
                self.batch.orders[order.oid] = order
                account.count_resting(order)
                budget = 0
            else:
                self.cancel(order, OrderStatus.REDUCE_ONLY_CANCELED)

    def move_position(
        self, giver: Account, taker: Account, coin: str, lots: int, price: int, direction: str = ""
    ) -> None:
        """Let ``taker`` take ``lots`` (signed) of ``giver``'s position at ``price``, as in a liquidation or a settlement.

        Nobody pays a fee and nothing is printed: it isn't a trade on the book.
        """
        side = Side.BUY if lots > 0 else Side.SELL
        trade = Trade(coin, price, abs(lots), self.new_trade_id())
        for account, own_side, words in ((giver, side.opposite, ""), (taker, side, direction)):
            change = self.exchange(account, trade, own_side)
            if account is not self.market and account is not self.backstop:
                change = change._replace(direction=words or change.direction)
                self.fill(account, trade, own_side, change, oid=self.new_order_id(), crossed=account is giver)
            self.follow_position(account, coin)

    def _settle(self, order: Order | None, trade: Trade, side: Side, *, crossed: bool) -> None:
        account = self.market if order is None else self.accounts[order.user]
        change = self.exchange(account, trade, side)
        if order is None:
            return
        builder_fee = fee_micro(trade.notional, builder_rate(order.builder[1])) if order.builder else 0
        fee = builder_fee + self.charge(account, trade, crossed=crossed, builder_fee=builder_fee)
        order.filled += trade.lots
        order.filled_micro += trade.notional
        self.batch.orders[order.oid] = order
        self.fill(
            account,
            trade,
            side,
            change,
            oid=order.oid,
            cloid=order.cloid,
            fee=fee,
            builder_fee=builder_fee,
            twap_id=order.twap_id,
            crossed=crossed,
        )
        if crossed:
            return
        if order.remaining == 0:
            self.record(order, OrderStatus.FILLED)
            return
        account.count_resting(order)
        if self._settings.tells_partial_fills:
            self.batch.updates.append(OrderUpdate(order, order.remaining, order.status, self.block_ms))

    def _print(self, trade: Trade, side: Side, buyer: str, seller: str) -> None:
        coin, price, lots, tid, _ = trade
        told = self.trade_hash(trade)
        self.batch.prints.append(TradePrint(coin, side, price, lots, self.block_ms, tid, told, buyer, seller))
        self.batch.coins.add(coin)
