"""A clock that is set back: nothing waits for the time to come that it had shown before."""

from __future__ import annotations

from core.domain.orders import Side
from tests.unit.paper.world import NOW_MS, World

_HOUR_MS = 3_600_000


def test_after_an_hour_ahead_prices_funding_and_liquidations_go_on_at_once() -> None:
    world = World()
    venue = world.venue
    venue.tick(NOW_MS)
    world.place(Side.BUY, 100_010, "0.1")
    venue.tick(NOW_MS + 5 * _HOUR_MS)
    ahead = venue.ledger.counters
    assert ahead.funded_hour == (NOW_MS + 5 * _HOUR_MS) // _HOUR_MS
    venue.set_clock_back(NOW_MS)
    assert venue.ledger.block_ms == NOW_MS
    paid = len(world.account().history)
    venue.tick(NOW_MS + 10_000)
    assert venue.upkeep.prices("BTC").sampled_ms == NOW_MS + 10_000
    assert venue.upkeep.funding("BTC").sampled_ms == NOW_MS + 10_000
    venue.tick(NOW_MS + _HOUR_MS)
    assert len(world.account().history) == paid + 1, "the next hour is paid for"
