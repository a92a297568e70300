"""Whatever users and market do, the paper exchange's books balance."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.orders import Side
from core.paper.market.listing import Rules, Tier, Universe
from core.paper.market.step import Depth, MarketStep, MarketTrade, Quote
from core.paper.venue.accounts import Account
from core.paper.venue.audit import audit
from core.paper.venue.orders import Grouping, Order, OrderStatus, TimeInForce, WireOrder, WireTrigger
from core.paper.venue.resting import Resting
from core.paper.venue.validation import StaticError
from core.paper.venue.venue import Venue

UNIVERSE = Universe.of([Rules("BTC", 5, (Tier(0, 40),)), Rules("xyz:TSLA", 5, (Tier(0, 10),))])
COINS = tuple(UNIVERSE.listings)
USERS = tuple(f"0x{number:040x}" for number in (10, 11, 12))
_TICK = 10
_MIDDLE = 1_000_000
_MILLION = 1_000_000_000_000
_STEP_MS = 1_700

ticks = st.integers(-12, 12).map(lambda n: _MIDDLE + n * _TICK)
sizes = st.sampled_from([10_000, 20_000, 500, 33_333, 60_000, 7])
rarely = st.sampled_from([False, False, False, True])
users = st.sampled_from(USERS)
coins = st.sampled_from(COINS)
sides = st.sampled_from(list(Side))
numbers = st.integers(0, 7)
triggers = st.builds(
    lambda price, is_market, is_take_profit: WireTrigger(_text(price), is_market, is_take_profit),
    ticks,
    st.booleans(),
    st.booleans(),
)


def _text(price: int) -> str:
    return UNIVERSE.instruments["BTC"].price_text(price)


def _size(lots: int) -> str:
    return UNIVERSE.instruments["BTC"].size_text(lots)


def _wire(
    coin: str,
    side: Side,
    price: int,
    lots: int,
    tif: TimeInForce | None,
    reduce_only: bool,
    trigger: WireTrigger | None = None,
) -> WireOrder:
    asset = UNIVERSE.instruments[coin].asset_id
    return WireOrder(asset, side is Side.BUY, _text(price), _size(lots), reduce_only, tif, None, trigger)


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    bid = draw(ticks)
    return Quote(bid, draw(sizes), bid + draw(st.integers(1, 4)) * _TICK, draw(sizes))


@st.composite
def depths(draw: st.DrawFn) -> Depth:
    top = draw(quotes())
    below = [(top.bid - n * _TICK, draw(sizes)) for n in draw(st.sets(st.integers(1, 6), max_size=3))]
    above = [(top.ask + n * _TICK, draw(sizes)) for n in draw(st.sets(st.integers(1, 6), max_size=3))]
    return Depth(
        ((top.bid, top.bid_lots), *sorted(below, reverse=True)), ((top.ask, top.ask_lots), *sorted(above))
    )


@dataclass(frozen=True)
class Place:
    user: str
    orders: tuple[WireOrder, ...]
    grouping: Grouping = Grouping.NONE

    def do(self, venue: Venue, now_ms: int) -> None:
        venue.place(self.user, self.orders, now_ms, self.grouping)


@dataclass(frozen=True)
class Cancel:
    user: str
    number: int
    is_fast: bool

    def do(self, venue: Venue, now_ms: int) -> None:
        for order in _nth(venue, self.user, self.number):
            cancels = ((UNIVERSE.instruments[order.coin].asset_id, order.oid),)
            venue.cancel(self.user, cancels, now_ms, is_fast=self.is_fast)


@dataclass(frozen=True)
class Modify:
    user: str
    number: int
    order: WireOrder
    always_place: bool

    def do(self, venue: Venue, now_ms: int) -> None:
        for order in _nth(venue, self.user, self.number):
            venue.modify(self.user, ((order.oid, self.order),), self.always_place, now_ms)


@dataclass(frozen=True)
class Schedule:
    user: str
    after_ms: int | None

    def do(self, venue: Venue, now_ms: int) -> None:
        account = venue.see(self.user)
        account.volume = max(account.volume, _MILLION)
        venue.schedule_cancel(account, None if self.after_ms is None else now_ms + self.after_ms, now_ms)


@dataclass(frozen=True)
class Market:
    step: MarketStep

    def do(self, venue: Venue, now_ms: int) -> None:
        venue.step(self.step, now_ms)


def _nth(venue: Venue, user: str, number: int) -> list[Order]:
    return list(venue.see(user).open_orders.values())[number : number + 1]


limits = st.builds(_wire, coins, sides, ticks, sizes, st.sampled_from(list(TimeInForce)), rarely)
on_triggers = st.builds(_wire, coins, sides, ticks, sizes, st.none(), rarely, triggers)
singles = st.builds(lambda user, order: Place(user, (order,)), users, limits)
waiting = st.builds(lambda user, order: Place(user, (order,)), users, on_triggers)


@st.composite
def brackets(draw: st.DrawFn) -> Place:
    """A parent with children on its other side, or targets of a position."""
    coin, side, price, lots = draw(coins), draw(sides), draw(ticks), draw(sizes)
    children = [
        _wire(coin, side.opposite, draw(ticks), lots, None, True, draw(triggers))
        for _ in range(draw(st.integers(1, 2)))
    ]
    if draw(st.booleans()):
        return Place(draw(users), tuple(children), Grouping.POSITION_TPSL)
    parent = _wire(coin, side, price, lots, draw(st.sampled_from(list(TimeInForce))), False)
    return Place(draw(users), (parent, *children), Grouping.NORMAL_TPSL)


cancels = st.builds(Cancel, users, numbers, st.booleans())
modifies = st.builds(Modify, users, numbers, st.one_of(limits, on_triggers), st.booleans())
schedules = st.builds(Schedule, users, st.one_of(st.none(), st.integers(5_000, 20_000)))
prints = st.builds(
    lambda coin, price, lots, side: Market(MarketStep(coin, (MarketTrade(price, lots, side),), None, None)),
    coins,
    ticks,
    sizes,
    sides,
)
moves = st.builds(lambda coin, quote: Market(MarketStep(coin, (), None, quote)), coins, quotes())
snapshots = st.builds(lambda coin, depth: Market(MarketStep(coin, (), depth, None)), coins, depths())
deeds = st.lists(
    st.one_of(
        singles, singles, singles, waiting, brackets(), cancels, modifies, schedules, prints, moves, snapshots
    ),
    min_size=10,
    max_size=60,
)


def _check_accounts(venue: Venue) -> None:
    holders = {user for user, account in venue.ledger.accounts.items() if account.is_holding}
    assert venue.ledger.holders.keys() == holders
    for account in venue.ledger.accounts.values():
        earned = dict.fromkeys(UNIVERSE.dexs, 0)
        for coin in COINS:
            earned[UNIVERSE.listings[coin].dex] += _check_position(account, coin)
        for dex, micro in earned.items():
            assert account.cash[dex] == 10_000_000_000 + micro
        assert all(not order.is_open for order in account.terminal_orders.values())
        assert all(order.status is not OrderStatus.TRIGGERED for order in account.terminal_orders.values())


def _check_position(account: Account, coin: str) -> int:
    """Returns what the position's fills have brought in."""
    fills = [fill for fill in account.fills if fill.coin == coin]
    end = 0
    for fill in fills:
        assert fill.start_lots == end, "every fill proves the one before it"
        end += fill.side.sign * fill.lots
    assert end == account.lots(coin)
    position = account.positions.get(coin)
    cost = position.cost if position else 0
    assert bool(cost) == bool(end)
    orders = [order for order in account.open_orders.values() if order.coin == coin]
    reducing = [order for order in orders if order.reduce_only and order.rests]
    assert all(order.side.sign * end < 0 for order in reducing)
    assert sum(order.remaining for order in reducing) <= abs(end)
    for order in orders:
        assert 0 < order.remaining <= order.lots - order.filled
        if order.trigger is not None and not order.trigger.has_fired and order.reduce_only:
            assert order.trigger.waits_for or order.side.sign * end < 0
    return sum(fill.closed_pnl - fill.fee for fill in fills) - cost


def _check_families(venue: Venue) -> None:
    """Who waits for a parent has one that is open; siblings are open together or one of them was filled."""
    for account in venue.ledger.accounts.values():
        for order in account.open_orders.values():
            if order.trigger is not None and order.trigger.waits_for:
                assert account.open_orders[order.trigger.waits_for].rests


def _check_sums(venue: Venue) -> None:
    for account in venue.ledger.accounts.values():
        for coin in COINS:
            resting = account.resting.get(coin, Resting())
            orders = [order for order in account.open_orders.values() if order.coin == coin]
            for side in Side:
                adding = (
                    o.remaining * o.price for o in orders if o.rests and o.side is side and not o.reduce_only
                )
                assert resting.notional(side) == sum(adding)
            reducing = {o.oid: o for o in orders if o.rests and o.reduce_only}
            assert resting.reducing == reducing
            assert resting.reducing_lots == sum(o.remaining for o in reducing.values())
            assert resting.waiting == {o.oid: o for o in orders if not o.rests}


def _check_book(venue: Venue, coin: str) -> None:
    book = venue.ledger.books[coin]
    bid, ask = book.bids.best, book.asks.best
    assert bid is None or ask is None or bid < ask, "the book is never crossed"
    standing: dict[int, int] = {}
    for side in (book.bids, book.asks):
        assert list(side.prices) == sorted(side.levels)
        assert list(side.from_best()) == sorted(side.levels, reverse=side.side is Side.BUY)
        for level in side.levels.values():
            ghosts = level.ghosts()
            assert not level.is_empty
            assert all(lots > 0 for _, lots in ghosts)
            assert level.ghost == sum(lots for _, lots in ghosts)
            assert [rank for rank, _ in ghosts] == sorted({rank for rank, _ in ghosts})
            ranks = [order.rank for order in level.orders.values()]
            assert ranks == sorted(set(ranks))
            assert level.own == sum(order.remaining for order in level.orders.values())
            standing.update((oid, order.remaining) for oid, order in level.orders.items())
    known = {
        oid: order.remaining
        for account in venue.ledger.accounts.values()
        for oid, order in account.open_orders.items()
        if order.rests and order.coin == coin
    }
    assert standing == known, "every open order stands in the book, triggers apart"


@settings(max_examples=300, deadline=None)
@given(deeds)
def test_positions_sum_to_zero_cash_to_the_deposits_and_fills_chain(
    deeds: list[Place | Cancel | Modify | Schedule | Market],
) -> None:
    venue = Venue(UNIVERSE, 10_000_000_000, 1)
    for coin in COINS:
        venue.step(MarketStep(coin, (), None, Quote(_MIDDLE - _TICK, 50_000, _MIDDLE, 50_000)), 1)
        venue.market_order(USERS[0], coin, Side.BUY, 30_000, 1)
        venue.market_order(USERS[1], coin, Side.SELL, 30_000, 1)
    tids: set[tuple[str, int]] = set()
    for number, deed in enumerate(deeds):
        now_ms = 2 + number * _STEP_MS
        venue.tick(now_ms)
        try:
            deed.do(venue, now_ms)
        except StaticError:
            continue
        assert audit(venue).is_balanced
        for coin in COINS:
            _check_book(venue, coin)
        _check_sums(venue)
        _check_families(venue)
        for fill in venue.take_batch().fills:
            assert (fill.user, fill.tid) not in tids
            tids.add((fill.user, fill.tid))
    _check_accounts(venue)
