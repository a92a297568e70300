"""Margin, as far as this exchange knows it: initial margin at the account's leverage, one tier of maintenance margin.

All in micro-USDC, positions valued at the mark. Resting orders reserve margin for what they could add to the worse side.
"""

from __future__ import annotations

from collections.abc import Callable

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.paper.venue.accounts import DEFAULT_LEVERAGE, Account, Leverage
from core.paper.venue.orders import Order, OrderRequest

MarkOf = Callable[[str], int]


def leverage_of(account: Account, instrument: Instrument) -> Leverage:
    """What was set, or the default: 20 cross, less where the coin allows less."""
    chosen = account.leverages.get(instrument.coin)
    return chosen or Leverage(min(DEFAULT_LEVERAGE, instrument.max_leverage))


def account_value(account: Account, mark_of: MarkOf) -> int:
    """Over all dexs."""
    return sum(account.cash.values()) + sum(
        p.lots * mark_of(coin) for coin, p in account.positions.items() if p.lots
    )


def initial_margin(
    account: Account, instruments: dict[str, Instrument], mark_of: MarkOf, extra: OrderRequest | None = None
) -> int:
    """What positions, resting orders and ``extra`` need together, rounded up per coin."""
    coins = {coin for coin, position in account.positions.items() if position.lots}
    coins.update(account.resting)
    if extra is not None:
        coins.add(extra.coin)
    total = 0
    for coin in coins:
        exposure = _worst_notional(account, coin, mark_of(coin), extra)
        total += -(-exposure // leverage_of(account, instruments[coin]).value)
    return total


def _worst_notional(account: Account, coin: str, mark: int, extra: OrderRequest | None) -> int:
    held = account.lots(coin) * mark
    resting = account.resting.get(coin)
    adding = {side: resting.notional(side) if resting is not None else 0 for side in Side}
    if extra is not None and extra.coin == coin:
        adding[extra.side] += extra.lots * extra.price
    return max(abs(held), held + adding[Side.BUY], adding[Side.SELL] - held)


def has_margin_for(
    request: OrderRequest, account: Account, instruments: dict[str, Instrument], mark_of: MarkOf
) -> bool:
    """Whether the account can carry ``request``; an order that doesn't add to the worse side always passes."""
    if request.reduce_only:
        return True
    before = initial_margin(account, instruments, mark_of)
    after = initial_margin(account, instruments, mark_of, request)
    return after <= before or after <= account_value(account, mark_of)


def can_fill(order: Order, account: Account, instruments: dict[str, Instrument], mark_of: MarkOf) -> bool:
    """Whether the account still has the margin for a resting order, which it had when it was placed.

    An order that only takes from the position always passes.
    """
    held = account.lots(order.coin) * order.side.sign
    if order.reduce_only or order.remaining <= -held:
        return True
    return initial_margin(account, instruments, mark_of) <= account_value(account, mark_of)


def maintenance_margin(lots: int, mark: int, instrument: Instrument) -> int:
    """Half of the initial margin at the coin's highest leverage, rounded down."""
    return abs(lots) * mark // (2 * instrument.max_leverage)
