"""What is counted of the core's work."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.domain.effects import Cancel, Modify, Place
from core.domain.events import AccountObserved
from core.domain.orders import Side
from core.domain.spread import Spread
from core.runtime.meter import Meter
from core.view import BATCH_ENDS, DURATION_ENDS_US, SentView, SpreadView, WorkView
from tests.unit.engine.builders import order


def test_nothing_done_is_all_zero() -> None:
    assert Meter(lambda: 0).view() == WorkView()


@pytest.mark.parametrize(("value", "at"), [(0, 0), (1, 0), (2, 1), (10, 1), (11, 2), (10**9, 2)])
def test_a_value_counts_up_to_its_end(value: int, at: int) -> None:
    spread = Spread((1, 10))
    spread.add(value)
    assert spread.view == SpreadView(tuple(int(place == at) for place in range(3)), value)
    assert spread.view is spread.view, "the same until there is another"


def test_orders_and_cancels_are_counted_by_coin_and_side_and_actions_by_their_size() -> None:
    meter = Meter(lambda: 7)
    bid, ask = order(1, Side.BUY), order(2, Side.SELL)
    for effect in (Place((bid, ask)), Modify(((bid, ask),)), Cancel((bid,))):
        meter.begun(effect)
    view = meter.view()
    assert view.sent == (SentView(bid.coin, bids=1, asks=2, cancels=1),)
    assert sum(view.batches.counts) == 2
    assert view.batches.total == 3
    assert view.batches.counts[: len(BATCH_ENDS)][:2] == (1, 1)
    assert view.inbox == 7


def test_a_look_at_the_account_lasts_from_its_question() -> None:
    meter = Meter(lambda: 0)
    look = AccountObserved((), Decimal(0), Decimal(0), 0, asked_mono_ms=1_000)
    meter.turned([look], 1_240)
    meter.committed(900)
    view = meter.view()
    assert (view.turns, view.checks.total, view.commits.total) == (1, 240_000, 900)
    assert view.checks.counts[DURATION_ENDS_US.index(250_000)] == 1
