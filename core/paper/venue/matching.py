"""Price-time matching on one book. What a match means for accounts is the ``Settlement``'s business.

Settlement may cancel or shrink orders of the book while a match goes on (reduce-only orders follow the position); so every
turn of these loops looks at the book afresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.paper.market.step import Depth, LevelChange, MarketTrade, Quote
from core.paper.venue.book import Book, BookSide
from core.paper.venue.orders import Order

_LADDER_STEPS = 100
_LADDER_STEP_FRACTION = 10_000
_LADDER_LEVEL_MICRO = 20_000_000_000


class Settlement(Protocol):
    def execute(self, coin: str, maker: Order | None, taker: Order | None, price: int, lots: int) -> None:
        """A trade; ``None`` is the market. ``maker.remaining`` and the book are already reduced by ``lots``."""

    def self_trade(self, maker: Order) -> None:
        """Expire the maker: it has met its owner's taker. It still stands in the book."""

    def admits(self, maker: Order) -> bool:
        """Whether the maker may trade; it is cancelled, and out of the book, if it may not."""


def take(book: Book, taker: Order, settlement: Settlement, instrument: Instrument) -> None:
    """Let ``taker`` walk the book up to its limit; ``taker.remaining`` is what is left.

    Where the book has hidden depth, a ladder of market liquidity lies behind the last level that was ever seen, 20,000 USDC
    a basis point for one percent: a recording that shows the best quote alone couldn't fill a market order otherwise.
    """
    opposite = book.opposite(taker.side)
    while taker.remaining and book.would_cross(taker.side, taker.price):
        price = opposite.best
        assert price is not None
        maker, offered = opposite.levels[price].front()
        if maker is not None and maker.user == taker.user:
            settlement.self_trade(maker)
            continue
        if maker is not None and not settlement.admits(maker):
            continue
        lots = min(taker.remaining, offered)
        _take(book, opposite, maker, price, lots)
        taker.remaining -= lots
        settlement.execute(book.coin, maker, taker, price, lots)
        book.last_price = price
    if taker.remaining and opposite.best is None and book.hidden_depth:
        for price, offered in _ladder(book, taker.side, instrument):
            if not taker.remaining or (price - taker.price) * taker.side.sign > 0:
                return
            lots = min(taker.remaining, offered)
            taker.remaining -= lots
            settlement.execute(book.coin, None, taker, price, lots)
            book.last_price = price


def market_trade(book: Book, trade: MarketTrade, settlement: Settlement) -> int:
    """A recorded print: users' orders at better prices first, then its level's queue in order of arrival.

    Returns the lots that users' orders took of it.
    """
    makers = book.opposite(trade.aggressor)
    left = trade.lots
    for price in makers.better_than(trade.price):
        while left and (order := _first_order(book, makers.side, price)) is not None:
            left -= _hit(book, order, left, settlement)
    users = trade.lots - left
    while left and (level := makers.levels.get(trade.price)) is not None:
        order, offered = level.front()
        if order is not None:
            taken = _hit(book, order, left, settlement)
            users += taken
        else:
            taken = min(left, offered)
            _take(book, makers, None, trade.price, taken)
        left -= taken
    book.last_price = trade.price
    return users


def market_quote(book: Book, quote: Quote, settlement: Settlement) -> None:
    """The recorded best bid and ask: the truth about the market's liquidity at and in front of them."""
    book.bids.clear_ghost_better(quote.bid)
    book.asks.clear_ghost_better(quote.ask)
    _offer(book, Side.BUY, quote.bid, quote.bid_lots, settlement)
    _offer(book, Side.SELL, quote.ask, quote.ask_lots, settlement)


def market_levels(book: Book, changes: Sequence[LevelChange], settlement: Settlement) -> None:
    """The market's liquidity at single prices; what it shows elsewhere stays as it is."""
    for change in changes:
        if not change.lots:
            book.side(change.side).set_ghost(change.price, 0)
    for change in changes:
        if change.lots:
            _offer(book, change.side, change.price, change.lots, settlement)


def market_depth(book: Book, depth: Depth, settlement: Settlement) -> None:
    """A recorded snapshot: the truth from the best to its last level; what lies beyond keeps the last size seen."""
    for side, levels in ((Side.BUY, depth.bids), (Side.SELL, depth.asks)):
        book.side(side).clear_ghost_within(levels[-1][0], frozenset(price for price, _ in levels))
    for side, levels in ((Side.BUY, depth.bids), (Side.SELL, depth.asks)):
        for price, lots in levels:
            _offer(book, side, price, lots, settlement)


def _offer(book: Book, side: Side, price: int, lots: int, settlement: Settlement) -> None:
    """The market shows ``lots`` at ``price``: users' orders that it crosses trade with it at their own prices."""
    left = lots
    while left and book.would_cross(side, price):
        makers = book.opposite(side)
        best = makers.best
        assert best is not None
        order = _first_order(book, makers.side, best)
        if order is None:
            makers.set_ghost(best, 0)
            continue
        left -= _hit(book, order, left, settlement)
    book.side(side).set_ghost(price, left)


def _hit(book: Book, maker: Order, most: int, settlement: Settlement) -> int:
    """The market takes up to ``most`` lots of a user's order, at its price, past what stands before it at that level.

    0 if the order isn't admitted any more.
    """
    if not settlement.admits(maker):
        return 0
    lots = min(most, maker.remaining)
    book.cut(maker, lots)
    settlement.execute(book.coin, maker, None, maker.price, lots)
    book.last_price = maker.price
    return lots


def _take(book: Book, half: BookSide, maker: Order | None, price: int, lots: int) -> None:
    if maker is not None:
        book.cut(maker, lots)
        return
    half.levels[price].take_ghost(lots)
    half.tidy(price)


def _first_order(book: Book, side: Side, price: int) -> Order | None:
    level = book.side(side).levels.get(price)
    return None if level is None else level.first_order


def _ladder(book: Book, taker_side: Side, instrument: Instrument) -> Iterator[tuple[int, int]]:
    start = book.last_price
    if not start:
        return
    for step in range(1, _LADDER_STEPS + 1):
        away = start + taker_side.sign * start * step // _LADDER_STEP_FRACTION
        price = (
            instrument.round_price_up(away) if taker_side is Side.BUY else instrument.round_price_down(away)
        )
        if price <= 0:
            return
        yield price, max(1, _LADDER_LEVEL_MICRO // price)
