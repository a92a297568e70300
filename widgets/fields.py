"""The grammar of a panel: a title with its age, then rows of label, glyph, value and note in aligned columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from core.view import Severity
from widgets import formats
from widgets.ink import Ink, Line, Span, clean, dimmed, fit, line, shorten
from widgets.look import AGED_S, STALE_S

_LABEL_WIDTH = 9
_LEAD = 1 + _LABEL_WIDTH + 3
_NOTE_WIDTH = 12
_SHORT_VALUE_WIDTH = 15
_MAX_WIDTH = 46
"""Wider panels keep their columns: an eye can't follow a row across a gap."""

_GLYPHS = {Severity.INFO: "✓", Severity.WARN: "▲", Severity.CRIT: "✖"}
_RULES = {Severity.INFO: "─", Severity.WARN: "━", Severity.CRIT: "═"}
SEVERITY_INKS = {Severity.INFO: Ink.OK, Severity.WARN: Ink.WARN, Severity.CRIT: Ink.CRIT}


@dataclass(frozen=True, slots=True)
class Field:
    """One row. ``severity`` is ``None`` for what has no limit to break.

    ``notes`` are wordings of the same thing, longest first: the first that fits is shown, whole or not at all.
    """

    label: str
    value: str
    notes: tuple[str, ...] = ()
    severity: Severity | None = None
    is_pair: bool = False
    """The note is a value in its own right."""
    is_prose: bool = False
    """Left-aligned and cut at the edge, where a number is right-aligned and never cut for its note."""


def worst(severities: tuple[Severity | None, ...]) -> Severity:
    known = [severity for severity in severities if severity is not None]
    return max(known, key=lambda severity: severity.rank, default=Severity.INFO)


def graded(value: float, warn: float, crit: float) -> Severity:
    """By thresholds that count as reached."""
    if value >= crit:
        return Severity.CRIT
    return Severity.WARN if value >= warn else Severity.INFO


def glyph(severity: Severity) -> str:
    return _GLYPHS[severity]


class Age(NamedTuple):
    """Of something with a clock of its own."""

    name: str
    seconds: float


def title_line(
    title: str, severity: Severity, age_s: float, width: int, others: tuple[Age, ...] = ()
) -> Line:
    """``─1 Position & PnL · 3.1s────``; the rule grows heavier with the severity."""
    rule = _RULES[severity]
    ink = Ink.RULE if severity is Severity.INFO else SEVERITY_INKS[severity]
    age = f" · {formats.age(age_s)}" if age_s > AGED_S else ""
    stale = " STALE" if age_s >= STALE_S else ""
    made = line((rule, ink), (title, Ink.STRONG), (age, Ink.WARN), (stale, Ink.CRIT))
    for other in others:
        told = f" · {other.name} {formats.age(other.seconds)}"
        made = (*made, *line((told, Ink.WARN), (" STALE" if other.seconds >= STALE_S else "", Ink.CRIT)))
    return fit(made, width, rule, ink)


def field_line(field: Field, width: int) -> Line:
    width = min(width, _MAX_WIDTH)
    room = max(width - _LEAD - 1, 0)
    mark, ink = "", Ink.TEXT
    if field.severity is not None:
        mark = _GLYPHS[field.severity]
        if field.severity is not Severity.INFO:
            ink = SEVERITY_INKS[field.severity]
    lead = (
        Span(f" {clean(field.label):<{_LABEL_WIDTH}} ", Ink.LABEL),
        Span(f"{mark:<1} ", SEVERITY_INKS.get(field.severity or Severity.INFO, Ink.OK)),
    )
    value = clean(field.value)
    if field.is_prose:
        return (*lead, Span(shorten(value, room), ink))
    note_width = min(_NOTE_WIDTH, max(room - 1 - _SHORT_VALUE_WIDTH, 0))
    note = _note(field.notes, note_width, room - 1 - len(value))
    value_width = max(room - 1 - note_width, 0)
    if note:
        value_width = max(min(value_width, room - len(note) - 1), len(value))
    shown = f"{shorten(value, room):>{value_width}}"
    return (
        *lead,
        Span(shown, ink),
        Span(f"{note:>{room - len(shown)}}", Ink.TEXT if field.is_pair else Ink.LABEL),
    )


def _note(notes: tuple[str, ...], column: int, room: int) -> str:
    """The longest wording that keeps the columns; else the longest for which the value can make room."""
    texts = [clean(text) for text in notes]
    fitting = [text for text in texts if len(text) <= min(column, room)] or [
        text for text in texts if len(text) <= room
    ]
    return fitting[0] if fitting else ""


def panel_lines(
    title: str, fields: list[Field], age_s: float, width: int, height: int, others: tuple[Age, ...] = ()
) -> list[Line]:
    """A whole panel. Without room for all fields the last ones go, but none that warns before one that doesn't."""
    severity = worst(tuple(field.severity for field in fields))
    rows = [field_line(field, width) for field in _most_telling(fields, height - 1)]
    if age_s >= STALE_S:
        rows = [dimmed(row) for row in rows]
    return [title_line(title, severity, age_s, width, others), *rows]


def _most_telling(fields: list[Field], room: int) -> list[Field]:
    """The first, then the gravest, then the earliest, in their own order: a stop that doesn't rest is seen on 80x24 too."""
    if len(fields) <= room:
        return fields
    ranks = [(field.severity or Severity.INFO).rank for field in fields]
    order = sorted(range(len(fields)), key=lambda n: (n > 0, -ranks[n], n))
    kept = set(order[: max(room, 0)])
    return [field for n, field in enumerate(fields) if n in kept]
