"""The Textual application: wires the keys, the screens and the core. It decides nothing and never waits for the core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState, get_current_worker

from core.domain.commands import Action
from core.runtime.core_port import CorePort
from core.view import RunState, Severity, Snapshot
from gridbot_tui import keymap, themes
from gridbot_tui.screens.accept import AcceptDialog
from gridbot_tui.screens.command_desk import CommandDesk
from gridbot_tui.screens.dashboard import DashboardScreen
from gridbot_tui.screens.dialog import Answer, Dialog
from gridbot_tui.screens.flatten import FlattenDialog
from gridbot_tui.screens.help import HelpDialog
from gridbot_tui.screens.leave import QuitDialog
from gridbot_tui.screens.preview import PreviewScreen
from gridbot_tui.screens.resume import ResumeDialog
from widgets.look import EventFilter, Look

_WAIT_S = 0.25
"""How long the hosting worker waits at a time: as long as leaving the screen may take to be noticed."""


def stylesheet() -> Path:
    """``gridbot.tcss``: inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "gridbot.tcss"
    return installed if installed.is_file() else package.parent / "gridbot.tcss"


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def monotonic_clock_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class CoreEnded(Message):
    """The core's thread has ended."""


class GridBotApp(App[None]):
    """Hosts a core that runs on its own thread. ``clock`` is wall time for ages, ``monotonic`` times the guards."""

    CSS_PATH = stylesheet()
    TITLE = "GridBot"
    ALLOW_SELECT = False
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {"dashboard": DashboardScreen}
    DEFAULT_MODE = "dashboard"
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.APP)]

    def __init__(
        self,
        core: CorePort,
        *,
        clock: Callable[[], int] = wall_clock_ms,
        monotonic: Callable[[], int] = monotonic_clock_ms,
        refresh_hz: float = 2.0,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self._core = core
        self._clock = clock
        self._monotonic = monotonic
        self._refresh_hz = refresh_hz
        self._desk = CommandDesk(core, monotonic)
        self._coin_index = 0
        self._event_filter = EventFilter.ALL
        self._stop_requested = False
        self._ended = False
        self._fault = ""

    def on_mount(self) -> None:
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = themes.GRIDBOT.name
        self.host_core()
        self.set_interval(1 / self._refresh_hz, self.tick)
        self.call_after_refresh(self.tick)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.variable_defaults()

    @work(thread=True, exit_on_error=False, group="core", name="core")
    def host_core(self) -> None:
        worker = get_current_worker()
        while not worker.is_cancelled:
            if self._core.wait_ended(_WAIT_S):
                self.post_message(CoreEnded())
                return

    @on(CoreEnded)
    def core_ended(self) -> None:
        """A stop that was asked for, here or elsewhere, ends the screen; any other end stays on it."""
        snapshot = self._core.latest()
        was_stopping = snapshot is not None and snapshot.state is RunState.STOPPING
        self._ended = True
        if self._stop_requested or was_stopping:
            self.exit()
        else:
            self.tick()

    @on(Worker.StateChanged)
    def core_worker_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group == "core" and event.state is WorkerState.ERROR:
            self._fault = f"{type(event.worker.error).__name__}: {event.worker.error}"
            self.tick()

    def look(self) -> Look:
        """The newest Snapshot as the screens see it now."""
        return self._look_at(self._snapshot())

    def _look_at(self, snapshot: Snapshot | None) -> Look:
        return Look(
            snapshot=snapshot,
            now_ms=self._clock(),
            coin_index=self._coin_index,
            ended=self._ended,
            fault=self._fault,
            event_filter=self._event_filter,
            hints=keymap.hints(snapshot),
            toasts=self._desk.toasts,
        )

    def _snapshot(self) -> Snapshot | None:
        snapshot = self._core.latest()
        if snapshot is not None and self._ended:
            return replace(snapshot, state=RunState.DEAD)
        return snapshot

    def tick(self) -> None:
        """Draw the newest Snapshot on every screen of the stack; each repaints what changed."""
        snapshot = self._snapshot()
        self._desk.settle(snapshot)
        look = self._look_at(snapshot)
        with self.batch_update():
            for screen in self.screen_stack:
                if isinstance(screen, DashboardScreen | PreviewScreen | Dialog) and screen.is_mounted:
                    screen.show(look)

    def action_perform(self, action_id: str) -> None:
        """Do what a key asks, or say why not."""
        action = keymap.BY_ID[action_id]
        reason = action.disabled_reason(self._snapshot())
        if reason is not None:
            self._desk.refuse(action, reason)
        else:
            self._perform(action)
        self.tick()

    def _perform(self, action: keymap.KeyAction) -> None:
        match action.id:
            case "halt" | "resync" | "reconnect" | "poll":
                self._desk.send(action, Action(action.id))
            case "flatten":
                self._ask_flatten(action)
            case "resume":
                self._ask(ResumeDialog(self.look, self._monotonic), lambda: self._resume(action))
            case "accept":
                accepted = AcceptDialog(self.look, self._monotonic)
                self._ask(accepted, lambda: self._desk.send(action, Action.ACCEPT))
            case "help":
                self._ask(HelpDialog(self.look, self._monotonic), lambda: None)
            case "quit":
                self._ask_quit()
            case "preview":
                self._show_preview()
            case "back":
                if isinstance(self.screen, PreviewScreen):
                    self.pop_screen()
            case "next_coin":
                self._coin_index += 1
            case "theme":
                names = [theme.name for theme in themes.THEMES]
                self.theme = (
                    names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]
                )
            case _:
                self._event_filter = EventFilter(action.id.removeprefix("filter_"))

    def _show_preview(self) -> None:
        if isinstance(self.screen, PreviewScreen):
            self.screen.look_again()
        else:
            self.push_screen(PreviewScreen(self._core.preview, self.look))

    def _ask(self, dialog: Dialog, agreed: Callable[[], None]) -> None:
        def answered(answer: Answer | None) -> None:
            if answer is Answer.YES:
                agreed()
            elif answer is Answer.TIMED_OUT:
                self._desk.say("The dialog closed by itself, nothing was sent", Severity.WARN)
            self.tick()

        self.push_screen(dialog, answered)

    def _ask_flatten(self, action: keymap.KeyAction) -> None:
        coin = self.look().coin
        assert coin is not None, "the registry refuses flatten without a coin"
        dialog = FlattenDialog(self.look, self._monotonic, coin)
        self._ask(dialog, lambda: self._desk.send(action, Action.FLATTEN, coin.coin))

    def _resume(self, action: keymap.KeyAction) -> None:
        reason = action.disabled_reason(self._snapshot())
        if reason is not None:
            self._desk.refuse(action, reason)
        else:
            self._desk.send(action, Action.RESUME)

    def _ask_quit(self) -> None:
        if self._ended:
            self.exit()
        elif self._stop_requested:
            self._desk.say("Stopping: the screen closes when our orders are settled")
        elif not isinstance(self.screen, QuitDialog):
            self._ask(QuitDialog(self.look, self._monotonic), self._stop)

    def _stop(self) -> None:
        self._stop_requested = True
        self._core.request_stop()
        if self._fault:
            self.exit()
        self._desk.say("Stopping: the screen closes when our orders are settled")

    async def action_quit(self) -> None:
        self.action_perform("quit")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for action in keymap.ACTIONS:
            yield SystemCommand(
                action.title,
                f"{action.key}  {action.tooltip}",
                lambda chosen=action.id: self.action_perform(chosen),
            )
