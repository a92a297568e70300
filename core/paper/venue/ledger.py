"""The books of the exchange: who holds what, and what a trade or a cancel does to it.

Every trade has two parties, one of which may be the market; its account takes part like any other, so that positions sum to
zero and cash to the deposits at every moment (``audit``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from core.domain.orders import Side
from core.paper.config import STRICT_MONEY, MoneySettings, OrderSettings
from core.paper.market.listing import Universe
from core.paper.venue.accounts import (
    BACKSTOP_USER,
    MARKET_ADDRESS,
    MARKET_USER,
    Account,
)
from core.paper.venue.batch import Batch
from core.paper.venue.book import Book
from core.paper.venue.fees import credited_volume, day_of, fee_micro, rate_for, tier_for
from core.paper.venue.funding import CoinFunding
from core.paper.venue.margin import leverage_of
from core.paper.venue.nonces import NonceSet
from core.paper.venue.orders import (
    FillRecord,
    HistoryRow,
    Liquidated,
    Order,
    OrderStatus,
    OrderUpdate,
    TradePrint,
)
from core.paper.venue.positions import Position, PositionChange
from core.paper.venue.prices import CoinPrices
from core.paper.venue.triggers import TriggerIndex

_MICRO = 1_000_000

AUTO_DELEVERAGED = "Auto-Deleveraging"
"""The direction of a fill that closed a winning position against a bankrupt one. Unconfirmed of Hyperliquid."""

_TIDS: int = 2**50
_TID_FACTOR = 0x2545F4914F6CDD1D
"""Odd, so that multiplying modulo 2**50 maps different counters to different tids."""

_SWEEPING = frozenset(
    {OrderStatus.SCHEDULED_CANCEL, OrderStatus.LIQUIDATED_CANCELED, OrderStatus.DELISTED_CANCELED}
)
"""What takes a parent takes its children by the same name."""


@dataclass(slots=True)
class Counters:
    """``next_oid`` and ``trades`` start from the clock, so that an exchange without memory doesn't hand out ids twice."""

    next_oid: int
    trades: int
    fees: int = 0
    """Micro-USDC taken from all accounts."""
    rounding: int = 0
    """Micro-USDC that funding took from those who pay and couldn't give in whole units to those who receive."""
    liquidations: int = 0
    """How many there were: the next one's id."""
    funded_hour: int = 0
    """The hour since 1970 (UTC) at whose beginning funding was last paid."""
    prices: dict[str, CoinPrices] = field(default_factory=dict)
    """By coin."""
    funding: dict[str, CoinFunding] = field(default_factory=dict)
    """By coin."""

    @staticmethod
    def starting_at(now_ms: int) -> Counters:
        return Counters(next_oid=now_ms, trades=now_ms << 8)


class Trade(NamedTuple):
    """What two parties agree on; ``tid`` is the same on both sides."""

    coin: str
    price: int
    lots: int
    tid: int

    @property
    def notional(self) -> int:
        return self.price * self.lots


class Ledger:
    """Accounts, orders and fills; implements the matching engine's ``Settlement``."""

    def __init__(
        self,
        universe: Universe,
        counters: Counters,
        seed: int,
        settings: OrderSettings,
        money: MoneySettings = STRICT_MONEY,
    ) -> None:
        self.universe = universe
        self.books = {coin: Book(coin) for coin in universe.listings}
        self.accounts: dict[str, Account] = {}
        self.market = Account(MARKET_USER)
        self.backstop = Account(BACKSTOP_USER)
        for dex in universe.dexs:
            self.backstop.deposit(dex, money.insurance_usd * _MICRO)
        self.liquidated: Liquidated | None = None
        """Whose position is being liquidated while a liquidation order matches."""
        self._money = money
        self.counters = counters
        self.nonces: dict[str, NonceSet] = {}
        self.batch = Batch()
        self.block_ms = 0
        self.triggers = TriggerIndex()
        self.can_fill: Callable[[Order], bool] = lambda maker: True
        """Whether a resting order's account has the margin for its being filled."""
        self._settings = settings
        self._seed = seed
        self._block_hash = ""

    def begin_block(self, now_ms: int) -> None:
        """All that happens until the next call shares one time (which never runs back) and one hash."""
        self.block_ms = max(self.block_ms, now_ms)
        self._block_hash = ""

    def take_batch(self) -> Batch:
        batch, self.batch = self.batch, Batch()
        return batch

    def parties(self) -> list[Account]:
        """All that money can be with, but for fees and rounding."""
        return [*self.accounts.values(), self.market, self.backstop]

    def party(self, user: str) -> Account:
        """The account of that name, the venue's own included."""
        own = {MARKET_USER: self.market, BACKSTOP_USER: self.backstop}
        return own.get(user) or self.accounts[user]

    def touch(self, account: Account) -> None:
        self.batch.accounts[account.user] = account

    def note(self, row: HistoryRow) -> None:
        """Add a row to an account's history."""
        self.party(row.user).history.append(row)
        self.batch.history.append(row)

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
        trade = Trade(coin, price, lots, self._next_tid())
        self._settle(taker, trade, side, crossed=True)
        self._settle(maker, trade, side.opposite, crossed=False)
        parties = {
            side: taker.user if taker else MARKET_ADDRESS,
            side.opposite: maker.user if maker else MARKET_ADDRESS,
        }
        self._print(coin, side, price, lots, trade.tid, parties[Side.BUY], parties[Side.SELL])
        if taker is not None and taker.remaining == 0:
            self.cancel_siblings(taker)
        for order in (taker, maker):
            if order is not None:
                self.follow_position(self.accounts[order.user], coin)

    def print_market_trade(self, coin: str, side: Side, price: int, lots: int) -> None:
        """A trade between two parties of the market: it moves no account."""
        self._print(coin, side, price, lots, self._next_tid(), MARKET_ADDRESS, MARKET_ADDRESS)

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
        """Let ``taker`` take ``lots`` (signed) of the position of ``giver``, who is being liquidated, at ``price``.

        Nobody pays a fee and nothing is printed: it isn't a trade on the book.
        """
        side = Side.BUY if lots > 0 else Side.SELL
        trade = Trade(coin, price, abs(lots), self._next_tid())
        for account, own_side, words in ((giver, side.opposite, ""), (taker, side, direction)):
            change = self._exchange(account, trade, own_side)
            if account is not self.market and account is not self.backstop:
                change = change._replace(direction=words or change.direction)
                self._fill(
                    account, trade, own_side, change, oid=self.new_order_id(), crossed=account is giver
                )
            self.follow_position(account, coin)

    def _settle(self, order: Order | None, trade: Trade, side: Side, *, crossed: bool) -> None:
        account = self.market if order is None else self.accounts[order.user]
        change = self._exchange(account, trade, side)
        if order is None:
            return
        fee = self._charge(account, trade, crossed=crossed)
        order.filled += trade.lots
        order.filled_micro += trade.notional
        self.batch.orders[order.oid] = order
        self._fill(account, trade, side, change, oid=order.oid, cloid=order.cloid, fee=fee, crossed=crossed)
        if crossed:
            return
        if order.remaining == 0:
            self.record(order, OrderStatus.FILLED)
            return
        account.count_resting(order)
        if self._settings.tells_partial_fills:
            self.batch.updates.append(OrderUpdate(order, order.remaining, order.status, self.block_ms))

    def _exchange(self, account: Account, trade: Trade, side: Side) -> PositionChange:
        """Lots for cash."""
        listing = self.universe.listings[trade.coin]
        leverage = leverage_of(account, listing, self._money.default_leverage)
        isolated = None if leverage.is_cross or account is self.market else leverage.value
        position = account.positions.setdefault(trade.coin, Position())
        account.pay(listing.dex, -side.sign * trade.notional)
        self.touch(account)
        change = position.trade(side, trade.price, trade.lots, isolated)
        if self.liquidated is not None and account.user == self.liquidated.user:
            kind = "Cross" if leverage.is_cross else "Isolated"
            words = f"Liquidated {kind} {'Long' if change.start_lots > 0 else 'Short'}"
            change = change._replace(direction=words)
        return change

    def _charge(self, account: Account, trade: Trade, *, crossed: bool) -> int:
        """The fee by the account's tier, which is evaluated at the end of a UTC day; what it traded counts from tomorrow on."""
        listing = self.universe.listings[trade.coin]
        today = day_of(self.block_ms)
        volumes = self.volumes_of(account)
        fee = fee_micro(trade.notional, rate_for(tier_for(volumes.days, today), listing, crossed=crossed))
        micro = credited_volume(trade.notional, listing)
        account.pay(listing.dex, -fee)
        account.volume += micro
        volumes.count_volume(today, micro, crossed=crossed)
        self.touch(volumes)
        self.counters.fees += fee
        return fee

    def volumes_of(self, account: Account) -> Account:
        """Whose daily volumes decide the fees of ``account``: a sub-account shares its master's."""
        return self.accounts.get(account.master) or account

    def _fill(
        self,
        account: Account,
        trade: Trade,
        side: Side,
        change: PositionChange,
        *,
        oid: int,
        crossed: bool,
        cloid: str | None = None,
        fee: int = 0,
    ) -> None:
        fill = FillRecord(
            user=account.user,
            coin=trade.coin,
            time_ms=self.block_ms,
            tid=trade.tid,
            oid=oid,
            cloid=cloid,
            side=side,
            price=trade.price,
            lots=trade.lots,
            start_lots=change.start_lots,
            closed_pnl=change.closed_pnl,
            fee=fee,
            crossed=crossed,
            direction=change.direction,
            hash=self.block_hash(trade.tid),
            liquidated=self.liquidated,
        )
        account.fills.append(fill)
        self.batch.fills.append(fill)

    def _print(self, coin: str, side: Side, price: int, lots: int, tid: int, buyer: str, seller: str) -> None:
        block = self.block_hash(tid)
        self.batch.prints.append(
            TradePrint(coin, side, price, lots, self.block_ms, tid, block, buyer, seller)
        )
        self.batch.coins.add(coin)

    def _next_tid(self) -> int:
        self.counters.trades += 1
        return self.counters.trades * _TID_FACTOR % _TIDS

    def block_hash(self, seed: int = 0) -> str:
        """The one hash of all that happens in a block; the first to ask brings the ``seed``."""
        if not self._block_hash:
            digest = hashlib.sha256(f"{self._seed}:{self.block_ms}:{seed}".encode())
            self._block_hash = "0x" + digest.hexdigest()
        return self._block_hash
