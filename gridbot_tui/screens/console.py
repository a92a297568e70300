"""What the eight screens share: status, alerts, footer and toasts around a body; each repaints what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import ScreenResume
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from core.view import Severity
from gridbot_tui import keymap
from gridbot_tui.cell_painter import Frame
from gridbot_tui.screens.painting import Painting, panels_of
from gridbot_tui.screens.sizes import HEIGHTS, WIDTHS
from widgets.look import Look, Toast
from widgets.panels import AlertLine, KeyFooter, StatusLine, ToastBox, TooSmall

if TYPE_CHECKING:
    from core.view import OrderView
    from gridbot_tui.screens.dialog import Answer, Dialog


class Said(Message):
    """A screen's answer to a key of the operator's, to be shown as a toast."""

    def __init__(self, text: str, severity: Severity = Severity.INFO) -> None:
        super().__init__()
        self.text, self.severity = text, severity


class Opened(Message):
    """A place that was never shown before: it has nothing to draw yet."""


class ConsoleHost(Protocol):
    """What a place needs of the application, to ask something in a dialog."""

    def look(self) -> Look: ...

    def monotonic(self) -> int: ...

    def tick(self) -> None: ...

    def show_dialog(self, dialog: Dialog, answered: Callable[[Answer | None], None]) -> None: ...

    def new_frame(self, screen: Screen[Any]) -> Frame | None: ...

    def paint(self, screen: Screen[Any], frame: Frame) -> None: ...

    def at_once(self, draw: Callable[[], None]) -> None: ...


class ConsoleScreen(Screen[None]):
    """A place of the console. A subclass names its scope's bindings and yields its panels."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.CONSOLE)]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    _is_bare = True
    """Nothing has been drawn of it."""

    def __init__(self) -> None:
        super().__init__()
        self._painting = Painting(self)

    @property
    def host(self) -> ConsoleHost:
        return cast(ConsoleHost, self.app)

    def body(self) -> Iterable[Widget]:
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        self._know_size()
        yield TooSmall(id="too-small")
        yield StatusLine(id="status")
        yield AlertLine(id="alert")
        yield from self.body()
        yield KeyFooter(id="footer")
        yield ToastBox()

    def on_mount(self) -> None:
        self.post_message(Opened())

    def on_screen_resume(self, event: ScreenResume) -> None:
        """No style depends on what is on top: Textual would find those of every panel again at each change of place."""
        event.refresh_styles = False

    def _know_size(self) -> None:
        """The classes of the size, before there are panels: they would be styled and laid out without, and then again."""
        width, height = self.app.size
        fitting = self._get_breakpoint_classes(width, WIDTHS or [])
        fitting |= self._get_breakpoint_classes(height, HEIGHTS or [])
        self.update_classes(dict.fromkeys(fitting, True), update=False)

    def _compositor_refresh(self) -> None:
        """Textual's own way of drawing, of panels that have something in them: empty ones would be drawn for nothing."""
        if self._is_bare:
            if self.app._batch_count or not any(panel.size for panel in panels_of(self)):
                return
            self._is_bare = False
            self.host.tick()
        super()._compositor_refresh()

    def show(self, look: Look) -> None:
        for _ in self.show_each(look):
            pass
        self.paint()

    def show_each(self, look: Look) -> Iterator[None]:
        """Panel by panel, so that whoever draws may see to other things in between. ``paint`` shows them."""
        self._painting.begin(self.host.new_frame(self))
        for panel in list(panels_of(self)):
            if panel.is_attached:
                is_changed = self._painting.add(panel, panel.show_quietly(look))
                yield
                if is_changed:
                    yield from self._painting.make(panel)
                    yield

    def paint(self) -> None:
        """Send what the panels have changed."""
        if self._painting.is_needed:
            frame = self._painting.finished(lambda: self.host.new_frame(self))
            if frame is not None:
                self.host.paint(self, frame)
                return
        for panel, regions in self._painting.take().items():
            panel.refresh(*regions)

    def answer(self, toasts: tuple[Toast, ...]) -> None:
        """Draw what a key is answered with. It waits for no other panel, and for no turn of the loop."""
        box = self.query_one(ToastBox)
        if box.look is None or len(toasts) < len(box.look.toasts) or toasts == box.look.toasts:
            return
        box.show(replace(box.look, toasts=toasts))
        self.host.at_once(lambda: self._draw_box(box))

    def _draw_box(self, box: ToastBox) -> None:
        others, self._dirty_widgets = self._dirty_widgets, {box}
        for ancestor in box.ancestors:
            if isinstance(ancestor, Widget):
                ancestor._clear_arrangement_cache()
        self._refresh_layout()
        self._dirty_widgets |= others

    @property
    def selected_order(self) -> OrderView | None:
        """Of a place that lists orders: the one under the cursor."""
        return None

    def perform(self, action_id: str) -> bool:
        """Do what a key of this place asks; whether it was one of this place's."""
        return False


def paint_all(stack: Iterable[Screen[Any]]) -> None:
    """Send what has changed on each place among them."""
    for screen in stack:
        if isinstance(screen, ConsoleScreen):
            screen.paint()


def answer_on(screen: Screen[Any], toasts: tuple[Toast, ...]) -> None:
    """Answer a key on a place of the console; a dialog answers for itself."""
    if isinstance(screen, ConsoleScreen) and screen.is_mounted:
        screen.answer(toasts)
