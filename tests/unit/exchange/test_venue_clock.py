"""The estimate of the exchange's clock."""

from __future__ import annotations

from core.exchange.venue_clock import VenueClock


def test_the_offset_is_taken_at_the_middle_of_the_round_trip() -> None:
    clock = VenueClock()
    clock.observe(venue_ms=10_050, sent_wall_ms=0, received_wall_ms=100)
    assert clock.offset_ms == 10_000


def test_a_slow_answer_does_not_outvote_a_fast_one() -> None:
    clock = VenueClock()
    clock.observe(1_010, 0, 20)
    clock.observe(9_000, 0, 4_000)
    assert clock.offset_ms == 1_000


def test_a_clock_that_has_drifted_is_believed_in_the_end() -> None:
    clock = VenueClock()
    clock.observe(1_010, 0, 20)
    for _ in range(100):
        clock.observe(5_100, 0, 200)
    assert clock.offset_ms == 5_000


def test_a_wall_clock_that_stepped_back_during_a_request_gives_no_negative_round_trip() -> None:
    clock = VenueClock()
    clock.observe(1_000, 500, 100)
    clock.observe(2_000, 0, 3)
    assert clock.offset_ms == 1_998.5


def test_now_reads_three_clocks() -> None:
    clock = VenueClock(offset_ms=-250.4)
    now = clock.now()
    assert now.venue_ms == now.wall_ms - 250
    assert clock.now().mono_ms >= now.mono_ms
