"""The keeper: the shell's foreground job, while a child of it draws, and trades if it is a run.

A bot whose screen is left must give the shell its prompt back and trade on, and a screen that is killed can't give its terminal
back itself. So whatever draws is two processes from the start: the child does everything, the keeper waits, passes signals on,
gives the terminal back whatever became of the child, and ends when the child says that it has detached.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Thread
from types import FrameType

from gridbot_tui.terminal import Terminal

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_JOB_CONTROL = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


@dataclass
class Lifeline:
    """The child's end: what the keeper must know, and whether it still lives. Without a keeper all of it is silent."""

    terminal: Terminal
    _told: int = -1
    _alive: int = -1
    _is_open: bool = field(default=True, init=False)

    def drawn(self, is_drawn: bool) -> None:
        """The screen has taken the terminal, or has left it."""
        self._tell("drawn" if is_drawn else "left")

    def detached(self, sentence: str) -> None:
        """The terminal is the shell's again: the keeper says the sentence and ends."""
        self._tell(f"detached {sentence}")
        self._is_open = False  # the descriptor stays: another thread may be about to write to its number

    def when_keeper_dies(self, act: Callable[[], None]) -> None:
        """Call ``act``, on a thread of its own, if the keeper goes first."""
        if self._alive >= 0:
            Thread(target=self._watch, args=(act,), name="keeper watch", daemon=True).start()

    def _watch(self, act: Callable[[], None]) -> None:
        while os.read(self._alive, 1):
            pass
        if self._is_open:
            act()

    def _tell(self, text: str) -> None:
        if self._told < 0 or not self._is_open:
            return
        try:
            os.write(self._told, text.replace("\n", " ").encode() + b"\n")
        except OSError:
            self._is_open = False  # the keeper is gone


def bot_killed(name: str, child: int) -> str:
    """What it means that the signal of this name has killed a child that traded."""
    return (
        f"{name} killed the bot (pid {child}): nobody trades, its orders may still rest at the exchange; "
        "start it again and it settles them"
    )


def part(killed: Callable[[str, int], str] = bot_killed) -> Lifeline | int:
    """Fork. In the child its lifeline; in the keeper, much later, the exit code. Call it before any thread starts.

    ``killed`` makes the sentence for a child that a signal has killed, of the signal's name and the child's pid.
    """
    terminal = Terminal()
    told_to_keeper, told = os.pipe()
    alive, held_by_keeper = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    child = os.fork()
    if not child:
        os.close(told_to_keeper)
        os.close(held_by_keeper)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
        return Lifeline(terminal, told, alive)
    os.close(told)
    os.close(alive)
    return _keep(child, told_to_keeper, terminal, killed)


def _keep(child: int, told: int, terminal: Terminal, killed: Callable[[str, int], str]) -> int:
    """Until the child has detached (0) or ended (its exit code; 128 and the signal's number if one killed it)."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        try:
            os.kill(child, number)
        except ProcessLookupError:
            pass

    for number in _JOB_CONTROL:
        signal.signal(number, signal.SIG_IGN)
    for number in _PASSED_ON:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    is_drawn = False
    for line in _lines(told):
        kind, _, sentence = line.partition(" ")
        if kind == "detached":
            terminal.give_back(is_drawn)
            terminal.say(f"gridbot: {sentence}\n")
            return 0
        is_drawn = kind == "drawn"
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for number in _PASSED_ON:  # the child is reaped: its pid may be somebody else's
        signal.signal(number, signal.SIG_IGN)
    terminal.give_back(is_drawn)
    if code >= 0:
        return code
    terminal.say(f"gridbot: {killed(signal.Signals(-code).name, child)}\n")
    return 128 - code


def _lines(fd: int) -> Iterator[str]:
    """What the child tells, until it has no more to tell: it has detached, or is gone."""
    kept = b""
    while data := os.read(fd, 4096):
        *whole, kept = (kept + data).split(b"\n")
        yield from (line.decode() for line in whole)
