"""A contradiction names a value that would pass, and it does; broken settings of any size break no rule's arithmetic."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runtime.settings import Settings
from core.runtime.settings.contradictions import RULES, Rule, contradictions, range_pays_its_fees


def _decimals(least: str, most: str) -> st.SearchStrategy[Decimal]:
    """Of every magnitude between."""
    low, high = Decimal(least).adjusted(), Decimal(most).adjusted()
    return st.builds(
        lambda digits, power: min(Decimal(digits).scaleb(power - 3), Decimal(most)),
        st.integers(1_000, 9_999),
        st.integers(low, high),
    )


VALUES = st.fixed_dictionaries(
    {
        "investment_usd": _decimals("1e-12", "1e12"),
        "leverage": _decimals("0.01", "100"),
        "num_grids": st.integers(1, 500),
        "grid_spacing_pct": _decimals("1e-12", "0.999"),
        "grid_spacing_max_pct": _decimals("1e-12", "0.999"),
        "maker_fee_pct": st.just(Decimal(0)) | _decimals("1e-12", "0.1"),
        "stop_loss_low": st.just(Decimal(0)) | _decimals("1e-12", "1e12"),
        "stop_loss_high": st.just(Decimal(0)) | _decimals("1e-12", "1e12"),
        "session_calendar": st.sampled_from(["always", "us_equities"]),
        "closed_session": st.sampled_from(["widen", "reduce"]),
        "closed_widen": st.integers(1, 100),
    }
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.__name__))
@given(values=VALUES)
@settings(max_examples=150, deadline=None)
def test_the_value_that_would_pass_passes(rule: Rule, values: dict[str, Any]) -> None:
    found = rule(Settings(**values))
    if found is not None:
        assert found.why
        repaired = Settings(**{**values, found.name: found.passes})
        assert rule(repaired) is None, (found, values)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ({"default_strategy": "range", "range_low": 90, "range_high": 110}, "closed_session"),
        ({"grid_spacing_pct": Decimal("0.04"), "num_grids": 10}, "closed_widen"),
    ],
)
def test_a_grid_that_cannot_be_widened_is_told_of(written: dict[str, Any], name: str) -> None:
    widened = {"session_calendar": "us_equities", "closed_session": "widen", **written}
    assert name in {each.name for each in contradictions(Settings(**widened))}
    for harmless in ({"session_calendar": "always"}, {"closed_session": "keep"}):
        assert name not in {each.name for each in contradictions(Settings(**{**widened, **harmless}))}


def test_a_range_is_not_judged_by_a_spacing_that_it_does_not_have() -> None:
    ranged: dict[str, Any] = {"default_strategy": "range", "range_low": 90, "range_high": 110}
    each_alone: tuple[dict[str, Any], ...] = (
        {"maker_fee_pct": Decimal("0.0003")},
        {"grid_spacing_pct": Decimal("0.01")},
    )
    for written in each_alone:
        assert "grid_spacing_pct" in {each.name for each in contradictions(Settings(**written))}
        assert not list(contradictions(Settings(**ranged, **written)))


@pytest.mark.parametrize("kind", ["arithmetic", "geometric"])
@pytest.mark.parametrize(
    ("low", "levels", "name"),
    [("0.0098", 100, "range_high"), ("90", 100, "range_high"), ("90", 500, "num_grids")],
)
def test_a_range_too_narrow_for_its_cells_is_told_one_that_is_not(
    kind: str, low: str, levels: int, name: str
) -> None:
    written: dict[str, Any] = {"default_strategy": "range", "grid_spacing_kind": kind, "num_grids": levels}
    written |= {"range_low": Decimal(low), "range_high": Decimal(low) * Decimal("1.01")}
    written["maker_fee_pct"] = Decimal("0.0006")
    found = range_pays_its_fees(Settings(**written))
    assert found is not None
    assert found.name == ("range_high" if kind == "geometric" else name)
    assert range_pays_its_fees(Settings(**written | {found.name: found.passes})) is None
