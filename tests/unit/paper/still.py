"""Markets that stand still: books made once. The one here has several coins and two dexs."""

from __future__ import annotations

from abc import ABC, abstractmethod

from core.paper.market.listing import Rules, Tier, Universe
from core.paper.market.step import Depth, MarketStep

MILLION_MICRO = 1_000_000_000_000

UNIVERSE = Universe.of(
    [
        Rules("BTC", 5, (Tier(0, 40), Tier(150 * MILLION_MICRO, 20))),
        Rules("ETH", 4, (Tier(0, 25),)),
        Rules("OLD", 1, (Tier(0, 3),), is_delisted=True),
        Rules("xyz:TSLA", 3, (Tier(0, 10),), margin_mode="strictIsolated", has_growth_mode=True),
        Rules("xyz:GOLD", 4, (Tier(0, 20),), margin_mode="noCross"),
    ]
)
PRICES = {"BTC": 100_000, "ETH": 4_000, "OLD": 2, "xyz:TSLA": 400, "xyz:GOLD": 3_000}
"""In USD: the best bid; a thousandth above it is the best ask."""


class StandingMarket(ABC):
    """Shows the same scene for ever."""

    name = "still"
    place = ""
    progress = None
    laps = 0
    notes = ()
    warning = ""
    hidden_depth = False
    has_ended = False

    @property
    @abstractmethod
    def universe(self) -> Universe: ...

    @abstractmethod
    def scene(self) -> tuple[MarketStep, ...]: ...

    def wait_ms(self) -> int | None:
        return None

    def advance(self) -> MarketStep:
        raise AssertionError("it stands still")

    def resume(self, place: str) -> None:
        assert place == self.place


class StillMarket(StandingMarket):
    """Twenty-five levels a side, 1,000,000 USD each, a hundredth of a percent apart, from ``PRICES`` on."""

    universe = UNIVERSE

    def scene(self) -> tuple[MarketStep, ...]:
        return tuple(self._step(coin, usd) for coin, usd in PRICES.items() if coin != "OLD")

    @staticmethod
    def _step(coin: str, usd: int) -> MarketStep:
        instrument = UNIVERSE.instruments[coin]
        bid = instrument.parse_price(str(usd))
        lots = MILLION_MICRO // bid
        bids = tuple((bid - bid * step // 10_000, lots) for step in range(25))
        asks = tuple((bid + bid // 1000 + bid * step // 10_000, lots) for step in range(25))
        return MarketStep(coin, (), Depth(bids, asks), None)
