"""Queues at a price, and how they are lined up again after a restart."""

from __future__ import annotations

import pytest

from core.domain.orders import Side
from core.paper.venue.book import Book
from core.paper.venue.levels import SortedPrices
from core.paper.venue.orders import Order, OrderStatus, TimeInForce

_PRICE = 1_000
_numbers = iter(range(1, 1_000_000))


def _order(lots: int = 10) -> Order:
    return Order(
        next(_numbers),
        "user",
        "BTC",
        Side.BUY,
        _PRICE,
        lots,
        lots,
        TimeInForce.GTC,
        False,
        None,
        0,
        OrderStatus.OPEN,
        0,
    )


def _queue() -> tuple[Book, Order, Order]:
    """60 of the market's first 100 lots, an order, 50 of the market, another order, 20 of the market."""
    book = Book("BTC")
    book.bids.set_ghost(_PRICE, 100)
    first, second = _order(), _order()
    book.rest(first)
    book.bids.set_ghost(_PRICE, 150)
    book.rest(second)
    book.bids.set_ghost(_PRICE, 170)
    book.bids.levels[_PRICE].take_ghost(40)
    return book, first, second


def _restored(ghost: int, *orders: Order) -> list[tuple[int, int]]:
    book = Book("BTC")
    if ghost:
        book.bids.set_ghost(_PRICE, ghost)
    book.restore(reversed(orders))
    level = book.bids.levels[_PRICE]
    assert list(level.orders.values()) == list(orders)
    assert level.ghost == ghost
    return level.ghosts()


def test_orders_return_to_their_places_among_the_markets_lots() -> None:
    book, first, second = _queue()
    assert book.note_places() == [first, second]
    assert not book.note_places()
    assert _restored(130, first, second) == [(0, 60), (first.rank, 50), (second.rank, 20)]


def test_without_a_last_word_nobody_gains_a_place() -> None:
    """As after a kill: what stood before an order when it was last stored is the most that can stand there now."""
    _, first, second = _queue()
    assert _restored(130, first, second) == [(0, 100), (first.rank, 30)]
    second.ahead = 80
    assert _restored(130, first, second) == [(0, 80), (second.rank, 50)]


def test_what_the_market_has_added_meanwhile_stands_behind() -> None:
    book, first, second = _queue()
    book.note_places()
    assert _restored(500, first, second) == [(0, 60), (first.rank, 50), (second.rank, 390)]
    assert _restored(0, first, second) == []


def test_an_order_that_has_come_to_the_front_stays_there() -> None:
    book, first, _ = _queue()
    book.bids.levels[_PRICE].take_ghost(60)
    book.cut(first, 3)
    assert first.ahead == 0
    assert _restored(130, first) == [(first.rank, 130)]


def test_orders_that_were_stored_without_a_rank_stand_by_age_behind_the_market() -> None:
    first, second = _order(), _order()
    assert _restored(40, first, second) == [(0, 40)]


@pytest.mark.parametrize("stride", [1, -1, 7919], ids=["rising", "falling", "scattered"])
def test_prices_stay_sorted_while_they_come_and_go(stride: int) -> None:
    prices = SortedPrices()
    known = [(number * stride) % 10_007 for number in range(5_000)]
    most = 0
    for price in known:
        prices.add(price)
        most = max(most, price)
        assert prices.highest == most
    assert list(prices) == sorted(known)
    for price in known[::2]:
        prices.remove(price)
    left = sorted(known[1::2])
    assert (list(prices), list(reversed(prices))) == (left, left[::-1])
    assert (prices.lowest, prices.highest) == (left[0], left[-1])
    for price in left:
        prices.remove(price)
    assert (prices.lowest, prices.highest) == (None, None)
