"""The book and the prints of a synthetic coin, made from where its price stands. Pure.

The size of a level follows from its price and the time alone, so that a book that is made twice is the same, and levels keep
their sizes for a while as the price moves past them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.paper.market.step import Depth, MarketTrade, Quote
from core.paper.market.synthetic.kinds import Kind
from core.paper.market.synthetic.path import FINE, PPM, PathState

_STEPS_OF_A_SIZE = 64
"""After so many steps the levels have new sizes."""
_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Shape:
    """``half_spread`` and ``spacing`` in parts per million of the price (at least a tick), ``level_usd`` the mean value of the
    best level, ``trades`` how many prints there are in ten steps.
    """

    levels: int
    half_spread: int
    spacing: int
    level_usd: int
    trades: int


_NORMAL = Shape(levels=20, half_spread=20, spacing=15, level_usd=25_000, trades=7)
SHAPES = dict.fromkeys(Kind, _NORMAL) | {
    Kind.THIN: Shape(levels=4, half_spread=800, spacing=1_500, level_usd=300, trades=1),
    Kind.SESSION: Shape(levels=12, half_spread=60, spacing=40, level_usd=8_000, trades=5),
}


class BookMaker:
    """Makes books for one coin of one seed."""

    def __init__(self, instrument: Instrument, kind: Kind, seed: int) -> None:
        self._instrument = instrument
        self._shape = SHAPES[kind]
        self._salt = seed

    def quote(self, state: PathState) -> Quote:
        bid, ask = self._best(state)
        return Quote(bid, self._lots(bid, 0, state), ask, self._lots(ask, 0, state))

    def depth(self, state: PathState) -> Depth:
        bid, ask = self._best(state)
        return Depth(
            tuple(
                (price, self._lots(price, n, state)) for n, price in enumerate(self._ladder(bid, Side.BUY))
            ),
            tuple(
                (price, self._lots(price, n, state)) for n, price in enumerate(self._ladder(ask, Side.SELL))
            ),
        )

    def trades(self, before: PathState, after: PathState, random: Random) -> tuple[MarketTrade, ...]:
        """Prints at the quote that stood before the step, mostly in the direction in which the price goes."""
        if random.randrange(10) >= self._shape.trades:
            return ()
        quote = self.quote(before)
        prints: list[MarketTrade] = []
        for _ in range(1 + random.randrange(3)):
            rises = after.price > before.price if random.randrange(4) else bool(random.getrandbits(1))
            price = quote.ask if rises else quote.bid
            micro = PPM * (10 + random.randrange(1 + self._shape.level_usd // 4))
            prints.append(MarketTrade(price, max(1, micro // price), Side.BUY if rises else Side.SELL))
        return tuple(prints)

    def _best(self, state: PathState) -> tuple[int, int]:
        half = state.price * self._shape.half_spread // PPM
        bid = self._instrument.round_price_down((state.price - half) // FINE)
        ask = self._instrument.round_price_up(-(-(state.price + half) // FINE))
        bid = max(bid, 1)
        return bid, ask if ask > bid else self._instrument.round_price_up(bid + 1)

    def _ladder(self, best: int, side: Side) -> Iterator[int]:
        price = best
        for _ in range(self._shape.levels):
            yield price
            away = max(1, best * self._shape.spacing // PPM)
            if side is Side.SELL:
                price = self._instrument.round_price_up(price + away)
            else:
                price = self._instrument.round_price_down(price - away)
                if price <= 0:
                    return

    def _lots(self, price: int, level: int, state: PathState) -> int:
        mixed = _mix(self._salt * 31 + price * 1_000_003 + state.number // _STEPS_OF_A_SIZE)
        micro = self._shape.level_usd * PPM * (256 + mixed % 1024) * (4 + level) // (768 * 4)
        return max(1, micro // price)


def _mix(value: int) -> int:
    """SplitMix64's finaliser: every bit of the result depends on every bit of ``value``."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)
