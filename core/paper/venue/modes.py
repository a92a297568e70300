"""Account modes (``userSetAbstraction``): whether dexs and spot have a border between them."""

from __future__ import annotations

from core.paper.venue.accounting import Accounting
from core.paper.venue.accounts import Account
from core.paper.venue.refusals import RefusedError

NOT_FLAT = "Cannot change account abstraction with open positions or orders."
"""In words of our own: Hyperliquid's aren't known, nor whether it refuses."""


def set_mode(books: Accounting, account: Account, mode: str) -> None:
    """Between modes with and without a border all money goes to the spot wallet, which is where a unified account has it.

    Raises:
        RefusedError: there are open positions or orders, which the border would part from their margin.
    """
    was_unified = account.is_unified
    previous, account.abstraction = account.abstraction, mode
    if account.is_unified != was_unified:
        if account.open_orders or account.is_holding:
            account.abstraction = previous
            raise RefusedError(NOT_FLAT)
        account.spot, account.cash = account.money, dict.fromkeys(account.cash, 0)
    books.touch(account)
