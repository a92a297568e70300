"""What a preview says beside its levels: whatever keeps them from being quoted, and where."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.domain.grid import PPB
from core.domain.orders import Side
from core.engine.coin_config import CoinConfig
from core.engine.grid_settings import RangeExit
from core.engine.preview import Preview, preview
from core.engine.preview_caps import planned_caps
from core.engine.preview_notes import notes
from core.engine.risk_engine import Rule
from core.engine.side_caps import Money, PortfolioLimits
from core.engine.skew import SkewSettings
from tests.unit.engine.builders import MID, SOL, Bench, coin_config
from tests.unit.engine.venue import Venue

INVESTED = Decimal(300)


def config_of(**changes: Any) -> CoinConfig:
    """Three levels a side of 0.5 SOL every 0.5 % around 200 USD, but for ``changes``."""
    names = {"stop_low", "stop_high", "trigger_below", "trigger_above", "skew", "on_exit"}
    outside = {name: changes.pop(name) for name in tuple(changes) if name in names}
    return replace(coin_config(**changes), **outside)


def said(config: CoinConfig, mid: int = MID, limits: PortfolioLimits | None = None, **more: Any) -> list[str]:
    return notes(config, shown(config, mid, limits), mid, **more)


def shown(config: CoinConfig, mid: int = MID, limits: PortfolioLimits | None = None) -> Preview:
    plain = preview(config, INVESTED, mid)
    if limits is None:
        return plain
    money = Money(Decimal(1_000), Decimal(0))
    return preview(
        config, INVESTED, mid, planned_caps(config, plain.grid, mid, limits, money, Decimal(0), Decimal(0))
    )


def test_a_plain_grid_needs_no_note() -> None:
    assert said(config_of()) == []


def test_a_spacing_that_follows_volatility_is_shown_as_the_engine_would_begin() -> None:
    config = config_of(widens=True)
    calm = shown(config_of())
    found = shown(config)
    # A bar ranges over a thousandth before the first has closed: half of it and 2.5 of its deviation, 0.3 % more.
    assert found.spacing_pct - calm.spacing_pct == Decimal("0.3")
    assert said(config) == [
        "the spacing follows the market's volatility (HL_VOLATILITY_SPACING): shown is a first grid before a bar has closed "
        "(HL_INIT_VOL_MULTIPLIER); a new one is built once it differs by a quarter"
    ]


def test_levels_past_the_stop_are_named_and_never_part_of_an_edge() -> None:
    config = config_of(stop_low=1_975_000)
    assert said(config) == ["1 buy is not quoted, at 197: not before the stop at 197.5 (HL_STOP_LOSS_LOW)"]
    low, _ = shown(config).edges
    assert (low.position, low.price) == (Decimal(1), Decimal(198))
    assert low.stop_loss == Decimal("1.0"), "1 x (198.5 - 197.5)"


def test_a_trigger_is_waited_for_until_a_grid_runs() -> None:
    config = config_of(trigger_below=1_900_000)
    (text,) = said(config)
    assert text.startswith("nothing is quoted before the price is 190 or less (HL_TRIGGER_BELOW); it is 200")
    assert said(config, is_running=True) == []
    assert said(config, mid=1_900_000) == []


@pytest.mark.parametrize(
    ("on_exit", "mid", "words"),
    [
        (RangeExit.HOLD, 2_300_000, "above the range, which ends at 220: only buys are quoted, and it waits"),
        (
            RangeExit.HOLD,
            1_700_000,
            "below the range, which ends at 180: only sells are quoted, and it waits",
        ),
        (
            RangeExit.FLATTEN,
            2_300_000,
            "and the position is closed and the coin halts (HL_ON_RANGE_EXIT flatten)",
        ),
        (RangeExit.REDUCE, 2_210_000, "and a spacing further out the position is closed bit by bit"),
    ],
)
def test_a_price_outside_of_its_range_is_said_with_what_follows(
    on_exit: RangeExit, mid: int, words: str
) -> None:
    ranged = {"strategy": "range", "range_low": 1_800_000, "range_high": 2_200_000, "cap_micro": 10**9}
    (text, *_) = said(config_of(on_exit=on_exit, **ranged), mid)
    assert words in text
    assert said(config_of(on_exit=on_exit, **ranged), MID) == []


def test_a_grid_without_an_end_shows_where_its_inventory_ends_instead() -> None:
    config = config_of(strategy="endless", cap_micro=1_000_000_000)
    (text,) = said(config)
    assert text.startswith(
        "this grid has no edge: the 6 levels nearest to the price are quoted wherever it goes"
    )
    low, high = shown(config).edges
    assert low.position == Decimal(5), "the whole cap of 1,000 USD at 200, ten levels of 0.5"
    assert low.price == Decimal(190), "200 less ten lines of a dollar"
    assert (high.position, high.price) == (Decimal(-5), Decimal(210))
    low, _ = shown(replace(config, stop_low=1_954_000)).edges
    assert (low.position, low.price) == (Decimal(2), Decimal(196)), "or where its stop does"


@pytest.mark.parametrize(
    ("limits", "rule", "words"),
    [
        (PortfolioLimits(max_notional_usd=Decimal(250)), Rule.PORTFOLIO, "(HL_MAX_PORTFOLIO_NOTIONAL)"),
        (
            PortfolioLimits(max_margin=Decimal("0.2")),
            Rule.MARGIN,
            "more than 20 % of the account as margin (HL_MAX_MARGIN_PCT)",
        ),
        (
            PortfolioLimits(min_liquidation_distance=Decimal("4")),
            Rule.LIQUIDATION,
            "(HL_MIN_LIQ_DISTANCE_PCT)",
        ),
    ],
)
def test_what_the_accounts_limits_drop_is_named_with_the_setting(
    limits: PortfolioLimits, rule: Rule, words: str
) -> None:
    config = config_of()
    found = shown(config, limits=limits)
    assert {each.why.rule for each in found.blocked} == {rule}
    texts = said(config, limits=limits)
    assert len(texts) == 2, "both sides"
    assert all(words in text for text in texts)
    assert texts[0].startswith("1 buy is not quoted, at 197:")


def test_the_coins_own_cap_drops_the_farthest_levels_and_the_edge_ends_before_them() -> None:
    config = config_of(cap_micro=200_000_000)
    texts = said(config)
    assert texts[0].startswith(
        "1 buy is not quoted, at 197: worst case 150 lots long would pass the cap of 100"
    )
    assert "HL_MAX_POSITION_ABS" in texts[0]
    assert shown(config).edges[0].position == Decimal(1)


def test_inventory_limits_say_at_which_level_they_bite() -> None:
    """The budget is 600 USD, three SOL: a level is a sixth of it."""
    skew = SkewSettings(soft_ppb=PPB // 10, one_sided_ppb=PPB // 4, hard_ppb=PPB // 3)
    texts = said(config_of(skew=skew))
    assert texts == [
        "HL_SKEW_SOFT 0.1: once the buy at 199 has traded, orders that add get smaller, those that reduce larger",
        "HL_SKEW_SOFT 0.1: once the sell at 201 has traded, orders that add get smaller, those that reduce larger",
        "HL_MAX_SKEW_RATIO 0.25: once the buy at 198 has traded, buys (1 of this grid) are taken away until it is down again",
        "HL_MAX_SKEW_RATIO 0.25: once the sell at 202 has traded, sells (1 of this grid) are taken away until it is down again",
        "HL_SKEW_HARD 0.333333: once the buy at 198 has traded, it is closed in parts at the market and nothing is added",
        "HL_SKEW_HARD 0.333333: once the sell at 202 has traded, it is closed in parts at the market and nothing is added",
    ]
    out_of_reach = said(config_of(skew=SkewSettings(one_sided_ppb=9 * PPB // 10)))
    assert out_of_reach == ["HL_MAX_SKEW_RATIO 0.9 is not reached within this grid"]


@pytest.mark.parametrize(
    "changes",
    [{"cap_micro": 200_000_000}, {"stop_low": 1_975_000}, {"strategy": "endless"}, {"stop_high": 2_015_000}],
    ids=str,
)
def test_the_levels_that_it_calls_quoted_are_those_that_the_engine_sends(changes: dict[str, Any]) -> None:
    config = config_of(**changes)
    bench = Bench()
    bench.coin.config = config
    venue = Venue(bench)
    venue.take(bench.start())
    venue.settle(1_000)
    found = shown(config)
    stopped = {each.level.slot for each in found.blocked}
    expected = {(each.slot.side, each.price) for each in found.levels if each.slot not in stopped}
    assert {(one.order.side, one.order.price) for one in venue.resting()} == expected
    assert any(side is Side.BUY for side, _ in expected)
    assert SOL.coin == found.instrument.coin
