"""Textual's application as it runs over a slow link: what it sends is counted, and no more than what changed.

It dies without drawing a traceback, whose local values may be secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.driver import Driver
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen

from gridbot_tui.cell_painter import CellPainter
from gridbot_tui.link_meter import LinkMeter, metered
from widgets.plain_glyphs import AsciiFilter


class TerminalApp(App[None]):
    def __init__(self, driver_class: type[Driver] | None, is_ascii: bool) -> None:
        self.meter = LinkMeter()
        super().__init__(driver_class=metered(driver_class, self.meter) if driver_class else None)
        self.animation_level = "none"
        self.failure: Exception | None = None
        """What the application died of."""
        self._ascii = AsciiFilter() if is_ascii else None
        self._painter = CellPainter()

    def get_driver_class(self) -> type[Driver]:
        return metered(super().get_driver_class(), self.meter)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """NO_COLOR leaves no colour at all, where Textual would leave greys; ``--ascii`` no glyph beyond ASCII."""
        filters = [NoColor() if isinstance(f, Monochrome) else f for f in super().get_line_filters()]
        return [*filters, self._ascii] if self._ascii is not None else filters

    def write(self, sequence: str) -> None:
        """Past the frames: a title, a bell."""
        if self._driver is not None and not self.is_headless and sequence:
            self._driver.write(sequence)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Textual's own way of sending a frame, with the cells that didn't change left out."""
        if isinstance(renderable, CompositorUpdate):
            renderable = self._painter.update(renderable, self.size, screen)
        super()._display(screen, renderable)
        if isinstance(renderable, CompositorUpdate):
            self.frame_sent()

    def frame_sent(self) -> None:
        """A frame is on its way to the terminal."""

    def refresh(self, *, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """With ``layout``, all is drawn anew: so it is asked for after the terminal was somebody else's."""
        if layout:
            self._painter.forget()
            self._draw_whole()
        return super().refresh(repaint=repaint, layout=layout, recompose=recompose)

    def on_resize(self) -> None:
        """Of the terminal, or its way of coming back after a suspension: what it shows now is anybody's guess."""
        self._painter.forget()
        self._draw_whole()

    def _draw_whole(self) -> None:
        if self.is_running and self.screen_stack:
            self.screen.refresh()

    def _handle_exception(self, error: Exception) -> None:
        self.failure = self.failure or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Textual would draw a traceback with every local value, secrets too; whoever runs us writes down the fault."""
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        self._exit_renderables.clear()
