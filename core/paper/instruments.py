"""The rules of the coins that a recording can bring along, as mainnet's ``meta`` states them."""

from __future__ import annotations

from core.domain.instrument import Instrument
from core.paper.config import UnknownMarketError

_RULES = {"BTC": (5, 40), "ETH": (4, 25), "SOL": (2, 20)}
"""Coin to (szDecimals, maxLeverage)."""


def known_instrument(coin: str, asset_id: int) -> Instrument:
    """Raises ``UnknownMarketError`` for a coin whose rules aren't known."""
    if coin not in _RULES:
        known = ", ".join(_RULES)
        raise UnknownMarketError(f"The rules of {coin} are not known here. Fix: replay one of {known}.")
    sz_decimals, max_leverage = _RULES[coin]
    return Instrument(coin=coin, asset_id=asset_id, sz_decimals=sz_decimals, max_leverage=max_leverage)
