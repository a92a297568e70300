"""What is sent to the terminal: of a frame that was composed, only the cells that differ from what is on the screen.

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

from gridbot_tui.cell_styles import Palette

_STYLES_KEPT = 4_096
"""A console has some dozens; beyond this all is forgotten and drawn anew."""
_LETTERS_KEPT = 4_096
_BRIDGE = 3
"""So many unchanged cells are cheaper sent again than jumped over."""

Pieces = Sequence[tuple[str, Style | None]]
"""Text of one style each."""

_Cells = tuple[str, str]
"""Letters, and as many characters whose code points are the numbers of their styles: strings are compared by the row."""


class CellPainter:
    """Remembers what the terminal shows, and turns Textual's updates into the least that brings it up to date."""

    def __init__(self) -> None:
        self.palette: Palette | None = None
        self.rows: list[_Cells] = []
        """What the terminal shows; nothing known of a row, or none of it: no letters."""
        self.size = Size(0, 0)
        self.version = 0
        """Another one after each change of what is known."""
        self._scene: object = None

    def forget(self) -> None:
        """The terminal may show anything: the next update draws what it covers whole."""
        self.rows = []
        self.version += 1

    def knows(self, size: Size, scene: object) -> bool:
        """Whether it is this that the terminal shows, cell by cell."""
        return bool(self.rows) and size == self.size and scene is self._scene

    def update(self, composed: CompositorUpdate, size: Size, scene: object) -> CompositorUpdate:
        """The same update, cheaper. Another ``scene`` or size is drawn whole, which mends a screen that others wrote on."""
        if isinstance(composed, Frame):
            return composed
        if not isinstance(composed, ChopsUpdate | LayoutUpdate):
            self.forget()
            return composed
        if isinstance(composed, LayoutUpdate) and (size != self.size or scene is not self._scene):
            self.forget()
        self.size, self._scene = size, scene
        return _CellUpdate(self, composed)

    def sequence(self, composed: CompositorUpdate, console: Console) -> str:
        """What to send for an update."""
        if self.palette is None or len(self.palette) > _STYLES_KEPT:
            self.palette = Palette(console._color_system or ColorSystem.TRUECOLOR)
            self.forget()
        if len(self.rows) != self.size.height:
            self.rows = [("", "")] * self.size.height
        frame = Frame(self)
        if isinstance(composed, LayoutUpdate):
            for y, strips in enumerate(composed.strips, composed.region.y):
                segments = [segment for strip in strips if strip is not None for segment in strip]
                frame.span(y, composed.region.x, _pieces(segments))
        elif isinstance(composed, ChopsUpdate):
            for y, left, right in composed.spans:
                for (x, strip), end in zip(composed.chops[y].items(), composed.chop_ends[y], strict=True):
                    start, stop = max(x, left), min(end, right)
                    if strip is not None and start < stop:
                        frame.span(y, start, within(_pieces(strip), start - x, stop - x))
        return frame.render_segments(console)


class _CellUpdate(CompositorUpdate):
    """Worked out when it is sent, and only then: one that is never sent must not count as shown."""

    def __init__(self, painter: CellPainter, composed: CompositorUpdate) -> None:
        self._painter, self._composed = painter, composed

    def render_segments(self, console: Console) -> str:
        return self._painter.sequence(self._composed, console)


class Frame(CompositorUpdate):
    """Rows worked out one by one against what the terminal shows, of which nothing is known to be there before it is sent."""

    def __init__(self, painter: CellPainter) -> None:
        assert painter.palette is not None
        self._painter, self._palette, self._version = painter, painter.palette, painter.version
        self._rows: dict[int, _Cells] = {}
        self._out: list[str] = []
        self._pen = 0
        self._at: tuple[int, int] | None = None

    @property
    def is_current(self) -> bool:
        """Nothing else was sent since it was begun."""
        return self._version == self._painter.version

    def render_segments(self, console: Console) -> str:
        """What to send, which is then what the terminal shows."""
        assert self.is_current
        self._turn_to(0)
        for y, row in self._rows.items():
            self._painter.rows[y] = row
        self._painter.version += 1
        return "".join(self._out)

    def span(self, y: int, x: int, pieces: Pieces) -> None:
        """Bring one stretch of one row up to date."""
        if not 0 <= y < len(self._painter.rows):
            return
        number = self._palette.number
        text = "".join([piece for piece, _ in pieces])
        looks = "".join([chr(number(style)) * len(piece) for piece, style in pieces])
        row, styles = self._rows.get(y) or self._painter.rows[y]
        end = x + len(text)
        was, were = row[x:end], styles[x:end]
        if len(row) < end or not _is_simple(text):
            self._whole(y, x, text, looks, pieces)
        elif was != text or were != looks:
            self._differing(y, x, (text, looks), (was, were))
            self._rows[y] = row[:x] + text + row[end:], styles[:x] + looks + styles[end:]

    def _whole(self, y: int, x: int, text: str, looks: str, pieces: Pieces) -> None:
        """Without a comparison: nothing is known of what is there, or a character isn't one cell."""
        self._move_to(x, y)
        for piece, style in pieces:
            self._turn_to(self._palette.number(style))
            self._out.append(piece)
        is_known = x == 0 and len(text) == self._painter.size.width and _is_simple(text)
        self._at = None
        self._rows[y] = (text, looks) if is_known else ("", "")

    def _differing(self, y: int, x: int, new: _Cells, old: _Cells) -> None:
        """The runs of cells that differ, each at once as far as it is of one style."""
        (text, looks), (was, were) = new, old
        columns = [n for n, (now, before) in enumerate(zip(text, was, strict=True)) if now != before]
        if looks != were:
            also = [n for n, (now, before) in enumerate(zip(looks, were, strict=True)) if now != before]
            columns = sorted({*columns, *(n for n in also if not self._is_same_blank(n, new, old))})
        at = 0
        while at < len(columns):
            start = stop = columns[at]
            look = looks[start]
            while at < len(columns) and columns[at] == stop and looks[stop] == look:
                at += 1
                stop += 1
            self._reach(x + start, y, x, new)
            self._letters(text[start:stop], ord(look))

    def _is_same_blank(self, n: int, new: _Cells, old: _Cells) -> bool:
        blank = self._palette.blank
        return new[0][n] == " " == old[0][n] and blank(ord(new[1][n])) == blank(ord(old[1][n]))

    def _reach(self, column: int, y: int, x: int, row: _Cells) -> None:
        """Bring the cursor there: over few cells by writing them again, over more by a jump."""
        at = self._at
        if at is not None and at[1] == y and x <= at[0] < column <= at[0] + _BRIDGE:
            text, looks = (each[at[0] - x : column - x] for each in row)
            if looks == chr(self._pen) * len(looks) and text.isascii():
                self._letters(text, self._pen)
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

    def _letters(self, text: str, look: int) -> None:
        if text.strip(" ") or self._palette.blank(self._pen) != self._palette.blank(look):
            self._turn_to(look)
        self._out.append(text)
        if self._at is not None:
            x, y = self._at
            self._at = (x + len(text), y) if x + len(text) < self._painter.size.width else None

    def _turn_to(self, look: int) -> None:
        if look != self._pen:
            self._out.append(self._palette.change(self._pen, look))
            self._pen = look


def _pieces(segments: Iterable[Segment]) -> Pieces:
    return [(text, style) for text, style, control in segments if text and not control]


def within(pieces: Pieces, start: int, stop: int) -> Pieces:
    """The columns of a row's stretch from ``start`` up to ``stop``; whole if a character isn't one cell."""
    kept: list[tuple[str, Style | None]] = []
    at = 0
    for text, style in pieces:
        end = at + len(text)
        if end > start and at < stop:
            kept.append((text[max(start - at, 0) : stop - at], style))
        at = end
    return kept


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
