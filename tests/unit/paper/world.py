"""A small market to test against: one coin, whole-number prices, a clock that stands still until moved."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.orders import Side
from core.paper.market.listing import Rules, Tier, Universe
from core.paper.market.step import Depth, MarketStep, MarketTrade, Quote
from core.paper.venue.accounts import Account
from core.paper.venue.audit import audit
from core.paper.venue.batch import Batch
from core.paper.venue.orders import Grouping, Order, TimeInForce, WireOrder, WireTrigger
from core.paper.venue.placing import Placed
from core.paper.venue.venue import Venue

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


def limit(
    side: Side,
    at: int | str,
    size: str,
    tif: TimeInForce = TimeInForce.GTC,
    *,
    reduce_only: bool = False,
) -> WireOrder:
    return WireOrder(0, side is Side.BUY, str(at), size, reduce_only, tif, None)


def stop(
    side: Side, trigger_at: int, size: str, at: int | None = None, *, reduce_only: bool = True
) -> WireOrder:
    """A market stop that goes as far as ``at``, or a tenth beyond its trigger."""
    return _on_trigger(side, trigger_at, size, at, is_take_profit=False, reduce_only=reduce_only)


def take_profit(
    side: Side, trigger_at: int, size: str, at: int | None = None, *, reduce_only: bool = True
) -> WireOrder:
    return _on_trigger(side, trigger_at, size, at, is_take_profit=True, reduce_only=reduce_only)


def _on_trigger(
    side: Side, trigger_at: int, size: str, at: int | None, *, is_take_profit: bool, reduce_only: bool
) -> WireOrder:
    reach = trigger_at * (10 + side.sign) // 10 if at is None else at
    trigger = WireTrigger(str(trigger_at), is_market=at is None, is_take_profit=is_take_profit)
    return WireOrder(0, side is Side.BUY, str(reach), size, reduce_only, None, None, trigger)


@dataclass
class World:
    """Starts with 1 BTC bid at 100000 and 1 BTC asked at 100010."""

    venue: Venue = field(default_factory=lambda: Venue(UNIVERSE, FUNDS_MICRO, NOW_MS))
    now_ms: int = NOW_MS
    last: Batch = field(default_factory=Batch)

    def __post_init__(self) -> None:
        self.market(quote=quote(100_000, "1", 100_010, "1"))

    def market(
        self,
        *trades: MarketTrade,
        quote: Quote | None = None,
        depth: Depth | None = None,
        oracle: int | None = None,
        mark: int | None = None,
    ) -> Batch:
        """``oracle`` and ``mark`` in whole USDC."""
        stated = [None if usd is None else price(usd) for usd in (oracle, mark)]
        self.venue.step(MarketStep("BTC", trades, depth, quote, stated[0], stated[1]), self.now_ms)
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

    def place_all(self, *orders: WireOrder, grouping: Grouping, user: str = ALICE) -> list[Placed]:
        placed = self.venue.place(user, orders, self.now_ms, grouping)
        self._done()
        return placed

    def tick(self, after_ms: int = 0) -> Batch:
        self.now_ms += after_ms
        self.venue.tick(self.now_ms)
        return self._done()

    def mid(self, at: int) -> Batch:
        """Quote around ``at`` and state it as oracle and mark, with no trade on the way to it."""
        return self.market(quote=quote(at - 5, "1", at + 5, "1"), oracle=at, mark=at)

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
