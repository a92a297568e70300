"""How fast the matching engine places, cancels and matches, beside two plain books that do the same work in the same run.

The naive book keeps queues in a dict of prices and looks for the best price among its keys, as a first draft would. The sorted
book keeps its prices in a ``SortedDict`` of sortedcontainers and its queues in dicts: about the least that price-time priority
can be had for in Python. Neither knows the market's liquidity, self-trades or accounts, which our engine does.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from typing import Protocol

from sortedcontainers import SortedDict

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.paper.market.listing import Rules, Tier, Universe
from core.paper.market.step import MarketStep, Quote
from core.paper.venue.book import Book
from core.paper.venue.matching import take
from core.paper.venue.orders import Order, OrderStatus, TimeInForce, WireOrder
from core.paper.venue.venue import Venue
from tests.bench.report import Row, row

_FEW, _MANY = 100, 100_000
_ROUND = 50
_ROUNDS = 40
_NAIVE_ROUNDS = 1
"""Among 100,000 orders the naive book takes milliseconds for each operation."""
_SHAPES = {"many levels": False, "one level": True}
_FLAT_GOAL = 0.5
"""Operations per second among 100,000 orders, as a part of those among 100."""

_BTC = Instrument("BTC", 0, 5, 40)
_BEST = 2_000_000
_TICK = 10
_LIMIT = _BEST * 3 // 2
"""No order here is as dear."""
_LOTS = 100_000
"""Enough that all takers of a run meet the same maker."""
_ORDERS_OF_ONE = 500


class Engine(Protocol):
    """Makers sell, takers buy."""

    def place(self, order: Order) -> None: ...
    def cancel(self, order: Order) -> None: ...
    def match(self, taker: Order) -> None: ...


class _NoSettlement:
    def execute(self, coin: str, maker: Order | None, taker: Order | None, price: int, lots: int) -> None:
        pass

    def self_trade(self, maker: Order) -> None:
        pass

    def admits(self, maker: Order) -> bool:
        return True


class OurBook:
    """The engine's book and matching, without accounts."""

    def __init__(self) -> None:
        self._book = Book("BTC")
        self._settlement = _NoSettlement()

    def place(self, order: Order) -> None:
        self._book.rest(order)

    def cancel(self, order: Order) -> None:
        self._book.remove(order)

    def match(self, taker: Order) -> None:
        take(self._book, taker, self._settlement, _BTC)


class NaiveBook:
    def __init__(self) -> None:
        self._levels: dict[int, list[Order]] = {}

    def place(self, order: Order) -> None:
        self._levels.setdefault(order.price, []).append(order)

    def cancel(self, order: Order) -> None:
        queue = self._levels[order.price]
        queue.remove(order)
        if not queue:
            del self._levels[order.price]

    def match(self, taker: Order) -> None:
        while taker.remaining and self._levels and (best := sorted(self._levels)[0]) <= taker.price:
            queue = self._levels[best]
            _trade(queue[0], taker)
            if not queue[0].remaining:
                del queue[0]
            if not queue:
                del self._levels[best]


class SortedBook:
    def __init__(self) -> None:
        self._levels: SortedDict[int, dict[int, Order]] = SortedDict()

    def place(self, order: Order) -> None:
        queue = self._levels.get(order.price)
        if queue is None:
            queue = self._levels[order.price] = {}
        queue[order.oid] = order

    def cancel(self, order: Order) -> None:
        queue = self._levels[order.price]
        del queue[order.oid]
        if not queue:
            del self._levels[order.price]

    def match(self, taker: Order) -> None:
        while taker.remaining and self._levels:
            best, queue = self._levels.peekitem(0)
            if best > taker.price:
                return
            maker = next(iter(queue.values()))
            _trade(maker, taker)
            if not maker.remaining:
                del queue[maker.oid]
            if not queue:
                del self._levels[best]


def _trade(maker: Order, taker: Order) -> None:
    lots = min(taker.remaining, maker.remaining)
    maker.remaining -= lots
    taker.remaining -= lots


class OurVenue:
    """All of the venue: reading decimals, refusals, margin, fills, fees, positions."""

    def __init__(self) -> None:
        universe = Universe.of([Rules("BTC", 5, (Tier(0, 40),))])
        self._venue = Venue(universe, 10**18, 1)
        quote = Quote(_BEST - _TICK, 10**6, _LIMIT, 10**6)
        self._venue.step(MarketStep("BTC", (), None, quote), 1)
        self._oids: dict[int, int] = {}

    def place(self, order: Order) -> None:
        self._oids[order.oid] = self._send(order)

    def cancel(self, order: Order) -> None:
        (error,) = self._venue.cancel(order.user, ((0, self._oids.pop(order.oid)),), 1)
        assert not error, error
        self._venue.take_batch()

    def match(self, taker: Order) -> None:
        self._send(taker)

    def _send(self, order: Order) -> int:
        price, size = _BTC.price_text(order.price), _BTC.size_text(order.lots)
        wire = WireOrder(0, order.side is Side.BUY, price, size, False, order.tif, None)
        (placed,) = self._venue.place(order.user, (wire,), 1)
        assert not placed.error, placed.error
        self._venue.take_batch()
        return placed.order.oid


def rows() -> list[Row]:
    """Orders per second; each ratio is ours over the baseline's, or many over few for the rows about flatness."""
    found: list[Row] = []
    for shape, is_one in _SHAPES.items():
        ours = {n: _measure(OurBook, n, _ROUNDS, is_one) for n in (_FEW, _MANY)}
        for n in (_FEW, _MANY):
            plain = _measure(SortedBook, n, _ROUNDS, is_one)
            naive = _measure(NaiveBook, n, _NAIVE_ROUNDS, is_one)
            for deed, value in ours[n].items():
                name = f"{deed}, {n:,} resting, {shape}"
                found.append(_row(name, value, "sortedcontainers book", plain[deed], None))
                found.append(_row(name, value, "dict-and-sort book", naive[deed], None))
        for deed in ours[_MANY]:
            name = f"{deed} stays flat, {shape}"
            found.append(_flat(name, ours[_MANY][deed], ours[_FEW][deed], _FLAT_GOAL))
    venue = {n: _measure(OurVenue, n, _ROUNDS, is_one=False) for n in (_FEW, _MANY)}
    for deed in venue[_MANY]:
        name = f"whole venue, {deed} stays flat"
        found.append(_flat(name, venue[_MANY][deed], venue[_FEW][deed], _FLAT_GOAL))
    return found


def _flat(name: str, many: float, few: float, goal: float) -> Row:
    return _row(f"{name}, {_MANY:,} resting", many, f"{_FEW} resting", few, goal)


def _row(name: str, value: float, baseline: str, baseline_value: float, goal: float | None) -> Row:
    return row(name, value, "orders/s", baseline, baseline_value, goal)


def _measure(make: Callable[[], Engine], resting: int, rounds: int, is_one: bool) -> dict[str, float]:
    """Operations per second of each deed. In every round fifty orders come, fifty takers trade, and fifty orders go."""
    chance = random.Random(resting)
    engine = make()
    for number in range(resting):
        engine.place(_order(number, Side.SELL, _BEST if is_one else _BEST + _TICK * number))
    spent = {"place": 0.0, "cancel": 0.0, "match": 0.0}
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            first = resting + number * 2 * _ROUND
            makers = [_order(first + n, Side.SELL, _price(chance, resting, is_one)) for n in range(_ROUND)]
            takers = [_order(first + _ROUND + n, Side.BUY, _LIMIT, lots=10) for n in range(_ROUND)]
            spent["place"] += _seconds(engine.place, makers)
            spent["match"] += _seconds(engine.match, takers)
            chance.shuffle(makers)
            spent["cancel"] += _seconds(engine.cancel, makers)
    finally:
        gc.enable()
    return {deed: rounds * _ROUND / seconds for deed, seconds in spent.items()}


def _price(chance: random.Random, resting: int, is_one: bool) -> int:
    """Anywhere in the book but at its best price, so that no taker meets the order."""
    return _BEST if is_one else _BEST + _TICK * chance.randrange(1, resting)


def _order(number: int, side: Side, price: int, lots: int = _LOTS) -> Order:
    is_maker = side is Side.SELL
    user = f"maker {number // _ORDERS_OF_ONE}" if is_maker else "taker"
    tif = TimeInForce.GTC if is_maker else TimeInForce.IOC
    return Order(number, user, "BTC", side, price, lots, lots, tif, False, None, 0, OrderStatus.OPEN, 0)


def _seconds(deed: Callable[[Order], None], orders: list[Order]) -> float:
    start = time.perf_counter()
    for order in orders:
        deed(order)
    return time.perf_counter() - start
