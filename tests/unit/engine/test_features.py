"""Bars of time: what is made of them doesn't depend on how often the price is told, and survives a restart."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.effects import SaveFeatures
from core.domain.grid import PPB
from core.engine.features import Features, FeatureSettings
from core.engine.market_watch import shock_reason
from tests.unit.engine.builders import (
    MID,
    VENUE_0,
    Bench,
    cancelled,
    make_engine,
    notices,
    of_kind,
    placed,
    quote,
)

BAR = 60_000
START = VENUE_0 // BAR * BAR


def seen(features: Features) -> tuple[int, int, int, int]:
    return features.bars, features.atr_ppb, features.volatility_ppb, features.trend_ppb


def walk(features: Features, mids: list[int], every_ms: int = BAR, start: int = START) -> None:
    for n, mid in enumerate(mids):
        features.note(2 * mid, start + n * every_ms)


def test_how_often_the_price_is_told_changes_nothing() -> None:
    """The same stairs of prices, told once a bar, or a hundred times, or only when they change."""
    chance = random.Random(5)
    stairs = [MID + chance.randrange(-20_000, 20_000) // 4_000 * 4_000 for _ in range(200)]
    once, often, rarely = Features(), Features(), Features()
    last = 0
    for n, mid in enumerate(stairs):
        begins = START + n * BAR
        once.note(2 * mid, begins)
        for k in range(100):
            often.note(2 * mid, begins + k * BAR // 100)
        if mid != last or n == len(stairs) - 1:
            rarely.note(2 * mid, begins)
        last = mid
    assert seen(once) == seen(often) == seen(rarely)
    assert once.bars == 199


def test_a_bar_without_a_price_stands_still() -> None:
    quiet, told = Features(), Features()
    walk(quiet, [MID, MID + 9_000])
    walk(told, [MID, MID + 9_000] + [MID + 9_000] * 50)
    quiet.note(2 * (MID + 9_000), START + 51 * BAR)
    assert seen(quiet) == seen(told)


def test_a_clock_that_was_far_off_does_not_hold_it_up() -> None:
    features = Features()
    walk(features, [MID, MID + 10_000])
    features.note(2 * MID, START + 10**14)
    assert features.bars < 20_000


@given(st.lists(st.integers(-300, 300), min_size=60, max_size=120), st.integers(2, 5))
def test_a_wilder_market_has_more_volatility_and_range(steps: list[int], times: int) -> None:
    calm, wild = Features(), Features()
    walk(calm, [MID + step for step in steps])
    walk(wild, [MID + step * times for step in steps])
    assert wild.atr_ppb >= calm.atr_ppb
    assert wild.volatility_ppb >= calm.volatility_ppb


def test_the_average_true_range_is_the_mean_of_the_last_bars() -> None:
    features = Features(FeatureSettings(atr_bars=3))
    for n in range(5):
        for price in (2_000_000, 2_002_000, 1_998_000, 2_000_000):
            features.note(2 * price, START + n * BAR)
    assert features.atr_ppb == 2_000_000, "each of the closed bars ranged over 0.2 %"


def test_a_trend_needs_as_many_bars_as_the_slow_average_and_has_its_sign() -> None:
    up, down = Features(), Features()
    walk(up, [MID + 500 * n for n in range(48)])
    assert up.trend_ppb == 0
    walk(up, [MID + 500 * n for n in range(48, 80)], start=START + 48 * BAR)
    walk(down, [MID - 500 * n for n in range(80)])
    assert up.trend_ppb > 0 > down.trend_ppb


def test_it_goes_on_after_a_restart_where_it_was() -> None:
    chance = random.Random(1)
    mids = [MID + chance.randrange(-9_000, 9_000) for _ in range(100)]
    through, first = Features(), Features()
    walk(through, mids)
    walk(first, mids[:60])
    after = Features()
    after.restore(first.saved())
    walk(after, mids[60:], start=START + 60 * BAR)
    assert seen(after) == seen(through)


def test_the_time_of_a_restart_is_not_taken_for_a_quiet_market() -> None:
    features, after = Features(), Features()
    walk(features, [MID + 8_000 * (n % 2) for n in range(60)])
    after.restore(features.saved())
    after.note(2 * MID, START + 100_000 * BAR)
    assert after.bars == features.bars + 1
    assert after.volatility_ppb > features.volatility_ppb * 9 // 10


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "60000 1", "60000 1.5 2 1 1 1 1 1 1", "60000 1 2 nan 1 1 1 1 1", "60000 1 2 1 0 1 1 1 1"),
        *(
            "60000 1 2 0 1 1 1 1 1",
            "60000 1 2 1 1 -1 1 1 1",
            "60000 1 2 1 1 1 1 1",
            "60000 1 2 inf 1 1 1 1 1",
        ),
        "30000 1 2 1 1 1 1 1 1",
    ],
)
def test_what_cannot_be_used_is_not(text: str) -> None:
    features = Features()
    features.restore(text)
    assert seen(features) == seen(Features())


# -- the circuit --------------------------------------------------------------------------------------------------------


def shocked_bench() -> Bench:
    bench = Bench(make_engine())
    settings = FeatureSettings(sigma=4.0, atr_bars=5)
    bench.coin.features = Features(settings)
    bench.started()
    for n in range(8):
        bench.after(BAR, quote(MID + 400 * (n % 2)))
    return bench


def test_bars_that_close_are_kept_in_the_journal() -> None:
    bench = shocked_bench()
    saved = of_kind(SaveFeatures, bench.done)
    assert len(saved) == bench.coin.features.bars == 8
    assert saved[-1].text == bench.coin.features.saved()


def test_a_shock_takes_the_grid_away_until_a_bar_after_it_and_is_told_once() -> None:
    bench = shocked_bench()
    live = {o.cloid for o in bench.live}
    sigma_pct = bench.coin.features.volatility_ppb / PPB
    assert sigma_pct * 4 < 0.02
    effects = bench.after(1_000, quote(MID + 40_000))
    assert {o.cloid for o in cancelled(effects)} == live
    assert "sigma within a bar" in shock_reason(bench.coin, bench.now)
    assert bench.coin.idle_reason == shock_reason(bench.coin, bench.now)
    bench.settle_cancels(effects)
    assert placed(bench.after(5_000, quote(MID + 40_000))) == []
    for _ in range(3):
        bench.after(BAR, quote(MID + 40_000))
    assert shock_reason(bench.coin, bench.now) == ""
    assert bench.live, "the grid is back"
    assert notices(bench.done).count("vol_circuit") == 1


def test_a_usual_move_opens_nothing() -> None:
    bench = shocked_bench()
    bench.after(1_000, quote(MID + 600))
    assert "vol_circuit" not in notices(bench.done)


def test_nothing_is_a_shock_before_there_are_bars_enough() -> None:
    bench = Bench(make_engine())
    bench.coin.features = Features(FeatureSettings(sigma=0.001, atr_bars=5))
    bench.started()
    bench.after(BAR, quote(MID + 40_000))
    assert "vol_circuit" not in notices(bench.done)
