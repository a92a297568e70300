"""The runbook as it stands now: what applies first and in full, each step with its key, its present value and its time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from core.view import CommandStatus, CommandView, Severity
from widgets import formats
from widgets.box_rows import paragraph
from widgets.fields import SEVERITY_INKS, glyph, title_line
from widgets.ink import Ink, Line, Span, clean, fit, justify, line, width_of
from widgets.look import Look
from widgets.runbook_conditions import CONDITIONS
from widgets.runbook_page import HaltMeaning, Procedure, Step
from widgets.runbook_values import VALUES, Reading

_KEY_AT, _TEXT_AT = 3, 11
_TEXT_WIDTH = 100
"""Longer rows of prose can't be read."""


class Row(NamedTuple):
    """A line, and where it belongs: the place of a reader who scrolled is kept while procedures change their order."""

    text: Line
    title: str
    number: int


def ordered(look: Look, page: Iterable[Procedure]) -> list[tuple[Procedure, Severity | None]]:
    """What applies now first, worst first; the rest as they are written."""
    found = [(each, CONDITIONS[each.when](look) if each.when else None) for each in page]
    return sorted(found, key=lambda each: -(each[1] or Severity.INFO).rank)


def runbook_rows(look: Look, page: Iterable[Procedure], width: int, explained: bool = False) -> list[Row]:
    """``explained``: with the sentences of what doesn't apply now, too."""
    rows: list[Row] = []
    for procedure, severity in ordered(look, page):
        made = _procedure_lines(look, procedure, severity, width, explained or severity is not None)
        rows += [Row(each, procedure.title, at) for at, each in enumerate(made)]
    return rows


def head_line(first: int, shown: int, count: int, width: int, explained: bool) -> Line:
    """``─8 Runbook  enter explains all───1-18 of 90─``."""
    left = line(
        ("─", Ink.RULE), ("8 Runbook", Ink.STRONG), ("  ", Ink.LABEL), ("enter", Ink.KEY),
        (" explains less" if explained else " explains all", Ink.LABEL),
    )  # fmt: skip
    part = f" {first + 1}-{first + shown} of {count}, up and down scroll " if shown < count else " "
    return justify(left, line((part, Ink.LABEL), ("─", Ink.RULE)), width, "─", Ink.RULE)


def _procedure_lines(
    look: Look, procedure: Procedure, severity: Severity | None, width: int, explained: bool
) -> list[Line]:
    reading = VALUES[procedure.value](look) if procedure.value else Reading("")
    title = title_line(f" {procedure.title.upper()} ", severity or Severity.INFO, 0.0, width)
    rows = _beside_or_under(title, reading, width, fill="─" if severity is None else title[-1].text[-1])
    prose = min(width - 2, _TEXT_WIDTH)
    rows += (
        [_indented(each, 1) for each in paragraph(procedure.text, prose, Ink.LABEL)]
        if procedure.text and explained
        else []
    )
    since_ms = min((alert.since_ms for alert in look.alerts), default=0) if severity is not None else 0
    for step in procedure.steps:
        rows += _step_lines(look, step, since_ms, width, explained)
    rows += _reason_lines(look, procedure.reasons, width, explained)
    return [*rows, ()]


def _beside_or_under(left: Line, reading: Reading, width: int, fill: str = " ") -> list[Line]:
    """The value at the right edge, or on rows of its own where the line has no room."""
    value = _value(reading)
    bare = _bare(left, fill)
    if width_of(bare) + width_of(value) + 3 <= width:
        ink = left[-1].ink if fill != " " and left else Ink.TEXT
        return [justify(bare, (Span(" "), *value, Span(" ")), width, fill, ink)]
    under = paragraph("".join(span.text for span in value), max(width - _TEXT_AT - 1, 8), value[0].ink)
    return [
        fit(bare, width, fill, left[-1].ink if left else Ink.TEXT),
        *(_indented(row, _TEXT_AT) for row in under),
    ]


def _bare(spans: Line, fill: str) -> Line:
    """Without the filling at its end."""
    if fill == " " or not spans or spans[-1].text.strip(fill):
        return spans
    return spans[:-1]


def _value(reading: Reading) -> Line:
    if not reading.text:
        return ()
    if reading.severity is None:
        return (Span(clean(reading.text)),)
    mark = glyph(reading.severity)
    ink = Ink.TEXT if reading.severity is Severity.INFO else SEVERITY_INKS[reading.severity]
    return (Span(f"{mark} {clean(reading.text)}", ink),)


def _step_lines(look: Look, step: Step, since_ms: int, width: int, explained: bool) -> list[Line]:
    lead = line(
        (f" {step.number} ", Ink.LABEL),
        (step.key, Ink.KEY),
        " " * (_TEXT_AT - _KEY_AT - len(step.key)),
        (step.title, Ink.STRONG),
    )
    reading = VALUES[step.value](look) if step.value else Reading("")
    rows = _beside_or_under(lead, reading, width) if reading.text else [lead]
    room = max(min(width - _TEXT_AT - 1, _TEXT_WIDTH), 8)
    under = paragraph(step.text, room, Ink.LABEL) if step.text and explained else []
    under += _done(look, step, since_ms, room)
    refusal = next((hint.refusal for hint in look.hints if step.key and hint.key == step.key), "")
    if refusal and explained:
        under += paragraph(f"refused now: {refusal}", room, Ink.DIM)
    return [*rows, *(_indented(row, _TEXT_AT) for row in under)]


def _done(look: Look, step: Step, since_ms: int, width: int) -> list[Line]:
    """When it was last done, and what came of it; a tick only if that was since the trouble began."""
    command = last_command(look, step.done)
    if command is None:
        return []
    at = formats.utc_clock(command.time_ms)
    if command.status is CommandStatus.RUNNING:
        return paragraph(f"… {at} running: {command.text}", width, Ink.WARN)
    if command.status is not CommandStatus.DONE:
        return paragraph(f"▲ {at} {command.status}: {command.text}", width, Ink.WARN)
    if command.time_ms < since_ms:
        return paragraph(f"before, {at}: {command.text}", width, Ink.LABEL)
    return paragraph(f"✓ {at} {command.text}", width, Ink.OK)


def last_command(look: Look, action: str) -> CommandView | None:
    commands = look.snapshot.commands if look.snapshot is not None else ()
    return next((each for each in reversed(commands) if action and each.action == action), None)


def _reason_lines(look: Look, reasons: tuple[HaltMeaning, ...], width: int, explained: bool) -> list[Line]:
    """What each halt means; the one that holds now stands first."""
    if not reasons or not explained:
        return []
    now = meaning_of(look.halt_reason, reasons) if look.halt_reason else None
    rows = []
    for each in sorted(reasons, key=lambda reason: reason is not now):
        mark, ink = ("▶", Ink.WARN) if each is now else (" ", Ink.STRONG)
        words = each.words or "anything else"
        room = max(min(width - 5, _TEXT_WIDTH), 8)
        rows.append(line((f" {mark} ", ink), (words, ink)))
        rows += [_indented(row, 4) for row in paragraph(f"{each.meaning}: {each.way}", room, Ink.LABEL)]
    return rows


def meaning_of(reason: str, reasons: Iterable[HaltMeaning]) -> HaltMeaning | None:
    """The row of a halt's reason; of two that fit, the one that says more."""
    fitting = [
        each
        for each in reasons
        if reason.startswith(each.words)
        and (not each.words or reason[len(each.words) :][:1] in ("", ":", " "))
    ]
    return max(fitting, key=lambda each: len(each.words), default=None)


def _indented(spans: Line, by: int) -> Line:
    return (Span(" " * by), *spans)
