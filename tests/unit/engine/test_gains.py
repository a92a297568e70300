"""Realised gains by either method: what closes what, at which cost, and the exchange's own profits beside them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.domain.fills import Fill
from core.domain.orders import Side
from core.domain.pnl import Stake
from core.engine.gains import AverageBook, FifoBook, Gain, opening_stake
from tests.unit.engine.builders import fill
from tests.unit.engine.mainnet import Chain, chains

BUY, SELL = Side.BUY, Side.SELL


def fills(*trades: tuple[Side, int, int]) -> list[Fill]:
    """Side, lots and price, a millisecond apart."""
    found, held = [], 0
    for ms, (side, lots, price) in enumerate(trades, 1):
        found.append(fill(side, lots, held, ms=ms, trade_id=ms, price=price))
        held += side.sign * lots
    return found


def closed(book: FifoBook | AverageBook, trades: list[Fill]) -> list[tuple[int, int, int]]:
    """Signed lots, cost and gain of what each trade closes."""
    return [(gain.lots, gain.cost, gain.micro) for trade in trades for gain in book.trade(trade)]


def test_first_in_first_out_closes_the_oldest_and_average_cost_a_share_of_all() -> None:
    trades = fills((BUY, 3, 100), (BUY, 1, 200), (SELL, 2, 150), (SELL, 2, 150))
    assert closed(FifoBook(), trades) == [(2, 200, 100), (1, 100, 50), (1, 200, -50)]
    assert closed(AverageBook(), trades) == [(2, 250, 50), (2, 250, 50)]


def test_a_flip_closes_all_and_opens_the_rest_at_its_price() -> None:
    trades = fills((SELL, 3, 100), (BUY, 5, 90), (SELL, 2, 95))
    for book in (FifoBook(), AverageBook()):
        assert closed(book, trades) == [(-3, 300, 30), (2, 180, 10)]
        assert (book.lots, book.signed_cost) == (0, 0)


def test_a_gain_names_when_its_lots_were_opened() -> None:
    trades = fills((BUY, 1, 10), (BUY, 1, 20), (SELL, 2, 30))
    book = FifoBook()
    gains = [gain for trade in trades for gain in book.trade(trade)]
    assert gains == [
        Gain(trades[0].time_ms, trades[2].time_ms, 1, 10, 30),
        Gain(trades[1].time_ms, trades[2].time_ms, 1, 20, 30),
    ]


def test_what_does_not_divide_stays_in_the_cost_of_what_is_left() -> None:
    """10 micro for 3 lots: one costs 3, the next 3, the last 4."""
    for book in (FifoBook(Stake(3, 10), 1), AverageBook.of(Stake(3, 10), 1)):
        assert closed(book, fills((SELL, 1, 5), (SELL, 1, 5), (SELL, 1, 5))) == [
            (1, 3, 2),
            (1, 3, 2),
            (1, 4, 1),
        ]


def _flat_chains() -> list[Chain]:
    return [chain for chain in chains() if chain[0].start_lots == 0 and len(chain) > 1]


def test_the_exchanges_profits_on_the_mainnet_are_the_gains_by_average_cost() -> None:
    """It takes the entry cut to a whole price unit: a closing fill differs by less than a price unit a lot, and by rounding.

    So does the entry that its first profit tells of a position from before.
    """
    closing = 0
    for chain in chains():
        start, is_known = opening_stake(chain)
        if not is_known:
            continue
        book = AverageBook.of(start, 0)
        for trade in chain:
            gains = book.trade(trade)
            told, ours = trade.closed_pnl.scaleb(6), sum(gain.micro for gain in gains)
            cut = sum(abs(gain.lots) for gain in gains)
            bound = cut + 2 if start.lots == 0 else 2 * cut + 2
            assert abs(told - ours) <= (bound if gains else 0), trade
            closing += len(gains)
    assert closing > 500


def test_both_methods_gain_the_same_from_flat_to_flat_on_the_mainnet() -> None:
    for chain in _flat_chains():
        fifo, average = FifoBook(), AverageBook()
        made = [0, 0]
        for trade in chain:
            made[0] += sum(gain.micro for gain in fifo.trade(trade))
            made[1] += sum(gain.micro for gain in average.trade(trade))
            if fifo.lots == 0:
                assert made[0] == made[1]
            assert fifo.lots == average.lots


@pytest.mark.parametrize("sign", [1, -1])
def test_the_cost_of_what_was_held_before_is_told_by_the_first_profit(sign: int) -> None:
    """5 lots at 100, 1 more at 160 (average 110), 2 closed at 120."""
    side = BUY if sign > 0 else SELL
    added = fill(side, 1, 5 * sign, ms=1, trade_id=1, price=160)
    closing = fill(
        side.opposite, 2, 6 * sign, ms=2, trade_id=2, price=120, closed=str(Decimal(sign * 20).scaleb(-6))
    )
    assert opening_stake([added, closing]) == (Stake(5 * sign, 500), True)
    assert opening_stake([added]) == (Stake(5 * sign, 800), False), "nothing tells it: the first fill's price"
    assert opening_stake([]) == (Stake(), True)
