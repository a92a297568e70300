"""The exchange without its wire: requests and market steps in, a ``Batch`` of changes out. Pure but for its own state.

Every call carries the time (milliseconds UTC). After each, ``take_batch`` tells what changed; the caller stores that, then
publishes it, then answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count

from core.domain.orders import Side
from core.paper.market.listing import FIRST_DEX, Rules, Universe
from core.paper.market.step import MarketStep
from core.paper.venue.accounts import Account, Leverage
from core.paper.venue.agents import Agents
from core.paper.venue.batch import Batch
from core.paper.venue.ledger import Counters, Ledger
from core.paper.venue.margin import account_value, has_margin_for, initial_margin, leverage_of
from core.paper.venue.matching import market_depth, market_quote, market_trade, take
from core.paper.venue.nonces import NonceSet
from core.paper.venue.orders import Order, OrderRequest, OrderStatus, OrderUpdate, TimeInForce, WireOrder
from core.paper.venue.sub_accounts import check_creation, new_address
from core.paper.venue.validation import (
    CANNOT_MODIFY,
    HALTED,
    INVALID_MODIFY,
    MISSING_ORDER,
    NO_LIQUIDITY,
    NO_MARGIN,
    NO_MATCH,
    POST_ONLY_MODE,
    Rejection,
    StaticError,
    read_order,
    reject_order,
)

MARKET_ORDER_SLIPPAGE = 10
"""Percent from the mark that a market order of the control plane may reach."""


@dataclass(frozen=True, slots=True)
class Placed:
    """``error`` (without `` asset=N``) tells why the order was refused, empty if it wasn't."""

    order: Order
    error: str = ""


@dataclass(frozen=True, slots=True)
class ModifyResult:
    asset: int
    placed: Placed | None
    error: str = ""


class Venue:
    """``opens_accounts``: whether an address that was never seen becomes a funded account (never one that was an agent)."""

    def __init__(
        self,
        universe: Universe,
        funds_micro: int,
        now_ms: int,
        seed: int = 1,
        *,
        opens_accounts: bool = True,
    ) -> None:
        self.universe = universe
        self.instruments = universe.instruments
        self.ledger = Ledger(universe, Counters.starting_at(now_ms), seed)
        self.agents = Agents()
        self._funds_micro = funds_micro
        self.post_only = False
        """As for some minutes after a network upgrade: all but post-only orders are refused."""
        self._opens_accounts = opens_accounts

    def take_batch(self) -> Batch:
        return self.ledger.take_batch()

    def knows(self, user: str) -> bool:
        return user in self.ledger.accounts

    def may_open(self, user: str) -> bool:
        """Whether seeing that stranger makes an account of it."""
        return self._opens_accounts and not self.agents.knows(user)

    def see(self, user: str) -> Account:
        """The account of a lower-case address; a newcomer is given the starting funds.

        Where no account may be opened it is an empty one, which nobody remembers.
        """
        account = self.ledger.accounts.get(user)
        if account is None and not self.may_open(user):
            return Account(user)
        return account or self._open(user, self._funds_micro)

    def fund(self, user: str, micro: int) -> Account:
        """Pay ``micro`` in, on top of the starting funds of a newcomer."""
        account = self.ledger.accounts.get(user)
        if account is None:
            account = self._open(user, self._funds_micro if self.may_open(user) else 0)
        account.deposit(FIRST_DEX, micro)
        self.ledger.touch(account)
        return account

    def create_sub_account(self, master: Account, name: str, needed_usd: int) -> Account:
        """Raises ``RefusedError``."""
        check_creation(master, name, needed_usd)
        addresses = (new_address(master, number) for number in count(len(master.sub_accounts)))
        sub_account = self._open(next(a for a in addresses if not self.knows(a)), 0)
        sub_account.name, sub_account.master = name, master.user
        master.sub_accounts.append(sub_account.user)
        self.ledger.touch(master)
        return sub_account

    def _open(self, user: str, micro: int) -> Account:
        account = self.ledger.accounts[user] = Account(user)
        if micro:
            for dex in self.universe.dexs:
                account.deposit(dex, micro)
        self.ledger.touch(account)
        return account

    def mark_of(self, coin: str) -> int:
        return self.ledger.books[coin].mark()

    def value_of(self, account: Account) -> int:
        return account_value(account, self.mark_of)

    def use_nonce(self, signer: str, nonce: int, now_ms: int) -> None:
        """Raises ``NonceRefusedError``."""
        forgotten = self.ledger.nonces.setdefault(signer, NonceSet()).admit(nonce, now_ms)
        self.ledger.batch.nonces_used.append((signer, nonce))
        self.ledger.batch.nonces_dropped.extend((signer, old) for old in forgotten)

    def place(self, user: str, orders: tuple[WireOrder, ...], now_ms: int) -> list[Placed]:
        """Place them one after the other.

        Raises:
            StaticError: one of them can't be meant, so none is placed.
        """
        self.ledger.begin_block(now_ms)
        if not orders:
            raise StaticError("Orders are empty.")
        requests = [self._read(order) for order in orders]
        account = self.see(user)
        return [self._place(account, request) for request in requests]

    def market_order(self, user: str, coin: str, side: Side, lots: int, now_ms: int) -> Placed:
        """Buy or sell at what the book offers, within ten percent of the mark; the rest is cancelled."""
        self.ledger.begin_block(now_ms)
        instrument = self.instruments[coin]
        reach = self.mark_of(coin) * (100 + side.sign * MARKET_ORDER_SLIPPAGE) // 100
        price = instrument.round_price_down(reach)
        request = OrderRequest(coin, side, price, lots, TimeInForce.FRONTEND_MARKET)
        return self._place(self.see(user), request)

    def cancel(self, user: str, cancels: tuple[tuple[int, int | str], ...], now_ms: int) -> list[str]:
        """An error text for each, empty where the order was cancelled."""
        self.ledger.begin_block(now_ms)
        account = self.see(user)
        results: list[str] = []
        for asset, oid in cancels:
            order = account.find_order(oid)
            if order is None or not order.is_open or self._asset(order.coin) != asset:
                results.append(MISSING_ORDER)
                continue
            self.ledger.cancel(order, OrderStatus.CANCELED)
            results.append("")
        return results

    def modify(
        self, user: str, modifies: tuple[tuple[int | str, WireOrder], ...], always_place: bool, now_ms: int
    ) -> list[ModifyResult]:
        """Cancel and place anew, with a new oid and at the end of the queue.

        Raises:
            StaticError: one of the new orders can't be meant, so nothing is modified.
        """
        self.ledger.begin_block(now_ms)
        requests = [self._read(wire) for _, wire in modifies]
        account = self.see(user)
        return [
            self._modify(account, oid, request, always_place)
            for (oid, _), request in zip(modifies, requests, strict=True)
        ]

    def set_leverage(self, user: str, asset: int, value: int, is_cross: bool) -> str:
        """An error text, empty if it is set."""
        account = self.see(user)
        listing = self.universe.by_asset(asset)
        if listing is None:
            return f"No such asset. asset={asset}"
        instrument = listing.instrument
        if not 1 <= value <= instrument.max_leverage:
            return "Invalid leverage value"
        old = leverage_of(account, instrument)
        if old.is_cross != is_cross and account.lots(instrument.coin):
            return "Cannot switch leverage type with open position."
        previous = account.leverages.get(instrument.coin)
        account.leverages[instrument.coin] = Leverage(value, is_cross)
        needed = initial_margin(account, self.instruments, self.mark_of)
        if value < old.value and needed > self.value_of(account):
            if previous is None:
                del account.leverages[instrument.coin]
            else:
                account.leverages[instrument.coin] = previous
            kind, remedy = (
                ("Cross", "deposit more collateral")
                if is_cross
                else ("Isolated", "add margin to the position")
            )
            return (
                f"{kind} position does not have sufficient margin available to decrease leverage. "
                f"To decrease leverage, {remedy}."
            )
        self.ledger.touch(account)
        return ""

    def step(self, step: MarketStep, now_ms: int) -> None:
        """The market moves: prints, then the deeper book, then the best quote."""
        self.ledger.begin_block(now_ms)
        book = self.ledger.books[step.coin]
        for trade in step.trades:
            users = market_trade(book, trade, self.ledger)
            if users < trade.lots:
                self.ledger.print_market_trade(step.coin, trade.aggressor, trade.price, trade.lots - users)
        if step.depth is not None:
            market_depth(book, step.depth, self.ledger)
        if step.quote is not None:
            market_quote(book, step.quote, self.ledger)
        self.ledger.batch.coins.add(step.coin)

    def relist(self, rules: Rules, now_ms: int) -> None:
        """Put a coin under other rules. Orders on one that is delisted are cancelled; positions stay."""
        self.universe = self.universe.with_rules(rules)
        if not rules.is_delisted:
            return
        self.ledger.begin_block(now_ms)
        for account in self.ledger.accounts.values():
            for order in [o for o in account.open_orders.values() if o.coin == rules.coin]:
                self.ledger.cancel(order, OrderStatus.DELISTED_CANCELED)

    def average_price(self, order: Order) -> Decimal:
        """Of its fills; the order must have some."""
        decimals = self.instruments[order.coin].price_decimals
        return (Decimal(order.filled_micro) / order.filled).scaleb(-decimals)

    def _asset(self, coin: str) -> int:
        return self.instruments[coin].asset_id

    def _read(self, wire: WireOrder) -> OrderRequest:
        listing = self.universe.by_asset(wire.asset)
        if listing is None:
            raise StaticError(f"No such asset. asset={wire.asset}")
        instrument = listing.instrument
        if listing.rules.is_delisted:
            raise StaticError(HALTED)
        request = read_order(wire, instrument, self.mark_of(instrument.coin))
        if request.lots % 10 ** (instrument.sz_decimals - listing.rules.sz_decimals):
            raise StaticError("Order has invalid size.")
        return request

    def _reject(self, account: Account, request: OrderRequest) -> Rejection | None:
        book = self.ledger.books[request.coin]
        instrument = self.instruments[request.coin]
        if self.post_only and request.tif is not TimeInForce.ALO:
            return Rejection(POST_ONLY_MODE, OrderStatus.REJECTED)
        rejection = reject_order(request, instrument, book, account.lots(request.coin))
        if rejection is None and not has_margin_for(request, account, self.instruments, self.mark_of):
            return Rejection(NO_MARGIN, OrderStatus.MARGIN_REJECTED)
        return rejection

    def _place(self, account: Account, request: OrderRequest) -> Placed:
        order = self._new_order(account, request)
        rejection = self._reject(account, request)
        if rejection is not None:
            self.ledger.record(order, rejection.status)
            return Placed(order, rejection.text)
        if order.reduce_only:
            order.remaining = min(order.lots, abs(account.lots(order.coin)))
        arrival = len(self.ledger.batch.updates)
        arrived = OrderUpdate(order, order.remaining, OrderStatus.OPEN, self.ledger.block_ms)
        book = self.ledger.books[request.coin]
        take(book, order, self.ledger, self.instruments[request.coin])
        if not order.filled and not order.tif.may_rest:
            is_market = order.tif is TimeInForce.FRONTEND_MARKET
            self.ledger.record(
                order, OrderStatus.NO_LIQUIDITY_REJECTED if is_market else OrderStatus.IOC_REJECTED
            )
            return Placed(order, NO_LIQUIDITY if is_market else NO_MATCH)
        self.ledger.batch.updates.insert(arrival, arrived)
        if order.remaining == 0:
            self.ledger.record(order, OrderStatus.FILLED)
        elif order.tif.may_rest:
            book.rest(order)
            self.ledger.file(order, OrderStatus.OPEN)
            self.ledger.batch.coins.add(order.coin)
            if order.reduce_only:
                self.ledger.follow_position(account, order.coin)
        else:
            self.ledger.record(order, OrderStatus.CANCELED)
        return Placed(order)

    def _new_order(self, account: Account, request: OrderRequest) -> Order:
        return Order(
            oid=self.ledger.new_order_id(),
            user=account.user,
            coin=request.coin,
            side=request.side,
            price=request.price,
            lots=request.lots,
            remaining=request.lots,
            tif=request.tif,
            reduce_only=request.reduce_only,
            cloid=request.cloid,
            created_ms=self.ledger.block_ms,
            status=OrderStatus.OPEN,
            status_ms=self.ledger.block_ms,
        )

    def _modify(
        self, account: Account, oid: int | str, request: OrderRequest, always_place: bool
    ) -> ModifyResult:
        asset = self._asset(request.coin)
        old = account.find_order(oid)
        is_live = old is not None and old.is_open and old.coin == request.coin
        if not is_live and not always_place:
            return ModifyResult(asset, None, CANNOT_MODIFY)
        if not always_place:
            crosses = self.ledger.books[request.coin].would_cross(request.side, request.price)
            if not request.tif.may_rest or (request.tif is TimeInForce.GTC and crosses):
                return ModifyResult(asset, None, INVALID_MODIFY)
            request = replace(request, tif=TimeInForce.ALO)
        if old is not None and is_live:
            self.ledger.cancel(old, OrderStatus.CANCELED)
        placed = self._place(account, request)
        if placed.error:
            return ModifyResult(asset, placed, f"Error placing new order during modify: {placed.error}")
        return ModifyResult(asset, placed)
