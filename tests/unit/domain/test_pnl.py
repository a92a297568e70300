"""Five numbers that add up: the matched profit of cells, the rest, and what just holding would have made."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.domain.orders import Side
from core.domain.pnl import CellSums, Pnl, Stake, coin_pnl, total_pnl

USD = 10**6

trades = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 10**6), st.integers(1, 2 * 10**6)), max_size=20
)


def cell(*traded: tuple[Side, int, int]) -> CellSums:
    sums = CellSums()
    for side, lots, price in traded:
        sums = sums.plus(side, lots, lots * price)
    return sums


def numbers(**changes: object) -> Pnl:
    values = {
        "start": Stake(),
        "now": Stake(),
        "price": Decimal(100),
        "cash_micro": 0,
        "matched_micro": 0,
        "fees": Decimal(0),
        "funding": Decimal(0),
    }
    return coin_pnl(**{**values, **changes})  # type: ignore[arg-type]


def test_a_round_trip_earns_the_distance_of_its_lines() -> None:
    assert cell((Side.BUY, 30, 100), (Side.SELL, 30, 103)).matched_micro == 90


def test_a_cell_that_began_full_earns_when_what_it_sold_is_bought_back() -> None:
    assert cell((Side.SELL, 30, 103)).matched_micro == 0
    assert cell((Side.SELL, 30, 103), (Side.BUY, 30, 100)).matched_micro == 90


def test_only_lots_that_traded_both_ways_are_matched() -> None:
    traded = [(Side.BUY, 30, 100), (Side.SELL, 12, 103), (Side.BUY, 30, 100), (Side.SELL, 25, 103)]
    assert cell(*traded).matched_micro == 37 * 3


@given(trades, st.randoms(use_true_random=False))
def test_the_matched_profit_of_a_cell_does_not_depend_on_the_order_of_its_fills(
    traded: list[tuple[Side, int, int]], random: object
) -> None:
    shuffled = list(traded)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert cell(*shuffled) == cell(*traded)


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 10**6)), max_size=20),
    st.integers(1, 10**6),
    st.integers(0, 10**5),
)
def test_with_one_price_a_side_it_is_first_in_first_out(
    traded: list[tuple[Side, int]], price: int, gap: int
) -> None:
    """Pairing lot by lot, as a cell trades: whichever side waits is closed by the other."""
    waiting = earned = 0
    for side, lots in traded:
        closed = min(lots, max(0, -side.sign * waiting))
        earned += closed * gap
        waiting += side.sign * lots
    assert cell(*((s, lots, price + (gap if s is Side.SELL else 0)) for s, lots in traded)).matched_micro == (
        earned
    )


def test_with_unequal_prices_the_average_counts_rounded_against_us() -> None:
    traded = [(Side.BUY, 1, 10), (Side.BUY, 2, 11), (Side.SELL, 2, 13)]
    assert cell(*traded).matched_micro == 26 - 22, "22 is two thirds of 32, rounded up"


def test_the_five_add_up_to_cash_and_value() -> None:
    found = numbers(
        now=Stake(5, 500),
        price=Decimal("101.5"),
        cash_micro=-480,
        matched_micro=20,
        fees=Decimal("0.000003"),
        funding=Decimal("-0.000001"),
    )
    assert found.matched == Decimal("0.00002")
    assert found.trading == Decimal("0.0000275"), "507.5 of value for 480 of cash"
    assert found.total == found.matched + found.inventory - found.fees + found.funding
    assert found.total == Decimal("0.0000235")


def test_who_began_flat_holds_nothing_so_all_is_better_than_holding() -> None:
    found = numbers(now=Stake(5, 500), price=Decimal(90), cash_micro=-500)
    assert (found.holding, found.versus_holding) == (Decimal(0), Decimal("-0.00005"))


def test_selling_before_a_fall_beats_holding_and_before_a_rise_loses_to_it() -> None:
    sold = {"start": Stake(10, 1_000), "now": Stake(), "cash_micro": 1_000}
    fallen, risen = numbers(price=Decimal(80), **sold), numbers(price=Decimal(130), **sold)
    assert (fallen.total, fallen.holding, fallen.versus_holding) == (
        Decimal(0),
        Decimal("-0.0002"),
        Decimal("0.0002"),
    )
    assert (risen.total, risen.holding, risen.versus_holding) == (
        Decimal(0),
        Decimal("0.0003"),
        Decimal("-0.0003"),
    )


def test_a_short_that_is_only_held_does_as_well_as_holding() -> None:
    short = Stake(-10, 1_000)
    found = numbers(start=short, now=short, price=Decimal(80))
    assert (found.total, found.versus_holding) == (Decimal("0.0002"), Decimal(0))


def test_without_a_price_what_is_held_counts_at_its_cost() -> None:
    found = numbers(start=Stake(10, 1_000), now=Stake(4, 400), price=None, cash_micro=630)
    assert (found.trading, found.holding) == (Decimal("0.00003"), Decimal(0))


def test_several_coins_are_added_number_by_number() -> None:
    one = Pnl(Decimal(1), Decimal(-2), Decimal("0.5"), Decimal("-0.25"), Decimal(3))
    both = total_pnl([one, one])
    assert both == Pnl(Decimal(2), Decimal(-4), Decimal(1), Decimal("-0.5"), Decimal(6))
    assert (both.total, both.versus_holding) == (2 * one.total, 2 * one.versus_holding)
    assert total_pnl([]) == Pnl()
