"""The alert of a liquidation price that is near, with no stop before it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.events import FillsCommitted
from core.domain.margin import HeldMargin, Leverage, MarginMode
from core.domain.orders import Side
from core.engine import alerts as module
from core.engine.alerts import alerts_of
from core.engine.side_caps import PortfolioLimits
from core.view import AlertView, StopState
from tests.unit.engine.builders import MID, Bench, fill

MID_USD = Decimal(200)


def holding(liquidation_away_pct: str) -> Bench:
    """Long at the mid, and liquidated so many percent below it."""
    bench = Bench().started()
    bench.step(FillsCommitted((fill(Side.BUY, 50, price=MID),)))
    price = MID_USD * (1 - Decimal(liquidation_away_pct) / 100)
    leverage = Leverage(MarginMode.ISOLATED, 20)
    bench.coin.held = HeldMargin("SOL", leverage, Decimal("0.5"), Decimal(100), Decimal(5), price)
    return bench


def near(bench: Bench) -> list[AlertView]:
    return [each for each in alerts_of(bench.engine, bench.now) if each.id == "near_liquidation:SOL"]


@pytest.mark.parametrize(("away", "grade"), [("6", []), ("4", ["warn"]), ("2", ["crit"]), ("-1", ["crit"])])
def test_it_is_raised_below_five_percent_and_is_grave_below_half_of_that(away: str, grade: list[str]) -> None:
    assert [each.severity.value for each in near(holding(away))] == grade


def test_it_names_coin_distance_limit_and_both_ways_out() -> None:
    (alert,) = near(holding("4"))
    assert alert.text == "SOL LIQUIDATION 4.00 % AWAY (limit 5 %), NO STOP RESTS BEFORE IT"
    assert (alert.key, "gridbot margin add" in alert.fix) == ("F", True)


def test_the_operators_own_limit_stands_in_its_place() -> None:
    bench = holding("8")
    bench.engine.portfolio_limits = PortfolioLimits(min_liquidation_distance=Decimal("0.1"))
    assert [each.severity.value for each in near(bench)] == ["warn"]


def test_a_stop_that_rests_before_it_is_enough_and_one_that_does_not_rest_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = holding("4")
    bench.coin.config = replace(bench.coin.config, stop_low=1_950_000)
    assert len(near(bench)) == 1
    monkeypatch.setattr(module, "look", lambda coin: (StopState.RESTING, ""))
    assert near(bench) == []


def test_without_a_position_there_is_none() -> None:
    bench = holding("2")
    bench.step(FillsCommitted((fill(Side.SELL, 50, start=50, price=MID, trade_id=2),)))
    assert near(bench) == []
