"""Bars over time in whole characters: a zero line, a scale on the left, the times below. Each column is a stretch of time.

A column that didn't change is not drawn again, so that a chart costs the link what changed of it, once a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from widgets import formats
from widgets.ink import Ink, Line, Span, line

SCALE_WIDTH = 11
_EIGHTHS = " ▁▂▃▄▅▆▇█"


class Reached(NamedTuple):
    """A value at a time."""

    time_ms: int
    value: float


def columns(points: Sequence[Reached], since_ms: int, until_ms: int, count: int) -> list[float | None]:
    """The last value within each of ``count`` equal stretches; ``None`` for one without any."""
    made: list[float | None] = [None] * count
    span = max(until_ms - since_ms, 1)
    for point in points:
        if since_ms <= point.time_ms <= until_ms:
            made[min((point.time_ms - since_ms) * count // span, count - 1)] = point.value
    return made


def chart_lines(values: Sequence[float | None], height: int, unit: str, up: Ink, down: Ink) -> list[Line]:
    """``height`` rows, the zero line among them: bars of profit above it, of loss hanging below it."""
    known = [value for value in values if value is not None]
    high, low = max([0.0, *known]), min([0.0, *known])
    above, below = _shares(high, low, height - 1)
    per_row = max(high / above if above else 0.0, -low / below if below else 0.0)
    rows = [_above(values, above - 1 - row, per_row, up) for row in range(above)]
    rows.append((_scale("0" if known else "no data"), Span("─" * len(values), Ink.RULE)))
    rows += [_below(values, row, per_row, down) for row in range(below)]
    labelled = {0: high, height - 1: low}
    return [
        (_scale(_amount(labelled[at], unit)), *row[1:]) if labelled.get(at) else row
        for at, row in enumerate(rows)
    ]


def _shares(high: float, low: float, rows: int) -> tuple[int, int]:
    """How many rows the positive and the negative side get, by their size; each that has values at least one."""
    if high == 0 and low == 0:
        return rows, 0
    above = round(rows * high / (high - low))
    if high > 0 and low < 0:
        above = min(max(above, 1), rows - 1)
    return above, rows - above


def _above(values: Sequence[float | None], floor: int, per_row: float, ink: Ink) -> Line:
    """The row that begins ``floor`` rows above the zero line."""
    cells = ""
    for value in values:
        eighths = round(8 * value / per_row) - 8 * floor if value is not None and value > 0 else 0
        cells += _EIGHTHS[min(max(eighths, 0), 8)]
    return (_scale(""), Span(cells, ink))


def _below(values: Sequence[float | None], ceiling: int, per_row: float, ink: Ink) -> Line:
    """Half blocks: there are no eighths that hang."""
    cells = ""
    for value in values:
        halves = round(-2 * value / per_row) - 2 * ceiling if value is not None and value < 0 else 0
        cells += " ▀█"[min(max(halves, 0), 2)]
    return (_scale(""), Span(cells, ink))


def _scale(text: str) -> Span:
    return Span(f"{text:>{SCALE_WIDTH - 1}} ", Ink.LABEL)


def _amount(value: float, unit: str) -> str:
    if unit == "%":
        return f"{abs(value):.2f}%"
    sign = "-" if value < 0 else "+"
    return f"{sign}${abs(value):,.2f}" if abs(value) < 10_000 else f"{sign}${abs(value):,.0f}"


def time_axis(since_ms: int, until_ms: int, count: int) -> Line:
    """The time at the left edge, in the middle and at the right one, as far as there is room."""
    first, last = formats.utc_clock(since_ms)[:5], formats.utc_clock(until_ms)[:5]
    middle = formats.utc_clock((since_ms + until_ms) // 2)[:5]
    gap = count - len(first) - len(last) - len(middle)
    if gap < 4:
        middle, gap = "", count - len(first) - len(last)
    left = gap // 2
    text = f"{first}{' ' * left}{middle}{' ' * (gap - left)}{last}"
    return line((" " * SCALE_WIDTH, Ink.LABEL), (f"{text} UTC"[: count + 4], Ink.LABEL))
