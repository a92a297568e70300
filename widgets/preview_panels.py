"""The panels of the preview: as high as what they say, inside something that scrolls."""

from __future__ import annotations

from collections.abc import Callable

from textual.geometry import Size

from core.preview_view import PreviewView
from widgets.ink import Line
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.preview_rows import fact_lines, level_lines, preview_title


class PreviewPanel(LinePanel):
    """Draws one frozen preview with ``draw``; ``None`` while it is asked for."""

    def __init__(self, draw: Callable[[PreviewView | None, int], list[Line]], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._draw = draw
        self._view: PreviewView | None = None

    def present(self, view: PreviewView | None) -> None:
        self._view = view
        self._redraw()
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._draw(self._view, width))

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return self._draw(self._view, width)


class PreviewFacts(PreviewPanel):
    def __init__(self) -> None:
        super().__init__(fact_lines, id="preview-facts")


class PreviewLevels(PreviewPanel):
    def __init__(self) -> None:
        super().__init__(level_lines, id="preview-levels")


class PreviewTitle(LinePanel):
    view: PreviewView | None = None

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        coin = look.coin.coin if look.coin is not None else ""
        return [preview_title(self.view, coin, look.now_ms, width)]
