"""A small market to test against: one coin, whole-number prices, a clock that stands still until moved."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.orders import Side
from core.paper.market.listing import Rules, Tier, Universe
from core.paper.market.step import Depth, MarketStep, MarketTrade, Quote
from core.paper.venue.accounts import Account
from core.paper.venue.audit import audit
from core.paper.venue.batch import Batch
from core.paper.venue.orders import Order, TimeInForce, WireOrder
from core.paper.venue.venue import Placed, Venue

UNIVERSE = Universe.of([Rules("BTC", 5, (Tier(0, 40),))])
BTC = UNIVERSE.instruments["BTC"]
NOW_MS = 1_757_015_216_253
ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
FUNDS_MICRO = 10_000_000_000


def price(text: str | int) -> int:
    return BTC.parse_price(str(text))


def lots(text: str) -> int:
    return BTC.parse_size(text)


def quote(bid: int, bid_size: str, ask: int, ask_size: str) -> Quote:
    return Quote(price(bid), lots(bid_size), price(ask), lots(ask_size))


def trade(at: int, size: str, aggressor: Side) -> MarketTrade:
    return MarketTrade(price(at), lots(size), aggressor)


@dataclass
class World:
    """Starts with 1 BTC bid at 100000 and 1 BTC asked at 100010."""

    venue: Venue = field(default_factory=lambda: Venue(UNIVERSE, FUNDS_MICRO, NOW_MS))
    now_ms: int = NOW_MS
    last: Batch = field(default_factory=Batch)

    def __post_init__(self) -> None:
        self.market(quote=quote(100_000, "1", 100_010, "1"))

    def market(self, *trades: MarketTrade, quote: Quote | None = None, depth: Depth | None = None) -> Batch:
        self.venue.step(MarketStep("BTC", trades, depth, quote), self.now_ms)
        return self._done()

    def place(
        self,
        side: Side,
        at: int | str,
        size: str,
        tif: TimeInForce = TimeInForce.GTC,
        *,
        user: str = ALICE,
        reduce_only: bool = False,
        cloid: str | None = None,
    ) -> Placed:
        wire = WireOrder(0, side is Side.BUY, str(at), size, reduce_only, tif, cloid)
        (placed,) = self.venue.place(user, (wire,), self.now_ms)
        self._done()
        return placed

    def buy(self, at: int | str, size: str, tif: TimeInForce = TimeInForce.GTC, user: str = ALICE) -> Order:
        placed = self.place(Side.BUY, at, size, tif, user=user)
        assert not placed.error, placed.error
        return placed.order

    def sell(self, at: int | str, size: str, tif: TimeInForce = TimeInForce.GTC, user: str = ALICE) -> Order:
        placed = self.place(Side.SELL, at, size, tif, user=user)
        assert not placed.error, placed.error
        return placed.order

    def account(self, user: str = ALICE) -> Account:
        return self.venue.see(user)

    def _done(self) -> Batch:
        self.last = self.venue.take_batch()
        assert audit(self.venue).is_balanced
        return self.last
