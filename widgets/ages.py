"""How old what a panel shows is, by each clock of its own: a core that is well can still show a price of an hour ago."""

from __future__ import annotations

from widgets.fields import Age
from widgets.look import AGED_S, Look

_APART_S = 1.0
"""A clock that tells less than this more than the panel's own is not worth its words."""


def quote(look: Look) -> tuple[Age, ...]:
    """Of the coin's price, and so of what hangs on it, in a panel that tells the market's age."""
    return _quote(look, look.market_age_s)


def quote_in_core(look: Look) -> tuple[Age, ...]:
    """The same in a panel that tells the core's age."""
    return _quote(look, look.snapshot_age_s)


def account(look: Look) -> tuple[Age, ...]:
    """Of margin, liquidation and the account's worth, as the exchange told with the position."""
    return _account(look, look.snapshot_age_s)


def both(look: Look) -> tuple[Age, ...]:
    return (*quote(look), *_account(look, look.market_age_s))


def _quote(look: Look, own_s: float) -> tuple[Age, ...]:
    age_s = look.quote_age_s
    return _beside("quote", age_s, own_s) if age_s is not None else ()


def _account(look: Look, own_s: float) -> tuple[Age, ...]:
    coin = look.coin
    if coin is None or not coin.drift.observed_ms:
        return ()
    return _beside("account", max(look.now_ms - coin.drift.observed_ms, 0) / 1_000, own_s)


def _beside(name: str, age_s: float, own_s: float) -> tuple[Age, ...]:
    if age_s <= AGED_S or (own_s > AGED_S and age_s - own_s < _APART_S):
        return ()
    return (Age(name, age_s),)
