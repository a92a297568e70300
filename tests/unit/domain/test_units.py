"""Numbers are exact or refused (C-2)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.domain.units import (
    InexactNumberError,
    decimal_text,
    micro_to_usd,
    parse_decimal,
    parse_units,
    round_units,
    units_text,
    units_to_decimal,
)

NOT_PLAIN: list[Any] = [
    "NaN", "nan", "sNaN", "inf", "-inf", "Infinity", "1e5", "1E5", "1e-5", "", " ", " 1", "1 ", "1\n", "+1", "--1", "1.",
    ".5", "1.2.3", "1,000", "1_000", "0x10", "١", "½", "-", "None", "9" * 25, "0." + "0" * 25, 1, 1.0, None, True, b"1",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_PLAIN, ids=repr)
def test_what_is_not_a_plain_decimal_is_refused(text: Any) -> None:
    for parse in (parse_decimal, lambda t: parse_units(t, 5), lambda t: round_units(t, 5)):
        with pytest.raises(InexactNumberError):
            parse(text)


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        ("0", 5, 0),
        ("-0.0", 5, 0),
        ("0.00001", 5, 1),
        ("-0.00001", 5, -1),
        ("0.1", 1, 1),
        ("0.3", 5, 30_000),
        ("109755.0", 1, 1_097_550),
        ("12.340000000000000000000", 2, 1_234),
        ("007.5", 1, 75),
        ("999999999999999999999999", 0, 10**24 - 1),
        ("123456789012345678901234.123456", 6, 123456789012345678901234123456),
    ],
)
def test_a_plain_decimal_becomes_whole_units(text: str, decimals: int, units: int) -> None:
    assert parse_units(text, decimals) == units


@pytest.mark.parametrize(
    ("text", "decimals"),
    [
        ("0.000001", 5),
        ("0.5", 0),
        ("1.23456", 4),
        ("3161662.8999999999", 1),
        ("12345.000000000000000000000001", 5),
        ("123456789012345678901234.000000000000000000000001", 6),
    ],
)
def test_what_is_finer_than_the_unit_is_refused_however_many_digits_it_has(text: str, decimals: int) -> None:
    with pytest.raises(InexactNumberError, match="finer"):
        parse_units(text, decimals)


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [("3161662.8999999999", 1, 31_616_629), ("-0.0000000001", 2, 0), ("-7.9999999", 0, -8), ("12.5", 1, 125)],
)
def test_only_a_start_position_is_rounded_and_then_to_the_nearest_lot(
    text: str, decimals: int, units: int
) -> None:
    assert round_units(text, decimals) == units


def test_thirds_of_a_size_add_up_to_nothing_left() -> None:
    whole, part = parse_units("0.3", 5), parse_units("0.1", 5)
    assert whole - part - part - part == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0E-8", "0"),
        ("1E+3", "1000"),
        ("1.500", "1.5"),
        ("-0.010", "-0.01"),
        ("100", "100"),
    ],
)
def test_text_is_canonical_without_exponents_or_trailing_zeros(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text


def test_units_become_text_and_decimals_exactly() -> None:
    assert units_text(1_097_550, 1) == "109755"
    assert units_text(-1, 5) == "-0.00001"
    assert units_to_decimal(12, 6) == Decimal("0.000012")
    assert micro_to_usd(1_234_567) == Decimal("1.234567")
