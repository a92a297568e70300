"""Numbers as Hyperliquid prints them in answers: plain, unpadded, with at least one fractional digit (``"0.0"``)."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

_MICRO_DECIMALS = 6


def units_wire(units: int, decimals: int) -> str:
    """``units / 10**decimals``, exactly: ``(1097550, 1)`` is ``"109755.0"``."""
    digits = str(abs(units)).zfill(decimals + 1)
    whole, fraction = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{fraction.rstrip('0') or '0'}"


def micro_wire(micro: int) -> str:
    """Micro-USDC as USDC."""
    return units_wire(micro, _MICRO_DECIMALS)


def decimal_wire(value: Decimal, decimals: int, *, rounded: bool = False) -> str:
    """At most ``decimals`` decimals, cut toward zero, or ``rounded`` half to even."""
    step = Decimal(1).scaleb(-decimals)
    cut = value.quantize(step, rounding=ROUND_HALF_EVEN if rounded else ROUND_DOWN)
    if cut == 0:
        return "0.0"
    text = format(cut, "f")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"
