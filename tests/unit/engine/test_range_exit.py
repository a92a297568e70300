"""Outside the grid and back: what was decided outside doesn't outlive the return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.domain.causes import Cause
from core.domain.effects import Place
from core.domain.events import FeedChanged
from core.domain.grid import Direction
from core.domain.orders import Purpose, Side
from core.engine.circuit_breaker import BreakerName
from core.engine.grid_settings import RangeExit, Trailing
from core.engine.skew import SkewSettings
from core.engine.trouble import Trouble
from tests.unit.engine.builders import MID, Bench, make_engine, notices, of_kind, placed, quote
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


def _shocked(bench: Bench) -> None:
    """The volatility circuit has taken the grid away for an hour."""
    bench.coin.shock_until_mono_ms = bench.now.mono_ms + 3_600_000


def _refused_at_the_door(bench: Bench) -> None:
    for _ in range(9):
        place = bench.engine.breakers[BreakerName.PLACE]
        place.failure(Cause.UNANSWERED, "no answer", bench.now, at_once=True, wait_ms=3_600_000)


def _at_odd_leverage(bench: Bench) -> None:
    bench.coin.protection.odd_leverage = Trouble("SOL is at 50x on the exchange", "set it back there")


unquoted = pytest.mark.parametrize("stopped", [_shocked, _refused_at_the_door, _at_odd_leverage])
"""What keeps anything from being quoted, for long: none of it may keep what is held from being closed."""


def _bought(bench: Bench) -> Bench:
    bench.started()
    for order in [o for o in bench.live if o.side is Side.BUY]:
        bench.rest(placed(bench.trade(order)))
    assert bench.coin.ledger.lots == 150
    return bench


@unquoted
def test_a_price_that_leaves_while_nothing_is_quoted_is_flattened_as_promised(
    stopped: Callable[[Bench], None],
) -> None:
    bench = Bench(make_engine())
    bench.coin.config = replace(bench.coin.config, on_exit=RangeExit.FLATTEN)
    stopped(_bought(bench))
    for _ in range(3):
        bench.after(1_000, quote(MID - 5 * SPACING))
    assert bench.coin.halted.startswith("range_exit")


@unquoted
def test_a_position_outside_is_reduced_while_nothing_is_quoted(stopped: Callable[[Bench], None]) -> None:
    bench = Bench(make_engine())
    bench.coin.config = replace(bench.coin.config, on_exit=RangeExit.REDUCE)
    stopped(_bought(bench))
    sent = [effect for _ in range(10) for effect in bench.after(1_000, quote(MID - 5 * SPACING))]
    parts = [o for place in of_kind(Place, sent) for o in place.orders]
    assert [(o.purpose, o.side, o.lots) for o in parts] == [(Purpose.REDUCE, Side.SELL, 37)]


@unquoted
def test_a_position_past_the_hard_limit_is_reduced_while_nothing_is_quoted(
    stopped: Callable[[Bench], None],
) -> None:
    bench = Bench(make_engine())
    bench.coin.config = replace(bench.coin.config, on_exit=RangeExit.HOLD)
    stopped(_bought(bench))
    bench.coin.skew.settings = SkewSettings(hard_ppb=400_000_000)
    sent = [effect for _ in range(10) for effect in bench.after(1_000, quote(MID - 3 * SPACING))]
    parts = [o for place in of_kind(Place, sent) for o in place.orders]
    assert [(o.purpose, o.side) for o in parts] == [(Purpose.REDUCE, Side.SELL)]


def _to(venue: Venue, mid: int, seconds: int) -> None:
    for _ in range(seconds):
        venue.move(mid)
        venue.take(venue.bench.after(1_000, quote(mid)))
        while venue.requests or venue.inbox:
            while venue.requests:
                venue.serve()
            while venue.inbox:
                venue.deliver()
