"""Which synthetic coins there are and how they behave: the text of ``--market synthetic:…``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from core.paper.config import UnknownMarketError
from core.paper.market.instruments import derived_rules, known_rules
from core.paper.market.listing import Rules


class Kind(StrEnum):
    REVERTING = "reverting"
    """Returns to where it came from: what a grid hopes for."""
    TRENDING = "trending"
    """Runs one way for minutes, then the other."""
    JUMPS = "jumps"
    """Quiet, but now and then it moves by a percent or three at once."""
    GAPS = "gaps"
    """Falls silent for a minute or so, and comes back elsewhere."""
    THIN = "thin"
    """A wide spread, few and small levels, few trades."""
    SESSION = "session"
    """Trades for forty minutes, closes for twenty with a bounded mark, and opens with a gap."""


@dataclass(frozen=True, slots=True)
class SyntheticCoin:
    """``start`` is the first price, a plain decimal."""

    rules: Rules
    kind: Kind
    start: str


_DEFAULT = "BTC=reverting,ETH=trending,SOL=jumps,TRB=thin,xyz:TSLA=session"
_COIN = re.compile(r"([a-z][a-z0-9]{0,7}:)?(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,20}\Z")

_START_PRICES = {
    "BTC": "110000",
    "ETH": "4200",
    "SOL": "210",
    "HYPE": "47",
    "BNB": "1150",
    "XRP": "2.7",
    "LINK": "18.7",
    "AVAX": "20.7",
    "SUI": "2.65",
    "DOGE": "0.2",
    "TRB": "28.5",
    "PAXG": "3990",
    "xyz:TSLA": "440",
    "xyz:XYZ100": "25700",
}
_UNKNOWN_START = "100"

_HOMES = {Kind.THIN: ("TRB", "PAXG"), Kind.SESSION: ("xyz:TSLA", "xyz:XYZ100")}
_OTHERS = ("BTC", "ETH", "SOL", "HYPE", "BNB", "XRP", "LINK", "AVAX", "SUI", "DOGE")
"""Which coins a kind takes that is named without one, in this order."""


def parse_coins(text: str) -> tuple[SyntheticCoin, ...]:
    """Of what comes after ``synthetic:``: ``KIND`` or ``COIN=KIND``, with commas between them; nothing means one of each.

    Raises:
        UnknownMarketError: no such kind, no such coin name, a coin twice.
    """
    chosen: dict[str, SyntheticCoin] = {}
    for item in (text or _DEFAULT).split(","):
        coin, has_coin, kind_name = item.strip().rpartition("=")
        kind = _kind(kind_name)
        if not has_coin:
            coin = next((c for c in (*_HOMES.get(kind, ()), *_OTHERS) if c not in chosen), "")
        if not _COIN.match(coin):
            raise UnknownMarketError(
                f"{item!r} names no coin. Fix: write it as BTC={kind} or xyz:TSLA={kind}."
            )
        if coin in chosen:
            raise UnknownMarketError(f"{coin} can't be two markets at once. Fix: name every coin once.")
        start = _START_PRICES.get(coin, _UNKNOWN_START)
        chosen[coin] = SyntheticCoin(known_rules(coin) or derived_rules(coin, start), kind, start)
    return tuple(chosen.values())


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError as error:
        raise UnknownMarketError(
            f"There is no synthetic market {name!r}. Fix: take one of {', '.join(Kind)}, as synthetic:jumps or "
            "synthetic:BTC=jumps,ETH=thin."
        ) from error
