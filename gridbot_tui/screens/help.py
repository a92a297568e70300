"""Help: the registry of keys as a page, those of this place first, with the reason beside each that would be refused now."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual import events

from core.view import Severity
from gridbot_tui import keymap
from gridbot_tui.key_action import Danger, KeyAction, Scope
from gridbot_tui.screens.console import Said
from gridbot_tui.screens.dialog import Answer, Dialog
from gridbot_tui.screens.preview import PreviewScreen
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line, line
from widgets.look import Look

_KEYS_WIDTH, _TITLE_WIDTH = 10, 15
_TOLD_AT = _KEYS_WIDTH + _TITLE_WIDTH

DANGERS: dict[Danger, str] = {
    Danger.ACT: "UPPERCASE acts on the exchange: one key, no dialog",
    Danger.TYPED: "and these want a word typed",
    Danger.ASKS: "and these ask first",
    Danger.LOOK: "lowercase looks",
}
EVERYWHERE = frozenset({Scope.APP, Scope.CONSOLE})


def sections(place: Scope) -> Iterator[tuple[str, list[KeyAction]]]:
    """Headings with their keys: those of this place, then those of everywhere by danger, then those of other places."""
    here = [action for action in keymap.ACTIONS if _is_of(action, place)]
    if here:
        yield f"HERE: the {place.value} screen", here
    for danger, heading in DANGERS.items():
        found = [
            action
            for action in keymap.ACTIONS
            if action.danger is danger and EVERYWHERE & set(action.scopes) and action not in here
        ]
        if found:
            yield heading, found
    told = {action.id for action in here}
    for other in (*keymap.PLACES, Scope.PREVIEW):
        found = [action for action in keymap.ACTIONS if _is_of(action, other) and action.id not in told]
        if found:
            told |= {action.id for action in found}
            yield f"on the {other.value} screen", found


def _is_of(action: KeyAction, place: Scope) -> bool:
    return place in action.scopes and not EVERYWHERE & set(action.scopes)


def help_lines(look: Look, width: int = 76, place: Scope = Scope.DASHBOARD) -> list[Line]:
    rows: list[Line] = []
    for heading, actions in sections(place):
        rows += [line((row, Ink.LABEL)) for row in _texts(heading, width)]
        for action in actions:
            rows += _action_rows(action, look, width)
    return rows


def _action_rows(action: KeyAction, look: Look, width: int) -> list[Line]:
    keys = " ".join((action.key, *action.priority_keys[:1]))
    refusal = action.disabled_reason(look.snapshot)
    told, ink = (f"refused: {refusal}", Ink.WARN) if refusal else (action.tooltip, Ink.TEXT)
    first, *more = _texts(told, width - _TOLD_AT)
    lead = ((f"{keys:<{_KEYS_WIDTH}}", Ink.KEY), (f"{action.title:<{_TITLE_WIDTH}}", Ink.STRONG))
    return [line(*lead, (first, ink)), *(line(" " * _TOLD_AT, (row, ink)) for row in more)]


def _texts(text: str, width: int) -> list[str]:
    return ["".join(span.text for span in row) for row in paragraph(text, width)]


class HelpDialog(Dialog):
    INK = Ink.OK
    WIDTH = 100

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int]) -> None:
        super().__init__(fresh, now_ms)
        self._offset = 0
        self._all = 0

    def place(self) -> Scope:
        """The screen that the help was asked for on."""
        if any(isinstance(screen, PreviewScreen) for screen in self.app.screen_stack):
            return Scope.PREVIEW
        return Scope(self.app.current_mode)

    def title_text(self, look: Look) -> str:
        first, last = self._offset + 1, min(self._offset + self._room(), self._all)
        part = f" {first}-{last} of {self._all}" if self._room() < self._all else ""
        return f"KEYS{part}"

    def rows(self, look: Look, width: int) -> list[Line]:
        self._all = len(help_lines(look, width - 4, self.place()))
        return super().rows(look, width)

    def body(self, look: Look, width: int) -> list[Line]:
        rows = help_lines(look, width, self.place())
        self._offset = max(min(self._offset, len(rows) - self._room()), 0)
        return rows[self._offset : self._offset + self._room()]

    def _room(self) -> int:
        return max(self.app.size.height - 2, 1)

    def foot(self) -> Line:
        return line(
            ("esc", Ink.KEY), " back · ", ("up down", Ink.KEY), " scroll · ", ("ctrl+p", Ink.KEY), " find"
        )

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        page = max(self._room() - 1, 1)
        steps = {"down": 1, "up": -1, "pagedown": page, "space": page, "pageup": -page}
        steps |= {"home": -self._all, "end": self._all}
        if event.key in ("escape", "question_mark", "enter"):
            self.dismiss(Answer.NO)
        elif event.key in steps:
            self._offset = max(min(self._offset + steps[event.key], self._all - self._room()), 0)
            self.show(self.fresh())
        elif event.is_printable:
            self.post_message(
                Said("This page only tells of keys: ctrl+x halts, after esc all of them act", Severity.WARN)
            )
