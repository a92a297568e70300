"""What all dialogs share: a box of lines that follows the core, deaf to typed-ahead keys and to pastes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from gridbot_tui.screens.following import Following
from gridbot_tui.screens.typed_guard import TypedGuard, Verdict
from widgets.box_rows import boxed, paragraph
from widgets.ink import Ink, Line, line
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.panels import ToastBox


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    TIMED_OUT = "timed_out"


class DialogBox(LinePanel):
    """As high as its rows; ``gridbot.tcss`` sets the same width."""

    def __init__(self, rows: Callable[[Look, int], list[Line]], max_width: int) -> None:
        super().__init__(id="dialog-box")
        self._rows = rows
        self._max_width = max_width
        self._height = 0

    def show(self, look: Look) -> None:
        width = min(self._max_width, self.app.size.width)
        height = min(len(self._rows(look, width)), self.app.size.height)
        if height != self._height:
            self._height = height
            self.styles.height = height
        super().show(look)

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return self._rows(look, width)


class Dialog(Following, ModalScreen[Answer]):
    """``fresh`` reads the core now, ``now_ms`` is the monotonic clock of the guards."""

    IS_DIALOG = True
    AUTO_FOCUS = ""
    INK = Ink.CRIT
    WIDTH = 58

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.fresh = fresh
        self.now_ms = now_ms

    def compose(self) -> ComposeResult:
        yield DialogBox(self.rows, self.WIDTH)
        yield ToastBox()

    def on_mount(self) -> None:
        self.show(self.fresh())

    def on_resize(self) -> None:
        self.show(self.fresh())

    def show(self, look: Look) -> None:
        for panel in self.query(LinePanel):
            panel.show(look)

    def rows(self, look: Look, width: int) -> list[Line]:
        return boxed(self.title_text(look), self.body(look, width - 4), self.foot(), width, self.INK)

    def title_text(self, look: Look) -> str:
        raise NotImplementedError

    def body(self, look: Look, width: int) -> list[Line]:
        raise NotImplementedError

    def foot(self) -> Line:
        raise NotImplementedError

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()


class TypedDialog(Dialog):
    """A dialog that only a typed word confirms. Escape always leaves; it closes by itself."""

    VERB = ""

    def __init__(
        self, fresh: Callable[[], Look], now_ms: Callable[[], int], shown_word: str, words: Iterable[str]
    ) -> None:
        super().__init__(fresh, now_ms)
        self.shown_word = shown_word
        self.guard = TypedGuard(words, now_ms())
        self.notice = ""

    def statement(self, look: Look, width: int) -> list[Line]:
        """What will happen, in live numbers."""
        raise NotImplementedError

    def changed(self, look: Look) -> str:
        """Why what was typed no longer holds; empty if it does."""
        return ""

    def show(self, look: Look) -> None:
        if self._is_over():
            return
        self._rearm_if_changed(look)
        super().show(look)

    def _is_over(self) -> bool:
        """Close when the time is up. Asked before each key too: a suspended process misses its ticks."""
        is_over = not self.guard.left_s(self.now_ms())
        if is_over and self.is_current:
            self.dismiss(Answer.TIMED_OUT)
        return is_over

    def _rearm_if_changed(self, look: Look) -> bool:
        reason = self.changed(look)
        if reason:
            self.guard.rearm(self.now_ms())
            self.notice = f"{reason}: read again, type again"
        return bool(reason)

    def body(self, look: Look, width: int) -> list[Line]:
        rows = self.statement(look, width)
        notice = paragraph(f"▲ {self.notice}", width, Ink.WARN) if self.notice else []
        ask = line(
            "Type ", (self.shown_word, Ink.KEY), " and press enter:  ", (f"{self.guard.text}▏", Ink.STRONG)
        )
        return [*rows, *notice, ask]

    def foot(self) -> Line:
        left = f" · closes in {self.guard.left_s(self.now_ms())}s"
        return line(("enter", Ink.KEY), f" {self.VERB} · ", ("esc", Ink.KEY), " cancel", (left, Ink.LABEL))

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if self._is_over():
            return
        look = self.fresh()
        if event.key == "enter" and self._rearm_if_changed(look):
            super().show(look)
            return
        verdict = self.guard.press(event.key, event.character, self.now_ms())
        if verdict is Verdict.CANCELLED:
            self.dismiss(Answer.NO)
        elif verdict is Verdict.CONFIRMED:
            self.dismiss(Answer.YES)
        else:
            self.notice = f"that is not {self.shown_word}" if verdict is Verdict.WRONG else self.notice
            self.show(look)

    def on_paste(self, event: events.Paste) -> None:
        super().on_paste(event)
        self.notice = "a paste is not taken: type it"
        self.show(self.fresh())
