"""Margin tiers and the price of liquidation, judged by recorded figures and by the paper exchange's own reckoning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.margin import (
    _EXACT,
    AccountMode,
    MarginTier,
    _steps,
    account_mode,
    flat_tiers,
    liquidation_price,
    whole_leverage,
)
from core.paper.market.listing import Tier
from core.paper.venue.tiers import maintenance_micro

RECORDED = Path("tests/wire/data/recorded")

BTC_TESTNET = (
    MarginTier(Decimal(0), 40),
    MarginTier(Decimal(10_000), 25),
    MarginTier(Decimal(50_000), 10),
)
"""BTC on testnet (Hyperliquid: margin tiers)."""


def maintenance_usd(notional_usd: Decimal, tiers: Sequence[MarginTier]) -> Decimal:
    """What a position of that value must keep to be left alone, by the steps that the price of liquidation goes by."""
    _, rate, deduction = next(
        step for step in reversed(_steps(tiers)) if notional_usd >= step[0] or not step[0]
    )
    return _EXACT.subtract(_EXACT.multiply(notional_usd, rate), deduction)


def test_a_maintenance_margin_measured_on_testnet_is_reproduced_to_the_last_digit() -> None:
    assert maintenance_usd(Decimal("12073.655"), BTC_TESTNET) == Decimal("166.4731")


def test_the_liquidation_price_of_the_documentations_isolated_position_is_reproduced() -> None:
    state = json.loads((RECORDED / "info_clearinghouseState_isolated__docs.json").read_text())
    position = state["assetPositions"][0]["position"]
    size, value = Decimal(position["szi"]), Decimal(position["positionValue"])
    found = liquidation_price(
        size, value / size, Decimal(position["marginUsed"]), flat_tiers(position["maxLeverage"])
    )
    assert found is not None
    assert abs(found - Decimal(position["liquidationPx"])) < Decimal("0.0001"), "its inputs are truncated"


_STEPS = st.lists(st.integers(1, 10**12), min_size=0, max_size=4, unique=True).map(sorted)


@st.composite
def tables(draw: st.DrawFn) -> tuple[MarginTier, ...]:
    """Up to five tiers of ever less leverage."""
    bounds = [0, *draw(_STEPS)]
    leverages = draw(st.lists(st.integers(1, 100), min_size=len(bounds), max_size=len(bounds), unique=True))
    return tuple(
        MarginTier(Decimal(lower).scaleb(-6), leverage)
        for lower, leverage in zip(bounds, sorted(leverages, reverse=True), strict=True)
    )


@given(tables(), st.integers(1, 10**13))
def test_maintenance_is_what_the_paper_exchange_reckons_in_integers(
    tiers: tuple[MarginTier, ...], notional_micro: int
) -> None:
    theirs = tuple(Tier(int(t.lower_usd.scaleb(6)), t.max_leverage) for t in tiers)
    ours = maintenance_usd(Decimal(notional_micro).scaleb(-6), tiers).scaleb(6)
    assert 0 <= ours - maintenance_micro(notional_micro, theirs) < Decimal("1.000001")


@given(
    tables(),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.integers(1, 10**9),
    st.sampled_from([1, -1]),
)
def test_at_the_liquidation_price_margin_and_maintenance_are_the_same_and_beyond_it_they_are_not(
    tiers: tuple[MarginTier, ...], lots: int, mark: int, margin: int, side: int
) -> None:
    size, at, behind = Decimal(side * lots), Decimal(mark), Decimal(margin)

    def left(price: Decimal) -> Decimal:
        return behind + size * (price - at) - maintenance_usd(abs(size) * price, tiers)

    found = liquidation_price(size, at, behind, tiers)
    if found is None:
        assert side > 0, "a short always has one"
        assert left(Decimal(0)) >= -Decimal("1e-12")
        return
    assert abs(left(found)) <= Decimal("1e-9") * (1 + abs(size) * found)
    assert left(found * Decimal("1.01")) * side > 0


@pytest.mark.parametrize(("given_", "whole"), [("3", 3), ("2.5", 3), ("0.4", 1), ("1", 1), ("3.0001", 4)])
def test_a_part_of_leverage_counts_as_one_more(given_: str, whole: int) -> None:
    assert whole_leverage(Decimal(given_)) == whole


def test_modes_whose_margin_is_not_known_here_are_none() -> None:
    assert account_mode("disabled") is account_mode("default") is AccountMode.STANDARD
    assert account_mode("unifiedAccount") is AccountMode.UNIFIED
    assert account_mode("portfolioMargin") is account_mode("dexAbstraction") is account_mode("new") is None
