"""What the account's limits leave each coin before anything rests: the rules of ``side_caps``, on grids that are only planned.

The coins are taken in order, each at its worst, so that the last one is left what the others leave.
"""

from __future__ import annotations

from decimal import Decimal

from core.domain.grid import GridRow
from core.domain.orders import Side
from core.engine.coin_config import CoinConfig
from core.engine.risk_engine import Rule, SideCap
from core.engine.side_caps import Money, PortfolioLimits, liquidation_room


def planned_caps(
    config: CoinConfig,
    grid: GridRow,
    mid: int,
    limits: PortfolioLimits,
    money: Money | None,
    others_usd: Decimal,
    promised_usd: Decimal,
) -> tuple[SideCap, ...]:
    """``mid`` in price units. ``others_usd``: the worst-case notional of the coins before, ``promised_usd`` their margin.

    Without ``money`` (no account is named) only the portfolio's limit is known.
    """
    value, instrument = Decimal(mid).scaleb(-6), config.instrument
    caps: list[SideCap] = []
    if limits.max_notional_usd:
        lots = int(max(Decimal(0), limits.max_notional_usd - others_usd) / value)
        reason = f"worst case of all coins would pass {limits.max_notional_usd:f} USD"
        if others_usd:
            reason += f" ({others_usd:.0f} of it are taken by the coins before it here, in a run by whichever quotes first)"
        caps += [SideCap(side, Rule.PORTFOLIO, lots, reason) for side in Side]
    if money is None:
        return tuple(caps)
    if limits.max_margin:
        room = limits.max_margin * money.value - promised_usd
        lots = int(max(Decimal(0), room) * config.leverage / value)
        reason = f"worst case would use more than {(100 * limits.max_margin).normalize():f} % of the account as margin"
        caps += [SideCap(side, Rule.MARGIN, lots, reason) for side in Side]
    if limits.min_liquidation_distance:
        least, unit = limits.min_liquidation_distance, Decimal(1).scaleb(-instrument.price_decimals)
        rate = Decimal(1) / (2 * instrument.max_leverage)
        for side, line in ((Side.BUY, grid.lowest), (Side.SELL, grid.highest)):
            edge = min(line, mid) if side is Side.BUY else max(line, mid)
            size = liquidation_room(side, money.value, mid * unit, edge * unit, rate, least)
            at = instrument.price_text(edge)
            reason = f"worst case at {at} would be within {(100 * least).normalize():f} % of liquidation"
            caps.append(SideCap(side, Rule.LIQUIDATION, int(size.scaleb(instrument.sz_decimals)), reason))
    return tuple(caps)
