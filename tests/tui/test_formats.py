from __future__ import annotations

from decimal import Decimal

import pytest

from widgets import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.1875", "+0.1875"),
        ("-12.50", "-12.5"),
        ("0", "0"),
        ("0.000", "0"),
        ("1250000", "+1,250,000"),
        ("1E+3", "+1,000"),
    ],
)
def test_a_signed_quantity_is_exact_and_has_no_trailing_zeros(value: str, text: str) -> None:
    assert formats.quantity(Decimal(value), signed=True) == text


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("https://api.hyperliquid.xyz/info answered HTTP 502: Bad Gateway", "HTTP 502: Bad Gateway"),
        ("http://127.0.0.1:3001 cannot be reached (refused)", "cannot be reached (refused)"),
        ("no answer within 10 s", "no answer within 10 s"),
    ],
)
def test_what_opened_a_breaker_is_said_without_the_address_that_takes_all_the_room(
    reason: str, text: str
) -> None:
    assert formats.cause(reason) == text


def test_money_carries_its_sign_before_the_dollar() -> None:
    assert formats.usd(Decimal("-18.305"), signed=True).startswith("-$18.3")
    assert formats.usd(Decimal("61.97"), signed=True) == "+$61.97"
    assert formats.usd(Decimal("12039.4"), cents=False) == "$12,039"
    assert formats.usd(Decimal(0), signed=True) == "$0.00"


def test_an_unknown_price_is_not_shown_as_zero() -> None:
    assert formats.price(Decimal(0), 1) == "n/a"
    assert formats.price(Decimal("64233.05"), 1) == "64,233.0"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0.0s"),
        (0.44, "0.4s"),
        (9.96, "9s"),
        (27.9, "27s"),
        (192, "3m12s"),
        (7_500, "2h05m"),
        (400_000, "4d"),
    ],
)
def test_an_age_gets_coarser_as_it_grows(seconds: float, text: str) -> None:
    assert formats.age(seconds) == text


def test_names_are_shortened_where_they_stay_known() -> None:
    assert formats.short_account("0x71c7656ec7ab88b098defb751b7401b5f6d8e4") == "0x71…e4"
    assert formats.short_account("0x71") == "0x71"
    assert formats.short_coin("xyz:TSLA") == "TSLA"
    assert formats.utc_clock(1_767_276_183_999) == "14:03:03Z"
