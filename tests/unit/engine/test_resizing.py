"""Orders that only their size makes unfit go no faster than others may take their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.grid import PPB
from core.domain.orders import OrderState, Side
from core.engine.skew import SkewSettings
from core.engine.velocity import WINDOW_MS, Velocity
from tests.unit.engine.builders import cancelled
from tests.unit.engine.test_skew import Desk

BUY, SELL = Side.BUY, Side.SELL
SOFT = SkewSettings(soft_ppb=PPB // 10)
"""Three levels of 50 lots a side, so a target of 300: 160 lots are 0.53 of it, and what adds is wanted at 0.6."""


def desk(settings: SkewSettings, orders: int) -> Desk:
    made = Desk.of(settings)
    velocity = Velocity(max_orders=orders)
    velocity.orders = made.bench.coin.velocity.orders
    made.bench.coin.velocity = velocity
    return made


@pytest.mark.parametrize("side", Side)
def test_what_this_minutes_orders_cannot_replace_stays_at_its_old_size(side: Side) -> None:
    made = desk(SOFT, 6)
    made.manual(side, 160)
    made.venue.settle(5_000)
    assert made.resting(side) == 150, "six orders have been sent: none can take another's place"
    made.venue.settle(WINDOW_MS)
    assert made.resting(side) == 90


@pytest.mark.parametrize("room", [1, 2])
def test_as_many_are_replaced_as_there_is_room_for_the_nearest_first(room: int) -> None:
    made = desk(SOFT, 6 + room)
    made.manual(BUY, 160)
    made.venue.settle(5_000)
    prices = sorted(((b.order.price, b.remaining) for b in made.venue.resting(BUY)), reverse=True)
    assert [lots for _, lots in prices] == [30] * room + [50] * (3 - room)


def test_steps_before_anything_is_answered_spend_the_same_room_once() -> None:
    made = desk(SOFT, 8)
    made.manual(BUY, 160)
    sent = [o.cloid for o in cancelled(made.bench.done)]
    for _ in range(5):
        sent += [o.cloid for o in cancelled(made.bench.after(100))]
    assert len(sent) == len(set(sent)) == 2
    assert sum(o.state is OrderState.CANCELLING for o in made.bench.live) == 2


@pytest.mark.parametrize("side", Side)
def test_what_is_not_wanted_at_all_goes_at_once(side: Side) -> None:
    made = desk(SkewSettings(one_sided_ppb=PPB // 2), 6)
    made.manual(side, 160)
    made.venue.settle(3_000)
    assert made.resting(side) == 0


def test_the_cap_is_kept_whatever_the_window_has_room_for() -> None:
    made = Desk.of(SOFT, cap_lots=200, cap_micro=10**12)
    made.bench.coin.velocity.max_orders = 6
    made.manual(BUY, 160)
    made.venue.settle(3_000)
    assert 160 + made.resting(BUY) <= 200


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 60)), min_size=1, max_size=6),
    st.integers(6, 14),
)
def test_rescaling_never_empties_a_slot_for_longer_than_a_round_trip(
    trades: list[tuple[Side, int]], most: int
) -> None:
    """Every slot that is wanted, and that rested, rests again once all is answered."""
    made = desk(SOFT, most)
    for side, lots in trades:
        made.manual(side, lots)
        made.venue.settle(1_000)
        coin = made.bench.coin
        assert coin.plan is not None
        assert coin.velocity.orders.used(made.bench.now) <= most
        assert set(coin.plan.wants) == {o.slot for o in made.bench.live}
