"""A spike recentres nothing (T10); a price that stays far away is followed a second later; a crash by steps at once."""

from __future__ import annotations

import pytest

from core.domain.effects import Cancel, Modify, Place
from core.domain.events import Quote
from core.domain.orders import Side
from core.engine.snapshot import build_snapshot
from core.engine.steady_mid import HOLD_MS, SteadyMid
from tests.unit.engine.builders import MID, SOL, Bench, notices, quote


def test_a_spike_builds_no_grid_and_the_old_one_stays() -> None:
    bench = Bench().started()
    bench.ms += 120_000
    told = bench.step(quote(MID * 13 // 10))
    told += bench.after(HOLD_MS - 100, quote(MID * 13 // 10))
    told += bench.after(10, quote(MID))
    told += bench.after(5_000, quote(MID))
    assert "grid_recentered" not in notices(told)
    assert len(bench.live) == 6


@pytest.mark.parametrize("factor", [(1, 2), (3, 2), (13, 10), (104, 100), (1, 10_000), (10_000, 1)], ids=str)
def test_a_price_in_doubt_makes_no_plan_the_old_grid_stays_and_the_screen_says_so(
    factor: tuple[int, int],
) -> None:
    bench = Bench().started()
    best = max((o for o in bench.live if o.side is Side.BUY), key=lambda o: o.price)
    resting = {o.cloid for o in bench.live} - {best.cloid}
    bench.coin.placing.add("an answer is waited for")
    bench.trade(best)
    bench.coin.placing.clear()
    times, over = factor
    jump = SOL.round_price_down(MID * times // over)
    told = bench.step(quote(jump, half=1 if over > 100 else 100))
    assert [e for e in told if isinstance(e, Place | Modify | Cancel)] == [], (
        "not even what the fill left to do"
    )
    assert {o.cloid for o in bench.live} == resting
    assert notices(told).count("price_doubted") == 1
    view = build_snapshot(bench.engine, "paper", bench.now).coins[0]
    assert f"the mid {SOL.price_text(jump)} is more than 3 % away from 200" in view.idle_reason
    assert "what rests stays" in view.idle_reason
    assert "price_doubted" not in notices(bench.after(100, quote(jump, half=1))), "told once"
    assert bench.after(100, quote()) != []
    assert bench.coin.idle_reason == ""


@pytest.mark.parametrize("bad", [(None, MID), (MID, None), (MID, MID), (MID + 100, MID), (0, MID)], ids=str)
def test_a_book_that_is_no_market_leaves_the_old_grid_and_the_screen_says_so(
    bad: tuple[int | None, int | None],
) -> None:
    bench = Bench().started()
    resting = {o.cloid for o in bench.live}
    told = bench.step(Quote("SOL", *bad, bench.now.venue_ms))
    assert [e for e in told if isinstance(e, Place | Modify | Cancel)] == []
    assert {o.cloid for o in bench.live} == resting
    view = build_snapshot(bench.engine, "paper", bench.now).coins[0]
    assert view.idle_reason == "waiting for a quote with both sides; what rests stays"


def test_a_price_that_stays_far_away_is_followed_a_second_later() -> None:
    bench = Bench().started()
    bench.ms += 120_000
    assert "grid_recentered" not in notices(bench.step(quote(MID * 13 // 10)))
    assert "grid_recentered" in notices(bench.after(HOLD_MS, quote(MID * 13 // 10)))


def test_every_new_place_of_a_spike_must_hold_by_itself() -> None:
    mid = SteadyMid()
    assert mid.is_believed(200, 0)
    for ms in range(0, 10_000, HOLD_MS // 2):
        assert not mid.is_believed(300 if ms % HOLD_MS else 100, ms)
    assert mid.steady == 200


def test_a_crash_by_steps_is_followed_at_once() -> None:
    mid, price = SteadyMid(), 1_000_000
    for ms in range(100):
        assert mid.is_believed(price, ms)
        price = price * 99 // 100
