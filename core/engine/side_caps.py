"""Caps that depend on more than the coin: its share of the account's margin, of the portfolio, and the way to its liquidation.

Each is a cap in lots on the worst case of one side: the position if every live order of that side traded. All coins are taken
at their worst at once. A cap that is passed already stops what would add to it and takes nothing back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.grid import PPB
from core.domain.orders import Side
from core.engine.coin import Coin
from core.engine.risk_engine import Rule, SideCap

MICRO = 10**6


@dataclass(frozen=True, slots=True)
class PortfolioLimits:
    """Of the whole account. 0: no limit."""

    max_notional_usd: Decimal = Decimal(0)
    """The worst case of all coins together, at the latest prices."""
    max_margin: Decimal = Decimal(0)
    """A fraction of the account's value."""
    min_liquidation_distance: Decimal = Decimal(0)
    """A fraction of the mark at which the grid ends."""

    @property
    def is_any(self) -> bool:
        return bool(self.max_notional_usd or self.max_margin or self.min_liquidation_distance)


@dataclass(frozen=True, slots=True)
class Money:
    """What the exchange shows of the account, USD."""

    value: Decimal
    margin_used: Decimal
    positions: Mapping[str, int] = field(default_factory=dict)
    """Signed lots of each coin that ``margin_used`` is for: what was held when the exchange was asked."""


def liquidation_room(
    side: Side, value: Decimal, mid: Decimal, edge: Decimal, rate: Decimal, distance: Decimal
) -> Decimal:
    """How much of a coin may be held at ``edge`` so that the price of liquidation is still ``distance`` of it away.

    An estimate for a cross position that is alone: all of it as if held from ``mid`` on, ``value`` behind it there, and a
    maintenance margin of ``rate`` of its notional. Of size ``q`` the account is worth ``value - q * |edge - mid|`` at the
    edge, and the exchange liquidates where that has shrunk to ``rate`` of the notional.
    """
    way = abs(edge - mid)
    keeps = edge * (rate + distance * (1 - side.sign * rate))
    return max(value, Decimal(0)) / (way + keeps) if way + keeps > 0 else Decimal(0)


def side_caps(
    coin: Coin,
    coins: Collection[Coin],
    limits: PortfolioLimits,
    money: Money | None,
    liquidation: Decimal | None,
) -> tuple[SideCap, ...]:
    """The caps of ``coin`` now; empty without limits, and before its first price.

    ``money``: ``None`` before the account was seen; one that is worth nothing carries no more than it holds.
    ``liquidation``: the exchange's own price of it for the present position, ``None`` if there is none.
    """
    if not limits.is_any or not coin.known_mid_twice:
        return ()
    others = [other for other in coins if other is not coin]
    caps = _portfolio(coin, others, limits)
    if money is None:
        return tuple(caps)
    return (*caps, *_margin(coin, others, limits, money), *_liquidation(coin, limits, money, liquidation))


def worst_notional_micro(coin: Coin) -> int:
    """Of the larger side, in micro-USDC."""
    exposure = coin.exposure
    return max(exposure.worst_long, exposure.worst_short, 0) * _price_twice(coin) // 2


def _price_twice(coin: Coin) -> int:
    """Twice the last mid there was. What is held since before the start, of a market without one yet, counts at its entry."""
    entry = coin.ledger.current
    return coin.known_mid_twice or (2 * abs(entry.cost) // abs(entry.lots) if entry.lots else 0)


def _portfolio(coin: Coin, others: Collection[Coin], limits: PortfolioLimits) -> list[SideCap]:
    if not limits.max_notional_usd:
        return []
    taken = sum(worst_notional_micro(other) for other in others)
    room = int(limits.max_notional_usd * MICRO) - taken
    lots = max(0, 2 * room // coin.known_mid_twice)
    reason = f"worst case of all coins would pass {limits.max_notional_usd:f} USD"
    if taken:
        reason += f" ({taken / MICRO:.0f} of it are others')"
    return [SideCap(side, Rule.PORTFOLIO, lots, reason) for side in Side]


def _margin(coin: Coin, others: Collection[Coin], limits: PortfolioLimits, money: Money) -> list[SideCap]:
    """What increases costs its notional over the leverage; the margin of what is held is the exchange's own figure, and what
    has traded since it was asked costs as much as it did while it rested.
    """
    if not limits.max_margin:
        return []
    used = money.margin_used + _margin_since((coin, *others), money.positions)
    promised = sum((_increase_usd(other) / _leverage(other) for other in others), Decimal(0))
    room = limits.max_margin * money.value - used - promised
    more = int(2 * room * MICRO * _leverage(coin) / coin.known_mid_twice)
    share = f"{100 * used / money.value:.1f} % is used" if money.value > 0 else "it is worth nothing"
    reason = (
        f"worst case would use more than {100 * limits.max_margin:f} % of the account as margin ({share})"
    )
    held = coin.ledger.lots
    return [SideCap(side, Rule.MARGIN, max(0, held * side.sign) + max(0, more), reason) for side in Side]


def _margin_since(coins: Iterable[Coin], seen: Mapping[str, int]) -> Decimal:
    """Of what is held beyond the positions ``seen``: a falling market trades a whole grid between two reads."""
    grown = ((c, abs(c.ledger.lots) - abs(seen.get(c.name, 0))) for c in coins)
    return sum(
        (Decimal(lots * _price_twice(c) // 2).scaleb(-6) / _leverage(c) for c, lots in grown if lots > 0),
        Decimal(0),
    )


def _leverage(coin: Coin) -> Decimal:
    return Decimal(coin.config.grid.leverage_ppb) / PPB


def _increase_usd(coin: Coin) -> Decimal:
    """Notional that live orders may add to what is held."""
    held = abs(coin.ledger.lots) * _price_twice(coin) // 2
    return Decimal(max(0, worst_notional_micro(coin) - held)).scaleb(-6)


def _liquidation(
    coin: Coin, limits: PortfolioLimits, money: Money, liquidation: Decimal | None
) -> list[SideCap]:
    grid, least = coin.grid, limits.min_liquidation_distance
    if grid is None or not least:
        return []
    instrument, held = coin.config.instrument, coin.ledger.lots
    unit = Decimal(1).scaleb(-instrument.price_decimals)
    mid = coin.known_mid_twice * unit / 2
    rate = Decimal(1) / (2 * instrument.max_leverage)
    caps = []
    for side, line in ((Side.BUY, grid.lowest), (Side.SELL, grid.highest)):
        edge = line * unit
        edge = min(edge, mid) if side is Side.BUY else max(edge, mid)
        size = liquidation_room(side, money.value, mid, edge, rate, least)
        lots = int(size.scaleb(instrument.sz_decimals))
        reason = f"worst case at {instrument.price_text(int(edge / unit))} would be within {100 * least:f} % of liquidation"
        is_held = held * side.sign > 0
        if is_held and liquidation is not None and abs(mid - liquidation) < least * mid:
            lots = 0
            reason = f"the liquidation price {liquidation:f} is within {100 * least:f} % of the price"
        caps.append(SideCap(side, Rule.LIQUIDATION, lots, reason))
    return caps
