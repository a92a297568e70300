"""Lines of styled text, before any terminal: what the pure half of each widget makes and the Line API draws.

A span's ink is a name; ``gridbot.tcss`` gives it a colour. Every character is one cell wide, so that columns are
counted in characters: ``clean`` sees to that, and to text from outside never moving the cursor.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len


class Ink(StrEnum):
    TEXT = "text"
    LABEL = "label"
    DIM = "dim"
    STRONG = "strong"
    RULE = "rule"
    BUY = "buy"
    SELL = "sell"
    OK = "ok"
    WARN = "warn"
    CRIT = "crit"
    ALARM = "alarm"
    MID = "mid"
    KEY = "key"
    BADGE_PAPER = "badge-paper"
    BADGE_TESTNET = "badge-testnet"
    BADGE_LIVE = "badge-live"


class Span(NamedTuple):
    text: str
    ink: Ink = Ink.TEXT


Line = tuple[Span, ...]


def clean(text: str) -> str:
    """Text from outside, made safe to draw: blanks for line breaks, ``?`` for what isn't one visible cell."""
    return text if text.isascii() and text.isprintable() else _cleaned(text)


@lru_cache(maxsize=256)
def _cleaned(text: str) -> str:
    return "".join([_one_cell(character) for character in text])


@lru_cache(maxsize=2_048)
def _one_cell(character: str) -> str:
    if character in "\n\r\t":
        return " "
    if unicodedata.category(character)[0] == "C" or cell_len(character) != 1:
        return "?"
    return character


def line(*spans: Span | tuple[str, Ink] | str) -> Line:
    """Spans, pairs or plain text as one line, cleaned, without empty spans."""
    made: list[Span] = []
    for span in spans:
        text, ink = (span, Ink.TEXT) if isinstance(span, str) else span
        if text:
            made.append(Span(clean(text), ink))
    return tuple(made)


def width_of(spans: Line) -> int:
    return sum([len(text) for text, _ in spans])


def plain(spans: Line) -> str:
    return "".join(span.text for span in spans)


def shorten(text: str, width: int) -> str:
    """The text, its end replaced by ``…`` where it doesn't fit."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 0 else ""


def fit(spans: Line, width: int, fill: str = " ", ink: Ink = Ink.TEXT) -> Line:
    """Exactly ``width`` cells: cut with ``…``, or filled up on the right."""
    missing = width - width_of(spans)
    if missing == 0:
        return spans
    if missing > 0:
        return (*spans, Span(fill * missing, ink))
    kept: list[Span] = []
    room = width
    for span in spans:
        if len(span.text) >= room:
            kept.append(Span(shorten(span.text + " ", room), span.ink))
            break
        kept.append(span)
        room -= len(span.text)
    return tuple(kept) if width > 0 else ()


def cut(spans: Line, width: int) -> Line:
    """The first ``width`` cells, without a sign that more was there."""
    kept: list[Span] = []
    for span in spans:
        kept.append(Span(span.text[:width], span.ink))
        width = max(width - len(span.text), 0)
    return tuple(span for span in kept if span.text)


def justify(left: Line, right: Line, width: int, fill: str = " ", ink: Ink = Ink.TEXT) -> Line:
    """``left`` at the left edge and ``right`` at the right one; without room for both, ``left`` alone."""
    gap = width - width_of(left) - width_of(right)
    if gap < 1 or not right:
        return fit(left, width, fill, ink)
    return (*left, Span(fill * gap, ink), *right)


def dimmed(spans: Line) -> Line:
    """The same text in the ink of what can't be trusted any more."""
    return tuple(Span(span.text, Ink.DIM) for span in spans)


def changed_columns(old: Line, new: Line) -> tuple[int, int] | None:
    """The half-open range of columns in which two lines differ, ``None`` if they look alike."""
    if old == new:
        return None
    first = _alike(old, new)
    start = width_of(old[:first])
    old_spans, new_spans = old[first:], new[first:]
    if width_of(old_spans) == width_of(new_spans):
        behind = _alike(old_spans[::-1], new_spans[::-1])
        old_spans, new_spans = old_spans[: len(old_spans) - behind], new_spans[: len(new_spans) - behind]
    before, after = _cells(old_spans), _cells(new_spans)
    shared = min(len(before), len(after))
    same = next((at for at in range(shared) if before[at] != after[at]), shared)
    end = max(len(before), len(after))
    if len(before) == len(after):
        if same == end:
            return None
        while before[end - 1] == after[end - 1]:
            end -= 1
    return start + same, start + end


def _alike(some: Line, others: Line) -> int:
    """How many spans at the start are the same."""
    shared = min(len(some), len(others))
    return next((at for at in range(shared) if some[at] != others[at]), shared)


def _cells(spans: Line) -> list[tuple[str, Ink]]:
    return [(character, span.ink) for span in spans for character in span.text]


def wrapped(spans: Line, width: int, indent: int = 0) -> list[Line]:
    """Rows of at most ``width`` cells, broken at blanks where there are any; each word keeps its ink. All but the first begin
    with ``indent`` blanks.
    """
    rows: list[list[tuple[str, Ink]]] = [[]]
    for cell in _cells(spans):
        row = rows[-1]
        if len(row) < width:
            row.append(cell)
            continue
        begun = (
            indent if len(rows) > 1 else max(indent - 1, 0)
        )  # a blank before: what follows it would be too wide
        at = next((at for at in range(len(row) - 1, begun, -1) if row[at][0] == " "), 0)
        blanks = [(" ", cell[1])] * indent
        if cell[0] == " " or not at:
            rows.append(blanks if cell[0] == " " else [*blanks, cell])
        else:
            rows[-1], rest = row[:at], row[at + 1 :]
            rows.append([*blanks, *rest, cell])
    return [
        tuple(Span("".join(c for c, _ in run), ink) for ink, run in groupby(row, key=lambda c: c[1]))
        for number, row in enumerate(rows)
        if len(row) > (indent if number else 0)
    ]
