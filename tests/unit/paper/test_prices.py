"""Oracle and mark: the formulas of the venue's documentation, and who can move them."""

from __future__ import annotations

import math

import pytest

from core.domain.orders import Side
from core.paper.venue.orders import TimeInForce
from core.paper.venue.prices import Average, decay
from tests.unit.paper.world import BOB, World, price, quote, trade


@pytest.mark.parametrize("passed_ms", [0, 1, 999, 3_000, 150_000, 3_600_000])
@pytest.mark.parametrize("period_ms", [150_000, 30_000])
def test_averages_decay_as_the_exponential_function_does(period_ms: int, passed_ms: int) -> None:
    assert decay(period_ms, passed_ms) / 2**64 == pytest.approx(math.exp(-passed_ms / period_ms), abs=1e-12)


def test_an_average_is_the_documented_quotient() -> None:
    average, numerator, denominator = Average(), 0.0, 0.0
    for sample, passed_ms in ((100, 3_000), (-250, 3_000), (17, 4_500), (400, 60_000)):
        average.add(sample, passed_ms, 150_000)
        kept = math.exp(-passed_ms / 150_000)
        numerator = numerator * kept + sample * passed_ms
        denominator = denominator * kept + passed_ms
    assert average.value(0) == math.floor(numerator / denominator)


def test_before_the_first_sample_an_average_is_unknown() -> None:
    assert Average().value(7) == 7


def test_the_oracle_is_the_markets_middle_every_three_seconds() -> None:
    world = World()
    assert world.venue.oracle_of("BTC") == price(100_005)
    world.market(quote=quote(100_100, "1", 100_110, "1"))
    world.tick(2_999)
    assert world.venue.oracle_of("BTC") == price(100_005)
    world.tick(1)
    assert world.venue.oracle_of("BTC") == price(100_105)


def test_no_users_order_moves_the_oracle() -> None:
    world = World()
    world.buy(100_009, "1", TimeInForce.ALO)
    world.tick(3_000)
    assert world.venue.oracle_of("BTC") == price(100_005)


def test_an_oracle_that_the_market_states_counts_at_once_and_for_ten_seconds() -> None:
    world = World()
    world.market(oracle=100_300)
    assert world.venue.oracle_of("BTC") == price(100_300)
    world.tick(9_000)
    assert world.venue.oracle_of("BTC") == price(100_300)
    world.tick(3_000)
    assert world.venue.oracle_of("BTC") == price(100_005)


def test_the_mark_is_the_median_of_oracle_and_basis_book_and_stated_mark() -> None:
    world = World()
    world.market(trade(100_010, "0.1", Side.BUY), oracle=99_000, mark=100_200)
    assert world.venue.mark_of("BTC") == price(100_010), "the book, between oracle and stated mark"
    world.market(oracle=101_000, mark=100_200)
    assert world.venue.mark_of("BTC") == price(100_200)
    world.market(oracle=100_100, mark=100_200)
    assert world.venue.mark_of("BTC") == price(100_100)


def test_the_basis_brings_the_oracle_to_the_book_in_minutes() -> None:
    world = World()
    for _ in range(20):
        world.now_ms += 3_000
        world.market(oracle=99_005, mark=99_005)
    seen = world.venue.mark_of("BTC")
    assert price(99_005) < seen < price(100_005)
    for _ in range(200):
        world.now_ms += 3_000
        world.market(oracle=99_005, mark=99_005)
    assert world.venue.mark_of("BTC") == pytest.approx(price(100_005), abs=price(25))


def test_one_user_alone_cannot_move_the_mark_by_quoting_or_trading_with_himself() -> None:
    world = World()
    before = world.venue.mark_of("BTC")
    world.market(quote=quote(99_000, "1", 101_000, "1"))
    world.buy(100_900, "0.001", user=BOB)
    world.sell(100_900, "0.001")
    assert world.venue.ledger.books["BTC"].last_price == price(100_900)
    assert world.venue.mark_of("BTC") == before


def test_prices_survive_in_the_counters() -> None:
    world = World()
    world.tick(3_000)
    kept = world.venue.ledger.counters.prices["BTC"]
    assert (kept.oracle, kept.sampled_ms) == (price(100_005), world.now_ms)
