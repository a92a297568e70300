"""The short way of a regular draw to the terminal: rows of panels, past Textual's queues, timer and compositor.

They are for a screen that may change anywhere. A console whose panels stand where they stood is painted by the rows that
changed, as far as nothing stands before them; whatever else is going on, Textual composes the picture as always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from textual.dom import DOMNode
from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget

from gridbot_tui.cell_painter import Frame, within
from widgets.line_panel import LinePanel

Changes = dict[LinePanel, list[Region]]
"""Regions are the panel's own."""

_ROWS_A_STEP = 12
"""Some tenths of a millisecond."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel is, and what stands before it there."""

    region: Region
    before: tuple[Region, ...]

    def seen(self, y: int) -> list[tuple[int, int]]:
        """The stretches of one of its rows that nothing hides, as columns of its own."""
        left, row = self.region.x, self.region.y + y
        seen = [(0, self.region.width)]
        for other in self.before:
            if other.y <= row < other.bottom:
                start, stop = other.x - left, other.right - left
                parts = [part for a, b in seen for part in ((a, min(b, start)), (max(a, stop), b))]
                seen = [(a, b) for a, b in parts if a < b]
        return seen


class Painting:
    """What the panels of one screen have changed since its last picture, and the next one as far as it is made."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen
        self._changes: Changes = {}
        self._layout: object = None
        self._places: dict[Widget, Place] = {}
        self._frame: Frame | None = None
        self._made: set[LinePanel] = set()
        """The panels whose changes are in the frame."""

    def begin(self, frame: Frame | None) -> None:
        """A picture of which nothing is made yet."""
        self._frame = frame
        self._made.clear()

    @property
    def is_needed(self) -> bool:
        return bool(self._changes)

    def add(self, panel: LinePanel, regions: list[Region]) -> bool:
        """Whether there are any."""
        if regions:
            self._made.discard(panel)
            self._changes.setdefault(panel, []).extend(regions)
        return bool(regions)

    def make(self, panel: LinePanel) -> Iterator[None]:
        """Work out what is to be sent of a panel, some rows a step, so that little is left to do at the end."""
        frame = self._frame
        if frame is None or panel not in self._changes:
            return
        if self._find_places():
            self.begin(None)  # what is made until now stood elsewhere
        elif panel in self._places:
            for number, _ in enumerate(self._rows_added(frame, panel), 1):
                if number % _ROWS_A_STEP == 0:
                    yield
            self._made.add(panel)

    def take(self) -> Changes:
        """All that is left for Textual to paint."""
        changes, self._changes = self._changes, {}
        self.begin(None)
        return changes

    def finished(self, another: Callable[[], Frame | None]) -> Frame | None:
        """The picture with all changes, if rows are all that there is to paint; ``another`` if what was made is no use."""
        is_elsewhere = self._find_places()
        if not self._is_simple():
            return None
        if self._frame is None or not self._frame.is_current or is_elsewhere:
            self.begin(another())
        if self._frame is None:
            return None
        for panel in self._changes.keys() - self._made:
            for _ in self._rows_added(self._frame, panel):
                pass
        frame = self._frame
        self.take()
        return frame

    def _rows_added(self, frame: Frame, panel: LinePanel) -> Iterator[None]:
        place = self._places[panel]
        for y, row in panel.sent_rows({region.y for region in self._changes[panel]}):
            for start, stop in place.seen(y):
                is_whole = stop - start == place.region.width
                part = row if is_whole else within(row, start, stop)
                frame.span(place.region.y + y, place.region.x + start, part)
            yield

    def _is_simple(self) -> bool:
        """Whether rows are all that there is to paint."""
        screen = self._screen
        is_quiet = screen.is_current and not (
            screen._layout_required
            or screen._scroll_required
            or screen._repaint_required
            or screen._dirty_widgets
            or screen._compositor._dirty_regions
        )
        if not is_quiet or any(map(_is_unsettled, panels_of(screen))):
            return False
        places = self._places
        return all(panel in places and places[panel].region.size == panel.size for panel in self._changes)

    def _find_places(self) -> bool:
        """Of the panels that are wholly on the screen, until the next layout; whether there was one."""
        visible = self._screen._compositor.visible_widgets
        if visible is self._layout:
            return False
        self._layout = visible
        self._places = dict(_placed((widget, *where) for widget, where in visible.items()))
        return True


def panels_of(node: DOMNode) -> Iterator[LinePanel]:
    """Below that node, in its order."""
    for child in node.children:
        if isinstance(child, LinePanel):
            yield child
        else:
            yield from panels_of(child)


def _is_unsettled(panel: LinePanel) -> bool:
    """It has asked Textual for something that isn't done yet: another place, or style."""
    return panel._layout_required or panel._repaint_required or panel._refresh_styles_required


def _placed(front_to_back: Iterable[tuple[Widget, Region, Region]]) -> Iterator[tuple[Widget, Place]]:
    before: list[Region] = []
    for widget, region, clip in front_to_back:
        if isinstance(widget, LinePanel) and clip.contains_region(region):
            yield widget, Place(region, tuple(other for other in before if region.overlaps(other)))
        before.append(region)
