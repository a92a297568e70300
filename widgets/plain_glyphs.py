"""A terminal without Unicode: every glyph that is drawn has an ASCII stand-in of one cell, swapped at one place.

The place is Textual's line filter, which sees each line of every widget on its way out: panels, dialogs, plots, scrollbars.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SWAPS = {
    "✓": "o", "▲": "!", "✖": "X", "●": "*", "■": "#", "▶": ">", "▼": "v", "◄": "<", "◀": "<", "►": ">",
    "…": "~", "·": "-", "—": "-", "–": "-", "−": "-", "×": "x", "÷": "/", "±": "+", "≥": ">", "≤": "<", "°": "o",
    "─": "-", "━": "=", "═": "#", "│": "|", "┃": "|", "║": "|", "┆": "|", "┊": "|", "╌": "-", "┄": "-",
    "█": "#", "▓": "#", "▒": "+", "░": ".", "▌": "|", "▐": "|", "▏": "|", "▎": "|", "▍": "|", "▋": "|", "▊": "#", "▉": "#",
    "▕": "|", "▔": "-", "▀": "#", "▄": "=", "▁": "_", "▂": ".", "▃": ":", "▅": "+", "▆": "*", "▇": "%",
    "←": "<", "→": ">", "↑": "^", "↓": "v", "↵": "<", "∞": "8", "µ": "u", "σ": "s", "Δ": "d", "‖": "|",
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\u00a0": " ",
}  # fmt: skip
_CORNERS = "┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬╭╮╰╯╞╡╪"
_TABLE = str.maketrans({**_SWAPS, **dict.fromkeys(_CORNERS, "+")})
_BRAILLE = range(0x2800, 0x2900)
"""Plots are drawn with them: the more dots, the more ink."""


def to_ascii(text: str) -> str:
    """As many characters as before, each printable ASCII or what it was below 0x80; ``?`` for what has no stand-in."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _dots(c) for c in text.translate(_TABLE))


def _dots(character: str) -> str:
    if ord(character) not in _BRAILLE:
        return "?"
    return " .:*"[min((ord(character) - _BRAILLE.start).bit_count() + 1, 6) // 2]


class AsciiFilter(LineFilter):
    """Nothing above 0x7f leaves the application."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
