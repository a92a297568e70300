"""The busy day of ``make bench ARGS=day`` is what it says: some minutes of it, and what is counted."""

from __future__ import annotations

from typing import Any

import pytest

from core.paper.requests import exchange_api
from core.paper.server.ip_limits import Caps, IpLimits
from core.paper.venue.accounts import Account
from core.paper.venue.refusals import RefusedError
from tests.bench.busy_day import DAYS, counting, run_day

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


def test_what_the_exchange_refuses_is_counted() -> None:
    account, limits = Account("0x" + "5a" * 20), IpLimits(Caps(1_200))
    with counting() as counted:
        charge: Any = vars(exchange_api)["charge"]
        charge(account, 10_000, 1, is_cancel=False)
        with pytest.raises(RefusedError):
            charge(account, 2, 2, is_cancel=False)
        assert [limits.spend("here", 700, 0.0) for _ in range(2)] == [True, False]
    assert (counted.actions, counted.items, counted.refused_for_budget) == (2, 10_002, 1)
    assert (counted.too_many_requests, counted.most_weight) == (1, 700)
