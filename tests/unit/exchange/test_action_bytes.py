"""Actions of many items are written from kept pieces: the bytes of the whole dictionary, whatever came before."""

from __future__ import annotations

import msgpack
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.instrument import Instrument
from core.domain.orders import Order, Side, Tif
from core.exchange import action_bytes
from core.exchange.action_bytes import ActionWriter, Encoded, encode
from core.exchange.actions import Action, cancel_action, modify_action, order_action
from tests.unit.exchange.samples import BTC, ETH, cloid, order

_TESLA = Instrument("xyz:TSLA", 110_003, 3, 10)
_DOGE = Instrument("DOGE", 12, 0, 10)
_HUGE = Instrument("HUGE", 300, 6, 3)
_ALL = {each.coin: each for each in (BTC, ETH, _TESLA, _DOGE, _HUGE)}

_ORDERS = st.builds(
    lambda counter, coin, side, tif, price, lots, reduce_only, trigger, oid: order(
        counter,
        coin=coin,
        side=side,
        tif=tif,
        price=price,
        lots=lots,
        reduce_only=reduce_only,
        trigger=trigger,
        order_id=oid,
    ),
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(_ALL)),
    st.sampled_from(Side),
    st.sampled_from(Tif),
    st.integers(1, 50) | st.integers(1, 10**12),
    st.integers(1, 50) | st.integers(1, 10**15),
    st.booleans(),
    st.just(0) | st.integers(1, 10**9),
    st.integers(1, 2**64 - 1),
)


def _whole(action: Action) -> Encoded:
    """By the SDK's own packer."""
    return Encoded(action["type"], msgpack.packb(action), orjson.dumps(action).decode())


@settings(deadline=None)
@given(st.lists(st.lists(_ORDERS, min_size=1, max_size=20), min_size=1, max_size=4))
def test_batches_of_orders_are_the_bytes_of_their_action(batches: list[list[Order]]) -> None:
    writer = ActionWriter(_ALL)
    for batch in [*batches, batches[0]]:
        assert writer.orders(batch) == _whole(order_action(batch, _ALL))
        for one in batch[:2]:
            assert writer.orders([one]) == _whole(order_action([one], _ALL))


@settings(deadline=None)
@given(st.lists(st.tuples(_ORDERS, _ORDERS), min_size=1, max_size=20))
def test_modifies_are_the_bytes_of_their_action(pairs: list[tuple[Order, Order]]) -> None:
    assert ActionWriter(_ALL).modifies(pairs) == _whole(modify_action(pairs, _ALL))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(_ALL)), st.integers(0, 2**32 - 1)), min_size=1, max_size=20))
def test_cancels_are_the_bytes_of_their_action(named: list[tuple[str, int]]) -> None:
    cloids = [(coin, cloid(counter)) for coin, counter in named]
    assert ActionWriter(_ALL).cancels(cloids) == _whole(cancel_action(cloids, _ALL))


@pytest.mark.parametrize("count", [15, 16, 255, 256, 400])
def test_an_action_of_any_length_has_the_head_of_that_length(count: int) -> None:
    orders = [order(n, price=839_000 + 10 * n) for n in range(count)]
    cloids = [("BTC", each.cloid) for each in orders]
    writer = ActionWriter(_ALL)
    assert writer.orders(orders) == _whole(order_action(orders, _ALL))
    assert writer.cancels(cloids) == _whole(cancel_action(cloids, _ALL))


def test_what_is_kept_has_a_bound_and_is_forgotten_without_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(action_bytes, "KEPT_MAX", 3)
    writer = ActionWriter(_ALL)
    orders = [order(n, price=839_000 + 10 * n, trigger=838_000 + 10 * n) for n in range(10)]
    for _ in range(2):
        assert writer.orders(orders) == _whole(order_action(orders, _ALL))
        assert len(writer._kept) <= 3 >= len(writer._frames)


def test_any_other_action_is_written_whole() -> None:
    action = {"type": "updateLeverage", "asset": 110_003, "isCross": False, "leverage": 3}
    assert encode(action) == _whole(action)
