"""Whatever users and market do, the paper exchange's books balance."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.orders import Side
from core.paper.market.listing import Rules, Tier, Universe
from core.paper.market.step import Depth, MarketStep, MarketTrade, Quote
from core.paper.venue.audit import audit
from core.paper.venue.orders import TimeInForce, WireOrder
from core.paper.venue.resting import Resting
from core.paper.venue.validation import StaticError
from core.paper.venue.venue import Venue

UNIVERSE = Universe.of([Rules("BTC", 5, (Tier(0, 40),))])
BTC = UNIVERSE.instruments["BTC"]
USERS = tuple(f"0x{number:040x}" for number in (10, 11, 12))
_TICK = 10
_MIDDLE = 1_000_000

ticks = st.integers(-12, 12).map(lambda n: _MIDDLE + n * _TICK)
sizes = st.integers(1, 60_000)
users = st.sampled_from(USERS)
sides = st.sampled_from(list(Side))


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


orders = st.tuples(
    st.just("order"), users, sides, ticks, sizes, st.sampled_from(list(TimeInForce)), st.booleans()
)
cancels = st.tuples(st.just("cancel"), users, st.integers(0, 5))
modifies = st.tuples(st.just("modify"), users, st.integers(0, 5), sides, ticks, sizes)
prints = st.tuples(st.just("print"), ticks, sizes, sides)
moves = st.tuples(st.just("quote"), quotes())
snapshots = st.tuples(st.just("depth"), depths())
deeds = st.lists(
    st.one_of(orders, orders, cancels, modifies, prints, moves, snapshots), min_size=5, max_size=60
)


def _wire(side: Side, price: int, lots: int, tif: TimeInForce, reduce_only: bool) -> WireOrder:
    return WireOrder(0, side is Side.BUY, BTC.price_text(price), BTC.size_text(lots), reduce_only, tif, None)


def _do(venue: Venue, deed: tuple[object, ...], now_ms: int) -> None:
    match deed:
        case ("order", str(user), Side() as side, int(price), int(lots), TimeInForce() as tif, bool(reduce)):
            venue.place(user, (_wire(side, price, lots, tif, reduce),), now_ms)
        case ("cancel", str(user), int(number)):
            open_orders = list(venue.see(user).open_orders)
            venue.cancel(user, tuple((0, oid) for oid in open_orders[number : number + 1]), now_ms)
        case ("modify", str(user), int(number), Side() as side, int(price), int(lots)):
            for oid in list(venue.see(user).open_orders)[number : number + 1]:
                wire = _wire(side, price, lots, TimeInForce.ALO, False)
                venue.modify(user, ((oid, wire),), always_place=False, now_ms=now_ms)
        case ("print", int(price), int(lots), Side() as side):
            trade = MarketTrade(price, lots, side)
            venue.step(MarketStep("BTC", (trade,), None, None), now_ms)
        case ("quote", Quote() as quote):
            venue.step(MarketStep("BTC", (), None, quote), now_ms)
        case ("depth", Depth() as depth):
            venue.step(MarketStep("BTC", (), depth, None), now_ms)
        case _:
            raise AssertionError(deed)


def _check_accounts(venue: Venue) -> None:
    for account in venue.ledger.accounts.values():
        end = 0
        for fill in account.fills:
            assert fill.start_lots == end, "every fill proves the one before it"
            end += fill.side.sign * fill.lots
        assert end == account.lots("BTC")
        position = account.positions.get("BTC")
        cost = position.cost if position else 0
        earned = sum(fill.closed_pnl - fill.fee for fill in account.fills)
        assert account.cash[""] == account.deposits + earned - cost
        assert bool(cost) == bool(end)
        reducing = [o for o in account.open_orders.values() if o.reduce_only]
        assert all(o.side.sign * end < 0 for o in reducing)
        assert sum(o.remaining for o in reducing) <= abs(end)
        assert all(0 < o.remaining <= o.lots - o.filled for o in account.open_orders.values())


def _check_sums(venue: Venue) -> None:
    for account in venue.ledger.accounts.values():
        resting = account.resting.get("BTC", Resting())
        orders = list(account.open_orders.values())
        for side in Side:
            adding = (o.remaining * o.price for o in orders if o.side is side and not o.reduce_only)
            assert resting.notional(side) == sum(adding)
        assert list(resting.reducing.values()) == [o for o in orders if o.reduce_only]
        assert resting.reducing_lots == sum(o.remaining for o in orders if o.reduce_only)


def _check_book(venue: Venue) -> None:
    book = venue.ledger.books["BTC"]
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
    known = {oid: o.remaining for a in venue.ledger.accounts.values() for oid, o in a.open_orders.items()}
    assert standing == known


@settings(max_examples=300, deadline=None)
@given(deeds)
def test_positions_sum_to_zero_cash_to_the_deposits_and_fills_chain(deeds: list[tuple[object, ...]]) -> None:
    venue = Venue(UNIVERSE, 10_000_000_000, 1)
    venue.step(MarketStep("BTC", (), None, Quote(_MIDDLE - _TICK, 10_000, _MIDDLE, 10_000)), 1)
    tids: set[tuple[str, int]] = set()
    for number, deed in enumerate(deeds):
        try:
            _do(venue, deed, 2 + number)
        except StaticError:
            continue
        assert audit(venue).is_balanced
        _check_book(venue)
        _check_sums(venue)
        for fill in venue.take_batch().fills:
            assert (fill.user, fill.tid) not in tids
            tids.add((fill.user, fill.tid))
    _check_accounts(venue)
