"""Numbers of the command line: what is none is a wrong command, told before anybody is asked. Raises ``UsageError``."""

from __future__ import annotations

from decimal import Decimal

from core.domain.units import InexactNumberError, parse_decimal
from core.engine.margin_desk import MICRO_DIGITS, amount_micro
from core.runtime.statedir import UsageError

MOST_PRICE = Decimal(10**12)


def usd_text(text: str) -> str:
    """An amount to add as typed."""
    if amount_micro(text):
        return text
    raise UsageError(f"{text!r} is no amount to add; write USD above 0 with at most {MICRO_DIGITS} decimals")


def price_of(text: str | None) -> Decimal | None:
    """A price above zero; ``None`` if none was typed."""
    if text is None:
        return None
    number = _number(text)
    if 0 < number <= MOST_PRICE:
        return number
    raise UsageError(f"--price {text!r} is no price; write a number above 0, such as --price 110000")


def _number(text: str) -> Decimal:
    """0 for what is no plain number."""
    try:
        return parse_decimal(text)
    except InexactNumberError:
        return Decimal(0)
