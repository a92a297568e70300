"""The one way that the dashboard draws: lines by the Line API, of which only the columns that changed are repainted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.segment import Segment
from rich.style import Style
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from widgets.ink import Ink, Line, Span, changed_columns, fit, plain
from widgets.look import Look
from widgets.plain_glyphs import AsciiFilter, to_ascii

Row = list[tuple[str, Style | None]]
"""Text of one style each."""


class LinePanel(Widget):
    """A widget of whole lines. A subclass says what they are; this one diffs, styles and draws them."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._look: Look | None = None
        self._drawn: list[Line] = []
        self._drawn_for = Size(0, 0)
        self._inks: dict[Ink, Style] = {}
        self._strips: dict[int, Strip] = {}
        """The rows as they were last drawn, until they change."""
        self._filters: list[LineFilter] = []
        self._is_ascii = False
        self._sent: dict[Ink, Style | None] = {}
        """Styles as the filters leave them."""
        self._quiet: list[Region] | None = None
        self.repainted_cells = 0
        """How many cells were asked to be repainted, over the widget's life."""

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        """At most ``height`` lines; a longer line is cut, a shorter one filled up."""
        raise NotImplementedError

    def show(self, look: Look) -> None:
        """Draw ``look``, repainting what differs from what is on the screen."""
        self._look = look
        self._redraw()

    def show_quietly(self, look: Look) -> list[Region]:
        """The same for somebody who paints himself: what he has to. A new size, place or style is Textual's to paint."""
        changes: list[Region] = []
        self._quiet = changes
        try:
            self.show(look)
        finally:
            self._quiet = None
        return changes

    @property
    def look(self) -> Look | None:
        """What was last drawn."""
        return self._look

    @property
    def text(self) -> str:
        """What is on the screen, without its colours."""
        return "\n".join(plain(each).rstrip() for each in self._drawn)

    def _redraw(self) -> None:
        size = self.size
        if self._look is None or not size:
            return
        if self._fill(size):
            self.refresh()
            return
        made = self._made(self._look, size)
        changes = [
            Region(span[0], y, span[1] - span[0], 1)
            for y, (old, new) in enumerate(zip(self._drawn, made, strict=True))
            if old is not new and (span := changed_columns(old, new)) is not None
        ]
        self._drawn = made
        if changes:
            for region in changes:
                self._strips.pop(region.y, None)
            self.repainted_cells += sum(region.area for region in changes)
            if self._quiet is not None:
                self._quiet += changes
            else:
                self.refresh(*changes)

    def _made(self, look: Look, size: Size) -> list[Line]:
        width, height = size
        made = [fit(each, width) for each in self.lines(look, width, height)[:height]]
        return made + [fit((), width)] * (height - len(made))

    def _fill(self, size: Size) -> bool:
        """Make the lines for a size that they were not made for yet; whether they were made now."""
        if self._look is None or not size or self._drawn_for == size:
            return False
        self._drawn_for = size
        self._drawn = self._made(self._look, size)
        self._strips.clear()
        self.repainted_cells += size.area
        return True

    def on_resize(self) -> None:
        self._redraw()

    def notify_style_update(self) -> None:
        inks, self._inks = self._inks, {}
        super().notify_style_update()
        if any(self.style_of(ink) != style for ink, style in inks.items()):
            self._forget_strips()
            self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows that didn't change as they are. Textual's own way looks at borders, padding and styles for each row again."""
        self._fill(self.size)  # laid out a moment ago: its picture does not wait for the news of its size
        if self.size != self.outer_size:
            return super().render_lines(crop)
        strips = [self.strip(y) for y in crop.line_range]
        if crop.column_span != (0, self.size.width):
            left, right = crop.column_span
            strips = [strip.crop(left, right) for strip in strips]
        return strips

    def strip(self, y: int) -> Strip:
        """One row as it is sent."""
        self._see_filters()
        strip = self._strips.get(y)
        if strip is None:
            row = self.row(y)
            made = Strip([Segment(*piece) for piece in row], sum(len(text) for text, _ in row))
            strip = self._strips[y] = made
        return strip

    def sent_rows(self, rows: Iterable[int]) -> Iterator[tuple[int, Row]]:
        """Of these its own, as they are sent."""
        self._see_filters()
        return ((y, self.row(y)) for y in sorted(rows) if y < len(self._drawn))

    def row(self, y: int) -> Row:
        """Through the filters, which look at each style once: what they leave of it depends on nothing else here."""
        sent = self._sent
        made: Row = []
        for text, ink in self._drawn[y] if y < len(self._drawn) else (Span(" " * self.size.width),):
            if ink not in sent:
                sent[ink] = self._through_filters(self.style_of(ink))
            made.append((to_ascii(text) if self._is_ascii else text, sent[ink]))
        return made

    def _through_filters(self, style: Style) -> Style | None:
        segment = Segment("x", style)
        for each in self._filters:
            (segment,) = each.apply([segment], self.background_colors[1])
        return segment.style

    def _see_filters(self) -> None:
        filters = list(self.get_line_filters())
        if filters != self._filters:
            self._filters = filters
            self._is_ascii = any(isinstance(each, AsciiFilter) for each in filters)
            self._forget_strips()

    def _forget_strips(self) -> None:
        self._strips.clear()
        self._sent.clear()

    def render_line(self, y: int) -> Strip:
        if y >= len(self._drawn):
            return Strip.blank(self.size.width, self.rich_style)
        segments = [Segment(span.text, self.style_of(span.ink)) for span in self._drawn[y]]
        return Strip(segments, sum(len(span.text) for span in self._drawn[y]))

    def style_of(self, ink: Ink) -> Style:
        """What the stylesheet says of it here.

        As Textual finds the styles of component classes, but for those that are drawn: it would find all of every panel's anew
        whenever a class changes somewhere, which is most of a first picture's time.
        """
        style = self._inks.get(ink)
        if style is None:
            node = DOMNode(classes=f"ink--{ink}")
            node._attach(self)
            self.app.stylesheet.apply(node, animate=False)
            style = self._inks[ink] = node.rich_style
        return style
