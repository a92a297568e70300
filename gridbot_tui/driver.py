"""Textual's driver for a terminal that may stall, hang up, be taken away, or send what nobody typed.

Writing never blocks the application for ever, a terminal that is gone is reported instead of raised, job control can't stop the
process that trades, and what was not typed does not reach the keys.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import Any

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from gridbot_tui.terminal import Terminal
from gridbot_tui.typing_guard import TypingGuard

READ_BYTES = 4096
WAIT_S = 0.1
_MOST_MADE = 2
"""Events of one escape sequence that was understood."""


class TerminalLost(Message):
    """Nothing can be read from the terminal, or drawn on it, any more."""


class FloodDropped(Message):
    """So many characters came at once that nobody typed them; none of them was taken for a key."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.characters = characters


class Output:
    """The file that Textual's writer thread writes to. ``abandon`` ends a wait on a terminal that takes nothing."""

    encoding = "utf-8"

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._is_abandoned = threading.Event()
        self.on_lost: Callable[[], None] = lambda: None
        self.bytes_written = 0

    def write(self, text: str) -> int:
        left = text.encode("utf-8", "replace")
        while left and not self._is_abandoned.is_set():
            try:
                _, ready, _ = select.select([], [self._fd], [], WAIT_S)
                taken = os.write(self._fd, left) if ready else 0
            except BlockingIOError:
                continue
            except (OSError, ValueError):
                self.abandon()
                self.on_lost()
                break
            self.bytes_written += taken
            left = left[taken:]
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back."""

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return True

    @property
    def is_abandoned(self) -> bool:
        return self._is_abandoned.is_set()

    def abandon(self) -> None:
        """From now on what is drawn goes nowhere."""
        self._is_abandoned.set()


def driver_on(terminal: Terminal, output: Output) -> type[LinuxDriver]:
    """The driver of one application, on this terminal."""

    class TerminalDriver(LinuxDriver):
        def __init__(self, app: App[Any], **settings: Any) -> None:
            super().__init__(app, **settings)
            self._file = output  # type: ignore[assignment]
            self.fileno = terminal.fd
            output.on_lost = self._lost
            _refuse_job_control(self._repaint)

        def start_application_mode(self) -> None:
            super().start_application_mode()  # type: ignore[no-untyped-call]
            _refuse_job_control(self._repaint)

        def _repaint(self) -> None:
            self._loop.call_soon_threadsafe(lambda: self._app.refresh(layout=True))

        def _lost(self) -> None:
            self._app.post_message(TerminalLost())

        def run_input_thread(self) -> None:
            read_keys(self, terminal.fd, self.exit_event)

        def lost_input(self) -> None:
            self._lost()

    return TerminalDriver


def read_keys(driver: Any, fd: int, ended: threading.Event) -> None:
    """Until the application leaves, or nothing can be read: that is the terminal's end, not the program's."""
    parser = XTermParser(False)
    guard = TypingGuard(is_known)
    decode = getincrementaldecoder("utf-8")("replace").decode
    while not ended.is_set():
        try:
            ready, _, _ = select.select([fd], [], [], WAIT_S)
            data = os.read(fd, READ_BYTES) if ready else None
        except BlockingIOError:
            continue
        except (OSError, ValueError):
            data = b""
        if data == b"":
            driver.lost_input()
            return
        now_ms = time.monotonic_ns() // 1_000_000
        text, dropped = guard.take(decode(data), now_ms) if data else (guard.idle(now_ms), 0)
        for event in parser.feed(text) if text else ():
            driver.process_message(event)
        for event in parser.tick():
            driver.process_message(event)
        if dropped:
            driver.process_message(FloodDropped(dropped))


def is_known(sequence: str) -> bool:
    """Whether the parser makes something of it at once; of any other it would type out the letters, sooner or later."""
    return 0 < len(list(XTermParser(False).feed(sequence))) <= _MOST_MADE


def _refuse_job_control(repaint: Callable[[], None]) -> None:
    """A stopped process stops its engine too. In the background, reading fails instead, which is the terminal's loss."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCONT, lambda number, frame: repaint())
