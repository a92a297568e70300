"""The rules of coins that a recording or a synthetic market can bring along.

``szDecimals`` are mainnet's: those of 2023 from a recorded ``meta``, the others from the sizes in recorded fills of 2025.
Highest leverages are mainnet's of autumn 2025; Hyperliquid changes them now and then. The tiers of BTC, ETH and SOL are those
of the documentation (margin tiers); other coins trade under a single tier here.
"""

from __future__ import annotations

from core.paper.market.listing import FIRST_DEX, Rules, Tier

_MILLION_MICRO = 1_000_000_000_000
_LARGE_IMPACT_MICRO = 20_000_000_000

_TIERED = (
    Rules("BTC", 5, (Tier(0, 40), Tier(150 * _MILLION_MICRO, 20)), impact_micro=_LARGE_IMPACT_MICRO),
    Rules("ETH", 4, (Tier(0, 25), Tier(100 * _MILLION_MICRO, 15)), impact_micro=_LARGE_IMPACT_MICRO),
    Rules("SOL", 2, (Tier(0, 20), Tier(70 * _MILLION_MICRO, 10))),
)

_FLAT = {
    # highest leverage: {coin: szDecimals}
    20: {"XRP": 0},
    10: {
        "AAVE": 2,
        "ADA": 0,
        "APT": 2,
        "ARB": 1,
        "AVAX": 2,
        "BCH": 3,
        "BNB": 3,
        "CRV": 1,
        "DOGE": 0,
        "DOT": 1,
        "ENA": 0,
        "FARTCOIN": 1,
        "HYPE": 2,
        "INJ": 1,
        "JUP": 0,
        "kPEPE": 0,
        "kSHIB": 0,
        "LDO": 1,
        "LINK": 1,
        "LTC": 2,
        "NEAR": 1,
        "OP": 1,
        "SEI": 0,
        "SUI": 1,
        "TIA": 1,
        "TON": 1,
        "TRUMP": 1,
        "TRX": 0,
        "ZEC": 2,
    },
    5: {"APE": 1, "ATOM": 2, "CFX": 0, "DYDX": 1, "PAXG": 3, "PUMP": 0, "STX": 1, "TRB": 2},
}

_BUILDER = (
    Rules("xyz:TSLA", 3, (Tier(0, 10),), "strictIsolated", has_growth_mode=True),
    Rules("xyz:XYZ100", 4, (Tier(0, 20),), "strictIsolated", has_growth_mode=True),
)

_RULES = {
    rules.coin: rules
    for rules in (
        *_TIERED,
        *(
            Rules(coin, decimals, (Tier(0, most),))
            for most, coins in _FLAT.items()
            for coin, decimals in coins.items()
        ),
        *_BUILDER,
    )
}

_DEFAULT_LEVERAGE = 3
_DEFAULT_BUILDER_LEVERAGE = 10
_MAX_SZ_DECIMALS = 5


def known_rules(coin: str) -> Rules | None:
    return _RULES.get(coin)


def derived_rules(coin: str, price: str) -> Rules:
    """For a coin that isn't known: a lot worth about 1 to 10 USDC at ``price`` (a plain decimal above 0), as mainnet's lots
    mostly are, and the leverage that a young coin gets.
    """
    whole = price.partition(".")[0].lstrip("0")
    decimals = min(_MAX_SZ_DECIMALS, max(0, len(whole) - 1))
    dex = coin.rpartition(":")[0]
    if dex == FIRST_DEX:
        return Rules(coin, decimals, (Tier(0, _DEFAULT_LEVERAGE),))
    return Rules(coin, decimals, (Tier(0, _DEFAULT_BUILDER_LEVERAGE),), "strictIsolated")
