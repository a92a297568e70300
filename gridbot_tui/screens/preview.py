"""The preview: the grid of the running settings at the present price. A thread beside works it out, never the screen's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
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

MOST_ASKED = 4
"""Coins walked past while their answers are awaited; the next one waits for the first of them."""


class PreviewScreen(Following, Screen[None]):
    """``ask`` may block: it is called from a thread of this screen's, for which nobody who leaves waits."""

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
        self._threads = ThreadPoolExecutor(MOST_ASKED, "preview")

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

    @work(exclusive=True, exit_on_error=False, group="preview", name="preview")
    async def work_out(self, coin: str) -> None:
        """Not on the loop's own threads: an application that ends waits for those, up to half a minute for an exchange."""
        self._present(await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, coin))

    def on_unmount(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

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
