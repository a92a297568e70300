"""The preview as lines: what is to be known of a grid, and its levels as a table."""

from __future__ import annotations

from core.preview_view import PreviewFact, PreviewLevel, PreviewView
from core.view import Severity
from widgets import formats
from widgets.box_rows import paragraph
from widgets.fields import SEVERITY_INKS, glyph, title_line
from widgets.ink import Ink, Line, line

TOPIC_WIDTH = 12
"""Beside a topic the sentence begins here; where there is no room for both, below it."""
_LEAST_BESIDE = 52

_INKS = {"buy": Ink.BUY, "sell": Ink.SELL}


def fact_lines(view: PreviewView | None, width: int) -> list[Line]:
    """Every sentence under its topic, whole."""
    if view is None:
        return paragraph("Asking the exchange …", width, Ink.LABEL)
    if view.refusal:
        return paragraph(f"{glyph(Severity.CRIT)} {view.refusal}", width, Ink.CRIT)
    rows = paragraph(view.head, width, Ink.STRONG)
    for fact in view.facts:
        rows += _fact(fact, width)
    return rows


def _fact(fact: PreviewFact, width: int) -> list[Line]:
    bad = fact.severity is not Severity.INFO
    ink = SEVERITY_INKS[fact.severity] if bad else Ink.TEXT
    text = f"{glyph(fact.severity)} {fact.sentence}" if bad else fact.sentence
    if width < _LEAST_BESIDE:
        return [line((fact.topic, Ink.LABEL)), *paragraph(text, width, ink)]
    told = paragraph(text, width - TOPIC_WIDTH - 1, ink)
    topics = [fact.topic, *[""] * (len(told) - 1)]
    return [
        (*line((f"{topic:<{TOPIC_WIDTH}} ", Ink.LABEL)), *row)
        for topic, row in zip(topics, told, strict=True)
    ]


def level_lines(view: PreviewView | None, width: int) -> list[Line]:
    """Highest price first, a line between the two sides; one that is not quoted says which rule stops it."""
    if view is None or not view.levels:
        return []
    rows = [line((f"  {'price':>12} {'size':>11} {'USD':>11}", Ink.LABEL))]
    before = "sell"
    for level in view.levels:
        if level.side != before:
            rows.append(line(("─" * min(width, 40), Ink.RULE)))
            before = level.side
        rows.append(_level(level))
    return rows


def _level(level: PreviewLevel) -> Line:
    text = f" {level.price:>12} {level.size:>11} {formats.usd(level.notional_usd):>11}"
    letter = (level.side[:1].upper(), _INKS[level.side])
    if not level.stopped_by:
        return line(letter, text)
    return line(letter, (text, Ink.DIM), (f" {glyph(Severity.WARN)} {level.stopped_by}", Ink.WARN))


def preview_title(view: PreviewView | None, coin: str, now_ms: int, width: int) -> Line:
    """The age counts: the price moves on, and ``v`` looks again."""
    name = view.coin if view is not None else coin
    age_s = max(0, now_ms - view.time_ms) / 1000 if view is not None else 0.0
    age = f" · {formats.age(age_s)} old" if view is not None else ""
    return title_line(f"Preview {name}{age} · v again · esc back", Severity.INFO, 0.0, width)
