"""What a benchmark says: a figure beside a baseline that ran beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import TypedDict

ROUNDS = 5


class Row(TypedDict):
    """``ratio`` is value / baseline_value, or its inverse where less is better: more is always better. ``goal`` is the ratio to
    reach or exceed, None if nothing is asked of it."""

    name: str
    value: float
    unit: str
    baseline: str
    baseline_value: float | None
    ratio: float | None
    goal: float | None
    met: bool | None


def row(
    name: str,
    value: float,
    unit: str,
    baseline: str = "",
    baseline_value: float | None = None,
    goal: float | None = None,
    *,
    less_is_better: bool = False,
) -> Row:
    ratio = value / baseline_value if baseline_value else None
    if ratio is not None and less_is_better:
        ratio = 1 / ratio
    return Row(
        name=name,
        value=value,
        unit=unit,
        baseline=baseline,
        baseline_value=baseline_value,
        ratio=ratio,
        goal=goal,
        met=None if goal is None or ratio is None else ratio >= goal,
    )


def at_most(name: str, value: float, unit: str, most: float) -> Row:
    """A figure that has a bound of its own, and nothing beside it."""
    return Row(
        name=name,
        value=value,
        unit=unit,
        baseline="at most",
        baseline_value=most,
        ratio=None,
        goal=None,
        met=value <= most,
    )


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def microseconds_each(work: Callable[[], object], times: int) -> float:
    """The median over rounds of what one call takes."""

    def turn() -> float:
        started = time.perf_counter()
        for _ in range(times):
            work()
        return (time.perf_counter() - started) / times * 1e6

    return median(turn() for _ in range(ROUNDS))


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
