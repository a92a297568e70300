"""The short way of a regular draw to the terminal: rows of panels, past Textual's queues, timer and compositor.

They are for a screen that may change anywhere. A console whose panels stand where they stood, each with nothing before it, is
painted by its rows alone; whatever else is going on, Textual composes the picture as always.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget

from gridbot_tui.cell_painter import PaintedRow
from widgets.line_panel import LinePanel

Changes = dict[LinePanel, list[Region]]
"""Regions are the panel's own."""


class Painting:
    """What the panels of one screen have changed since its last picture."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen
        self._changes: Changes = {}
        self._layout: object = None
        self._clear: dict[Widget, Region] = {}

    def add(self, panel: LinePanel, regions: list[Region]) -> None:
        if regions:
            self._changes.setdefault(panel, []).extend(regions)

    def take(self) -> Changes:
        changes, self._changes = self._changes, {}
        return changes

    def rows(self, changes: Changes) -> Iterator[PaintedRow]:
        for panel, regions in changes.items():
            at = self._clear[panel]
            for y in sorted({region.y for region in regions}):
                if y < at.height:
                    yield at.y + y, at.x, panel.strip(y)

    def is_simple(self, changes: Changes) -> bool:
        """Whether rows are all that there is to paint, and each may be painted whole."""
        screen = self._screen
        is_quiet = screen.is_current and not (
            screen._layout_required
            or screen._scroll_required
            or screen._repaint_required
            or screen._dirty_widgets
            or screen._compositor._dirty_regions
        )
        if not is_quiet or any(map(_is_unsettled, screen.query(LinePanel))):
            return False
        clear = self._unhidden()
        return all(panel in clear and clear[panel].size == panel.size for panel in changes)

    def _unhidden(self) -> dict[Widget, Region]:
        """Where the panels are that are wholly visible, until the next layout."""
        visible = self._screen._compositor.visible_widgets
        if visible is not self._layout:
            self._layout = visible
            self._clear = dict(_unhidden((widget, *where) for widget, where in visible.items()))
        return self._clear


def _is_unsettled(panel: LinePanel) -> bool:
    """It has asked Textual for something that isn't done yet: another place, or style."""
    return panel._layout_required or panel._repaint_required or panel._refresh_styles_required


def _unhidden(front_to_back: Iterable[tuple[Widget, Region, Region]]) -> Iterator[tuple[Widget, Region]]:
    before: list[Region] = []
    for widget, region, clip in front_to_back:
        is_whole = isinstance(widget, LinePanel) and clip.contains_region(region)
        if is_whole and not any(region.overlaps(other) for other in before):
            yield widget, region
        before.append(region)
