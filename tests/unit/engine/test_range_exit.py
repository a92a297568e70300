"""Outside the grid and back: what was decided outside doesn't outlive the return."""

from __future__ import annotations

from dataclasses import replace

from core.domain.events import FeedChanged
from core.domain.grid import Direction
from core.domain.orders import Side
from core.engine.grid_settings import RangeExit, Trailing
from tests.unit.engine.builders import MID, Bench, make_engine, notices, placed, quote
from tests.unit.engine.venue import Venue

SPACING = MID // 200


def test_a_price_that_is_back_inside_before_anything_is_quoted_again_flattens_nothing() -> None:
    bench = Bench(make_engine())
    bench.coin.config = replace(bench.coin.config, on_exit=RangeExit.FLATTEN)
    bench.started()
    bench.after(500, quote(MID + 9 * SPACING // 2))
    assert bench.coin.leaving.where == "above"
    bench.step(FeedChanged(False, 1))
    bench.ms += 400
    bench.step(FeedChanged(True, 2), quote())
    bench.after(5_000, quote())
    assert not bench.coin.halted
    assert "back_in_range" in notices(bench.done)


def test_a_long_grid_whose_position_was_closed_outside_begins_anew_when_the_price_is_back() -> None:
    bench = Bench(make_engine(direction=Direction.LONG, cap_lots=1_000, cap_micro=10**12))
    bench.coin.config = replace(bench.coin.config, on_exit=RangeExit.REDUCE)
    venue = Venue(bench, 0)
    venue.take(bench.start(0))
    _to(venue, MID, 3)
    assert bench.coin.ledger.lots > 0
    for mid in (MID - 3 * SPACING // 2, MID - 5 * SPACING // 2, MID - 7 * SPACING // 2):
        _to(venue, mid, 3)
    _to(venue, MID - 5 * SPACING, 120)
    assert bench.coin.ledger.lots == 0
    _to(venue, MID - 5 * SPACING // 2, 3)
    _to(venue, MID, 10)
    assert bench.coin.grid is not None
    assert bench.coin.grid.generation == 2
    assert bench.coin.ledger.lots > 0
    assert any(o.side is Side.BUY for o in bench.live)


def test_a_reach_below_half_a_spacing_builds_no_grid_on_the_lines_that_there_are() -> None:
    bench = Bench(make_engine(trailing=Trailing(reach_ppb=1_000_000)))
    bench.coin.config = replace(bench.coin.config, recenter_interval_ms=1_000)
    bench.started()
    for _ in range(10):
        out = bench.after(1_000, quote(MID + SPACING // 2 - 500))
        bench.settle_cancels(out)
        bench.rest(placed(out))
    assert bench.coin.grid is not None
    assert bench.coin.grid.generation == 1


def _to(venue: Venue, mid: int, seconds: int) -> None:
    for _ in range(seconds):
        venue.move(mid)
        venue.take(venue.bench.after(1_000, quote(mid)))
        while venue.requests or venue.inbox:
            while venue.requests:
                venue.serve()
            while venue.inbox:
                venue.deliver()
