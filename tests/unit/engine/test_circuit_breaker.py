"""One breaker through time: what opens it, how long, what closes it, what is forgotten."""

from __future__ import annotations

import pytest

from core.domain.causes import Cause
from core.engine.circuit_breaker import DECAY_MS, POLICIES, Breaker, BreakerName, Breakers
from core.view import BreakerState
from tests.unit.engine.builders import at

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
FIRST_MS, LONGEST_MS = POLICIES[BreakerName.PLACE].cooldown_ms, POLICIES[BreakerName.PLACE].cooldown_max_ms


def failed(breaker: Breaker, ms: int, times: int = 1) -> list[bool]:
    return [breaker.failure(Cause.UNANSWERED, "time-out", at(ms)) for _ in range(times)]


def tripped(ms: int = 0) -> Breaker:
    breaker = Breaker(BreakerName.PLACE)
    failed(breaker, ms, 4)
    return breaker


def test_more_than_three_failures_in_a_row_open_it() -> None:
    breaker = Breaker(BreakerName.PLACE)
    assert failed(breaker, 0, 4) == [False, False, False, True]
    assert breaker.state(at(0)) is OPEN
    assert (breaker.reason, breaker.streak, breaker.trips(at(0))) == ("time-out", 4, 1)


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    breaker = Breaker(BreakerName.PLACE)
    failed(breaker, 0, 3)
    assert breaker.success(at(1)) == 0
    assert failed(breaker, 2, 3) == [False] * 3
    assert breaker.state(at(2)) is CLOSED


def test_one_failure_that_says_it_all_opens_it_for_at_least_as_long_as_the_exchange_asks() -> None:
    breaker = Breaker(BreakerName.PLACE)
    assert breaker.failure(Cause.RATE_IP, "429", at(0), at_once=True, wait_ms=25_000)
    assert breaker.cooldown_left_ms(at(0)) == 25_000
    assert breaker.state(at(24_999)) is OPEN
    assert breaker.state(at(25_000)) is HALF_OPEN


def test_after_the_cooldown_one_probe_may_go_and_no_second() -> None:
    breaker = tripped()
    assert not breaker.may_probe(at(FIRST_MS - 1))
    assert breaker.may_probe(at(FIRST_MS))
    breaker.probe(at(FIRST_MS))
    assert not breaker.may_probe(at(FIRST_MS + 1))


def test_an_answer_to_the_probe_closes_it_and_tells_how_long_it_was_open() -> None:
    breaker = tripped()
    breaker.probe(at(FIRST_MS))
    assert breaker.success(at(FIRST_MS + 200)) == FIRST_MS + 200
    assert breaker.state(at(FIRST_MS + 200)) is CLOSED
    assert (breaker.streak, breaker.reason) == (0, "")


def test_each_failed_probe_doubles_the_cooldown_up_to_its_cap() -> None:
    breaker, ms, lasted = tripped(), 0, [FIRST_MS]
    for _ in range(6):
        ms += lasted[-1]
        assert failed(breaker, ms) == [True], "the probe's failure alone opens it again"
        left = breaker.cooldown_left_ms(at(ms))
        assert left is not None
        lasted.append(left)
    assert lasted == [FIRST_MS, 2 * FIRST_MS, *[LONGEST_MS] * 5]


def test_a_failure_of_an_earlier_request_does_not_lengthen_the_cooldown_but_a_wish_to_wait_does() -> None:
    breaker = tripped()
    assert failed(breaker, 5_000) == [False]
    assert breaker.cooldown_left_ms(at(5_000)) == 5_000
    assert not breaker.failure(Cause.RATE_IP, "429", at(6_000), at_once=True, wait_ms=30_000)
    assert breaker.cooldown_left_ms(at(6_000)) == 30_000
    assert breaker.reason == "time-out"


def test_trips_are_forgotten_one_by_one_in_quiet_time_and_none_while_it_is_open() -> None:
    breaker = tripped()
    failed(breaker, FIRST_MS)
    assert breaker.trips(at(FIRST_MS + 10 * DECAY_MS)) == 2, "an outage is no quiet time"
    breaker.success(at(0))
    assert [breaker.trips(at(n * DECAY_MS - 1)) for n in range(1, 4)] == [2, 1, 0]
    failed(breaker, 2 * DECAY_MS, 4)
    assert breaker.cooldown_left_ms(at(2 * DECAY_MS)) == FIRST_MS, "the next outage begins as the first did"


def test_a_probe_that_never_left_says_nothing_and_another_may_go() -> None:
    breaker = tripped()
    breaker.probe(at(FIRST_MS))
    breaker.probe_did_not_leave()
    assert breaker.may_probe(at(FIRST_MS + 1))
    assert breaker.trips(at(FIRST_MS + 1)) == 1


@pytest.mark.parametrize("name", [BreakerName.FEED, BreakerName.AUTH])
def test_what_no_time_heals_stays_open_until_it_is_told(name: BreakerName) -> None:
    breaker = Breaker(name)
    breaker.failure(Cause.AUTH, "no", at(0), at_once=True)
    assert breaker.cooldown_left_ms(at(0)) is None
    assert breaker.state(at(10**9)) is OPEN
    assert breaker.end_cooldown(at(10**9))
    assert breaker.state(at(10**9)) is HALF_OPEN


@pytest.mark.parametrize("name", list(BreakerName))
def test_each_open_breaker_stops_new_placements(name: BreakerName) -> None:
    breakers = Breakers()
    assert breakers.stopping(at(0)) is None
    breakers[name].failure(Cause.UNANSWERED, "x", at(0), at_once=True)
    assert breakers.stopping(at(0)) is breakers[name]


def test_half_open_a_placement_is_what_place_waits_for_and_not_what_info_does() -> None:
    breakers = Breakers()
    for name in (BreakerName.PLACE, BreakerName.INFO):
        breakers[name].failure(Cause.UNANSWERED, "x", at(0), at_once=True)
    later = at(FIRST_MS)
    assert breakers.stopping(later) is breakers[BreakerName.INFO], "blind until a read is answered"
    breakers[BreakerName.INFO].success(later)
    assert breakers.stopping(later) is None
    assert breakers.probed_by_placing(later) == [breakers[BreakerName.PLACE]]
