"""Units and ticks hold for any number that the venue could print."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.cloid import CloidParts, make_cloid, parse_cloid
from core.domain.instrument import Instrument
from core.domain.units import InexactNumberError, parse_units, units_text

sz_decimals = st.integers(0, 5)
digits = st.text("0123456789", min_size=1, max_size=24)
hex8 = st.text("0123456789abcdef", min_size=8, max_size=8)


@given(st.integers(-(10**20), 10**20), st.integers(0, 6))
def test_units_survive_the_way_to_text_and_back(units: int, decimals: int) -> None:
    assert parse_units(units_text(units, decimals), decimals) == units


@given(digits, digits, st.integers(0, 6))
def test_parsing_is_exact_or_refused_for_any_plain_decimal(whole: str, part: str, decimals: int) -> None:
    text = f"{whole}.{part}"
    with localcontext(prec=60):
        exact = Decimal(text).scaleb(decimals)
        fits = exact == exact.to_integral_value()
    if fits:
        assert parse_units(text, decimals) == int(exact)
    else:
        with pytest.raises(InexactNumberError):
            parse_units(text, decimals)


@st.composite
def quoted(draw: st.DrawFn) -> tuple[Instrument, int]:
    """An instrument and a price of 0.0000012 to 150000 in its units, not on its tick."""
    instrument = Instrument("X", 0, draw(sz_decimals), 5)
    scale = 10**instrument.price_decimals
    low = max(1, scale * 12 // 10_000_000)
    return instrument, draw(st.integers(low, 150_000 * scale) | st.integers(low, max(low, 2_000)))


@given(quoted())
def test_rounding_gives_the_nearest_valid_price_on_either_side(case: tuple[Instrument, int]) -> None:
    instrument, price = case
    low, high = instrument.round_price_down(price), instrument.round_price_up(price)
    assert low <= price <= high
    assert high - low <= instrument.tick(price)
    assert instrument.is_valid_price(high)
    assert low == 0 or instrument.is_valid_price(low)
    assert (low == high) is instrument.is_valid_price(price)


@given(quoted())
def test_a_rounded_price_has_five_figures_or_is_whole_and_survives_the_wire(
    case: tuple[Instrument, int],
) -> None:
    instrument, price = case
    for rounded in {instrument.round_price_down(price), instrument.round_price_up(price)} - {0}:
        text = instrument.price_text(rounded)
        assert instrument.parse_price(text) == rounded
        figures = text.replace(".", "").strip("0")
        assert "." not in text or len(figures) <= 5


@given(quoted())
def test_rounding_twice_changes_nothing(case: tuple[Instrument, int]) -> None:
    instrument, price = case
    low, high = instrument.round_price_down(price), instrument.round_price_up(price)
    assert instrument.round_price_up(high) == instrument.round_price_down(high) == high
    assert low == 0 or instrument.round_price_up(low) == low


@given(hex8, hex8, st.integers(0, 2**32 - 1))
def test_the_parts_of_a_cloid_survive(instance: str, boot: str, counter: int) -> None:
    assert parse_cloid(make_cloid(instance, boot, counter)) == CloidParts(instance, boot, counter)


@given(st.text(max_size=40))
def test_no_text_breaks_the_recognition_of_cloids(text: str) -> None:
    parse_cloid(text)
    parse_cloid("0x67726462" + text)
