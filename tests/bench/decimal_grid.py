"""The grid's maths as a straightforward bot writes it: ``Decimal`` prices and sizes, all anew each time, a diff by price.

It is what the figures of the plan stand beside. It shares no line with the engine; that both find the same orders is a test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from itertools import pairwise

PPB = Decimal("1e-9")
MIN_NOTIONAL = Decimal(10)
ATR_BARS = 14
ALPHA = Decimal("0.12")
FIRST_RANGE = Decimal("0.001")


@dataclass(frozen=True)
class DecimalOrder:
    side: str
    price: Decimal
    size: Decimal


@dataclass
class DecimalBars:
    """Average true range and volatility (EWMA) over closed bars."""

    ranges: list[Decimal] = field(default_factory=lambda: [FIRST_RANGE])
    variance: Decimal = FIRST_RANGE**2
    before: Decimal = Decimal(0)
    """The close of the bar before; the first price at the beginning."""

    def close(self, high: Decimal, low: Decimal, close: Decimal) -> None:
        self.ranges = [
            *self.ranges[-ATR_BARS + 1 :],
            (max(high, self.before) - min(low, self.before)) / self.before,
        ]
        self.variance = ALPHA * (close / self.before - 1) ** 2 + (1 - ALPHA) * self.variance
        self.before = close

    @property
    def atr(self) -> Decimal:
        return (sum(self.ranges, Decimal(0)) / len(self.ranges)).quantize(PPB, ROUND_HALF_EVEN)

    @property
    def volatility(self) -> Decimal:
        return self.variance.sqrt().quantize(PPB, ROUND_HALF_EVEN)


@dataclass
class DecimalGrid:
    """Neutral and arithmetic, around ``mid``. Fractions as fractions, money in USD."""

    size_decimals: int
    levels: int
    spacing: Decimal
    spacing_max: Decimal
    round_trip_fee: Decimal
    level_usd: Decimal
    cap_usd: Decimal
    bars: DecimalBars = field(default_factory=DecimalBars)

    @property
    def price_unit(self) -> Decimal:
        return Decimal(1).scaleb(self.size_decimals - 6)

    @property
    def size_unit(self) -> Decimal:
        return Decimal(1).scaleb(-self.size_decimals)

    def tick(self, price: Decimal) -> Decimal:
        """Five significant figures, at most ``6 - size_decimals`` decimals, whole numbers always."""
        return min(Decimal(1), max(self.price_unit, Decimal(1).scaleb(price.adjusted() - 4)))

    def spacing_at(self, mid: Decimal) -> Decimal:
        asked = self.spacing + (self.bars.atr / 2).quantize(PPB, ROUND_FLOOR)
        asked += (self.bars.volatility * 5 / 2).quantize(PPB, ROUND_FLOOR)
        floor = max((3 * self.tick(mid) / mid).quantize(PPB, ROUND_CEILING), self.round_trip_fee + PPB)
        return min(self.spacing_max, max(floor, asked))

    def center_at(self, mid: Decimal) -> Decimal:
        return mid.quantize(self.price_unit, ROUND_FLOOR)

    def line(self, center: Decimal, spacing: Decimal, number: int) -> Decimal:
        return (center * (1 + number * spacing)).quantize(self.price_unit, ROUND_HALF_UP)

    def wanted(self, center: Decimal, spacing: Decimal, traded: dict[int, Decimal]) -> list[DecimalOrder]:
        """What every cell wants, nearest to the center first; ``traded``: the signed sum of fills by cell."""
        size = (self.level_usd / center).quantize(self.size_unit, ROUND_FLOOR)
        found = []
        for cell in sorted(range(-self.levels, self.levels), key=lambda c: (abs(2 * c + 1), c)):
            held = (size if cell >= 0 else Decimal(0)) + traded.get(cell, Decimal(0))
            low, high = self.line(center, spacing, cell), self.line(center, spacing, cell + 1)
            buy = low.quantize(self.tick(low), ROUND_FLOOR)
            sell = high.quantize(self.tick(high), ROUND_CEILING)
            for side, price, wants in (("buy", buy, size - held), ("sell", sell, held)):
                if wants > 0 and wants * price >= MIN_NOTIONAL:
                    found.append(DecimalOrder(side, price, wants))
        return found

    def plan(
        self,
        mid: Decimal,
        bid: Decimal,
        ask: Decimal,
        position: Decimal,
        traded: dict[int, Decimal],
        live: dict[tuple[str, Decimal], DecimalOrder],
        center: Decimal | None = None,
    ) -> tuple[list[DecimalOrder], list[DecimalOrder]]:
        """What to cancel and what to place, validated."""
        spacing = self.spacing_at(mid)
        middle = self.center_at(mid) if center is None else center
        return self.plan_at(middle, spacing, bid, ask, position, traded, live)

    def plan_at(
        self,
        middle: Decimal,
        spacing: Decimal,
        bid: Decimal,
        ask: Decimal,
        position: Decimal,
        traded: dict[int, Decimal],
        live: dict[tuple[str, Decimal], DecimalOrder],
    ) -> tuple[list[DecimalOrder], list[DecimalOrder]]:
        wanted = {(order.side, order.price): order for order in self.wanted(middle, spacing, traded)}
        cancel = [order for key, order in live.items() if key not in wanted or wanted[key].size != order.size]
        kept = [order for key, order in live.items() if key in wanted and wanted[key].size == order.size]
        cap = (self.cap_usd / middle).quantize(self.size_unit, ROUND_FLOOR)
        longs = position + sum((o.size for o in live.values() if o.side == "buy"), Decimal(0))
        shorts = -position + sum((o.size for o in live.values() if o.side == "sell"), Decimal(0))
        place = []
        for key, order in wanted.items():
            if key in live:
                continue
            if order.side == "buy" and order.price < ask and longs + order.size <= cap:
                longs += order.size
                place.append(order)
            if order.side == "sell" and order.price > bid and shorts + order.size <= cap:
                shorts += order.size
                place.append(order)
        self.validate([*kept, *place])
        return cancel, place

    def validate(self, orders: list[DecimalOrder]) -> None:
        buys = sorted(order.price for order in orders if order.side == "buy")
        sells = sorted(order.price for order in orders if order.side == "sell")
        assert all(a < b for side in (buys, sells) for a, b in pairwise(side))
        assert not buys or not sells or buys[-1] + self.tick(buys[-1]) <= sells[0]
        for order in orders:
            assert order.price == order.price.quantize(self.tick(order.price))
            assert order.size == order.size.quantize(self.size_unit)
            assert order.size * order.price >= MIN_NOTIONAL
