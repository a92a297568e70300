"""The rules of the coins that a recording can bring along, as mainnet's ``meta`` states them."""

from __future__ import annotations

from core.paper.config import UnknownMarketError
from core.paper.market.listing import Rules, Tier

_MILLION_MICRO = 1_000_000_000_000

_LARGE_IMPACT_MICRO = 20_000_000_000

_RULES = {
    rules.coin: rules
    for rules in (
        Rules("BTC", 5, (Tier(0, 40), Tier(150 * _MILLION_MICRO, 20)), impact_micro=_LARGE_IMPACT_MICRO),
        Rules("ETH", 4, (Tier(0, 25), Tier(100 * _MILLION_MICRO, 15)), impact_micro=_LARGE_IMPACT_MICRO),
        Rules("SOL", 2, (Tier(0, 20), Tier(70 * _MILLION_MICRO, 10))),
    )
}


def known_rules(coin: str) -> Rules:
    """Raises ``UnknownMarketError`` for a coin whose rules aren't known."""
    if coin not in _RULES:
        known = ", ".join(_RULES)
        raise UnknownMarketError(f"The rules of {coin} are not known here. Fix: replay one of {known}.")
    return _RULES[coin]
