"""Spacing with collapse protection (C-4), cells and levels, and the smallest change from what rests to what is wanted (I6)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.grid import GridRow
from core.domain.instrument import MIN_NOTIONAL_MICRO, Instrument
from core.domain.orders import Order, OrderState, Side, Slot
from core.engine import filter_memory
from core.engine.grid_calculator import Gate, GridDiff, compute_grid_diff, compute_spacing
from core.engine.grid_sizing import GridImpossibleError
from core.engine.levels import Level, slot_price, wanted_levels
from core.engine.plan_validator import OwnPrices, Quotes, validate_plan
from core.engine.risk_engine import Exposure, Refusal, RiskLimits, Rule, allow_order
from tests.unit.engine.builders import MID, SOL, Bench, grid_of, order, placed, quote, settings

BUY, SELL = Side.BUY, Side.SELL
GRID = grid_of(settings())


def wants(traded: dict[int, int] | None = None) -> dict[tuple[Side, int], int]:
    return {(w.slot.side, w.slot.index): w.lots for w in wanted_levels(GRID, SOL, traded or {})}


# -- spacing (C-4) ----------------------------------------------------------------------------------------------------


def test_the_configured_spacing_holds_between_its_floors_and_its_cap() -> None:
    assert compute_spacing(settings(), MID, SOL).override == ""
    assert compute_spacing(settings(), MID, SOL).ppb == 5_000_000


def test_a_spacing_below_three_ticks_is_raised_to_them_and_says_so() -> None:
    penny = Instrument("PENNY", 0, 0, 3)
    found = compute_spacing(settings(spacing_ppb=1_000_000), 1_234, penny)
    assert found.override == "raised to 3 ticks"
    assert found.ppb * 1_234 >= 3 * 10**9


def test_a_spacing_that_would_lose_money_on_fees_is_raised_above_them() -> None:
    found = compute_spacing(settings(spacing_ppb=100_000), MID, SOL)
    assert (found.ppb, found.override) == (300_001, "raised to the fees of a round trip and 3 ticks")


def test_a_spacing_that_earns_less_than_the_edge_asked_for_beyond_its_fees_is_raised_to_it() -> None:
    found = compute_spacing(settings(spacing_ppb=400_000, edge_ppb=200_000), MID, SOL)
    assert (found.ppb, found.override) == (500_001, "raised to the fees of a round trip")
    assert compute_spacing(settings(spacing_ppb=500_001, edge_ppb=200_000), MID, SOL).override == ""


def test_every_floor_that_the_spacing_asked_for_is_below_is_named_the_highest_first() -> None:
    found = compute_spacing(settings(levels=7, spacing_ppb=100_000, min_width_ppb=10_000_000), MID, SOL)
    assert found.override == "raised to the least width of the grid and the fees of a round trip and 3 ticks"


def test_a_grid_narrower_than_the_least_width_is_spread_over_it() -> None:
    found = compute_spacing(settings(levels=7, spacing_ppb=400_000, min_width_ppb=10_000_000), MID, SOL)
    assert found.override == "raised to the least width of the grid"
    assert 14 * (found.ppb - 1) < 10_000_000 <= 14 * found.ppb
    built = grid_of(settings(levels=7, spacing_ppb=found.ppb))
    assert built.highest - built.lowest >= MID // 100
    assert compute_spacing(settings(levels=7, min_width_ppb=10_000_000), MID, SOL).override == ""


def test_a_spacing_above_the_cap_is_lowered_to_it() -> None:
    found = compute_spacing(settings(spacing_ppb=30_000_000), MID, SOL)
    assert (found.ppb, found.override) == (20_000_000, "lowered to HL_GRID_SPACING_MAX_PCT")


def test_a_floor_above_the_cap_is_refused_and_never_passes_the_cap_silently() -> None:
    with pytest.raises(GridImpossibleError, match="HL_GRID_SPACING_MAX_PCT"):
        compute_spacing(settings(spacing_max_ppb=200_000), MID, SOL)


def test_a_grid_below_the_exchanges_least_order_or_below_zero_is_refused_with_the_fix() -> None:
    with pytest.raises(GridImpossibleError, match="HL_INVESTMENT_USD"):
        grid_of(settings(size_micro=9_000_000))
    with pytest.raises(GridImpossibleError, match="HL_NUM_GRIDS"):
        grid_of(settings(levels=60, spacing_ppb=20_000_000))


def test_the_cap_is_the_smaller_of_money_and_lots() -> None:
    assert grid_of(settings()).cap_long == 150
    assert grid_of(settings(cap_lots=70)).cap_long == 70
    assert grid_of(settings(cap_lots=700)).cap_long == 150


# -- cells --------------------------------------------------------------------------------------------------------------


def test_a_new_grid_wants_buys_below_the_center_and_sells_above_and_leaves_the_center_free() -> None:
    assert wants() == {
        (BUY, -3): 50, (BUY, -2): 50, (BUY, -1): 50, (SELL, 0): 50, (SELL, 1): 50, (SELL, 2): 50,
    }  # fmt: skip
    prices = sorted(slot_price(GRID, SOL, side, cell) for side, cell in wants())
    assert prices == [1_970_000, 1_980_000, 1_990_000, 2_010_000, 2_020_000, 2_030_000]


def test_a_filled_buy_wants_to_sell_one_spacing_above_and_that_sell_to_buy_back() -> None:
    bought = wants({-1: 50})
    assert (BUY, -1) not in bought
    assert bought[SELL, -1] == 50
    assert slot_price(GRID, SOL, SELL, -1) - slot_price(GRID, SOL, BUY, -1) == 10_000
    assert wants({-1: 0}) == wants()


def test_partial_fills_add_up_in_their_cell_until_they_reach_the_least_order() -> None:
    four = wants({-1: 4})
    assert (four[BUY, -1], (SELL, -1) in four) == (46, False)
    five = wants({-1: 6})
    assert (five[BUY, -1], five[SELL, -1]) == (44, 6)
    rest = wants({-1: 48})
    assert ((BUY, -1) in rest, rest[SELL, -1]) == (False, 48)


@st.composite
def grids(draw: st.DrawFn) -> tuple[GridRow, Instrument]:
    instrument = Instrument("X", 0, draw(st.integers(0, 5)), 5)
    center = draw(st.integers(10_000, 150_000 * 10**instrument.price_decimals))
    chosen = settings(
        levels=draw(st.integers(1, 12)),
        spacing_ppb=draw(st.integers(100_000, 40_000_000)),
        spacing_max_ppb=40_000_000,
        size_micro=draw(st.integers(25_000_000, 10**10)),
    )
    try:
        return grid_of(chosen, instrument, center), instrument
    except GridImpossibleError:
        return GRID, SOL


@given(grids(), st.dictionaries(st.integers(-12, 11), st.integers(-60, 60)))
def test_whatever_traded_every_want_is_valid_and_no_buy_is_above_the_sell_of_its_cell(
    case: tuple[GridRow, Instrument], percent: dict[int, int]
) -> None:
    grid, instrument = case
    traded = {cell: grid.lots * p // 100 for cell, p in percent.items()}
    for want in wanted_levels(grid, instrument, traded):
        assert instrument.is_valid_price(want.price)
        assert want.lots * want.price >= MIN_NOTIONAL_MICRO
        line = grid.line(want.slot.index + (want.slot.side is SELL))
        assert (line - want.price) * want.slot.side.sign >= 0, "rounded away from the market"
    for cell in grid.cells:
        assert slot_price(grid, instrument, BUY, cell) < slot_price(grid, instrument, SELL, cell)


@given(grids())
def test_lines_stay_apart_by_three_ticks_of_the_center(case: tuple[GridRow, Instrument]) -> None:
    grid, instrument = case
    lines = [grid.line(n) for n in range(-grid.below, grid.above + 1)]
    assert all(b - a >= 3 * instrument.tick(grid.center) - 1 for a, b in pairwise(lines))


# -- the difference ------------------------------------------------------------------------------------------------------


def diff(
    wanted: Sequence[Level],
    live: Sequence[Order] = (),
    extra: Sequence[Order] = (),
    quotes: Quotes = Quotes(MID - 100, MID + 100),  # noqa: B008 - frozen
    cap: int = 150,
    deferred: dict[Slot, Refusal] | None = None,
) -> GridDiff:
    own = [*live, *extra]
    exposure = Exposure(
        0, sum(o.remaining for o in own if o.side is BUY), sum(o.remaining for o in own if o.side is SELL)
    )
    slots = {o.slot: o for o in live if o.slot is not None}
    gate = Gate(SOL, exposure, RiskLimits(cap, cap, 100), quotes, deferred or {}, OwnPrices.of(own))
    return compute_grid_diff(wanted, slots, extra, gate, 12)


def resting(want: Level, number: int = 1, lots: int | None = None, price: int | None = None) -> Order:
    return order(
        number,
        want.slot.side,
        lots or want.lots,
        price=price or want.price,
        slot=want.slot,
        state=OrderState.OPEN,
    )


WANTED = wanted_levels(GRID, SOL, {})


def test_everything_is_placed_from_the_center_outwards_when_nothing_rests() -> None:
    assert [(w.slot.side, w.slot.index) for w in diff(WANTED).place] == [
        (BUY, -1), (SELL, 0), (BUY, -2), (SELL, 1), (BUY, -3), (SELL, 2),
    ]  # fmt: skip


def test_a_second_difference_is_empty() -> None:
    live = [resting(want, n) for n, want in enumerate(WANTED)]
    assert diff(WANTED, live) == GridDiff((), (), ())


def test_a_small_change_of_size_keeps_the_order_and_its_place_in_the_queue() -> None:
    assert diff(WANTED[:1], [resting(WANTED[0], lots=39)]).cancel == ()
    wrong = resting(WANTED[0], lots=38)
    assert diff(WANTED[:1], [wrong]).cancel == (wrong,)


def test_an_order_at_another_price_or_outside_the_grid_is_cancelled() -> None:
    wrong, stray = (
        resting(WANTED[0], price=WANTED[0].price - 100),
        order(9, price=1_000_000, state=OrderState.OPEN),
    )
    assert diff(WANTED[:1], [wrong], [stray]).cancel == (stray, wrong)


@pytest.mark.parametrize(
    ("quotes", "side", "reason"),
    [
        (Quotes(1_980_000, 1_990_000), BUY, "would take: the best ask is at or below it"),
        (Quotes(2_010_000, 2_020_000), SELL, "would take: the best bid is at or above it"),
        (Quotes(1_980_000, None), BUY, "no ask to be passive against"),
        (Quotes(None, 2_020_000), SELL, "no bid to be passive against"),
    ],
)
def test_what_is_not_passive_waits_and_says_why(quotes: Quotes, side: Side, reason: str) -> None:
    found = diff(WANTED[:2], quotes=quotes)
    assert {b.reason for b in found.blocked if b.level.slot.side is side} == {reason}


def test_a_want_that_would_cross_an_own_order_waits_even_while_that_one_is_being_cancelled() -> None:
    sell = order(9, SELL, price=WANTED[0].price - 5_000, state=OrderState.CANCELLING)
    (blocked,) = diff(WANTED[:1], extra=[sell]).blocked
    assert blocked.reason == "would cross an own sell"
    buy = order(9, BUY, price=WANTED[1].price + 5_000, state=OrderState.UNKNOWN)
    (blocked,) = diff(WANTED[1:2], extra=[buy]).blocked
    assert blocked.reason == "would cross an own buy"


def test_a_price_that_an_own_order_still_holds_is_not_taken_twice() -> None:
    old = order(9, BUY, price=WANTED[0].price, state=OrderState.CANCELLING)
    (blocked,) = diff(WANTED[:1], extra=[old]).blocked
    assert blocked.reason == "an own order still rests at this price"


def test_two_slots_that_round_to_one_price_get_one_order() -> None:
    twin = Level(Slot(1, BUY, -2), WANTED[0].price, 50)
    found = diff([WANTED[0], twin])
    assert (len(found.place), len(found.blocked)) == (1, 1)


def test_wants_beyond_the_cap_wait_the_farthest_first_and_the_reducing_side_goes_on() -> None:
    found = diff(WANTED, cap=100)
    assert [b.level.slot.index for b in found.blocked] == [-3, 2]
    assert all("cap of 100" in b.reason for b in found.blocked)


def test_a_deferred_slot_waits_with_its_reason() -> None:
    refused = Refusal(Rule.REFUSED, "refused: post only", 77)
    (blocked,) = diff(WANTED[:1], deferred={WANTED[0].slot: refused}).blocked
    assert blocked.why == refused


def test_a_plan_that_crosses_or_doubles_a_price_is_a_programmers_error() -> None:
    buy, sell = Level(Slot(1, BUY, 0), 101, 1), Level(Slot(1, SELL, 0), 100, 1)
    with pytest.raises(AssertionError, match="crossed"):
        validate_plan([buy, sell], OwnPrices(), Quotes(99, 102), SOL)
    with pytest.raises(AssertionError, match="two orders at one price"):
        validate_plan([buy], OwnPrices.of([order(price=101)]), Quotes(99, 102), SOL)


@pytest.mark.parametrize(
    ("level", "quotes", "words"),
    [
        (Level(Slot(1, BUY, 0), MID, 50), Quotes(MID - 100, MID), "a buy that would take"),
        (Level(Slot(1, BUY, 0), MID, 50), Quotes(MID - 100, None), "a buy that would take"),
        (Level(Slot(1, SELL, 0), MID, 50), Quotes(MID, MID + 100), "a sell that would take"),
        (Level(Slot(1, SELL, 0), MID, 50), Quotes(None, MID + 100), "a sell without a bid"),
        (Level(Slot(1, BUY, 0), MID - 1, 50), Quotes(MID - 100, MID + 100), "not on the tick"),
        (Level(Slot(1, BUY, 0), MID, 4), Quotes(MID - 100, MID + 100), "below the minimum"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_plan_that_would_take_or_that_the_exchange_would_refuse_is_one_too(
    level: Level, quotes: Quotes, words: str
) -> None:
    with pytest.raises(AssertionError, match=words):
        validate_plan([level], OwnPrices(), quotes, SOL)


def test_no_plan_leaves_without_having_passed_the_validator(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that lets everything through stands for any mistake before it."""
    bench = Bench().started()
    best = max((o for o in bench.live if o.side is BUY), key=lambda o: o.price)
    bench.step(quote(best.price + 20_000))
    monkeypatch.setattr(filter_memory, "build_filtered_levels", lambda missing, gate: (tuple(missing), ()))
    told = bench.trade(best)
    assert placed(told) == [], "its sell would take"
    assert bench.coin.halted == "internal error: AssertionError: a sell that would take"


# -- risk (I4, I7) ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "buys", "sells", "side", "lots", "allowed"),
    [
        (0, 0, 0, BUY, 100, True),
        (0, 1, 0, BUY, 100, False),
        (0, 0, 100, BUY, 100, True),
        (100, 0, 0, BUY, 1, False),
        (100, 0, 0, SELL, 100, True),
        (-100, 0, 0, BUY, 100, True),
        (-100, 0, 0, SELL, 1, False),
        (500, 0, 0, SELL, 500, True),
        (-500, 100, 0, BUY, 400, True),
        (-500, 100, 0, BUY, 401, False),
        (0, 0, 0, BUY, 101, False),
    ],
)
def test_an_order_is_allowed_if_the_worst_case_stays_under_the_cap_or_it_only_reduces(
    position: int, buys: int, sells: int, side: Side, lots: int, allowed: bool
) -> None:
    refusal = allow_order(Exposure(position, buys, sells), side, lots, RiskLimits(100, 100, 100))
    assert (refusal is None) is allowed
