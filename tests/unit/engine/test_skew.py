"""Leaning against what is held: the same for long and short, smaller, one-sided with hysteresis, and brought down in parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.events import FillsCommitted
from core.domain.grid import PPB
from core.domain.instrument import Instrument
from core.domain.orders import Order, Purpose, Side, Tif
from core.engine.levels import EVEN, Scales
from core.engine.skew import LEAST_PPB, MOST_PPB, Skew, SkewSettings
from tests.unit.engine.builders import (
    MID,
    Bench,
    account,
    cancelled,
    fill,
    make_engine,
    notices,
    placed,
    quote,
)
from tests.unit.engine.venue import Venue

BUY, SELL = Side.BUY, Side.SELL
TARGET = 1_000
SOFT = SkewSettings(soft_ppb=PPB // 5)


@given(
    st.integers(-3_000, 3_000),
    st.integers(1, 2_000),
    st.builds(SkewSettings, *[st.integers(0, 2 * PPB)] * 3),
)
def test_a_short_position_is_the_mirror_of_a_long_one(lots: int, target: int, settings: SkewSettings) -> None:
    one, other = Skew(settings), Skew(settings)
    scales, mirrored = one.look(lots, target), other.look(-lots, target)
    assert (scales.buy_ppb, scales.sell_ppb) == (mirrored.sell_ppb, mirrored.buy_ppb)
    assert (one.is_one_sided, one.is_hard) == (other.is_one_sided, other.is_hard)
    assert one.excess(lots, target) == other.excess(-lots, target) <= abs(lots)
    for ppb in (scales.buy_ppb, scales.sell_ppb):
        assert ppb == 0 or LEAST_PPB <= ppb <= MOST_PPB


@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_the_more_is_held_the_less_is_added_and_the_more_is_reduced(less: int, more: int) -> None:
    less, more = sorted((less, more))
    calm, leaning = Skew(SOFT).look(less, TARGET), Skew(SOFT).look(more, TARGET)
    assert calm.buy_ppb >= leaning.buy_ppb
    assert calm.sell_ppb <= leaning.sell_ppb


@pytest.mark.parametrize(
    ("lots", "scales"),
    [
        (0, EVEN),
        (200, EVEN),
        (300, Scales(900_000_000, 1_050_000_000)),
        (-300, Scales(1_050_000_000, 900_000_000)),
        (329, Scales(900_000_000, 1_050_000_000)),
        (5_000, Scales(LEAST_PPB, MOST_PPB)),
    ],
)
def test_sizes_change_in_twentieths_from_the_soft_limit_on(lots: int, scales: Scales) -> None:
    assert Skew(SOFT).look(lots, TARGET) == scales


def test_one_side_alone_is_quoted_past_the_limit_and_until_well_below_it() -> None:
    skew = Skew(SkewSettings(one_sided_ppb=PPB // 2))
    seen = []
    for lots in (500, 501, 450, 401, 400, 450, 500, 501):
        skew.look(lots, TARGET)
        seen.append(skew.is_one_sided)
    assert seen == [False, True, True, True, False, False, False, True]


# -- in the engine ------------------------------------------------------------------------------------------------------


@dataclass
class Desk:
    """An engine and a little venue that answers at once. Three levels of 50 lots a side, so a target of 300."""

    bench: Bench
    venue: Venue

    @classmethod
    def of(cls, settings: SkewSettings, **changes: Any) -> Desk:
        bench = Bench(make_engine(**{"cap_micro": 10**9, **changes}))
        bench.coin.skew = Skew(settings)
        desk = cls(bench, Venue(bench))
        desk.venue.take(bench.start())
        desk.venue.settle(1_000)
        return desk

    def manual(self, side: Side, lots: int) -> None:
        """The account trades beside the bot, and what follows is done."""
        one = fill(side, lots, self.venue.position, self.bench.ms, self.bench.next_oid(), order_id=1)
        self.venue.position = one.end_lots
        self.venue.take(self.bench.step(FillsCommitted((one,))))

    def resting(self, side: Side) -> int:
        return sum(b.remaining for b in self.venue.resting(side))

    def wanted(self, side: Side) -> int:
        return sum(w.lots for w in self.bench.coin.wanted if w.slot.side is side)

    @property
    def parts(self) -> list[Order]:
        """What was sent to close a part of the position."""
        return [o for o in placed(self.bench.done) if o.purpose is Purpose.REDUCE]


@pytest.mark.parametrize("side", Side)
def test_past_the_soft_limit_the_adding_side_rests_smaller_and_the_other_is_wanted_larger(side: Side) -> None:
    desk = Desk.of(SkewSettings(soft_ppb=PPB // 5))
    assert (desk.resting(BUY), desk.resting(SELL)) == (150, 150)
    desk.manual(side, 210)
    desk.venue.settle(3_000)
    assert desk.resting(side) == 150 // 2, "0.7 over 0.2: half"
    assert desk.wanted(side.opposite) == 150 * 120 // 100
    assert desk.resting(side.opposite) == 150, "an order that is nearly right keeps its place"


@pytest.mark.parametrize("side", Side)
def test_past_the_limit_only_the_reducing_side_rests_and_both_events_are_told_once(side: Side) -> None:
    desk = Desk.of(SkewSettings(one_sided_ppb=PPB // 2))
    desk.manual(side, 180)
    desk.venue.settle(3_000)
    assert (desk.resting(side), desk.resting(side.opposite)) == (0, 150)
    assert notices(desk.bench.done).count("flatten_mode_enabled") == 1
    desk.manual(side.opposite, 40)
    desk.venue.settle(3_000)
    assert desk.resting(side) == 0, "140 of 300 is still above 0.8 of the limit"
    desk.manual(side.opposite, 30)
    desk.venue.settle(3_000)
    assert (desk.resting(BUY), desk.resting(SELL)) == (150, 150)
    assert notices(desk.bench.done).count("flatten_mode_disabled") == 1
    assert notices(desk.bench.done).count("flatten_mode_enabled") == 1


@pytest.mark.parametrize("side", Side)
def test_past_the_hard_limit_the_position_is_closed_in_parts_until_it_is_below_it(side: Side) -> None:
    desk = Desk.of(SkewSettings(hard_ppb=PPB // 2))
    desk.manual(side, 250)
    desk.venue.settle(30_000)
    assert [o.lots for o in desk.parts] == [75, 75], "a quarter of the budget at a time"
    assert {(o.side, o.tif, o.reduce_only, o.slot) for o in desk.parts} == {
        (side.opposite, Tif.IOC, True, None)
    }
    for part in desk.parts:
        assert 0 < (part.price - MID) * side.sign * -1 <= MID // 1_000 + 100, (
            "a thousandth past the best price"
        )
    assert desk.parts[1].created_ms - desk.parts[0].created_ms >= 5_000
    assert abs(desk.venue.position) == desk.bench.coin.ledger.lots * side.sign == 100
    assert notices(desk.bench.done).count("position_reduced") == 2
    assert (desk.resting(BUY), desk.resting(SELL)) == (150, 150), "both sides are quoted again"


def test_a_part_that_found_nobody_is_tried_again_later_and_blocks_nothing() -> None:
    desk = Desk.of(SkewSettings(hard_ppb=PPB // 2))
    desk.manual(BUY, 250)
    desk.venue.is_deaf = True
    desk.venue.settle(12_000)
    assert 2 <= len(desk.parts) <= 3
    assert desk.resting(SELL) == 150, "the reducing side of the grid rests meanwhile"
    desk.venue.is_deaf = False
    desk.venue.settle(30_000)
    assert desk.venue.position == 100


def test_the_grids_own_orders_are_taken_out_of_the_way_first() -> None:
    """Bids within a thousandth of the best one stand where the part would trade."""
    desk = Desk.of(SkewSettings(hard_ppb=PPB // 2), spacing_ppb=500_000)
    near = {b.order.cloid for b in desk.venue.resting(BUY)}
    desk.manual(BUY, 250)
    assert near <= {o.cloid for o in cancelled(desk.bench.done)}
    assert desk.parts == [], "their cancels aren't confirmed yet"
    desk.venue.settle(2_000)
    assert len(desk.parts) == 1
    assert not desk.venue.resting(BUY)


@pytest.mark.parametrize("traded", [-80, -60, -50, -20])
def test_whatever_a_cell_lacks_it_does_not_stand_in_the_way(traded: int) -> None:
    desk = Desk.of(SkewSettings(hard_ppb=PPB // 2))
    assert desk.bench.coin.plan is not None
    desk.bench.coin.plan.add_traded(1, traded)
    desk.manual(BUY, 250)
    assert desk.wanted(BUY) == 0


def test_without_limits_nothing_leans() -> None:
    desk = Desk.of(SkewSettings())
    desk.manual(BUY, 290)
    desk.venue.settle(3_000)
    assert desk.bench.coin.plan is not None
    assert desk.bench.coin.plan.scales == EVEN
    assert (desk.resting(BUY), desk.resting(SELL)) == (150, 150)


@pytest.mark.parametrize("target", [1, 2, 3, 4, 5])
def test_a_small_target_has_a_hard_limit_too(target: int) -> None:
    skew = Skew(SkewSettings(hard_ppb=PPB))
    skew.look(9, target)
    assert skew.is_hard
    assert skew.excess(9, target) in (1, 2)
    skew.look(target - 1, target)
    assert not skew.is_hard


@pytest.mark.parametrize("held", [3, -3])
def test_the_hard_limit_of_a_coin_whose_lot_is_a_whole_level_closes_a_lot_at_a_time(held: int) -> None:
    """One level a side of 200 USD in a coin that is traded by the piece at 200 USD: the target is two lots."""
    by_the_piece = Instrument("SOL", 5, 0, 20)
    engine = make_engine(by_the_piece, position=held, levels=1, size_micro=200_000_000, cap_micro=800_000_000)
    bench, mid = Bench(engine), 200_000_000
    bench.coin.skew = Skew(SkewSettings(hard_ppb=PPB))
    bench.connect()
    bench.listed(ticket="")
    bench.rest(placed(bench.step(account(held, bench.now), quote(mid, half=1_000))))
    bench.after(250)
    reduced = [order for order in placed(bench.done) if order.purpose is Purpose.REDUCE]
    assert [(order.side, order.lots) for order in reduced] == [(SELL if held > 0 else BUY, 1)]
    assert "position_reduced" in notices(bench.done)
