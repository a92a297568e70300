"""Textual's application as it runs over a slow link: what it sends is counted, and no more than what changed.

It dies without drawing a traceback, whose local values may be secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, cast

from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.driver import Driver
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen
from textual.theme import Theme

from gridbot_tui.cell_painter import CellPainter, Frame
from gridbot_tui.link_meter import LinkMeter, metered
from gridbot_tui.stylesheet import KeptStylesheet
from widgets.plain_glyphs import AsciiFilter


class TerminalApp(App[None]):
    def __init__(self, driver_class: type[Driver] | None, is_ascii: bool) -> None:
        self.meter = LinkMeter()
        self._variables_of: Theme | None = None
        self._variables: dict[str, str] = {}
        super().__init__(driver_class=metered(driver_class, self.meter) if driver_class else None)
        self.animation_level = "none"
        self.failure: Exception | None = None
        """What the application died of."""
        self._ascii = AsciiFilter() if is_ascii else None
        self._painter = CellPainter()

    def begin_with(self, choice: Iterable[Theme], name: str) -> None:
        """The themes that there are, and the first one: before anything has been drawn in another."""
        for theme in choice:
            self.register_theme(theme)
        self.set_reactive(App.theme, name)
        is_dark = self.current_theme.dark
        self.update_classes(
            {f"-theme-{name}": True, "-dark-mode": is_dark, "-light-mode": not is_dark}, update=False
        )
        self._refresh_truecolor_filter(self.ansi_theme)
        self._variables_of, self._variables = self.current_theme, super().get_css_variables()
        self.stylesheet = KeptStylesheet(variables=self.get_css_variables())

    def get_css_variables(self) -> dict[str, str]:
        """Worked out once for each theme, and not at all for the one that Textual would begin with."""
        if self._variables_of not in (None, self.current_theme):
            self._variables_of, self._variables = self.current_theme, super().get_css_variables()
        return self._variables

    def get_driver_class(self) -> type[Driver]:
        return metered(super().get_driver_class(), self.meter)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """NO_COLOR leaves no colour at all, where Textual would leave greys; ``--ascii`` no glyph beyond ASCII."""
        filters = [NoColor() if isinstance(f, Monochrome) else f for f in super().get_line_filters()]
        return [*filters, self._ascii] if self._ascii is not None else filters

    def _load_screen_css(self, screen: Screen[Any]) -> None:
        """A screen that is new has its styles from its widgets' mounting: Textual would find them all twice more."""
        super()._load_screen_css(screen)
        screen._css_update_count = self._css_update_count

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

    def new_frame(self, screen: Screen[Any]) -> Frame | None:
        """To be filled with rows of that screen, if it is the one that the terminal shows."""
        return Frame(self._painter) if self._painter.knows(self.size, screen) else None

    def paint(self, screen: Screen[Any], frame: Frame) -> None:
        """Send a current frame of that screen, and nothing else of what is being made."""
        self.at_once(lambda: self._display(screen, cast(RenderableType, frame)))

    def at_once(self, draw: Callable[[], None]) -> None:
        """Draw, though another picture is being made, of which nothing is sent by that."""
        held, self._batch_count = self._batch_count, 0
        try:
            draw()
        finally:
            self._batch_count = held

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
