"""Margin: what accounts need for what they hold and for what they have resting. Micro-USDC; positions count at the mark.

Every dex has its own cross margin; in the unified mode all dexs and the spot wallet share one. An isolated position has its
margin set aside and takes no part in the cross sums, but for what its coin's resting orders reserve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from core.domain.orders import Side
from core.paper.config import MoneySettings
from core.paper.market.listing import Listing, Universe
from core.paper.venue.accounts import Account
from core.paper.venue.orders import Order, OrderRequest
from core.paper.venue.positions import Leverage, Position
from core.paper.venue.tiers import maintenance_micro

_WITHDRAW_DIVISOR = 10
"""A tenth of the notional has to stay, however high the leverage."""


class Held(NamedTuple):
    """An open position with all that its margin depends on."""

    listing: Listing
    position: Position
    leverage: Leverage
    mark: int

    @property
    def signed_value(self) -> int:
        return self.position.lots * self.mark

    @property
    def value(self) -> int:
        return abs(self.signed_value)

    @property
    def margin_used(self) -> int:
        """A cross position's value over its leverage, rounded down; an isolated one's margin with its unrealized PnL."""
        if self.leverage.is_cross:
            return self.value // self.leverage.value
        return self.signed_value + self.position.raw

    @property
    def initial(self) -> int:
        """The position's value over its leverage, rounded up."""
        return -(-self.value // self.leverage.value)

    @property
    def maintenance(self) -> int:
        return maintenance_micro(self.value, self.listing.rules.tiers)

    @property
    def unrealized(self) -> int:
        return self.signed_value - self.position.cost


def leverage_of(account: Account, listing: Listing, default: int) -> Leverage:
    """What was set, or ``default``, less where the coin allows less; isolated where cross margin isn't allowed."""
    chosen = account.leverages.get(listing.coin)
    if chosen is not None:
        return chosen
    return Leverage(min(default, listing.rules.max_leverage), listing.rules.margin_mode is None)


class Listed(Protocol):
    """Whoever has the universe, which may change."""

    @property
    def universe(self) -> Universe: ...


class Margin:
    """Pure; the universe, the marks and the accounts are the venue's."""

    def __init__(self, listed: Listed, mark_of: Callable[[str], int], settings: MoneySettings) -> None:
        self._listed = listed
        self._mark_of = mark_of
        self._settings = settings

    def leverage(self, account: Account, coin: str) -> Leverage:
        return leverage_of(account, self._listed.universe.listings[coin], self._settings.default_leverage)

    def held(self, account: Account, dex: str) -> list[Held]:
        """The open positions of one dex."""
        listings = self._listed.universe.listings
        return [
            self._held(account, listings[coin], position)
            for coin, position in account.positions.items()
            if position.lots and listings[coin].dex == dex
        ]

    def held_in(self, account: Account, coin: str) -> Held:
        """The position of one coin, which may be flat."""
        return self._held(
            account, self._listed.universe.listings[coin], account.positions.get(coin) or Position()
        )

    def together(self, account: Account, dex: str) -> list[Held]:
        """The open positions, cross and isolated, of all dexs that share margin with ``dex``."""
        dexs = self._listed.universe.dexs if account.is_unified else (dex,)
        return [held for each in dexs for held in self.held(account, each)]

    def value(self, account: Account) -> int:
        """All that an account is worth, over all dexs and spot."""
        values = (p.lots * self._mark_of(coin) for coin, p in account.positions.items() if p.lots)
        return account.money + sum(values)

    def cross_cash(self, account: Account, dex: str) -> int:
        """All cash of one dex but what its isolated positions hold."""
        isolated = sum(h.position.raw for h in self.held(account, dex) if not h.leverage.is_cross)
        return account.cash.get(dex, 0) - isolated

    def cross_value(self, account: Account, dex: str) -> int:
        """What the cross positions of ``dex`` have behind them, their unrealized PnL included."""
        cash = account.money if account.is_unified else account.cash.get(dex, 0)
        return cash + sum(
            h.signed_value if h.leverage.is_cross else -h.position.raw for h in self.together(account, dex)
        )

    def cross_maintenance(self, account: Account, dex: str) -> int:
        return sum(h.maintenance for h in self.together(account, dex) if h.leverage.is_cross)

    def initial(self, account: Account, dex: str) -> int:
        """What cross positions and all resting orders need together, rounded up per coin."""
        return sum(self._coin_initial(account, coin) for coin in self._coins(account, dex))

    def free(self, account: Account, dex: str) -> int:
        """What can still be put behind orders; negative if the margin is short."""
        return self.cross_value(account, dex) - self.initial(account, dex)

    def withdrawable(self, account: Account, dex: str) -> int:
        """What may leave: a tenth of the cross notional stays behind, or the initial margin if that is more."""
        cross = sum(h.value for h in self.together(account, dex) if h.leverage.is_cross)
        kept = max(self.initial(account, dex), -(-cross // _WITHDRAW_DIVISOR))
        return max(0, self.cross_value(account, dex) - kept)

    def has_margin_for(self, request: OrderRequest, account: Account) -> bool:
        """Whether the account can carry ``request``; an order that needs nothing on top always passes."""
        if request.reduce_only:
            return True
        held = self.held_in(account, request.coin)
        buys, sells = _resting_notional(account, request.coin)
        before = self._needed(held, buys, sells)
        notional = request.lots * request.price
        if request.side is Side.BUY:
            buys += notional
        else:
            sells += notional
        more = self._needed(held, buys, sells) - before
        return more <= 0 or more <= self.free(account, held.listing.dex)

    def may_match(self, order: Order, account: Account) -> bool:
        """Whether a resting order may still be matched: filled, the account must have the margin for its positions.

        Its other resting orders don't count. An order that can't enlarge the position may always be matched.
        """
        held = self.held_in(account, order.coin)
        lots, price = order.remaining, order.price
        after = held.position.lots + order.side.sign * lots
        if abs(after) <= abs(held.position.lots):
            return True
        dex = held.listing.dex
        positions = sum(h.initial for h in self._cross(account, dex))
        free = self.cross_value(account, dex) - positions
        if not held.leverage.is_cross:
            return -(-lots * price // held.leverage.value) <= free
        gained = order.side.sign * lots * (held.mark - price)
        more = -(-abs(after) * held.mark // held.leverage.value) - held.initial
        return more <= free + gained

    def _held(self, account: Account, listing: Listing, position: Position) -> Held:
        leverage = leverage_of(account, listing, self._settings.default_leverage)
        return Held(listing, position, leverage, self._mark_of(listing.coin))

    def _cross(self, account: Account, dex: str) -> Iterator[Held]:
        return (h for h in self.together(account, dex) if h.leverage.is_cross)

    def _coins(self, account: Account, dex: str) -> Iterator[str]:
        """Those that may need margin together with ``dex``."""
        listings = self._listed.universe.listings
        for coin in {*account.positions, *account.resting}:
            if account.is_unified or listings[coin].dex == dex:
                yield coin

    def _coin_initial(self, account: Account, coin: str) -> int:
        """What the position (if cross) and the resting orders of a coin need."""
        buys, sells = _resting_notional(account, coin)
        if not (account.lots(coin) or buys or sells):
            return 0
        return self._needed(self.held_in(account, coin), buys, sells)

    def _needed(self, held: Held, buys: int, sells: int) -> int:
        """For a position with that much resting on either side, rounded up."""
        signed = held.signed_value
        value = abs(signed)
        buying = max(0, buys + signed - value)
        selling = max(0, sells - signed - value)
        exposure = buying + selling if self._settings.reserves_both_sides else max(buying, selling)
        if held.leverage.is_cross:
            exposure += value
        return -(-exposure // held.leverage.value)


def _resting_notional(account: Account, coin: str) -> tuple[int, int]:
    """Bids and asks."""
    resting = account.resting.get(coin)
    return (resting.notional(Side.BUY), resting.notional(Side.SELL)) if resting is not None else (0, 0)
