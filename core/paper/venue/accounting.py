"""Who holds what: the accounts of the exchange, and what trades do to their money.

Every trade has two parties, one of which may be the market; its account takes part like any other, so that positions sum to
zero and cash to the deposits at every moment (``audit``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

from core.domain.orders import Side
from core.paper.config import MoneySettings
from core.paper.market.listing import Universe
from core.paper.venue.accounts import BACKSTOP_USER, MARKET_USER, Account
from core.paper.venue.batch import Batch
from core.paper.venue.fees import credited_volume, day_of, fee_micro, rate_for, tier_for
from core.paper.venue.funding import CoinFunding
from core.paper.venue.margin import leverage_of
from core.paper.venue.orders import FillRecord, HistoryRow, Liquidated
from core.paper.venue.positions import Position, PositionChange
from core.paper.venue.prices import CoinPrices
from core.paper.venue.trade_ids import trade_id

NO_HASH = "0x" + "0" * 64

_MICRO = 1_000_000


@dataclass(slots=True)
class Counters:
    """``next_oid``, ``trades`` and ``twaps`` start from the clock: an exchange without memory hands out no id twice."""

    next_oid: int
    trades: int
    fees: int = 0
    """Micro-USDC taken from all accounts."""
    rounding: int = 0
    """Micro-USDC that funding took from those who pay and couldn't give in whole units to those who receive."""
    liquidations: int = 0
    """How many there were: the next one's id."""
    twaps: int = 0
    """The id of the latest TWAP order."""
    funded_hour: int = 0
    """The hour since 1970 (UTC) at whose beginning funding was last paid."""
    prices: dict[str, CoinPrices] = field(default_factory=dict)
    """By coin."""
    funding: dict[str, CoinFunding] = field(default_factory=dict)
    """By coin."""

    @staticmethod
    def starting_at(now_ms: int) -> Counters:
        return Counters(next_oid=now_ms, trades=now_ms << 8, twaps=now_ms // 1000)


class Trade(NamedTuple):
    """What two parties agree on; ``tid`` is the same on both sides. ``is_slice``: the taker is a TWAP order's suborder."""

    coin: str
    price: int
    lots: int
    tid: int
    is_slice: bool = False

    @property
    def notional(self) -> int:
        return self.price * self.lots


class Accounting:
    """The market and the backstop have accounts of their own, which aren't among ``accounts``."""

    def __init__(self, universe: Universe, counters: Counters, seed: int, money: MoneySettings) -> None:
        self.universe = universe
        self.counters = counters
        self.accounts: dict[str, Account] = {}
        self.holders: dict[str, Account] = {}
        """Those of ``accounts`` with an open position: what concerns positions never looks at the others."""
        self.market = Account(MARKET_USER)
        self.backstop = Account(BACKSTOP_USER)
        for dex in universe.dexs:
            self.backstop.deposit(dex, money.insurance_usd * _MICRO)
        self.liquidated: Liquidated | None = None
        """Whose position is being liquidated while a liquidation order matches."""
        self.batch = Batch()
        self.block_ms = 0
        self._money = money
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

    def open_interest(self, coin: str) -> int:
        """The lots of all longs."""
        return sum(max(0, account.lots(coin)) for account in self.positioned())

    def positioned(self) -> list[Account]:
        """All that may have a position."""
        return [*self.holders.values(), self.market, self.backstop]

    def load(self, accounts: dict[str, Account]) -> None:
        """Go on with these accounts."""
        self.accounts = accounts
        self.holders = {user: account for user, account in accounts.items() if account.is_holding}

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

    def exchange(self, account: Account, trade: Trade, side: Side) -> PositionChange:
        """Lots for cash."""
        listing = self.universe.listings[trade.coin]
        leverage = leverage_of(account, listing, self._money.default_leverage)
        is_own = account is self.market or account is self.backstop
        isolated = None if leverage.is_cross or is_own else leverage.value
        position = account.positions.setdefault(trade.coin, Position())
        account.pay(listing.dex, -side.sign * trade.notional)
        self.touch(account)
        change = position.trade(side, trade.price, trade.lots, isolated)
        if not is_own:
            self._note_holder(account, position)
        if self.liquidated is not None and account.user == self.liquidated.user:
            kind = "Cross" if leverage.is_cross else "Isolated"
            words = f"Liquidated {kind} {'Long' if change.start_lots > 0 else 'Short'}"
            change = change._replace(direction=words)
        return change

    def _note_holder(self, account: Account, position: Position) -> None:
        """After ``position`` has changed."""
        if position.lots:
            self.holders[account.user] = account
        elif not account.is_holding:
            self.holders.pop(account.user, None)

    def charge(self, account: Account, trade: Trade, *, crossed: bool, builder_fee: int = 0) -> int:
        """The fee by the account's tier, which is evaluated at the end of a UTC day; what it traded counts from tomorrow on.

        ``builder_fee`` is taken on top, and kept with the fees: nobody can claim it here.
        """
        listing = self.universe.listings[trade.coin]
        today = day_of(self.block_ms)
        volumes = self.volumes_of(account)
        fee = fee_micro(trade.notional, rate_for(tier_for(volumes.days, today), listing, crossed=crossed))
        micro = credited_volume(trade.notional, listing)
        account.pay(listing.dex, -fee - builder_fee)
        account.volume += micro
        volumes.count_volume(today, micro, crossed=crossed)
        self.touch(volumes)
        self.counters.fees += fee + builder_fee
        return fee

    def volumes_of(self, account: Account) -> Account:
        """Whose daily volumes decide the fees of ``account``: a sub-account shares its master's."""
        return self.accounts.get(account.master) or account

    def fill(
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
        builder_fee: int = 0,
        twap_id: int | None = None,
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
            hash=self.trade_hash(trade),
            liquidated=self.liquidated,
            builder_fee=builder_fee,
            twap_id=twap_id,
        )
        account.keep_fill(fill)
        self.batch.fills.append(fill)

    def new_trade_id(self) -> int:
        self.counters.trades += 1
        return trade_id(self.counters.trades)

    def trade_hash(self, trade: Trade) -> str:
        """Of the action behind it: a TWAP order's suborder has none."""
        return NO_HASH if trade.is_slice else self.block_hash(trade.tid)

    def block_hash(self, seed: int = 0) -> str:
        """The one hash of all that happens in a block; the first to ask brings the ``seed``."""
        if not self._block_hash:
            digest = hashlib.sha256(f"{self._seed}:{self.block_ms}:{seed}".encode())
            self._block_hash = "0x" + digest.hexdigest()
        return self._block_hash
