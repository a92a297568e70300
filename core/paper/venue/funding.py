"""Funding rates: hourly, from the premium of the book over the oracle. Integers; rates and premiums in units of 10**-10.

The premium is sampled every five seconds and averaged over the hour: F(8h) = average + clamp(interest - average, +-0.05 %),
an eighth of which is paid each hour, at most 4 %. (Hyperliquid documentation: Funding.)
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.orders import Side
from core.paper.market.listing import FIRST_DEX, Listing
from core.paper.venue.book import Book
from core.paper.venue.prices import impact_price

HOUR_MS = 3_600_000
SAMPLE_EVERY_MS = 5_000
RATE_DECIMALS = 10
ONE: int = 10**RATE_DECIMALS

_INTEREST = ONE // 10_000
"""0.01 % for eight hours."""
_CLAMP = 5 * ONE // 10_000
_HOURS = 8
_CAP = 4 * ONE // 100


@dataclass(slots=True)
class CoinFunding:
    """The hour so far: kept up by ``sample``, begun anew by ``begin_hour``."""

    sampled_ms: int = 0
    premium: int | None = None
    """The latest; None while a side of the book is empty."""
    total: int = 0
    samples: int = 0

    def begin_hour(self) -> None:
        self.total = self.samples = 0

    @property
    def average(self) -> int:
        """Of the hour's samples, rounded half to even; 0 without any."""
        return round_div(self.total, self.samples) if self.samples else 0

    @property
    def rate(self) -> int:
        """The hourly rate as the samples have it up to now."""
        return hourly_rate(self.average)


@dataclass(frozen=True, slots=True)
class FundingRate:
    """A row of ``fundingHistory``. ``premium`` is the last sample before the hour ended."""

    coin: str
    time_ms: int
    rate: int
    premium: int


def premium(book: Book, listing: Listing, oracle: int) -> int | None:
    """Of the impact prices over ``oracle``; None while a side of the book is empty."""
    bid = impact_price(book, Side.BUY, listing.rules.impact_micro)
    ask = impact_price(book, Side.SELL, listing.rules.impact_micro)
    if bid is None or ask is None or oracle <= 0:
        return None
    return premium_of(bid, ask, oracle, is_first_dex=listing.dex == FIRST_DEX)


def premium_of(bid: int, ask: int, oracle: int, *, is_first_dex: bool) -> int:
    """On the first dex only what lies beyond the oracle counts, on a builder's the middle; rounded half to even."""
    if is_first_dex:
        return round_div((max(bid - oracle, 0) - max(oracle - ask, 0)) * ONE, oracle)
    return round_div((bid + ask - 2 * oracle) * ONE, 2 * oracle)


def sample(funding: CoinFunding, book: Book, listing: Listing, oracle: int, now_ms: int) -> None:
    """Take a sample if five seconds have passed since the last one."""
    if now_ms - funding.sampled_ms < SAMPLE_EVERY_MS:
        return
    funding.sampled_ms = now_ms
    funding.premium = premium(book, listing, oracle)
    if funding.premium is not None:
        funding.total += funding.premium
        funding.samples += 1


def eight_hour_rate(average: int, clamp: int = _CLAMP) -> int:
    """``clamp`` has not always been 0.05 %."""
    return average + max(-clamp, min(clamp, _INTEREST - average))


def hourly_rate(average: int) -> int:
    """An eighth of the 8-hour rate, rounded half to even, at most 4 % either way."""
    return max(-_CAP, min(_CAP, round_div(eight_hour_rate(average), _HOURS)))


def payment_micro(lots: int, oracle: int, rate: int) -> int:
    """What a position is paid for the hour, negative if it pays; rounded down, so that no rounding creates money."""
    return -lots * oracle * rate // ONE


def round_div(numerator: int, denominator: int) -> int:
    """The nearest integer, half to even; ``denominator`` is positive."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
