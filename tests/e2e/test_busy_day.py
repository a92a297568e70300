"""The busy day of ``make bench ARGS=day`` is what it says: some minutes of it, and an address that has nothing left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.paper.venue import budget
from tests.bench.busy_day import DAYS, run_day

MINUTES = 1 / 60


def test_minutes_of_a_busy_day_are_traded_within_the_real_budgets_and_everything_is_counted() -> None:
    found = run_day(DAYS["default"], 8 * MINUTES)
    counted = found.counted
    assert found.grids == 1
    assert found.fills > 0
    assert counted["items"] >= 20 + found.fills
    assert found.requests_left == 10_000 + found.traded_usd - counted["items"]
    assert counted["refused_for_budget"] == counted["too_many_requests"] == 0
    assert 0 < counted["most_weight"] <= 1_200
    assert found.drift == "0"
    assert found.unknown_orders == 0
    assert not found.halted


def test_what_the_exchange_refuses_for_the_budget_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_BASE_REQUESTS", 10)
    found = run_day(replace(DAYS["default"], title="poor"), 2 * MINUTES)
    assert found.counted["refused_for_budget"] > 0
    assert found.counted["warnings"]
