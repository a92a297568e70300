"""A clock that is wrong is told of while the bot runs: once it has been so for a while, and again when it is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.domain.clock import Instant
from core.domain.effects import Notify
from core.domain.events import Tick
from core.engine.clock_watch import ClockWatch

NOW = 1_769_814_589_170


def told(watch: ClockWatch, off_ms: Callable[[int], int], seconds: range) -> Iterator[tuple[int, str, str]]:
    """Event names and severities, by the second in which they came; ``off_ms`` of each second."""
    for second in seconds:
        for tenth in range(10):
            passed = 1000 * second + 100 * tenth
            now = Instant(passed, NOW + passed + off_ms(second), NOW + passed)
            for each in watch.heed(Tick(0, 0.0), now):
                assert isinstance(each, Notify)
                yield second, each.name, each.severity


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("off_ms", "severity"), [(5_100, "warn"), (29_000, "warn"), (30_000, "crit"), (3_600_000, "crit")]
)
def test_it_is_told_of_once_after_ten_seconds_and_once_when_it_is_right(
    sign: int, off_ms: int, severity: str
) -> None:
    watch = ClockWatch()
    found = list(told(watch, lambda s: sign * off_ms if s < 100 else 0, range(200)))
    assert found == [(10, "clock_off", severity), (110, "clock_agrees", "info")]


def test_it_says_by_how_much_and_in_which_direction() -> None:
    watch = ClockWatch()
    list(told(watch, lambda _: -90_000, range(20)))
    assert watch.text == "THIS MACHINE'S CLOCK IS 90 s BEHIND THE EXCHANGE'S"
    list(told(watch, lambda _: 3_600_000, range(20, 40)))
    assert watch.text == "THIS MACHINE'S CLOCK IS 3,600 s AHEAD OF THE EXCHANGE'S"


def test_what_is_within_five_seconds_or_is_over_before_ten_is_not_told_of() -> None:
    assert not list(told(ClockWatch(), lambda _: 5_000, range(100)))
    assert not list(told(ClockWatch(), lambda s: 60_000 if s % 20 < 9 else 0, range(200)))


@pytest.mark.parametrize("turns_s", [1, 15])
def test_one_that_swings_around_the_limit_is_told_of_once(turns_s: int) -> None:
    watch = ClockWatch()
    found = list(told(watch, lambda s: 5_500 if s < 15 or s // turns_s % 2 else 4_500, range(300)))
    assert found == [(10, "clock_off", "warn")]
    assert watch.is_off


def test_one_that_becomes_grave_is_told_of_again() -> None:
    found = list(told(ClockWatch(), lambda s: 1_000 * s, range(100)))
    assert found == [(16, "clock_off", "warn"), (40, "clock_off", "crit")]
