"""The preview's figures, by hand and by the exchange's own formula."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.orders import Side
from core.engine.grid_settings import RangeExit
from core.engine.grid_sizing import GridImpossibleError
from core.engine.preview import Preview, preview
from tests.unit.engine.builders import MID, SOL, coin_config

INVESTED = Decimal(200)


def shown(stop_low: int = 0) -> Preview:
    """Three levels a side of 0.5 SOL every 0.5 % around 200 USD."""
    return preview(replace(coin_config(), stop_low=stop_low), INVESTED, MID)


def test_levels_and_what_one_earns_by_a_round_trip() -> None:
    found = shown()
    prices = [(level.slot.side, SOL.price_decimal(level.price)) for level in found.levels]
    assert sorted(p for side, p in prices if side is Side.BUY) == [Decimal(197), Decimal(198), Decimal(199)]
    assert sorted(p for side, p in prices if side is Side.SELL) == [Decimal(201), Decimal(202), Decimal(203)]
    assert (found.spacing_pct, found.fees_pct) == (Decimal("0.5"), Decimal("0.03"))
    assert found.profit_usd == Decimal("0.47"), "100 USD x (0.5 - 0.03) %"
    assert found.cap == Decimal("1.5")


def test_the_edges_hold_everything_of_one_side_at_its_average() -> None:
    low, high = shown(stop_low=1_900_000).edges
    assert (low.position, low.entry, low.notional) == (Decimal("1.5"), Decimal(198), Decimal("295.5"))
    assert low.loss == Decimal("1.5"), "0.5 x (2 + 1 + 0)"
    assert low.stop_loss == Decimal(12), "1.5 x (198 - 190)"
    assert low.leverage == Decimal("295.5") / 200
    assert (high.position, high.entry, high.loss) == (Decimal("-1.5"), Decimal(202), Decimal("1.5"))
    assert (high.stop, high.stop_loss) == (None, None)


@pytest.mark.parametrize("index", [0, 1], ids=["long", "short"])
def test_the_liquidation_price_is_that_of_the_exchanges_documentation(index: int) -> None:
    """``price - side * margin_available / position_size / (1 - l * side)`` with ``l = 1 / maintenance leverage``, taken at the
    entry, where nothing is won or lost (Hyperliquid docs: liquidations).
    """
    edge = shown().edges[index]
    side, size, entry = edge.side.sign, abs(edge.position), edge.entry
    maintenance = Decimal(1) / (2 * SOL.max_leverage)
    available = INVESTED - size * entry * maintenance
    expected = entry - side * available / size / (1 - maintenance * side)
    assert edge.liquidation is not None
    assert abs(edge.liquidation - expected) < Decimal("0.0001")


def test_a_position_that_the_investment_carries_down_to_zero_is_never_liquidated() -> None:
    low, high = preview(coin_config(), Decimal(300), MID).edges
    assert low.liquidation is None
    assert high.liquidation is not None


def test_what_no_grid_can_be_built_of_is_refused_with_the_fix() -> None:
    with pytest.raises(GridImpossibleError, match="HL_INVESTMENT_USD"):
        preview(coin_config(size_micro=9_000_000), INVESTED, MID)


def test_a_stop_inside_the_grid_costs_what_traded_before_it() -> None:
    low, _ = shown(stop_low=1_985_000).edges
    assert low.stop_loss == Decimal("0.25"), "0.5 x (199 - 198.5); the two levels below never trade"


def test_an_edge_is_no_farther_than_the_position_cap_lets_orders_rest() -> None:
    config = coin_config(cap_micro=220_000_000)
    low, high = preview(config, INVESTED, MID).edges
    assert (low.position, low.price) == (Decimal(1), Decimal(198))
    assert (high.position, high.price) == (Decimal(-1), Decimal(202))


@pytest.mark.parametrize(
    ("on_exit", "lowest", "highest"),
    [(RangeExit.HOLD, 180, 186), (RangeExit.REDUCE, 180, 186), (RangeExit.TRAIL, 195, 201)],
)
def test_a_range_that_the_price_has_left_is_shown_where_it_will_be_quoted(
    on_exit: RangeExit, lowest: int, highest: int
) -> None:
    ranged = coin_config(strategy="range", range_low=1_800_000, range_high=1_860_000)
    found = preview(replace(ranged, on_exit=on_exit), INVESTED, MID)
    prices = [SOL.price_decimal(level.price) for level in found.levels]
    assert lowest <= min(prices) <= max(prices) <= highest
