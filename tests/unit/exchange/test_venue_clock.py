"""The estimate of the exchange's clock."""

from __future__ import annotations

import time

import pytest

from core.exchange import venue_clock
from core.exchange.venue_clock import VenueClock


def test_the_offset_is_taken_at_the_middle_of_the_round_trip() -> None:
    clock = VenueClock(offset_ms=0.0)
    clock.observe(venue_ms=10_050, sent_mono_ms=0, received_mono_ms=100)
    assert clock.offset_ms == 10_000


def test_a_slow_answer_does_not_outvote_a_fast_one() -> None:
    clock = VenueClock(offset_ms=0.0)
    clock.observe(1_010, 0, 20)
    clock.observe(2_500, 0, 4_000)
    assert clock.offset_ms == 1_000


def test_a_clock_that_drifts_is_followed_in_the_end() -> None:
    clock = VenueClock(offset_ms=0.0)
    clock.observe(1_010, 0, 20)
    for _ in range(100):
        clock.observe(1_150, 0, 200)
    assert clock.offset_ms == 1_050


def test_a_clock_that_was_set_is_followed_at_once() -> None:
    clock = VenueClock(offset_ms=0.0)
    clock.observe(1_010, 0, 20)
    clock.observe(11_150, 0, 300)
    assert clock.offset_ms == 11_000


def test_a_node_that_lags_does_not_set_the_clock_back_and_one_that_stays_behind_does() -> None:
    clock = VenueClock(offset_ms=0.0)
    clock.observe(11_010, 0, 20)
    for mono in range(1_000, 120_000, 1_000):
        clock.observe(mono + 1_000, mono, mono + 3)
        assert clock.offset_ms == 11_000
    clock.observe(131_001, 120_000, 120_003)
    assert clock.offset_ms == pytest.approx(11_000, abs=5), "one that isn't behind begins it anew"
    for mono in range(121_000, 250_000, 1_000):
        clock.observe(mono + 1_000, mono, mono + 3)
    assert clock.offset_ms == pytest.approx(1_000, abs=5)


def test_many_stamps_of_a_node_that_lags_are_believed_no_sooner_than_few() -> None:
    clock = VenueClock(offset_ms=0.0)
    clock.observe(91_001, 0, 2)
    for mono in range(100, 60_000, 100):
        clock.observe(mono + 1_001, mono, mono + 2)
    assert clock.offset_ms == 91_000


def test_what_was_done_before_it_was_asked_for_shows_that_the_clock_is_ahead() -> None:
    clock = VenueClock(offset_ms=0.0)
    clock.observe(91_001, 0, 2)
    clock.was_done(91_000 + 4_500, asked_mono_ms=5_000)  # a block is dated a little before what is in it
    assert clock.offset_ms == 91_000
    clock.was_done(6_400, asked_mono_ms=5_000)
    assert clock.offset_ms == 1_400, "no later than that"
    clock.observe(7_001, 6_000, 6_002)
    assert clock.offset_ms == 1_000, "and the next stamp says when"


def test_what_was_done_after_it_was_asked_for_or_days_before_says_nothing() -> None:
    clock = VenueClock(offset_ms=0.0)
    clock.observe(1_001, 0, 2)
    for venue_ms in (9_000, 5_000 - 2 * 86_400_000):
        clock.was_done(venue_ms, asked_mono_ms=5_000)
        assert clock.offset_ms == 1_000


def test_the_newest_stamp_is_kept_whatever_the_order_of_answers() -> None:
    clock = VenueClock(offset_ms=0.0)
    clock.observe(2_000, 0, 3)
    clock.observe(1_000, 0, 3)
    assert clock.seen_ms == 2_000


def test_setting_the_clock_of_this_host_does_not_move_the_venues(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VenueClock()
    before = clock.now()
    monkeypatch.setattr(venue_clock, "_wall_ms", lambda: before.wall_ms + 3_600_000.0)
    after = clock.now()
    assert after.wall_ms == before.wall_ms + 3_600_000
    assert after.venue_ms - before.venue_ms == pytest.approx(after.mono_ms - before.mono_ms, abs=2)


def test_before_the_first_answer_the_hosts_utc_stands_in() -> None:
    now = VenueClock().now()
    assert abs(now.venue_ms - now.wall_ms) < 100


def test_a_stamp_that_no_clock_could_show_is_left_alone() -> None:
    # A nonce made of the second would be accepted, and none after it once the clock is right again.
    for stamp in (2**64 - 1, VenueClock().now().venue_ms + 36 * 3_600_000):
        clock = VenueClock()
        before = clock.offset_ms
        clock.observe(stamp, venue_clock.mono_ms(), venue_clock.mono_ms())
        assert (clock.offset_ms, clock.seen_ms) == (before, 0)


def test_durations_go_on_while_the_machine_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_MONOTONIC: 4 * 10**9, time.CLOCK_BOOTTIME: 9 * 10**9}
    monkeypatch.setattr(time, "clock_gettime_ns", clocks.__getitem__)
    assert VenueClock().now().mono_ms == 9_000
