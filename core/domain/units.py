"""Exact numbers: sizes as whole lots, prices as whole price units.

``lots = size * 10**sz_decimals`` and ``price units = price * 10**(6 - sz_decimals)``, both ``int``, so that their
product is a notional in exactly 10**-6 USDC (micro-USDC). Decoding is exact or refused; nothing here rounds
unless its name says so. Partial fills therefore end at 0 and nowhere else (C-2).
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

PERP_PRICE_DECIMALS = 6
"""A perpetual's price has at most ``6 - sz_decimals`` decimals (Hyperliquid: tick and lot size)."""

_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,24})?\Z")

_EXACT = Context(prec=64)
"""Room for every digit that a plain decimal can have: the default context rounds at 28 without a word."""


class InexactNumberError(ValueError):
    """A number on the wire that is not a plain decimal, or not a whole multiple of its unit."""


def parse_decimal(text: str) -> Decimal:
    """A plain decimal string, exactly. No exponent, no NaN, no infinity, no blanks, no leading ``+``.

    Raises:
        InexactNumberError: anything else, the type included.
    """
    if not isinstance(text, str) or _PLAIN_DECIMAL.match(text) is None:
        raise InexactNumberError(f"{text!r} is not a plain decimal number")
    return Decimal(text)


def parse_units(text: str, decimals: int) -> int:
    """``text * 10**decimals`` as an exact integer; trailing zeros are fine, a remainder is refused.

    Raises:
        InexactNumberError: not a plain decimal, or finer than the unit.
    """
    if not isinstance(text, str) or _PLAIN_DECIMAL.match(text) is None:
        raise InexactNumberError(f"{text!r} is not a plain decimal number")
    whole, _, part = text.partition(".")
    if len(part) > decimals:
        part = part.rstrip("0")
        if len(part) > decimals:
            raise InexactNumberError(f"{text!r} is finer than {decimals} decimals")
    return int(whole + part.ljust(decimals, "0"))


def round_units(text: str, decimals: int) -> int:
    """``text * 10**decimals`` to the nearest integer (half to even).

    Only for ``startPosition``, which the venue prints with float noise (``3161662.8999999999``).
    """
    return round(parse_decimal(text).scaleb(decimals, _EXACT))


def units_to_decimal(units: int, decimals: int) -> Decimal:
    """``units / 10**decimals``, exactly."""
    return Decimal(units).scaleb(-decimals, _EXACT)


def decimal_text(value: Decimal) -> str:
    """The canonical text: no exponent, no trailing zeros, ``"0"`` for zero of either sign."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def units_text(units: int, decimals: int) -> str:
    """``units / 10**decimals`` as canonical text, as orders carry it on the wire: ``decimal_text``, a few times faster."""
    if units < 0 or decimals <= 0:
        return decimal_text(units_to_decimal(units, decimals))
    whole, part = divmod(units, 10**decimals)
    return f"{whole}.{str(part).zfill(decimals)}".rstrip("0") if part else str(whole)


def micro_to_usd(micro: int) -> Decimal:
    """Micro-USDC to USDC, exactly."""
    return Decimal(micro).scaleb(-6)
