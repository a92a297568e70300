"""No silent slot: each has an order, or the one rule that stops it and the value that would free it, and that value does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.commands import Action
from core.domain.events import OrderUpdate, Quote, Refused
from core.domain.grid import PPB
from core.domain.orders import Side
from core.engine.grid_calculator import Gate, compute_grid_diff
from core.engine.idleness import idleness, without_a_grid
from core.engine.levels import Blocked, Level
from core.engine.plan_validator import OwnPrices, Quotes
from core.engine.risk_engine import Exposure, Refusal, RiskLimits, Rule, allow_order
from core.engine.skew import Skew, SkewSettings
from core.engine.why_not import frees, slots_without_order
from tests.unit.engine.builders import MID, SOL, VENUE_0, Bench, at, placed

BUY, SELL = Side.BUY, Side.SELL


def stops(bench: Bench) -> dict[int, Refusal]:
    return {blocked.level.slot.index: blocked.why for blocked in slots_without_order(bench.coin, bench.now)}


def texts(bench: Bench) -> set[tuple[str, str]]:
    found = slots_without_order(bench.coin, bench.now)
    return {(blocked.reason, frees(blocked, SOL, bench.now)) for blocked in found}


def test_a_grid_that_rests_has_no_slot_without_an_order() -> None:
    assert stops(Bench().started()) == {}


def test_before_the_first_grid_there_is_no_slot() -> None:
    assert slots_without_order(Bench().coin, at(0)) == []


def test_what_holds_for_the_whole_coin_is_said_of_every_slot_with_the_way_out() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.HALT))
    assert len(stops(bench)) == 6
    assert texts(bench) == {("halted: operator", "an operator who resumes it (key U, `gridbot resume`)")}


@pytest.mark.parametrize(
    ("trouble", "freed"),
    [
        (lambda b: b.engine.feed.__setattr__("ready", False), "it ends by itself"),
        (lambda b: b.engine.desk.begin_stop("quit", b.now), "another start"),
        (lambda b: b.engine.vitals.__setattr__("backlog", 5_000), "it ends by itself"),
        (lambda b: b.coin.__setattr__("quote", None), "a quote with both sides"),
        (
            lambda b: b.coin.__setattr__("chain_broken_mono_ms", 1),
            "that fill, or an adjustment that is accepted (key A)",
        ),
    ],
    ids=["gap", "stopping", "backlog", "one-sided quote", "missing fill"],
)
def test_each_rule_of_the_whole_coin_names_its_own_end(
    trouble: Callable[[Bench], object], freed: str
) -> None:
    bench = Bench().started()
    trouble(bench)
    bench.coin.idle = idleness(bench.engine, bench.coin, bench.now)
    assert bench.coin.idle is not None
    slot = Blocked(Level(_SLOT, MID, 50), bench.coin.idle)
    assert frees(slot, SOL, bench.now) == freed


def test_settings_that_make_no_grid_any_more_name_what_to_change_and_nothing_else() -> None:
    coin = Bench().started().coin
    coin.grid_refused = (
        "SOL: 20 cells between 100 and 200 are 0.01 % apart, and fees ask for 0.03 %; lower HL_NUM_GRIDS"
    )
    why = without_a_grid(coin)
    assert why is not None
    assert frees(Blocked(Level(_SLOT, MID, 50), why), SOL, at(0)) == "lower HL_NUM_GRIDS"


def test_what_was_bought_while_halted_wants_to_be_sold_and_not_bought_again() -> None:
    bench = Bench().started()
    bought = next(o for o in bench.live if o.side is BUY)
    asked = bench.ask(Action.HALT)
    bench.trade(bought)
    bench.settle_cancels(asked)
    assert bought.slot is not None
    (now,) = [
        b.level for b in slots_without_order(bench.coin, bench.now) if b.level.slot.index == bought.slot.index
    ]
    assert now.slot.side is SELL


def test_a_rest_below_the_least_order_waits_with_what_it_has_and_what_it_needs() -> None:
    bench = Bench().started()
    one = next(o for o in bench.live if o.side is BUY)
    bench.trade(one, 3)
    assert one.slot is not None
    why = stops(bench)[one.slot.index]
    assert (why.rule, why.value) == (Rule.MIN_NOTIONAL, 5)
    assert texts(bench) == {
        ("waits until it is worth the exchange's least order", "0.05 instead of 0.03 in its cell")
    }


@pytest.mark.parametrize(
    ("bought", "why", "freed"),
    [
        (47, Rule.MIN_NOTIONAL, "0.06 instead of 0.03 in its cell"),
        (42, Rule.SKEW, "a position of 0.44 or less"),
    ],
)
def test_what_a_leaning_grid_leaves_out_names_the_position_that_frees_it_only_if_it_would(
    bought: int, why: Rule, freed: str
) -> None:
    """Of a level of 50 lots the grid wants no more than 40 now. A rest of 3 isn't worth an order at any position."""
    bench = Bench()
    bench.coin.skew = Skew(SkewSettings(soft_ppb=PPB // 10))
    bench.started()
    whole, one, *_ = sorted((o for o in bench.live if o.side is BUY), key=lambda o: -o.price)
    assert one.order_id is not None
    bench.trade(whole)
    bench.trade(one, bought)
    bench.step(OrderUpdate("SOL", one.cloid, one.order_id, "canceled", 50, 50 - bought, VENUE_0))
    found = [b for b in slots_without_order(bench.coin, bench.now) if b.level.slot == one.slot]
    assert [(b.why.rule, frees(b, SOL, bench.now)) for b in found] == [(why, freed)]


def test_a_refused_slot_says_when_it_is_tried_again() -> None:
    bench = Bench()
    bench.answer(placed(bench.start()), lambda _: Refused("Post only order would have immediately matched"))
    ((reason, freed),) = texts(bench)
    assert reason.startswith("refused: Post only")
    assert freed == "another try in 0.2 s"


@pytest.mark.parametrize(
    ("side", "price", "quotes", "freed"),
    [
        (BUY, 1_990_000, Quote("SOL", MID - 25_000, MID - 15_000, VENUE_0), "an ask above 199"),
        (SELL, 2_010_000, Quote("SOL", MID + 15_000, MID + 25_000, VENUE_0), "a bid below 201"),
    ],
    ids=["fallen", "risen"],
)
def test_a_level_that_the_market_has_passed_names_the_price_that_frees_it(
    side: Side, price: int, quotes: Quote, freed: str
) -> None:
    bench = Bench().started()
    (gone,) = (o for o in bench.live if (o.side, o.price) == (side, price))
    assert gone.order_id is not None
    bench.step(OrderUpdate("SOL", gone.cloid, gone.order_id, "marginCanceled", gone.lots, gone.lots, VENUE_0))
    bench.step(quotes)
    bench.after(1_000)
    assert [why.rule for why in stops(bench).values()] == [Rule.POST_ONLY]
    assert {text for _, text in texts(bench)} == {freed}


@given(
    position=st.integers(-400, 400),
    buys=st.integers(0, 300),
    sells=st.integers(0, 300),
    side=st.sampled_from(Side),
    lots=st.integers(1, 100),
)
def test_the_position_that_frees_a_level_from_the_cap_does_and_one_lot_more_does_not(
    position: int, buys: int, sells: int, side: Side, lots: int
) -> None:
    limits, exposure = RiskLimits(150, 150, 100), Exposure(position, buys, sells)
    refusal = allow_order(exposure, side, lots, limits)
    if refusal is None or refusal.rule is not Rule.CAP:
        return
    assert allow_order(replace(exposure, position=refusal.value), side, lots, limits) is None
    assert allow_order(replace(exposure, position=refusal.value + side.sign), side, lots, limits) is not None


@given(side=st.sampled_from(Side), away=st.integers(0, 500_000))
def test_the_price_that_frees_a_level_from_post_only_does(side: Side, away: int) -> None:
    level = Level(replace(_SLOT, side=side), MID, 50)

    def blocked(best: int) -> tuple[Blocked, ...]:
        quotes = Quotes(MID - 900_000, best) if side is BUY else Quotes(best, MID + 900_000)
        exposure, limits = Exposure(0, 0, 0), RiskLimits(150, 150, 100)
        gate = Gate(SOL, exposure, limits, quotes, {}, OwnPrices())
        return compute_grid_diff([level], {}, [], gate, 12).blocked

    (stopped,) = blocked(MID - side.sign * away)
    assert stopped.why.rule is Rule.POST_ONLY
    assert blocked(stopped.why.value + side.sign) == ()
    assert len(blocked(stopped.why.value)) == 1


_SLOT = next(o.slot for o in Bench().started().live if o.slot is not None)
