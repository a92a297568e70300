"""Styles as small numbers, and what to send to a terminal to get from one to another."""

from __future__ import annotations

from rich.color import ColorSystem
from rich.style import Style

_DECORATED = ("4", "7", "9", "21", "53")
"""Attributes that show on a blank, too: underline, reverse, strike, double underline, overline."""

_ATTRIBUTES = (
    ("bold", "1"),
    ("dim", "2"),
    ("italic", "3"),
    ("underline", "4"),
    ("blink", "5"),
    ("blink2", "6"),
    ("reverse", "7"),
    ("conceal", "8"),
    ("strike", "9"),
    ("underline2", "21"),
    ("frame", "51"),
    ("encircle", "52"),
    ("overline", "53"),
)


class Palette:
    """Styles as small numbers, and what to send to get from one to another. 0 is the terminal's own style."""

    def __init__(self, system: ColorSystem) -> None:
        self._system = system
        self._numbers: dict[Style, int] = {}
        self._codes: list[tuple[frozenset[str], str, str]] = [(frozenset(), "", "")]
        self._changes: dict[tuple[int, int], str] = {}
        self._blanks: list[int] = [0]
        self._grounds: dict[str, int] = {"": 0}

    def __len__(self) -> int:
        return len(self._codes)

    def number(self, style: Style | None) -> int:
        if style is None:
            return 0
        found = self._numbers.get(style)
        if found is None:
            found = self._numbers[style] = self._add(style)
        return found

    def blank(self, number: int) -> int:
        """Equal for two styles in which a blank looks the same."""
        return self._blanks[number]

    def change(self, old: int, new: int) -> str:
        """The sequence after which the terminal writes in ``new``, coming from ``old``."""
        key = old, new
        if key not in self._changes:
            self._changes[key] = self._change(old, new)
        return self._changes[key]

    def _add(self, style: Style) -> int:
        attributes = frozenset(code for name, code in _ATTRIBUTES if getattr(style, name))
        front = self._color(style, is_front=True)
        back = self._color(style, is_front=False)
        number = len(self._codes)
        self._codes.append((attributes, front, back))
        is_plain = attributes.isdisjoint(_DECORATED)
        self._blanks.append(self._grounds.setdefault(back, number) if is_plain else number)
        return number

    def _color(self, style: Style, *, is_front: bool) -> str:
        color = style.color if is_front else style.bgcolor
        if color is None or color.is_default:
            return ""
        return ";".join(color.downgrade(self._system).get_ansi_codes(foreground=is_front))

    def _change(self, old: int, new: int) -> str:
        before, front, back = self._codes[old]
        after, new_front, new_back = self._codes[new]
        codes: list[str] = []
        if not before <= after:
            codes.append("0")
            before, front, back = frozenset(), "", ""
        codes += sorted(after - before)
        if new_front != front:
            codes.append(new_front or "39")
        if new_back != back:
            codes.append(new_back or "49")
        return f"\x1b[{';'.join(codes)}m" if codes else ""
