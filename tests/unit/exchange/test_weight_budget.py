"""The exchange's IP weight: what a read costs, who waits, and what is kept for actions."""

from __future__ import annotations

import asyncio

import pytest

from core.exchange.weight_budget import (
    PAUSE_S,
    PER_MINUTE,
    RESERVED,
    WeightBudget,
    action_weight,
    read_weight,
    rows_weight,
)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ms = 0.0
        monkeypatch.setattr(asyncio, "sleep", self._sleep)

    def __call__(self) -> float:
        return self.ms

    async def _sleep(self, seconds: float) -> None:
        self.ms += seconds * 1000


def test_weights_are_those_of_the_documentation() -> None:
    assert [read_weight(kind) for kind in ("clearinghouseState", "orderStatus", "userRole", "meta")] == [
        2,
        2,
        60,
        20,
    ]
    assert rows_weight("userFillsByTime", [{}] * 2000) == 100
    assert rows_weight("clearinghouseState", {}) == 0
    assert [action_weight(items) for items in (1, 39, 40, 200)] == [1, 1, 2, 6]


async def test_reads_leave_the_reserve_to_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    budget = WeightBudget(clock)
    budget.spend(int(PER_MINUTE - RESERVED))
    budget.spend(int(RESERVED))
    assert clock.ms == 0
    assert budget.left == 0
    await budget.wait_for(20)
    assert clock.ms == pytest.approx((RESERVED + 20) / PER_MINUTE * 60_000)


async def test_no_minute_of_reads_costs_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    budget, spent = WeightBudget(clock), []
    while clock.ms < 300_000:
        await budget.wait_for(20)
        spent.append(clock.ms)
    later = [at for at in spent if at > 60_000]
    assert max(sum(20 for at in later if start <= at < start + 60_000) for start in later) <= PER_MINUTE + 20


async def test_waiting_reads_are_served_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    budget, served = WeightBudget(Clock(monkeypatch)), []
    budget.spend(1_200)

    async def read(name: int) -> None:
        await budget.wait_for(2)
        served.append(name)

    await asyncio.gather(*(read(name) for name in range(5)))
    assert served == list(range(5))


@pytest.mark.parametrize(("seconds", "waits_s"), [(0.0, PAUSE_S), (30.0, 30.0)])
async def test_when_the_exchange_says_that_it_is_spent_reads_wait_and_actions_do_not(
    monkeypatch: pytest.MonkeyPatch, seconds: float, waits_s: float
) -> None:
    clock = Clock(monkeypatch)
    budget = WeightBudget(clock)
    budget.pause(seconds)
    budget.spend(1)
    assert clock.ms == 0
    await budget.wait_for(2)
    assert clock.ms / 1000 == pytest.approx(waits_s + 3 * 60 / PER_MINUTE)


async def test_a_pause_never_gives_weight_back(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = WeightBudget(Clock(monkeypatch))
    budget.spend(10_000)
    before = budget.left
    budget.pause(1.0)
    assert budget.left == before
