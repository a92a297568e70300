"""What a grid must earn where that is known without it: on a sawtooth to the last micro-USDC, on a random walk nothing."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from decimal import Decimal
from statistics import fmean, stdev

import pytest

from core.domain.orders import Side
from core.engine.grid_settings import RangeExit
from tests.unit.engine.builders import MID, Bench, coin_config, make_engine
from tests.unit.engine.venue import Venue

LOTS, SPACING = 50, MID // 200
"""Of a level, and between two lines: 100 USD and 0.5 %."""
FEE_PPB = 150_000
LEVELS = 6


def grid_at(venue_of: dict[str, object], on_exit: RangeExit, levels: int = LEVELS) -> Venue:
    """An engine whose grid rests at a venue that does nothing but match."""
    bench = Bench(make_engine())
    config = coin_config(levels=levels, cap_micro=10**12)
    bench.coin.config = replace(config, on_exit=on_exit, recenter_interval_ms=0)
    venue = Venue(bench, **venue_of)  # type: ignore[arg-type]
    venue.take(bench.start())
    venue.settle(500)
    assert len(venue.resting()) == 2 * levels
    return venue


def go(venue: Venue, mid: int) -> None:
    """The market moves, and everything that follows from it arrives at once."""
    venue.bench.ms += 1_000
    venue.move(mid)
    while venue.requests or venue.inbox:
        while venue.requests:
            venue.serve()
        while venue.inbox:
            venue.deliver()


def sawtooth(teeth: int, depth: int) -> list[int]:
    """Down through ``depth`` lines, up through them, the center and as many above, and back. Every stop is half-way between
    two lines; the last is below the center.
    """
    halves = [*range(-1, -depth, -1), *range(-depth, depth + 1), *range(depth + 1, -1, -1)]
    return [MID + (2 * half - 1) * SPACING // 2 for half in halves] * teeth


@pytest.mark.parametrize("fee_ppb", [0, FEE_PPB])
@pytest.mark.parametrize(("teeth", "depth"), [(1, 1), (4, 3), (3, LEVELS)])
def test_a_sawtooth_earns_round_trips_times_lots_times_spacing_less_its_fees(
    teeth: int, depth: int, fee_ppb: int
) -> None:
    venue = grid_at({"fee_ppb": fee_ppb}, RangeExit.HOLD)
    for mid in sawtooth(teeth, depth):
        go(venue, mid)
    coin = venue.bench.coin
    trips = teeth * 2 * depth
    lines = [MID + n * SPACING for n in range(-depth, depth)]
    fees = sum(teeth * LOTS * (2 * line + SPACING) * fee_ppb for line in lines)
    assert len(venue.fills) == 2 * trips
    assert coin.ledger.lots == venue.position == 0
    assert coin.ledger.cash == trips * LOTS * SPACING
    assert coin.pnl().total == Decimal(trips * LOTS * SPACING).scaleb(-6) - Decimal(fees).scaleb(-15)
    assert coin.grid is not None
    assert coin.grid.generation == 1
    assert len(venue.resting()) == 2 * LEVELS, "and all of it rests again"


WALKS, STEPS = 60, 40


@pytest.mark.parametrize("on_exit", [RangeExit.HOLD, RangeExit.TRAIL])
def test_without_fees_a_random_walk_earns_nothing_and_loses_nothing(on_exit: RangeExit) -> None:
    """A grid is a bet on nothing: orders that trade at the mid of a martingale gain 0 on average, whatever their rule.

    Seeded. The interval is that of 99.9 %; round trips alone would be far outside it.
    """
    chance = random.Random(20_250_203)
    results: list[float] = []
    trips: list[float] = []
    for _ in range(WALKS):
        venue = grid_at({"fills_on_touch": True}, on_exit, levels=3)
        mid = MID
        for _ in range(STEPS):
            mid += chance.choice((-1, 1)) * SPACING
            go(venue, mid)
        total = venue.bench.coin.pnl().total
        assert total == Decimal(venue.bench.coin.ledger.cash + venue.position * mid).scaleb(-6)
        results.append(float(total))
        trips.append(min(_sold(venue, side) for side in Side) * LOTS * SPACING / 10**6)
    error = 3.29 * stdev(results) / math.sqrt(WALKS)
    assert abs(fmean(results)) <= error, f"{fmean(results):.3f} USD, {error:.3f} either way is chance"
    assert fmean(trips) > error, "the measure is fine enough to tell"


def _sold(venue: Venue, side: Side) -> int:
    return sum(fill.side is side for fill in venue.fills)
