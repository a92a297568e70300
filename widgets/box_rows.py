"""Boxes over the dashboard: a dialog with a heavy border, and the toasts that answer a key."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from widgets.fields import SEVERITY_INKS, glyph
from widgets.ink import Ink, Line, Span, clean, fit, line, shorten, width_of
from widgets.look import Toast

TOAST_ROWS = 2
"""A longer toast is cut: the event log has the whole sentence."""


def paragraph(text: str, width: int, ink: Ink = Ink.TEXT, indent: str = "") -> list[Line]:
    wrapped = textwrap.wrap(clean(text), max(width, 8), subsequent_indent=indent) or [""]
    return [line((row, ink)) for row in wrapped]


def boxed(title: str, body: Iterable[Line], foot: Line, width: int, ink: Ink) -> list[Line]:
    """``┏━ ✖ FLATTEN ━━┓`` … ``┗━ enter flatten ━━┛``, every row exactly ``width`` wide."""
    inner = max(width - 4, 0)
    rows = [_edge("┏", (Span(f" {shorten(clean(title), inner - 2)} ", ink),), "┓", width, ink)]
    for each in body:
        rows.append((Span("┃ ", ink), *fit(each, inner), Span(" ┃", ink)))
    padded: Line = (Span(" "), *foot, Span(" ")) if foot else ()
    rows.append(_edge("┗", fit(padded, min(width_of(padded), max(width - 3, 0))), "┛", width, ink))
    return rows


def _edge(left: str, text: Line, right: str, width: int, ink: Ink) -> Line:
    rule = max(width - 3 - width_of(text), 0)
    return (Span(f"{left}━", ink), *text, Span("━" * rule + right, ink))


def toast_lines(toasts: tuple[Toast, ...], width: int) -> list[Line]:
    """Newest last; the edge and the glyph say how it went."""
    rows: list[Line] = []
    for toast in toasts:
        ink = SEVERITY_INKS[toast.severity]
        wrapped = textwrap.wrap(clean(toast.text), max(width - 5, 8))
        if len(wrapped) > TOAST_ROWS:
            wrapped = [
                *wrapped[: TOAST_ROWS - 1],
                shorten(" ".join(wrapped[TOAST_ROWS - 1 :]), max(width - 5, 8)),
            ]
        for at, text in enumerate(wrapped):
            mark = glyph(toast.severity) if at == 0 else " "
            rows.append(line(("▌", ink), (f" {mark} ", ink), (text, Ink.STRONG)))
    return rows
