"""The dead man's switch."""

from __future__ import annotations

import pytest

from core.domain.orders import Side
from core.paper.config import OrderSettings
from core.paper.venue.orders import Grouping, OrderStatus
from core.paper.venue.refusals import RefusedError
from core.paper.venue.venue import Venue
from tests.unit.paper.world import BOB, FUNDS_MICRO, NOW_MS, UNIVERSE, World, stop

_DAY_MS = 86_400_000
_MILLION = 1_000_000_000_000


@pytest.fixture
def world() -> World:
    return _traded(World())


def _traded(world: World) -> World:
    world.account().volume = _MILLION
    return world


def _set(world: World, after_ms: int | None) -> None:
    at_ms = None if after_ms is None else world.now_ms + after_ms
    world.venue.schedule_cancel(world.account(), at_ms, world.now_ms)


@pytest.mark.parametrize("after_ms", [10_000, None], ids=["set", "clear"])
def test_it_is_for_accounts_that_have_traded_a_million(world: World, after_ms: int | None) -> None:
    world.account().volume = 12_066_750_000
    with pytest.raises(RefusedError) as refused:
        _set(world, after_ms)
    assert str(refused.value) == (
        "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $12066.75."
    )


def test_it_has_to_be_five_seconds_ahead(world: World) -> None:
    with pytest.raises(RefusedError, match=r"too early, must be at least 5 seconds from now\."):
        _set(world, 4_999)
    _set(world, 5_000)


def test_it_cancels_all_orders_of_its_account_when_its_time_has_come(world: World) -> None:
    world.buy(100_010, "0.1")
    resting = world.buy(99_000, "0.1")
    (waiting,) = world.place_all(stop(Side.SELL, 99_900, "0.1"), grouping=Grouping.NONE)
    others = world.buy(99_000, "0.1", user=BOB)
    _set(world, 5_000)
    assert not world.tick(4_999).updates
    batch = world.tick(1)
    assert [update.status for update in batch.updates] == [OrderStatus.SCHEDULED_CANCEL] * 2
    assert {update.order.oid for update in batch.updates} == {resting.oid, waiting.order.oid}
    assert others.is_open
    assert world.account().lots("BTC")


def test_triggers_are_spared_where_it_is_set_so() -> None:
    settings = OrderSettings(schedule_cancel_takes_triggers=False)
    world = _traded(World(Venue(UNIVERSE, FUNDS_MICRO, NOW_MS, settings=settings)))
    world.buy(100_010, "0.1")
    (waiting,) = world.place_all(stop(Side.SELL, 99_900, "0.1"), grouping=Grouping.NONE)
    _set(world, 5_000)
    world.tick(5_000)
    assert waiting.order.is_open


def test_a_time_that_was_moved_on_or_called_off_passes_in_silence(world: World) -> None:
    order = world.buy(99_000, "0.1")
    _set(world, 5_000)
    _set(world, 9_000)
    world.tick(5_000)
    assert order.is_open
    _set(world, None)
    world.tick(60_000)
    assert order.is_open


def test_it_fires_ten_times_a_day_at_most(world: World) -> None:
    world.now_ms = (NOW_MS // _DAY_MS + 1) * _DAY_MS
    for _ in range(10):
        _set(world, 5_000)
        world.tick(5_000)
    with pytest.raises(RefusedError, match="10 times today"):
        _set(world, 5_000)
    world.now_ms += _DAY_MS
    _set(world, 5_000)


def test_a_switch_that_is_moved_on_for_ever_is_kept_once(world: World) -> None:
    resting = world.buy(99_000, "0.1")
    for after_ms in range(10_000, 11_000):
        _set(world, after_ms)
    assert len(world.venue._switches) == 1
    _set(world, 6_000)
    _set(world, 9_000)
    assert not world.tick(8_999).updates
    assert world.tick(1).updates[0].order is resting
    assert not world.tick(10_000).updates
    assert len(world.venue._switches) == 0
