"""Oracle and mark price of every coin, after Hyperliquid's robust price indices. Integers: price units, milliseconds UTC.

The oracle is what the market states, or else the middle of the market's own quotes (no user's order takes part), looked at
every three seconds. The mark is the median of three: the oracle plus the 150-second average of (book's middle - oracle); the
median of best bid, best ask and last trade; and the mark that the market states, or else the 30-second average of the second.
So whoever moves the book alone moves one of the three at once and the others slowly.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.orders import Side
from core.paper.market.step import MarketStep
from core.paper.venue.book import Book

ORACLE_EVERY_MS = 3_000

STALE_MS = 10_000
"""A price that the market stated longer ago gives way to the venue's own."""

_BASIS_PERIOD_MS = 150_000
_BOOK_PERIOD_MS = 30_000
_FIXED_BITS = 64
_SCALE_BITS = 12
"""Averages carry fractions of a price unit, and still fit 64 bits."""


def _decay_per_ms(period_ms: int) -> int:
    """exp(-1 / period) as a fixed-point number."""
    one = 1 << _FIXED_BITS
    x = one // period_ms
    return one - x + (x * x >> _FIXED_BITS) // 2 - (x * x * x >> 2 * _FIXED_BITS) // 6


_DECAYS = {period: _decay_per_ms(period) for period in (_BASIS_PERIOD_MS, _BOOK_PERIOD_MS)}


def decay(period_ms: int, passed_ms: int) -> int:
    """exp(-passed / period), times 2**64."""
    result, power = 1 << _FIXED_BITS, _DECAYS[period_ms]
    while passed_ms:
        if passed_ms & 1:
            result = result * power >> _FIXED_BITS
        power = power * power >> _FIXED_BITS
        passed_ms >>= 1
    return result


@dataclass(slots=True)
class Average:
    """An exponential moving average: numerator and denominator decay, each sample weighs the time since the one before."""

    numerator: int = 0
    denominator: int = 0

    def add(self, sample: int, passed_ms: int, period_ms: int) -> None:
        kept = decay(period_ms, passed_ms)
        weight = min(passed_ms, period_ms) << _SCALE_BITS
        self.numerator = (self.numerator * kept >> _FIXED_BITS) + sample * weight
        self.denominator = (self.denominator * kept >> _FIXED_BITS) + weight

    def value(self, otherwise: int) -> int:
        """Rounded down; ``otherwise`` before the first sample."""
        return self.numerator // self.denominator if self.denominator else otherwise


@dataclass(slots=True)
class CoinPrices:
    """What the prices of a coin go on from after a restart. Price units; 0 where there is none yet."""

    oracle: int = 0
    sampled_ms: int = 0
    market_mid: int = 0
    """Between the best bid and ask that the market showed last, or its last print."""
    stated_oracle: int = 0
    stated_oracle_ms: int = 0
    stated_mark: int = 0
    stated_mark_ms: int = 0
    basis: Average = field(default_factory=Average)
    near_book: Average = field(default_factory=Average)


def note_step(prices: CoinPrices, step: MarketStep, now_ms: int) -> None:
    """Take in what a step of the market says about prices."""
    if step.quote is not None:
        prices.market_mid = (step.quote.bid + step.quote.ask) // 2
    elif step.depth is not None and step.depth.bids and step.depth.asks:
        prices.market_mid = (step.depth.bids[0][0] + step.depth.asks[0][0]) // 2
    elif step.trades and not prices.market_mid:
        prices.market_mid = step.trades[-1].price
    if step.oracle is not None:
        prices.oracle = prices.stated_oracle = step.oracle
        prices.stated_oracle_ms = now_ms
    if step.mark is not None:
        prices.stated_mark, prices.stated_mark_ms = step.mark, now_ms


def observe(prices: CoinPrices, book: Book, now_ms: int) -> bool:
    """Renew the oracle and the averages if three seconds have passed; whether that was so."""
    passed = now_ms - prices.sampled_ms
    if passed < ORACLE_EVERY_MS:
        return False
    is_stated = prices.stated_oracle and now_ms - prices.stated_oracle_ms < STALE_MS
    oracle = prices.stated_oracle if is_stated else prices.market_mid or prices.oracle
    near = near_book(book)
    if not oracle or not near:
        prices.oracle = oracle
        return False
    passed = passed if prices.sampled_ms else ORACLE_EVERY_MS
    prices.oracle, prices.sampled_ms = oracle, now_ms
    prices.basis.add((middle(book) or near) - oracle, passed, _BASIS_PERIOD_MS)
    prices.near_book.add(near, passed, _BOOK_PERIOD_MS)
    return True


def mark_price(prices: CoinPrices, book: Book, now_ms: int) -> int:
    """0 before there is any price."""
    near = near_book(book)
    if not prices.oracle or not near:
        return near or prices.oracle or prices.market_mid
    slow = prices.oracle + prices.basis.value(0)
    is_stated = prices.stated_mark and now_ms - prices.stated_mark_ms < STALE_MS
    third = prices.stated_mark if is_stated else prices.near_book.value(near)
    return max(1, sorted((slow, near, third))[1])


def middle(book: Book) -> int:
    """Between best bid and ask, users' orders included, rounded down; 0 if a side is empty."""
    bid, ask = book.bids.best, book.asks.best
    return (bid + ask) // 2 if bid is not None and ask is not None else 0


def near_book(book: Book) -> int:
    """The median of best bid, best ask and last trade; of two of them the middle, rounded down; 0 if there are none."""
    known = sorted(price for price in (book.bids.best, book.asks.best, book.last_price) if price)
    if not known:
        return 0
    half = len(known) // 2
    return known[half] if len(known) % 2 else (known[half - 1] + known[half]) // 2


def impact_price(book: Book, side: Side, notional_micro: int) -> int | None:
    """The average price of trading ``notional_micro`` against that side, as far as it reaches, to the nearest price unit; None
    if the side is empty.
    """
    left, lots, micro = notional_micro, 0, 0
    for price, offered in _rows(book, side, notional_micro):
        taken = min(offered, -(-left // price))
        lots, micro, left = lots + taken, micro + taken * price, left - taken * price
        if left <= 0:
            break
    return (2 * micro + lots) // (2 * lots) if lots else None


def _rows(book: Book, side: Side, notional_micro: int) -> list[tuple[int, int]]:
    """Levels from the best, at least so many that ``notional_micro`` stands there."""
    reach = 20
    while True:
        rows = [(price, offered) for price, offered, _ in book.depth(side, reach)]
        if len(rows) < reach or sum(price * offered for price, offered in rows) >= notional_micro:
            return rows
        reach *= 4
