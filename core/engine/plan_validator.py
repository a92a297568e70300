"""What holds of every plan before it is sent (I6): checked against the quotes and our own orders, whoever made it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.domain.instrument import Instrument
from core.domain.orders import Order, Side
from core.engine.levels import Level

MIN_GAP_TICKS = 1
"""Our best bid and our best ask stay this far apart, whatever became of the lines between them."""


@dataclass(frozen=True, slots=True)
class Quotes:
    """Best bid and ask in price units; ``None`` where unknown or empty."""

    bid: int | None
    ask: int | None


@dataclass(frozen=True, slots=True)
class OwnPrices:
    """What of ours may still trade: the prices taken, by side, and the best of the grid's on either side (0: none)."""

    taken: Collection[tuple[Side, int]] = ()
    top_buy: int = 0
    low_sell: int = 0

    @staticmethod
    def of(orders: Iterable[Order], occupied: Collection[tuple[Side, int]] = ()) -> OwnPrices:
        taken = {(o.side, o.price) for o in orders}
        return OwnPrices(
            taken | set(occupied),
            max((price for side, price in taken if side is Side.BUY), default=0),
            min((price for side, price in taken if side is Side.SELL), default=0),
        )


def validate_plan(place: Sequence[Level], own: OwnPrices, quotes: Quotes, instrument: Instrument) -> None:
    """Assert what holds of every plan (I6): on the tick and above the venue's minimum, one order at a price of a side, best bid
    below best ask by ``MIN_GAP_TICKS``, and every order that is to rest passive against ``quotes``.
    """
    resting = [level for level in place if not level.takes]
    top_buy, low_sell = own.top_buy, own.low_sell
    for side in Side:
        prices = sorted(level.price for level in resting if level.slot.side is side)
        assert all(a < b for a, b in pairwise(prices)), f"two orders at one price: {prices}"
        assert not any((side, price) in own.taken for price in prices), f"two orders at one price: {prices}"
        if prices and side is Side.BUY:
            top_buy = max(top_buy, prices[-1])
            assert prices[-1] < (quotes.ask or 0), "a buy that would take"
        elif prices:
            low_sell = min(low_sell or prices[0], prices[0])
            assert quotes.bid is not None, "a sell without a bid to be passive against"
            assert prices[0] > quotes.bid, "a sell that would take"
    if resting and top_buy and low_sell:
        gap = MIN_GAP_TICKS * instrument.tick(top_buy)
        assert top_buy + gap <= low_sell, f"crossed: {top_buy} and {low_sell}"
    for level in place:
        assert instrument.is_valid_price(level.price), f"{level.price} is not on the tick"
        assert level.lots >= instrument.min_lots(level.price), f"{level} is below the minimum"
