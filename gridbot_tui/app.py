"""The Textual application: wires the keys, the screens and the core. It decides nothing and never waits for the core."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
from dataclasses import replace
from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker, WorkerState, get_current_worker

from core.view import RunState, Severity
from gridbot_tui import keymap, places, themes
from gridbot_tui.alarm import Bell, Title
from gridbot_tui.departure import Departure
from gridbot_tui.driver import FloodDropped, TerminalLost
from gridbot_tui.leaving import Leaving
from gridbot_tui.link_meter import waiting_writes
from gridbot_tui.rights import Rights
from gridbot_tui.screen_options import SLOW_HZ, ScreenOptions
from gridbot_tui.screens.command_desk import CommandDesk
from gridbot_tui.screens.console import ConsoleScreen, Opened, Said, answer_on, paint_all
from gridbot_tui.screens.following import Following, is_dialog, is_preview
from gridbot_tui.second_press import ASKED, SecondPress, is_typing
from gridbot_tui.stylesheet import path_of_ours
from gridbot_tui.terminal import RESTORE_TITLE, SAVE_TITLE
from gridbot_tui.terminal_app import TerminalApp
from gridbot_tui.view_hold import ViewHold
from gridbot_tui.who import operator
from widgets.look import EventFilter, Link, Look

if TYPE_CHECKING:
    from core.runtime.core_port import CorePort
    from core.view import OrderView, Snapshot
    from gridbot_tui.acting_keys import ActingKeys
    from gridbot_tui.screens.dialog import Answer, Dialog
    from gridbot_tui.screens.leave import Choice

_WAIT_S = 0.25
"""How long the hosting worker waits at a time: as long as leaving the screen may take to be noticed."""
_ON_ITS_WAY_S = 0.02
"""The thread that writes to the terminal would wait for those that load."""


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def monotonic_clock_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class CoreEnded(Message):
    """The core's thread has ended."""


class GridBotApp(TerminalApp):
    """Hosts a core that runs on its own thread. ``clock`` is wall time for ages, ``monotonic`` times the guards."""

    CSS_PATH = path_of_ours()
    TITLE = "GridBot"
    ALLOW_SELECT = False
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = places.PLACES
    DEFAULT_MODE = "dashboard"
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings(keymap.Scope.APP)]

    def __init__(
        self,
        core: CorePort,
        *,
        clock: Callable[[], int] = wall_clock_ms,
        monotonic: Callable[[], int] = monotonic_clock_ms,
        options: ScreenOptions = ScreenOptions(),  # noqa: B008  (frozen)
        driver_class: type[Driver] | None = None,
        notice: str = "",
        attached: bool = False,
        drawn: Callable[[], None] | None = None,
        network: str = "",
    ) -> None:
        """``notice`` is said first: why the screen before this one is gone. ``attached``: the core lives in another process.

        ``drawn`` is called when the first picture is on its way to the terminal. ``network``: where the core is to trade.
        """
        super().__init__(driver_class, options.is_ascii)
        self.begin_with(themes.THEMES, themes.theme_for(options.theme, self.console.color_system))
        self.options = options
        self.departure: Departure | None = None
        """How it was left; nothing if the core's end ended it."""
        self._core = core
        self._attached = attached
        self._network = network
        self._drawn = drawn
        self._is_filled = self._is_shown = False
        self._turn = 0
        self._clock = clock
        self._monotonic = monotonic
        self._hold = ViewHold()
        self._bell, self._title = Bell(), Title(options.is_ascii)
        self._is_link_shown = False
        self._draws: Timer | None = None
        self._desk = CommandDesk(core, monotonic, operator())
        self._rights = Rights(core)
        self._coin_index = 0
        self._event_filter = EventFilter.ALL
        self._halt_where_typed = SecondPress()
        self._stop_requested = self._ended = False
        self._fault = ""
        self._leaving = Leaving(self._desk, self.depart)
        if notice:
            self._desk.say(notice, Severity.WARN)

    @cached_property
    def _acting(self) -> ActingKeys:
        from gridbot_tui.acting_keys import ActingKeys

        return ActingKeys(self, self._desk, self._monotonic)

    def on_mount(self) -> None:
        self.write(SAVE_TITLE)
        self.host_core()
        self._draws = self.set_interval(1 / self.options.hz, self.beat)

    def on_ready(self) -> None:
        self.screen._compositor_refresh()  # what was laid out until now had to wait

    def on_unmount(self) -> None:
        self.write(RESTORE_TITLE)

    def frame_sent(self) -> None:
        """The first with something in it is on its way to the terminal: when it is there, the machine is free for the rest."""
        if self._is_filled and not self._is_shown:
            self._is_shown = True
            self.set_timer(_ON_ITS_WAY_S, self._load_rest)

    def _load_rest(self) -> None:
        if self._drawn is not None:
            self._drawn()
        Thread(target=places.load, name="load places", daemon=True).start()

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

    @on(Opened)
    def opened(self) -> None:
        self.tick()

    @on(Said)
    def said(self, event: Said) -> None:
        self._desk.say(event.text, event.severity, topic=event.text)
        self.tick()

    def monotonic(self) -> int:
        return self._monotonic()

    def look(self) -> Look:
        """The newest Snapshot as the screens see it now."""
        return self._look_at(self.newest())

    def _look_at(self, snapshot: Snapshot | None) -> Look:
        return Look(
            snapshot=snapshot,
            now_ms=self._clock(),
            coin_index=self._coin_index,
            ended=self._ended,
            fault=self._fault,
            event_filter=self._event_filter,
            hints=self._rights.hints(snapshot),
            no_link=self._core.link_trouble(),
            view_only=self._rights.view_only(),
            toasts=self._desk.toasts,
            asked_network=self._network,
            link=Link(
                sent_bps=self.meter.bytes_per_s if self._is_link_shown else None,
                is_slow=self.options.slow or self.meter.is_slow,
                fell_behind=self.meter.is_slow,
            ),
        )

    def newest(self) -> Snapshot | None:
        """The newest Snapshot; of a core that has ended, as one that is dead."""
        snapshot = self._core.latest()
        if snapshot is not None and self._ended:
            return replace(snapshot, state=RunState.DEAD)
        return snapshot

    async def beat(self) -> None:
        """The regular draw; a terminal that does not keep up gets fewer of them until it does."""
        was_slow = self.meter.is_slow
        self.meter.tick(self._monotonic(), waiting_writes(self._driver))
        if self.meter.is_slow is not was_slow and self._draws is not None and self.options.hz > SLOW_HZ:
            self._draws.stop()
            self._draws = self.set_interval(
                1 / (SLOW_HZ if self.meter.is_slow else self.options.hz), self.beat
            )
        with closing(self._panels_drawn()) as turns:
            for turn in turns:
                await asyncio.sleep(0)  # a key is not kept waiting for the other panels
                if turn != self._turn:
                    break
        if self.screen_stack:
            self.screen.check_idle()  # what it noticed while panels were drawn, Textual has passed over

    def tick(self) -> None:
        """Draw the newest Snapshot on every screen of the stack, all at once; each repaints what changed."""
        for _ in self._panels_drawn():
            pass

    def _panels_drawn(self) -> Generator[int, None, None]:
        """One Snapshot, panel by panel, of which the terminal sees nothing before the last. It yields its number."""
        self._turn = turn = self._turn + 1
        snapshot = self.newest()
        self._desk.settle(snapshot)
        self._leaving.settle(snapshot)
        live = self._look_at(snapshot)
        if self._hold.thaws(live):
            self._desk.say("A new alert, or state: the display moves again", Severity.WARN)
            live = self._look_at(snapshot)
        if self._bell.rings(live, self._monotonic()):
            self.bell()
        self.write(self._title.update(live, self._monotonic()))
        held = self._hold.shown(live)
        with self.batch_update():
            for screen in self.screen_stack:
                if isinstance(screen, ConsoleScreen) and screen.is_mounted:
                    for _ in screen.show_each(held):
                        yield turn
                    self._is_filled = True
                elif isinstance(screen, Following) and screen.is_mounted:
                    screen.show(live if screen.IS_DIALOG else held)
        paint_all(self.screen_stack)

    def action_perform(self, action_id: str) -> None:
        """Do what a key asks, or say why not."""
        action = keymap.BY_ID[action_id]
        reason = action.disabled_reason(self.newest()) or self._rights.refusal(action)
        if reason:
            self._desk.refuse(action, reason)
        elif (
            action.id == "halt" and is_typing(self) and not self._halt_where_typed.confirms(self.monotonic())
        ):
            self._desk.say(ASKED, Severity.WARN, topic=ASKED)
        elif not (self._acting.perform(action) or self._perform_here(action)):
            self._perform(action)
        answer_on(self.screen, self._desk.toasts)
        self.tick()

    def _perform_here(self, action: keymap.KeyAction) -> bool:
        screen = self.screen
        return isinstance(screen, ConsoleScreen) and screen.perform(action.id)

    def _perform(self, action: keymap.KeyAction) -> None:
        match action.id:
            case "quit":
                self._ask_quit()
            case "preview":
                self._show_preview()
            case "back":
                self._go_back()
            case "previous_screen" | "next_screen":
                self.switch_mode(places.beside(self.current_mode, 1 if action.id == "next_screen" else -1))
            case "next_coin":
                self._coin_index += 1
            case "theme":
                self.theme = themes.next_theme(self.theme)
            case "freeze":
                self._hold.toggle(self.look())
            case "link":
                self._is_link_shown = not self._is_link_shown
            case place if place.startswith("go_"):
                if is_preview(self.screen):
                    self.pop_screen()  # or it would be what that place shows, the next time
                self.switch_mode(place.removeprefix("go_"))
            case wanted if wanted.startswith("filter_"):
                self._event_filter = EventFilter(wanted.removeprefix("filter_"))
            case _:
                self._desk.refuse(action, "not here")

    def _go_back(self) -> None:
        if is_preview(self.screen):
            self.pop_screen()
        elif self.current_mode != self.DEFAULT_MODE:
            self.switch_mode(self.DEFAULT_MODE)

    def selected_order(self) -> OrderView | None:
        """Of the screen that lists orders."""
        return self.screen.selected_order if isinstance(self.screen, ConsoleScreen) else None

    def show_dialog(self, dialog: Dialog, answered: Callable[[Answer | None], None]) -> None:
        self.push_screen(dialog, answered)

    def _show_preview(self) -> None:
        from gridbot_tui.screens.preview import PreviewScreen

        if isinstance(self.screen, PreviewScreen):
            self.screen.look_again()
        else:
            self.push_screen(PreviewScreen(self._core.preview, self.look))

    def _ask_quit(self) -> None:
        from gridbot_tui.screens.leave import AttachedQuitDialog, QuitDialog

        if self._ended:
            self.exit()
        elif self._attached and self._core.link_trouble():
            self.depart(Departure.DETACHED)
        elif self._stop_requested:
            self._desk.say("Stopping: the screen closes when our orders are settled")
        elif not isinstance(self.screen, QuitDialog):
            dialog = (AttachedQuitDialog if self._attached else QuitDialog)(self.look, self._monotonic)
            self._acting.ask(dialog, lambda: self._leave(dialog.choice))

    def _leave(self, choice: Choice) -> None:
        from gridbot_tui.screens.leave import Choice

        if choice is Choice.STOP:
            self._stop()
        else:
            self._leaving.choose(choice, self.newest())

    def _stop(self) -> None:
        self._stop_requested = True
        self._core.request_stop()
        if self._fault:
            self.exit()
        self._desk.say("Stopping: the screen closes when our orders are settled")

    @on(TerminalLost)
    def terminal_lost(self) -> None:
        self.depart(Departure.TERMINAL_LOST)

    def depart(self, how: Departure | None) -> None:
        """End the application; the core goes on, unless it has ended (``None``)."""
        self.departure = how
        self.exit()

    def depart_soon(self, how: Departure | None) -> None:
        """The same from a signal handler or another thread. Takes no lock."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it is leaving by itself
                loop.call_soon_threadsafe(self.depart, how)

    @on(FloodDropped)
    def flood_dropped(self, event: FloodDropped) -> None:
        self._desk.say(
            f"{event.characters} characters came at once: a paste? None was taken for a key", Severity.WARN
        )

    def on_paste(self, event: events.Paste) -> None:
        self._desk.say("A paste is not taken here: keys are typed", Severity.WARN)

    async def action_quit(self) -> None:
        self.action_perform("quit")

    def action_command_palette(self) -> None:
        """Not over a dialog: what it asks is answered first."""
        if not is_dialog(self.screen):
            super().action_command_palette()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        from gridbot_tui import palette

        place = keymap.Scope.PREVIEW if is_preview(screen) else keymap.Scope(self.current_mode)
        yield from palette.commands(self.newest(), place, self.action_perform)
