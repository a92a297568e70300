"""Waits that double up to a cap, each a little less by chance."""

from __future__ import annotations

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.engine.back_off import (
    CANCEL_AGAIN_MAX_MS,
    CANCEL_AGAIN_MS,
    FORGOTTEN_MS,
    JITTER,
    CancelPace,
    shortened_ms,
)
from core.engine.circuit_breaker import POLICIES, BreakerName, Breakers


def at(ms: int) -> Instant:
    return Instant(ms, ms, ms)


def failing(salt: str, times: int) -> list[int]:
    """The waits after so many failures, each as soon as it may be."""
    pace, ms, waits = CancelPace(), 1_000_000, []
    for _ in range(times):
        pace.failed(salt, at(ms))
        waits.append(pace.wait_ms)
        ms += pace.wait_ms
    return waits


def test_each_failure_doubles_the_wait_up_to_the_longest() -> None:
    assert failing("", 6) == [1_000, 2_000, 4_000, 8_000, CANCEL_AGAIN_MAX_MS, CANCEL_AGAIN_MAX_MS]


def test_what_was_sent_together_counts_once() -> None:
    pace = CancelPace()
    for ms in (1_000_000, 1_000_001, 1_000_000 + CANCEL_AGAIN_MS // 2 - 1):
        pace.failed("", at(ms))
    assert pace.wait_ms == CANCEL_AGAIN_MS


def test_an_answer_or_a_long_time_without_a_failure_begins_anew() -> None:
    pace = CancelPace()
    for ms in (1_000_000, 1_002_000, 1_005_000):
        pace.failed("", at(ms))
    pace.answered()
    assert pace.wait_ms == CANCEL_AGAIN_MS
    for ms in (1_010_000, 1_012_000, 1_012_000 + FORGOTTEN_MS):
        pace.failed("", at(ms))
    assert pace.wait_ms == CANCEL_AGAIN_MS


def test_bots_wait_differently_and_each_never_longer_nor_less_than_three_quarters() -> None:
    waits = [shortened_ms(10_000, f"boot{n}", 3) for n in range(200)]
    assert all(10_000 * (1 - JITTER) <= wait <= 10_000 for wait in waits)
    assert max(waits) - min(waits) > 2_000, "over the whole of it"
    assert waits[0] == shortened_ms(10_000, "boot0", 3)


def test_the_breakers_of_two_runs_probe_at_different_times_and_none_later_than_its_cooldown() -> None:
    left = set()
    for boot in ("a", "b", "c"):
        breakers = Breakers()
        breakers.spread(boot)
        place = breakers[BreakerName.PLACE]
        place.failure(Cause.MAINTENANCE, "HTTP 503", at(1_000_000), at_once=True)
        left.add(place.cooldown_left_ms(at(1_000_000)))
    assert len(left) == 3
    assert all(ms is not None and ms <= POLICIES[BreakerName.PLACE].cooldown_ms for ms in left)
