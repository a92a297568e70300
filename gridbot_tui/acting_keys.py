"""What the keys do: those that act go to the core, after their dialog; those that look change what is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from core.domain.commands import Action
from core.view import Severity, Snapshot
from gridbot_tui.key_action import KeyAction
from gridbot_tui.screens.accept import AcceptDialog
from gridbot_tui.screens.command_desk import CommandDesk
from gridbot_tui.screens.dialog import Answer, Dialog
from gridbot_tui.screens.flatten import FlattenDialog
from gridbot_tui.screens.help import HelpDialog
from gridbot_tui.screens.resume import ResumeDialog
from widgets.look import Look


class Host(Protocol):
    """What the acting keys need of the application."""

    def look(self) -> Look: ...

    def newest(self) -> Snapshot | None: ...

    def tick(self) -> None: ...

    def show_dialog(self, dialog: Dialog, answered: Callable[[Answer | None], None]) -> None: ...


class ActingKeys:
    """The keys that reach the core. ``monotonic`` times the guards of the dialogs."""

    def __init__(self, host: Host, desk: CommandDesk, monotonic: Callable[[], int]) -> None:
        self._host, self._desk, self._monotonic = host, desk, monotonic

    def perform(self, action: KeyAction) -> bool:
        """Do it, after its dialog; whether it was one of these."""
        match action.id:
            case "halt" | "resync" | "reconnect" | "poll" | "acknowledge":
                self._desk.send(action, Action(action.id))
            case "flatten":
                self._ask_flatten(action)
            case "resume":
                self.ask(ResumeDialog(self._host.look, self._monotonic), lambda: self._resume(action))
            case "accept":
                accepted = AcceptDialog(self._host.look, self._monotonic)
                self.ask(accepted, lambda: self._desk.send(action, Action.ACCEPT))
            case "help":
                self.ask(HelpDialog(self._host.look, self._monotonic), lambda: None)
            case _:
                return False
        return True

    def ask(self, dialog: Dialog, agreed: Callable[[], object]) -> None:
        def answered(answer: Answer | None) -> None:
            if answer is Answer.YES:
                agreed()
            elif answer is Answer.TIMED_OUT:
                self._desk.say("The dialog closed by itself, nothing was sent", Severity.WARN)
            self._host.tick()

        self._host.show_dialog(dialog, answered)

    def _ask_flatten(self, action: KeyAction) -> None:
        coin = self._host.look().coin
        assert coin is not None, "the registry refuses flatten without a coin"
        dialog = FlattenDialog(self._host.look, self._monotonic, coin)
        self.ask(dialog, lambda: self._desk.send(action, Action.FLATTEN, coin.coin))

    def _resume(self, action: KeyAction) -> None:
        reason = action.disabled_reason(self._host.newest())
        if reason is not None:
            self._desk.refuse(action, reason)
        else:
            self._desk.send(action, Action.RESUME)
