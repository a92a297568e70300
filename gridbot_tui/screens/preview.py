"""The preview: the grid of the running settings at the present price. A thread beside works it out, never the screen's loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from core.preview_view import PreviewView
from gridbot_tui import keymap
from gridbot_tui.screens.following import Following
from gridbot_tui.screens.sizes import HEIGHTS, WIDTHS
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.panels import AlertLine, KeyFooter, StatusLine, ToastBox, TooSmall
from widgets.preview_panels import PreviewFacts, PreviewLevels, PreviewPanel, PreviewTitle


class PreviewMade(Message):
    def __init__(self, view: PreviewView) -> None:
        super().__init__()
        self.view = view


class PreviewScreen(Following, Screen[None]):
    """``ask`` may block: it is called from a worker thread."""

    AUTO_FOCUS = "#preview"
    BINDINGS: ClassVar[list[BindingType]] = [
        *keymap.bindings(keymap.Scope.PREVIEW),
    ]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self, ask: Callable[[str], PreviewView], fresh: Callable[[], Look]) -> None:
        super().__init__()
        self._ask, self._fresh = ask, fresh
        self._coin = ""

    def compose(self) -> ComposeResult:
        yield TooSmall(id="too-small")
        yield StatusLine(id="status")
        yield AlertLine(id="alert")
        yield PreviewTitle(id="preview-title")
        with VerticalScroll(id="preview"):
            yield PreviewFacts()
            yield PreviewLevels()
        yield KeyFooter(id="footer")
        yield ToastBox()

    def on_mount(self) -> None:
        self.look_again()
        self.show(self._fresh())

    def look_again(self) -> None:
        """At the coin that is looked at now."""
        coin = self._fresh().coin
        if coin is None:
            return
        if coin.coin != self._coin:
            self._coin = coin.coin
            self._present(None)
        self.work_out(coin.coin)

    def show(self, look: Look) -> None:
        for panel in self.query(LinePanel):
            panel.show(look)
        if look.coin is not None and look.coin.coin != self._coin:
            self.look_again()

    @work(thread=True, exclusive=True, exit_on_error=False, group="preview", name="preview")
    def work_out(self, coin: str) -> None:
        self.post_message(PreviewMade(self._ask(coin)))

    @on(PreviewMade)
    def made(self, message: PreviewMade) -> None:
        if message.view.coin == self._coin:
            self._present(message.view)

    @on(Worker.StateChanged)
    def failed(self, event: Worker.StateChanged) -> None:
        if event.worker.group == "preview" and event.state is WorkerState.ERROR:
            error = event.worker.error
            text = f"internal error: {type(error).__name__}: {error}; please report it"
            self._present(PreviewView(self._coin, self._fresh().now_ms, refusal=text))

    def _present(self, view: PreviewView | None) -> None:
        self.query_one(PreviewTitle).view = view
        for panel in self.query(PreviewPanel):
            panel.present(view)
        self.query_one(PreviewTitle).show(self._fresh())
