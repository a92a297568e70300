"""Trade ids: numbers that tell nothing of their order to others, and the count of trades behind them."""

from __future__ import annotations

_TIDS: int = 2**50
_FACTOR = 0x2545F4914F6CDD1D
"""Odd, so that multiplying modulo 2**50 maps different numbers to different ids, and can be undone."""
_UNDO = pow(_FACTOR, -1, _TIDS)


def trade_id(number: int) -> int:
    return number * _FACTOR % _TIDS


def trade_number(tid: int) -> int:
    """Higher for the later of two trades, whatever the clock has shown."""
    return tid * _UNDO % _TIDS
