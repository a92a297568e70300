"""A spike recentres nothing (T10); a price that stays far away is followed a second later; a crash by steps at once."""

from __future__ import annotations

from core.engine.steady_mid import HOLD_MS, SteadyMid
from tests.unit.engine.builders import MID, Bench, notices, quote


def test_a_spike_builds_no_grid_and_the_old_one_stays() -> None:
    bench = Bench().started()
    bench.ms += 120_000
    told = bench.step(quote(MID * 13 // 10))
    told += bench.after(HOLD_MS - 100, quote(MID * 13 // 10))
    told += bench.after(10, quote(MID))
    told += bench.after(5_000, quote(MID))
    assert "grid_recentered" not in notices(told)
    assert len(bench.live) == 6


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
