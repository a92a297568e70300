"""Help: the registry of keys as a page, with the reason beside each key that would be refused now."""

from __future__ import annotations

from textual import events

from gridbot_tui import keymap
from gridbot_tui.screens.dialog import Answer, Dialog
from widgets.ink import Ink, Line, line
from widgets.look import Look

_HEADINGS = {
    keymap.Danger.ACT: "UPPERCASE acts on the exchange: one key, no dialog",
    keymap.Danger.TYPED: "and these want a word typed",
    keymap.Danger.ASKS: "and this asks first",
    keymap.Danger.LOOK: "lowercase looks",
}


def help_lines(look: Look) -> list[Line]:
    rows: list[Line] = []
    for danger, heading in _HEADINGS.items():
        rows.append(line((heading, Ink.LABEL)))
        for action in keymap.ACTIONS:
            if action.danger is not danger:
                continue
            keys = " ".join((action.key, *action.priority_keys[:1]))
            refusal = action.disabled_reason(look.snapshot)
            told = (f"refused: {refusal}", Ink.WARN) if refusal else (action.tooltip, Ink.TEXT)
            rows.append(line((f"{keys:<10}", Ink.KEY), (f"{action.title:<12}", Ink.STRONG), told))
    return rows


class HelpDialog(Dialog):
    INK = Ink.OK
    WIDTH = 100

    _offset = 0

    def title_text(self, look: Look) -> str:
        return "KEYS"

    def body(self, look: Look, width: int) -> list[Line]:
        rows = help_lines(look)
        room = max(self.app.size.height - 2, 1)
        self._offset = max(min(self._offset, len(rows) - room), 0)
        return rows[self._offset : self._offset + room]

    def foot(self) -> Line:
        return line(("esc", Ink.KEY), " back · ", ("up down", Ink.KEY), " scroll")

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key in ("escape", "question_mark", "enter"):
            self.dismiss(Answer.NO)
        elif event.key in ("down", "up"):
            self._offset += 1 if event.key == "down" else -1
            self.show(self.fresh())
