"""A spacing or a number of levels as an operator types it. A percent sign is wanted where its lack could mean a hundredfold."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from core.domain.commands import CLEAR, MOST_LEVELS, Action
from core.domain.units import InexactNumberError, parse_decimal
from core.runtime.statedir import UsageError

LARGEST_BARE = Decimal("0.01")
"""A fraction without its sign may be so large: 1 %. Above it somebody means percent."""
_LADDER = tuple(
    Decimal(step) * Decimal(10) ** power
    for power in range(-4, 2)
    for step in ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8")
)
"""The spacings that a step goes to, in percent."""


class Knob(StrEnum):
    SPACING = "spacing"
    LEVELS = "levels"

    @property
    def other(self) -> Knob:
        return Knob.LEVELS if self is Knob.SPACING else Knob.SPACING

    @property
    def preview(self) -> Action:
        return Action.SET_SPACING_PREVIEW if self is Knob.SPACING else Action.SET_LEVELS_PREVIEW

    @property
    def action(self) -> Action:
        return Action.SET_SPACING if self is Knob.SPACING else Action.SET_LEVELS


def value_of(knob: Knob, text: str) -> str:
    """As the core takes it: a fraction, a whole number, or ``default``. Raises ``UsageError`` with what to write."""
    text = text.strip().lower().replace(",", ".")
    if text == CLEAR:
        return CLEAR
    return _spacing(text) if knob is Knob.SPACING else _levels(text)


def _spacing(text: str) -> str:
    number = _number(text.removesuffix("%").strip())
    if number is None or number <= 0:
        raise UsageError(f"{text!r} is no spacing; write 0.25% or {CLEAR}")
    if not text.endswith("%") and number > LARGEST_BARE:
        raise UsageError(f"{text} without a sign would be {number * 100:f} %; write {text}% for percent")
    fraction = number / 100 if text.endswith("%") else number
    if fraction >= 1:
        raise UsageError(f"{text} is more than any grid; write a spacing such as 0.25%")
    return f"{fraction:f}"


def _levels(text: str) -> str:
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_LEVELS:
        return str(int(text))
    raise UsageError(f"{text!r} is no number of levels; write 1 to {MOST_LEVELS} (a side), or {CLEAR}")


def _number(text: str) -> Decimal | None:
    try:
        return parse_decimal(text)
    except InexactNumberError:
        return None


def stepped(knob: Knob, text: str, present: Decimal, up: bool) -> str:
    """The next value up or down from what is typed, else from what holds: percent for a spacing, levels a side."""
    try:
        typed = value_of(knob, text)
        base = present if typed == CLEAR else Decimal(typed) * (100 if knob is Knob.SPACING else 1)
    except UsageError:
        base = present
    if knob is Knob.LEVELS:
        return str(min(max(int(base) + (1 if up else -1), 1), MOST_LEVELS))
    if up:
        found = next((step for step in _LADDER if step > base), _LADDER[-1])
    else:
        found = next((step for step in reversed(_LADDER) if step < base), _LADDER[0])
    return f"{found.normalize():f}%"
