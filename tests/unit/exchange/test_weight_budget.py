"""The exchange's IP weight: who waits, for how long, and what is kept for whom."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import pytest

from core.domain.effects import Notify
from core.exchange.lanes import Lane
from core.exchange.weight_budget import PLACE_WAIT_MS, NoWeightError, WeightBudget
from core.exchange.weight_window import (
    FLOORS,
    MINUTE_S,
    PAUSE_MOST_S,
    PAUSE_S,
    PER_MINUTE,
    QUIET_MS,
    WeightWindow,
)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ms = 0.0
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    def __call__(self) -> float:
        return self.ms

    async def _sleep(self, seconds: float) -> None:
        self.ms += seconds * 1000


class Minute:
    """The exchange as strict as its documents allow: what was spent within the last 60 s, however long they began ago."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._spent, self.most = clock, deque[tuple[float, int]](), 0

    def spend(self, weight: int) -> None:
        now = self._clock.ms
        self._spent.append((now, weight))
        while self._spent[0][0] <= now - 60_000:
            self._spent.popleft()
        self.most = max(self.most, sum(each for _, each in self._spent))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def budget_of(clock: Clock, jitter: float = 0.0) -> WeightBudget:
    return WeightBudget(clock, jitter=lambda: jitter)


async def test_no_minute_costs_more_than_the_limit_not_even_the_first(clock: Clock) -> None:
    budget, minute = budget_of(clock), Minute(clock)
    for number in range(1_500):
        await budget.take(Lane.INFO, 20)
        minute.spend(20)
        if number % 3 == 0:
            await budget.take(Lane.CANCEL, 1)
            minute.spend(1)
    assert clock.ms > 20 * 60_000
    assert minute.most <= PER_MINUTE
    assert minute.most > PER_MINUTE - FLOORS[Lane.INFO] - 20, "and what may be spent is"


async def test_the_little_that_is_freed_is_a_changes_before_it_is_a_placements(clock: Clock) -> None:
    budget = budget_of(clock)
    budget.spend(PER_MINUTE - FLOORS[Lane.MODIFY] - 1)
    with pytest.raises(NoWeightError):
        await budget.take(Lane.PLACE, 1)
    await budget.take(Lane.MODIFY, 1)


@pytest.mark.parametrize("lane", [Lane.PLACE, Lane.MODIFY, Lane.PROOF, Lane.INFO])
async def test_each_lane_leaves_what_the_more_urgent_ones_need(clock: Clock, lane: Lane) -> None:
    budget = budget_of(clock)
    for _ in range(PER_MINUTE - FLOORS[lane]):
        await budget.take(lane, 1)
    assert clock.ms == 0
    assert budget.left == FLOORS[lane] > 0
    with suppress(NoWeightError):
        await budget.take(lane, 1)
        assert clock.ms >= 60_000, "it waited until there was room again"
    assert budget.left >= FLOORS[lane]


@pytest.mark.parametrize("lane", [Lane.CANCEL, Lane.REDUCE])
async def test_what_gets_us_out_waits_for_nobody(clock: Clock, lane: Lane) -> None:
    budget = budget_of(clock)
    budget.spend(PER_MINUTE)
    budget.refuse(60.0, "HTTP 429")
    for _ in range(50):
        await budget.take(lane, 6)
    assert clock.ms == 0
    assert budget.left == -300


async def test_what_a_flatten_must_know_is_asked_past_the_reads_that_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minute_is_over = asyncio.Event()

    async def wait(_: float) -> None:
        await minute_is_over.wait()

    budget = WeightBudget(lambda: 0.0)
    budget.spend(PER_MINUTE - FLOORS[Lane.INFO])
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", wait)
        waiting = asyncio.create_task(budget.take(Lane.INFO, 20))
        async with asyncio.timeout(5):
            await budget.take(Lane.PROOF, 20)
    assert not waiting.done()
    assert budget.left >= FLOORS[Lane.PROOF] > 0, "cancels have their share all the same"
    waiting.cancel()


async def test_a_placement_waits_a_little_and_is_then_not_sent(clock: Clock) -> None:
    budget = budget_of(clock)
    budget.spend(PER_MINUTE - FLOORS[Lane.PLACE])
    with pytest.raises(NoWeightError, match="130 of 1200 IP weight a minute left"):
        await budget.take(Lane.PLACE, 1)
    assert clock.ms <= PLACE_WAIT_MS
    clock.ms = 60_500
    await budget.take(Lane.PLACE, 1)
    assert 60_500 < clock.ms <= 61_500, "it comes soon, so it was waited for"


async def test_a_placement_waits_out_a_pause_that_ends_soon(clock: Clock) -> None:
    budget = budget_of(clock)
    budget.refuse(0, "HTTP 429")
    with pytest.raises(NoWeightError, match=r"pause of 2 s more \(HTTP 429\)"):
        await budget.take(Lane.PLACE, 1)
    clock.ms = 1_500
    await budget.take(Lane.MODIFY, 1)
    assert clock.ms == 2_000


async def test_waiting_reads_are_served_in_order(clock: Clock) -> None:
    budget, served = budget_of(clock), []
    budget.spend(PER_MINUTE)

    async def read(name: int) -> None:
        await budget.take(Lane.INFO, 2)
        served.append(name)

    await asyncio.gather(*(read(name) for name in range(5)))
    assert served == list(range(5))


async def test_a_pause_that_the_exchange_asks_for_is_kept(clock: Clock) -> None:
    budget = budget_of(clock)
    budget.refuse(30.0, "HTTP 429")
    seen = budget.standing()
    assert (seen.paused_ms, seen.paused_why) == (30_000, "HTTP 429")
    await budget.take(Lane.INFO, 2)
    assert clock.ms == 30_000
    assert budget.standing().paused_why == ""


def pauses_of(budget: WeightBudget, clock: Clock, count: int) -> list[float]:
    """Of so many refusals, each as soon as the pause before it has ended."""
    found = []
    for _ in range(count):
        budget.refuse(0, "HTTP 429")
        found.append(budget.standing().paused_ms / 1000)
        clock.ms += budget.standing().paused_ms
    return found


def test_without_a_time_each_pause_is_twice_the_one_before_up_to_the_longest(clock: Clock) -> None:
    assert pauses_of(budget_of(clock), clock, 7) == [2, 4, 8, 16, 32, 60, 60]


def test_those_who_were_refused_together_come_back_apart(clock: Clock) -> None:
    assert pauses_of(budget_of(clock, jitter=1.0), clock, 6) == [2.5, 5, 10, 20, 40, PAUSE_MOST_S]


def test_a_quiet_time_begins_anew_and_a_short_one_does_not(clock: Clock) -> None:
    budget = budget_of(clock)
    pauses_of(budget, clock, 3)
    clock.ms += QUIET_MS - 1
    assert pauses_of(budget, clock, 1) == [16]
    clock.ms += QUIET_MS
    assert pauses_of(budget, clock, 1) == [PAUSE_S]


def test_requests_that_left_before_the_pause_do_not_lengthen_it(clock: Clock) -> None:
    budget = budget_of(clock)
    for _ in range(8):
        budget.refuse(0, "HTTP 429")
    assert budget.standing().paused_ms == 1000 * PAUSE_S
    budget.refuse(9.0, "HTTP 429")
    assert budget.standing().paused_ms == 9_000, "unless the exchange asks for it"
    budget.refuse(3.0, "HTTP 429")
    assert budget.standing().paused_ms == 9_000


def test_a_pause_gives_no_weight_back(clock: Clock) -> None:
    budget = budget_of(clock)
    budget.spend(10_000)
    budget.refuse(1.0, "HTTP 429")
    assert budget.left == PER_MINUTE - 10_000


def test_what_is_spent_late_is_free_when_its_own_second_is_a_minute_old() -> None:
    """Another process may have spent in a later second while this one waited for the file."""
    window = WeightWindow()
    window.spend(5, 2_000_000.0)
    window.spend(7, 1_999_000.0)
    window.spend(1, 1_999_500.0)
    assert list(window.spent.items()) == [(1_999, 8), (2_000, 5)]
    now_ms = (1_999 + MINUTE_S) * 1_000.0
    assert window.left(now_ms - 1, PER_MINUTE) == PER_MINUTE - 13
    assert window.wait_ms(PER_MINUTE, 0, now_ms - 1_000, PER_MINUTE) == 2_000.0, "for the later of them"
    assert window.left(now_ms, PER_MINUTE) == PER_MINUTE - 5


async def test_a_start_or_a_stop_that_waits_for_weight_says_for_how_long_and_a_routine_read_does_not(
    clock: Clock,
) -> None:
    told: list[Notify] = []
    budget = WeightBudget(clock, jitter=lambda: 0.0, publish=told.append)
    budget.spend(PER_MINUTE - 70)
    await budget.take(Lane.INFO, 20)
    assert not told
    budget.spend(budget.left - 70)
    assert budget.standing().proof_wait_ms > 50_000
    began_ms = clock.ms
    await budget.take(Lane.PROOF, 20)
    assert clock.ms - began_ms > 50_000
    said = [dict(notice.fields) for notice in told]
    assert [notice.name for notice in told] == ["weight_wait"] * len(told)
    assert 4 <= len(said) <= 7, "every ten seconds"
    assert str(said[0]["reason"]).startswith(
        f"waiting for request weight: {said[0]['wait_s']} s; this host has 70"
    )
