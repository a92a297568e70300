"""Closing at the market: how far the price may be, what the book holds within it, and how much of the position goes at once."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.depth import Depth
from core.domain.events import Quote
from core.domain.grid import PPB
from core.domain.instrument import Instrument
from core.domain.orders import Side


@dataclass(frozen=True, slots=True)
class Closing:
    """``worst``: the limit in price units; ``held``: lots that the book shows within it, ``None`` if the book isn't known;
    ``lots`` to send now, 0 while nothing is there to trade with.
    """

    side: Side
    worst: int
    held: int | None
    lots: int


def closing(
    instrument: Instrument, lots: int, depth: Depth | None, quote: Quote | None, slip_ppb: int
) -> Closing | None:
    """The next part of a position of ``lots`` (signed, not 0). ``None`` without any price to go by.

    The limit is rounded towards the market: never further than ``slip_ppb`` of the touch. Without a book all is sent against
    the quote: the limit holds all the same.
    """
    assert lots, "nothing to close"
    facing = depth.facing(lots) if depth is not None else ()
    quoted = 0 if quote is None else (quote.bid if lots > 0 else quote.ask) or 0
    touch = facing[0][0] if facing else quoted
    if not touch:
        return None
    side = Side.SELL if lots > 0 else Side.BUY
    worst = worst_price(instrument, side, touch, slip_ppb)
    if depth is None:
        return Closing(side, worst, None, abs(lots))
    held = sum(size for price, size in facing if (price - worst) * side.sign <= 0)
    return Closing(side, worst, held, _part(instrument, abs(lots), held, touch))


def worst_price(instrument: Instrument, side: Side, touch: int, slip_ppb: int) -> int:
    slip = touch * slip_ppb // PPB
    if side is Side.SELL:
        return instrument.round_price_up(touch - slip)
    return instrument.round_price_down(touch + slip)


def _part(instrument: Instrument, lots: int, held: int, touch: int) -> int:
    """As much as is there, and no rest below the exchange's least order, which nothing could close."""
    if not held:
        return 0
    least = instrument.min_lots(touch)
    part = instrument.whole_lots(min(lots, max(held, least)))
    return lots if lots - part < least else part


def resting_price(instrument: Instrument, lots: int, depth: Depth | None, quote: Quote | None) -> int:
    """Where an order that closes ``lots`` may rest without trading: at its own side's touch, else a tick from the other side.
    0 without any price.
    """
    behind = depth.behind(lots) if depth is not None else ()
    facing = depth.facing(lots) if depth is not None else ()
    own = behind[0][0] if behind else (quote and (quote.ask if lots > 0 else quote.bid)) or 0
    if own:
        return own
    other = facing[0][0] if facing else (quote and (quote.bid if lots > 0 else quote.ask)) or 0
    if not other:
        return 0
    return instrument.round_price_up(other + 1) if lots > 0 else instrument.round_price_down(other - 1)
