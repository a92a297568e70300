"""What is sent to the terminal: of a frame that Textual composed, only the cells that differ from what is on the screen.

Textual's own partial update sends each changed row from its widget's left edge on, each of its spans with all of its colours.
On a slow link that is most of what there is to send. Here the terminal's cells are remembered, and colours change only where
they change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

_STYLES_KEPT = 4_096
"""A console has some dozens; beyond this all is forgotten and drawn anew."""
_LETTERS_KEPT = 4_096
_BRIDGE = 3
"""So many unchanged cells are cheaper sent again than jumped over."""
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

Pieces = list[tuple[str, int]]
"""Text of one look each; the number names the look."""

PaintedRow = tuple[int, int, Strip]
"""Line and column of its first cell, and what stands from there on."""


class RowsUpdate(CompositorUpdate):
    """Rows that nobody composed: what they show stands before everything else there."""

    def __init__(self, rows: Sequence[PaintedRow]) -> None:
        self.rows = rows

    def render_segments(self, console: Console) -> str:
        raise NotImplementedError("it is sent through the painter")


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


class CellPainter:
    """Remembers what the terminal shows, and turns Textual's updates into the least that brings it up to date."""

    def __init__(self) -> None:
        self._palette: Palette | None = None
        self._size = Size(0, 0)
        self._scene: object = None
        self._texts: list[str] = []
        self._looks: list[list[int]] = []
        self._out: list[str] = []
        self._pen = 0
        self._at: tuple[int, int] | None = None

    def forget(self) -> None:
        """The terminal may show anything: the next update draws what it covers whole."""
        self._texts, self._looks = [], []

    def knows(self, size: Size, scene: object) -> bool:
        """Whether it is this that the terminal shows, cell by cell."""
        return bool(self._texts) and size == self._size and scene is self._scene

    def update(self, composed: CompositorUpdate, size: Size, scene: object) -> CompositorUpdate:
        """The same update, cheaper. Another ``scene`` or size is drawn whole, which mends a screen that others wrote on."""
        if not isinstance(composed, ChopsUpdate | LayoutUpdate | RowsUpdate):
            self.forget()
            return composed
        if isinstance(composed, LayoutUpdate) and (size != self._size or scene is not self._scene):
            self.forget()
        self._size, self._scene = size, scene
        return _CellUpdate(self, composed)

    def sequence(self, composed: CompositorUpdate, console: Console) -> str:
        """What to send for an update."""
        if self._palette is None or len(self._palette) > _STYLES_KEPT:
            self._palette = Palette(console._color_system or ColorSystem.TRUECOLOR)
            self.forget()
        if len(self._texts) != self._size.height:
            self._texts = [""] * self._size.height
            self._looks = [[] for _ in self._texts]
        self._out, self._pen, self._at = [], 0, None
        if isinstance(composed, LayoutUpdate):
            for y, strips in enumerate(composed.strips, composed.region.y):
                self._row(y, composed.region.x, strips)
        elif isinstance(composed, ChopsUpdate):
            self._chops(composed)
        elif isinstance(composed, RowsUpdate):
            for y, x, strip in composed.rows:
                self._span(y, x, self._pieces(strip))
        self._turn_to(0)
        return "".join(self._out)

    def _row(self, y: int, x: int, strips: Iterable[Strip | None]) -> None:
        segments = [segment for strip in strips if strip is not None for segment in strip]
        self._span(y, x, self._pieces(segments))

    def _chops(self, update: ChopsUpdate) -> None:
        for y, left, right in update.spans:
            for (x, strip), end in zip(update.chops[y].items(), update.chop_ends[y], strict=True):
                start, stop = max(x, left), min(end, right)
                if strip is not None and start < stop:
                    self._span(y, start, _within(self._pieces(strip), start - x, stop - x))

    def _pieces(self, segments: Iterable[Segment]) -> Pieces:
        assert self._palette is not None
        number = self._palette.number
        return [(text, number(style)) for text, style, control in segments if text and not control]

    def _span(self, y: int, x: int, pieces: Pieces) -> None:
        """Bring one stretch of one row up to date."""
        if not 0 <= y < len(self._texts):
            return
        text = "".join([piece for piece, _ in pieces])
        looks: list[int] = []
        for piece, look in pieces:
            looks += [look] * len(piece)
        row, styles = self._texts[y], self._looks[y]
        end = x + len(text)
        if not _is_simple(text) or len(row) < end:
            self._whole(y, x, text, looks, pieces)
        elif row[x:end] != text or styles[x:end] != looks:
            self._differing(y, x, text, looks, (row[x:end], styles[x:end]))
            self._texts[y] = row[:x] + text + row[end:]
            styles[x:end] = looks

    def _whole(self, y: int, x: int, text: str, looks: list[int], pieces: Pieces) -> None:
        """Without a comparison: nothing is known of what is there, or a character isn't one cell."""
        self._move_to(x, y)
        for piece, look in pieces:
            self._turn_to(look)
            self._out.append(piece)
        self._at = None
        is_known = x == 0 and len(text) == self._size.width and _is_simple(text)
        self._texts[y], self._looks[y] = (text, looks) if is_known else ("", [])

    def _differing(self, y: int, x: int, text: str, looks: list[int], old: tuple[str, Sequence[int]]) -> None:
        assert self._palette is not None
        blank = self._palette.blank
        was, were = old
        for n in range(_alike(text, looks, was, were), len(text)):
            letter, look = text[n], looks[n]
            if letter == was[n] and (look == were[n] or (letter == " " and blank(look) == blank(were[n]))):
                continue
            self._reach(x + n, y, x, text, looks)
            self._letter(letter, look)

    def _reach(self, column: int, y: int, x: int, text: str, looks: list[int]) -> None:
        """Bring the cursor there: over few cells by writing them again, over more by a jump."""
        at = self._at
        if at is not None and at[1] == y and x <= at[0] <= column:
            gap = range(at[0] - x, column - x)
            if len(gap) <= _BRIDGE and all(looks[n] == self._pen and text[n].isascii() for n in gap):
                for n in gap:
                    self._letter(text[n], looks[n])
                return
        self._move_to(column, y)

    def _move_to(self, x: int, y: int) -> None:
        at = self._at
        if at == (x, y):
            return
        if at is not None and at[1] == y and at[0] < x:
            steps = x - at[0]
            self._out.append(f"\x1b[{steps if steps > 1 else ''}C")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H")
        self._at = x, y

    def _letter(self, letter: str, look: int) -> None:
        assert self._palette is not None
        if letter != " " or self._palette.blank(self._pen) != self._palette.blank(look):
            self._turn_to(look)
        self._out.append(letter)
        if self._at is not None:
            x, y = self._at
            self._at = (x + 1, y) if x + 1 < self._size.width else None

    def _turn_to(self, look: int) -> None:
        assert self._palette is not None
        if look != self._pen:
            self._out.append(self._palette.change(self._pen, look))
            self._pen = look


class _CellUpdate(CompositorUpdate):
    """Worked out when it is sent, and only then: one that is never sent must not count as shown."""

    def __init__(self, painter: CellPainter, composed: CompositorUpdate) -> None:
        self._painter, self._composed = painter, composed

    def render_segments(self, console: Console) -> str:
        return self._painter.sequence(self._composed, console)


def _within(pieces: Pieces, start: int, stop: int) -> Pieces:
    """The columns of a row's stretch from ``start`` up to ``stop``; whole if a character isn't one cell."""
    kept: Pieces = []
    at = 0
    for text, look in pieces:
        end = at + len(text)
        if end > start and at < stop:
            kept.append((text[max(start - at, 0) : stop - at], look))
        at = end
    return kept


def _alike(text: str, looks: list[int], was: str, were: Sequence[int]) -> int:
    """How many cells at the start are the same, found by halves: comparing slices costs next to nothing."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text[low:middle] == was[low:middle] and looks[low:middle] == were[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


_SIMPLE: set[str] = set()


def _is_simple(text: str) -> bool:
    """Every character is one cell: so it is in all that panels draw, not in what an input or a plot may show."""
    if text.isascii():
        return True
    letters = set(text) - _SIMPLE
    simple = {letter for letter in letters if get_character_cell_size(letter) == 1}
    if len(_SIMPLE) < _LETTERS_KEPT:
        _SIMPLE.update(simple)
    return simple == letters
