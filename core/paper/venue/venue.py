"""The exchange without its wire: requests and market steps in, a ``Batch`` of changes out. Pure but for its own state.

Every call carries the time (milliseconds UTC). After each, ``take_batch`` tells what changed; the caller stores that, then
publishes it, then answers.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import count

from core.domain.orders import Side
from core.paper.config import STRICT_MONEY, MoneySettings, OrderSettings
from core.paper.market.listing import Listing, Rules, Universe
from core.paper.market.step import MarketStep
from core.paper.venue.accounting import Counters
from core.paper.venue.accounts import Account
from core.paper.venue.agents import Agents
from core.paper.venue.batch import Batch
from core.paper.venue.ledger import SETTLED, Ledger
from core.paper.venue.margin import Margin
from core.paper.venue.margin_actions import set_leverage, top_up_isolated_margin, update_isolated_margin
from core.paper.venue.matching import market_depth, market_levels, market_quote, market_trade
from core.paper.venue.nonces import NonceSet
from core.paper.venue.orders import Grouping, Order, OrderRequest, OrderStatus, TimeInForce, WireOrder
from core.paper.venue.placing import ModifyResult, OrderDesk, Placed
from core.paper.venue.positions import Leverage
from core.paper.venue.prices import mark_price
from core.paper.venue.rejections import MISSING_ORDER, NO_FAST_CANCEL
from core.paper.venue.sub_accounts import check_creation, new_address
from core.paper.venue.switch import SwitchBoard, fire_switch, set_switch
from core.paper.venue.transfers import Transfers
from core.paper.venue.twap_desk import TwapDesk, end_twaps
from core.paper.venue.upkeep import Upkeep
from core.paper.venue.validation import check_grouping, read_order

MARKET_ORDER_SLIPPAGE = 10
"""Percent from the mark that a market order of the control plane may reach."""


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
        settings: OrderSettings | None = None,
        money: MoneySettings = STRICT_MONEY,
    ) -> None:
        self._settings = settings or OrderSettings()
        self._money = money
        self.instruments = universe.instruments
        self.ledger = Ledger(universe, Counters.starting_at(now_ms), seed, self._settings, money)
        self.ledger.can_fill = self._can_fill
        self.agents = Agents()
        self.margin = Margin(self.ledger, self.mark_of, money)
        self.upkeep = Upkeep(self.ledger, self.margin)
        self.transfers = Transfers(self.ledger, self.margin, self.receive)
        self._funds_micro = funds_micro
        self.post_only = False
        """As for some minutes after a network upgrade: all but post-only orders are refused."""
        self._opens_accounts = opens_accounts
        self._switches = SwitchBoard()
        self._desk = OrderDesk(self)
        self.twaps = TwapDesk(self, self._desk, self._settings)

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

    def receive(self, user: str) -> Account:
        """As ``see``, for who gets money: an account of its own in any case, without starting funds where none are given."""
        account = self.ledger.accounts.get(user)
        return account or self._open(user, self._funds_micro if self.may_open(user) else 0)

    def fund(self, user: str, micro: int) -> Account:
        """Pay ``micro`` in, on top of the starting funds of a newcomer."""
        account = self.receive(user)
        self.transfers.deposit(account, micro)
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

    @property
    def universe(self) -> Universe:
        return self.ledger.universe

    def oracle_of(self, coin: str) -> int:
        """In price units; 0 before there is any price."""
        return self.upkeep.prices(coin).oracle

    def mark_of(self, coin: str) -> int:
        """What positions are valued and triggers fired at, in price units; 0 before there is any price."""
        return mark_price(self.upkeep.prices(coin), self.ledger.books[coin], self.ledger.block_ms)

    def is_at_cap(self, listing: Listing) -> bool:
        """Whether positions in the coin may only shrink."""
        cap_micro = listing.rules.open_interest_cap_micro
        if cap_micro is None:
            return False
        return self.ledger.open_interest(listing.coin) * self.mark_of(listing.coin) >= cap_micro

    def value_of(self, account: Account) -> int:
        """All that the account is worth, over all dexs and spot, in micro-USDC."""
        return self.margin.value(account)

    def use_nonce(self, signer: str, nonce: int, now_ms: int) -> None:
        """Raises ``NonceRefusedError``."""
        forgotten = self.ledger.nonces.setdefault(signer, NonceSet()).admit(nonce, now_ms)
        self.ledger.batch.nonces_used.append((signer, nonce))
        self.ledger.batch.nonces_dropped.extend((signer, old) for old in forgotten)

    def place(
        self,
        user: str,
        orders: tuple[WireOrder, ...],
        now_ms: int,
        grouping: Grouping = Grouping.NONE,
        builder: tuple[str, int] | None = None,
    ) -> list[Placed]:
        """Place them one after the other. ``builder`` gets a fee for them, in tenths of a basis point.

        Raises:
            StaticError: one of them can't be meant, so none is placed.
        """
        self.ledger.begin_block(now_ms)
        check_grouping(orders, grouping)
        requests = [replace(self._read(order, grouping), builder=builder) for order in orders]
        return self._desk.place(self.see(user), requests, grouping)

    def market_order(self, user: str, coin: str, side: Side, lots: int, now_ms: int) -> Placed:
        """Buy or sell at what the book offers, within ten percent of the mark; the rest is cancelled."""
        self.ledger.begin_block(now_ms)
        instrument = self.instruments[coin]
        reach = self.mark_of(coin) * (100 + side.sign * MARKET_ORDER_SLIPPAGE) // 100
        price = instrument.round_price_down(reach)
        request = OrderRequest(coin, side, price, lots, TimeInForce.FRONTEND_MARKET)
        return self._desk.place_one(self.see(user), request)

    def cancel(
        self, user: str, cancels: tuple[tuple[int, int | str], ...], now_ms: int, *, is_fast: bool = False
    ) -> list[str]:
        """An error text for each, empty where the order was cancelled. ``is_fast`` spares trigger orders."""
        self.ledger.begin_block(now_ms)
        account = self.see(user)
        results: list[str] = []
        for asset, oid in cancels:
            listing = self.universe.by_asset(asset)
            order = account.find_open(oid, listing.coin) if listing is not None else None
            if order is None or not order.is_open:
                results.append(MISSING_ORDER)
            elif is_fast and not order.rests:
                results.append(NO_FAST_CANCEL)
            else:
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
            self._desk.modify(account, oid, request, always_place)
            for (oid, _), request in zip(modifies, requests, strict=True)
        ]

    def schedule_cancel(self, account: Account, at_ms: int | None, now_ms: int) -> None:
        """Have all open orders cancelled at ``at_ms``; None calls it off. Raises ``RefusedError``."""
        self.ledger.begin_block(now_ms)
        set_switch(account, at_ms, self.ledger.block_ms)
        self.ledger.touch(account)
        self._switches.watch(account)

    def set_leverage(self, user: str, asset: int, value: int, is_cross: bool) -> None:
        """Raises ``RefusedError``."""
        account = self.see(user)
        set_leverage(self.margin, self._money, account, self._listing(asset), Leverage(value, is_cross))
        self.ledger.touch(account)

    def update_isolated_margin(self, user: str, asset: int, micro: int) -> None:
        """Move ``micro`` into the position, or out if negative. Raises ``RefusedError``."""
        account = self.see(user)
        update_isolated_margin(self.margin, account, self._listing(asset), micro)
        self.ledger.touch(account)

    def top_up_isolated_margin(self, user: str, asset: int, leverage: Fraction) -> None:
        """Add what brings the position down to ``leverage``. Raises ``RefusedError``."""
        account = self.see(user)
        top_up_isolated_margin(self.margin, account, self._listing(asset), leverage)
        self.ledger.touch(account)

    def tick(self, now_ms: int) -> None:
        """What happens by itself as time goes by, in a block of its own; next to nothing as long as nothing is due."""
        self.ledger.begin_block(now_ms)
        for user in self._switches.pop_due(self.ledger.block_ms):
            account = self.ledger.accounts[user]
            at_ms = account.switch.at_ms
            if at_ms is None or at_ms > self.ledger.block_ms:
                self._switches.watch(account)
            else:
                fire_switch(account, self.ledger.block_ms)
                self.ledger.touch(account)
                takes_triggers = self._settings.schedule_cancel_takes_triggers
                self.ledger.cancel_all(account, OrderStatus.SCHEDULED_CANCEL, with_triggers=takes_triggers)
        self.upkeep.tick(self.ledger.block_ms)
        for coin in self.ledger.triggers.coins:
            self._fire(coin)
        self.twaps.tick(self.ledger.block_ms)

    def step(self, step: MarketStep, now_ms: int) -> None:
        """The market moves: prints, then the deeper book, then the best quote; then the triggers that this fires."""
        self.ledger.begin_block(now_ms)
        book = self.ledger.books[step.coin]
        self.ledger.batch.coins.add(step.coin)
        book.is_open = step.is_open
        if not step.is_open:
            book.clear_ghosts()
            self.upkeep.on_step(step)
            return
        for trade in step.trades:
            users = market_trade(book, trade, self.ledger)
            if users < trade.lots:
                self.ledger.print_market_trade(step.coin, trade.aggressor, trade.price, trade.lots - users)
        if step.levels:
            market_levels(book, step.levels, self.ledger)
        if step.depth is not None:
            market_depth(book, step.depth, self.ledger)
        if step.quote is not None:
            market_quote(book, step.quote, self.ledger)
        self.upkeep.on_step(step)
        self._fire(step.coin)

    def set_clock_back(self, now_ms: int) -> None:
        """Whatever was last done after ``now_ms`` was done now, so that nothing waits for that time to come again."""
        self.ledger.block_ms = min(self.ledger.block_ms, now_ms)
        self.upkeep.set_clock_back(now_ms)
        self.twaps.set_clock_back(now_ms)
        for account in self.ledger.accounts.values():
            account.throttled_ms = min(account.throttled_ms, now_ms)
            account.partly_liquidated_ms = min(account.partly_liquidated_ms, now_ms)

    def relist(self, rules: Rules, now_ms: int) -> None:
        """Put a coin under other rules. On one that is delisted orders end and positions are settled at the mark."""
        was_delisted = self.universe.listings[rules.coin].rules.is_delisted
        self.ledger.universe = self.universe.with_rules(rules)
        if not rules.is_delisted or was_delisted:
            return
        ledger, coin = self.ledger, rules.coin
        ledger.begin_block(now_ms)
        mark = self.mark_of(coin)
        for account in (*ledger.accounts.values(), ledger.backstop):
            ledger.cancel_all(account, OrderStatus.DELISTED_CANCELED, (coin,))
            end_twaps(ledger, account, coin.__eq__)
            if lots := account.lots(coin):
                ledger.move_position(ledger.market, account, coin, -lots, mark, SETTLED)

    def resume(self, accounts: dict[str, Account]) -> None:
        """Go on with the accounts of an earlier run: their orders return to their places in the queues."""
        self.ledger.load(accounts)
        self.agents.load(accounts.values())
        resting: dict[str, list[Order]] = {}
        for account in accounts.values():
            self._switches.watch(account)
            self.twaps.resume(account)
            for order in list(account.open_orders.values()):
                if order.rests:
                    resting.setdefault(order.coin, []).append(order)
                else:
                    self.ledger.watch(order)
        for coin, orders in resting.items():
            book = self.ledger.books[coin]
            for order in orders:
                book.make_way(order)
            book.restore(orders)
        for account in accounts.values():
            for sums in account.resting.values():
                sums.line_up()

    def average_price(self, order: Order) -> Decimal:
        """Of its fills; the order must have some."""
        decimals = self.instruments[order.coin].price_decimals
        return (Decimal(order.filled_micro) / order.filled).scaleb(-decimals)

    def _fire(self, coin: str) -> None:
        """Triggers that are met while a session is closed wait for its opening."""
        triggers = self.ledger.triggers
        while (
            triggers.has_any(coin)
            and self.ledger.books[coin].is_open
            and (order := triggers.pop_due(coin, self.mark_of(coin))) is not None
        ):
            self._desk.fire(order)

    def _can_fill(self, maker: Order) -> bool:
        return self.margin.may_match(maker, self.ledger.accounts[maker.user])

    def _listing(self, asset: int) -> Listing:
        listing = self.universe.by_asset(asset)
        assert listing is not None, asset
        return listing

    def _read(self, wire: WireOrder, grouping: Grouping = Grouping.NONE) -> OrderRequest:
        listing = self._listing(wire.asset)
        return read_order(wire, listing, self.mark_of(listing.coin), grouping, self._settings)
