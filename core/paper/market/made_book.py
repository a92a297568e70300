"""A book made around prints, where none was recorded: a tick wide, the same value on every level."""

from __future__ import annotations

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.paper.market.step import Depth, Quote

_LEVELS = 10
_LEVEL_MICRO = 20_000_000_000
"""20,000 USDC a level."""


def quote_after(instrument: Instrument, price: int, aggressor: Side) -> Quote:
    """The print was at the best price of the side that it met; the other side stands a tick away."""
    below = instrument.round_price_down(price - 1)
    if aggressor is Side.BUY and below > 0:
        bid, ask = below, price
    else:
        bid, ask = price, instrument.round_price_up(price + 1)
    return Quote(bid, lots_at(bid), ask, lots_at(ask))


def depth_around(instrument: Instrument, quote: Quote) -> Depth:
    """Ten levels a side, a tick apart; fewer where prices end."""
    bids, asks = [quote.bid], [quote.ask]
    while len(bids) < _LEVELS and (below := instrument.round_price_down(bids[-1] - 1)) > 0:
        bids.append(below)
    while len(asks) < _LEVELS:
        asks.append(instrument.round_price_up(asks[-1] + 1))
    return Depth(
        tuple((price, lots_at(price)) for price in bids), tuple((price, lots_at(price)) for price in asks)
    )


def lots_at(price: int) -> int:
    return max(1, _LEVEL_MICRO // price)
