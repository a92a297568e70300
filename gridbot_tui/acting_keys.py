"""What the keys do: those that act go to the core, after their dialog; those that look change what is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from core.domain.commands import ALL_COINS, Action
from core.view import CoinView, OrderView, Severity, Snapshot
from gridbot_tui.key_action import KeyAction
from gridbot_tui.screens.accept import AcceptDialog
from gridbot_tui.screens.breaker import BreakerDialog
from gridbot_tui.screens.cancel_all import CancelAllDialog
from gridbot_tui.screens.command_desk import CommandDesk
from gridbot_tui.screens.dialog import Answer, Dialog
from gridbot_tui.screens.edit_grid import EditGridDialog
from gridbot_tui.screens.flatten import FlattenDialog
from gridbot_tui.screens.help import HelpDialog
from gridbot_tui.screens.park import ParkDialog, ParkWish
from gridbot_tui.screens.resume import ResumeDialog
from gridbot_tui.screens.take_control import TakeControlDialog
from widgets.look import Look


class Host(Protocol):
    """What the acting keys need of the application."""

    def look(self) -> Look: ...

    def newest(self) -> Snapshot | None: ...

    def tick(self) -> None: ...

    def selected_order(self) -> OrderView | None: ...

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
            case "edit_grid":
                self._edit_grid(action)
            case "cancel_all":
                self._ask_cancel_all(action)
            case "park":
                self._ask_park(action)
            case "reset_breaker":
                asked = BreakerDialog(self._host.look, self._monotonic)
                self.ask(asked, lambda: self._desk.send(action, Action.RESET_BREAKER))
            case "take_control":
                taken = TakeControlDialog(self._host.look, self._monotonic)
                self.ask(taken, lambda: self._desk.send(action, Action.TAKE_CONTROL))
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
        via = f"key {action.key}"
        dialog = FlattenDialog(
            self._host.look,
            self._monotonic,
            coin,
            lambda: self._desk.look(Action.FLATTEN_PREVIEW, coin.coin, via),
        )

        def agreed() -> None:
            if dialog.wants_all:
                self._desk.send(action, Action.FLATTEN, value=ALL_COINS)
            else:
                self._desk.send(action, Action.FLATTEN, coin.coin)

        self.ask(dialog, agreed)

    def _ask_cancel_all(self, action: KeyAction) -> None:
        preview_id = self._desk.look(Action.CANCEL_ALL_PREVIEW, via=f"key {action.key}")
        dialog = CancelAllDialog(self._host.look, self._monotonic, preview_id)
        self.ask(dialog, lambda: self._desk.send(action, Action.CANCEL_ALL))

    def _ask_park(self, action: KeyAction) -> None:
        """The selected order and its level; a level that is parked already, or all with no order selected, come back."""
        order, coins = self._host.selected_order(), self._coins()
        parked = next((c.parked for c in coins if order is not None and c.coin == order.coin), ())
        if order is not None and order.slot not in parked:
            wish = ParkWish(order.coin, order)
        elif order is not None:
            wish = ParkWish(order.coin, slot=order.slot)
        elif any(c.parked for c in coins):
            wish = ParkWish("")
        else:
            self._desk.refuse(action, "no order is selected, and no level is parked")
            return
        command = Action.UNPARK if wish.is_parked else Action.PARK
        dialog = ParkDialog(self._host.look, self._monotonic, wish)
        self.ask(dialog, lambda: self._desk.send(action, command, wish.coin, wish.value))

    def _coins(self) -> tuple[CoinView, ...]:
        snapshot = self._host.newest()
        return snapshot.coins if snapshot is not None else ()

    def _edit_grid(self, action: KeyAction) -> None:
        coin = self._host.look().coin
        assert coin is not None, "the registry refuses it without a coin"

        def preview(command: Action, name: str, value: str) -> str | None:
            return self._desk.look(command, name, f"key {action.key}", value)

        dialog = EditGridDialog(self._host.look, self._monotonic, coin.coin, preview)
        self.ask(dialog, lambda: self._desk.send(action, dialog.knob.action, dialog.coin, dialog.value))

    def _resume(self, action: KeyAction) -> None:
        reason = action.disabled_reason(self._host.newest())
        if reason is not None:
            self._desk.refuse(action, reason)
        else:
            self._desk.send(action, Action.RESUME)
